"""The uplink on paho: MQTT 5, clean start, manual acknowledgement, driven by the event loop without a thread of paho's.

One client object lives as long as one connection, so that nothing of an old connection can leak into the next: a token
is the connection and the packet's number on it.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.backoff import delays
from hearthline_backend.uplink.port import Message
from hearthline_protocol import topics

log = structlog.get_logger(__name__)

RECEIVE_MAXIMUM: Final = 200
"""Messages the broker may have under way to us without our acknowledgement."""
QUEUE_LIMIT: Final = 2 * RECEIVE_MAXIMUM
"""Past this we stop reading the socket: only messages of QoS 0, which nobody has to acknowledge, can get here."""
KEEPALIVE_S: Final = 20
CONNECT_WITHIN_S: Final = 4.0
READY_WITHIN_S: Final = 10.0
_NEEDED: Final = (topics.ALL_READINGS, topics.ALL_STATUS)
_REMOTE_WORK: Final = (topics.ALL_REPORTED, topics.ALL_REPLIES)
"""Without these readings still flow: an access list of an earlier release must not stop them."""
_SUBSCRIPTIONS: Final = (*_NEEDED, *_REMOTE_WORK)

Clock = Callable[[], datetime]


class _LostError(Exception):
    """The connection could not be made or broke; the text is a reason for the log."""


class _Connection:
    """One connection from its beginning to its end."""

    def __init__(self, address: BrokerAddress, queue: asyncio.Queue[Message], clock: Clock) -> None:
        self._address = address
        self._queue = queue
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._socket: Any = None
        self._reading = False
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._client = self._make_client()

    @property
    def live(self) -> bool:
        return self._ready.done() and not self._ended.done()

    async def open(self) -> None:
        """Connect and subscribe. Raises :class:`_LostError`."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves this one untyped
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        try:
            await self._connect(properties)
        except (OSError, ValueError) as error:
            detail = error.strerror if isinstance(error, OSError) else None
            raise _LostError(f"{type(error).__name__}: {detail or 'no connection'}") from None
        self._attach()
        both = (self._ready, self._ended)
        await asyncio.wait(both, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            raise _LostError(self._ended.result())
        if not self._ready.done():
            raise _LostError(f"the broker did not answer within {READY_WITHIN_S:.0f} s")

    async def _connect(self, properties: Properties) -> None:
        # Resolves the name and waits for the socket: the one thing here that blocks, so it runs in a thread.
        arguments = (self._address.host, self._address.port, KEEPALIVE_S, "", 0, True, properties)
        connecting = asyncio.ensure_future(asyncio.to_thread(self._client.connect, *arguments))
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            await asyncio.wait((connecting,))  # else the thread would leave an open socket behind
            raise

    async def lasted(self) -> str:
        """Wait for the end; returns the reason."""
        while not self._ended.done():
            await asyncio.wait((self._ended,), timeout=1.0)
            self._client.loop_misc()  # keep-alive
        return self._ended.result()

    def acknowledge(self, number: int) -> None:
        self._client.ack(number, 1)

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool) -> bool:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves this one untyped
        if correlation is not None:
            properties.CorrelationData = correlation
        return self._client.publish(topic, payload, 1, retain, properties).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def resume(self) -> None:
        """Read the socket again after the queue was full."""
        if self._socket is not None and not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        if not self._ended.done():
            self._client.disconnect()
            self._client.loop_write()
        self._detach()
        self._end("closed")

    # --- the client and what it tells us ---------------------------------------------------------------------------

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_WITHIN_S
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        context = self._address.tls_context()
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_write_wanted
        client.on_socket_unregister_write = self._on_nothing_to_write
        return client

    def _on_connect(self, client: Client, _data: Any, _flags: ConnectFlags, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._end(f"the broker refused us: {code}")
            return
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in _SUBSCRIPTIONS])

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        refused = [topic for topic, code in zip(_SUBSCRIPTIONS, codes, strict=False) if code.is_failure]
        if set(refused) & set(_NEEDED):
            self._end(f"the broker's access list refuses {', '.join(refused)}")
            return
        if refused:
            next_step = "renew its access list from firmware-config/broker"
            log.error("remote_work_refused_by_broker", topics=refused, next_step=next_step)
        if not self._ready.done():
            self._ready.set_result(None)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, code: ReasonCode, _properties: Any
    ) -> None:
        self._end(f"the broker ended it: {code}" if flags.is_disconnect_packet_from_server else "the connection broke")

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        token = (self, message.mid) if message.qos else None
        try:
            topic = message.topic
        except UnicodeDecodeError:
            log.warning("message_without_readable_topic")
            return
        correlation = getattr(message.properties, "CorrelationData", None)
        self._queue.put_nowait(
            Message(topic, bytes(message.payload), correlation, bool(message.retain), self._clock(), token)
        )
        if self._queue.qsize() >= QUEUE_LIMIT and self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)

    # --- the socket ------------------------------------------------------------------------------------------------

    def _attach(self) -> None:
        self._socket = self._client.socket()
        if self._socket is None:
            self._end("the connection broke at once")
            return
        self.resume()
        if self._client.want_write():
            self._loop.add_writer(self._socket, self._client.loop_write)

    def _read(self) -> None:
        self._client.loop_read()
        # What TLS has already decrypted makes no socket readable.
        while isinstance(self._socket, ssl.SSLSocket) and self._reading and self._socket.pending():
            self._client.loop_read()

    def _on_write_wanted(self, _client: Client, _data: Any, sock: Any) -> None:
        if sock is self._socket:  # before that, connect() is still in its thread, and _attach looks for itself
            self._loop.add_writer(sock, self._client.loop_write)

    def _on_nothing_to_write(self, _client: Client, _data: Any, sock: Any) -> None:
        if sock is self._socket:
            self._loop.remove_writer(sock)

    def _on_socket_close(self, _client: Client, _data: Any, sock: Any) -> None:
        if sock is self._socket:
            self._detach()

    def _detach(self) -> None:
        sock, self._socket, self._reading = self._socket, None, False
        if sock is not None and sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)


class PahoUplink:
    """The :class:`~hearthline_backend.uplink.port.Uplink` port on paho-mqtt."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """``changed`` is called when the broker is reached and when it is lost."""
        self._address = address
        self._clock = clock
        self._changed = changed
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._connection: _Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._away_since: datetime | None = clock()

    @property
    def connected(self) -> bool:
        """Whether messages can come at this moment."""
        return self._connection is not None and self._connection.live

    @property
    def away_since(self) -> datetime | None:
        """Since when the broker is not reached; None while it is."""
        return None if self.connected else self._away_since or self._clock()

    async def start(self) -> None:
        """Begin to connect, and keep connecting for as long as it takes; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="uplink")

    async def messages(self, most: int, linger_s: float) -> Sequence[Message]:
        """Wait for a message, then take what else is there or comes within ``linger_s``, up to ``most``."""
        found = [await self._queue.get()]
        until = asyncio.get_running_loop().time() + linger_s
        while len(found) < most:
            if self._queue.empty():
                try:
                    async with asyncio.timeout_at(until):
                        found.append(await self._queue.get())
                except TimeoutError:
                    break
            else:
                found.append(self._queue.get_nowait())
        if self._connection is not None and self._queue.qsize() < QUEUE_LIMIT:
            self._connection.resume()
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are settled; those of an earlier connection are passed over."""
        current = self._connection
        if current is None or not current.live:
            return
        for message in messages:
            match message.token:
                case (connection, int() as number) if connection is current:
                    current.acknowledge(number)

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """Hand one answer to the broker; False when there is no connection."""
        if self._connection is None or not self._connection.live:
            return False
        return self._connection.publish(topic, payload, correlation, retain=retain)

    async def close(self) -> None:
        """Leave the broker; what was not acknowledged goes back to it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_connected(self) -> None:
        rng = random.Random()  # noqa: S311  # jitter, not a secret
        waits = delays(rng)
        told: str | None = None  # the same reason again is not news
        while True:
            connection = _Connection(self._address, self._queue, self._clock)
            try:
                await connection.open()
                self._connection = connection
                log.info("uplink_connected", host=self._address.host, port=self._address.port)
                waits, told = delays(rng), None
                self._is_away(away=False)
                reason = await connection.lasted()
            except _LostError as lost:
                reason = str(lost)
            finally:
                self._connection = None
                connection.close()
            self._is_away(away=True)
            if reason != told:
                log.warning("uplink_lost", reason=reason)
            told = reason
            await asyncio.sleep(next(waits))

    def _is_away(self, *, away: bool) -> None:
        if away is (self._away_since is not None):
            return  # a try that failed is not news
        self._away_since = self._clock() if away else None
        self._changed()
