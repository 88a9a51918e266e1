"""One connection to an MQTT 5 broker: paho, driven by the event loop instead of a thread.

paho's callbacks end in one bounded queue. When that is half full the socket is not read any more, so that TCP holds the
broker back and nothing is dropped. A link is used once: a new connection is a new link, with nothing left in paho's own
queues, since the outbox is the only queue.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self, cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.broker_errors import LinkError, ended, hung_up, refused, unreachable

CONNECT_WITHIN_S: Final = 10.0
_KEEPALIVE_S: Final = 30
_UPKEEP_S: Final = 1.0
_QUEUE_SIZE: Final = 256
_QUEUE_PAUSE: Final = 128
"""Reading pauses here; the other half is room for what one read of the socket may still bring."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker's PUBACK for one publish. Only code 0 says that somebody was there to receive it."""

    mid: int
    code: int
    name: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message that arrived."""

    topic: str
    payload: bytes
    retained: bool = False
    """The broker had kept it: nobody knows how old it is."""


@dataclass(frozen=True, slots=True)
class _Lost:
    error: LinkError


class Link:
    """A connection. :meth:`open` makes it, :meth:`next_event` raises :class:`LinkError` once it is gone."""

    def __init__(self, address: BrokerAddress, client: Client) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._client = client
        self._events: asyncio.Queue[Acknowledged | Received | _Lost] = asyncio.Queue(_QUEUE_SIZE)
        self._connected: asyncio.Future[int | None] = self._loop.create_future()
        self._subscribed: dict[int, asyncio.Future[ReasonCode]] = {}
        self._gone = asyncio.Event()
        self._fd = -1
        self._reading = False
        self._upkeep: asyncio.TimerHandle | None = None
        self.max_packet_bytes: int | None = None

    @classmethod
    async def open(cls, address: BrokerAddress, *, client_id: str, will_topic: str, will: bytes) -> Self:
        """Connect with a clean session and a retained last will; raises :class:`LinkError` with the next step."""
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)
        client.connect_timeout = CONNECT_WITHIN_S / 2
        client.will_set(will_topic, will, qos=1, retain=True)
        link = cls(address, client)
        try:
            await link._connect()
        except (OSError, ValueError) as error:
            link._abandon()
            raise unreachable(address.place, error) from error
        except BaseException:
            link._abandon()
            raise
        return link

    async def _connect(self) -> None:
        dialling = asyncio.ensure_future(asyncio.to_thread(self._dial))
        try:
            await asyncio.shield(dialling)
        except asyncio.CancelledError:
            with suppress(OSError, ValueError):
                await dialling  # the thread cannot be stopped; what it opens must be closed
            raise
        self._attach()
        async with asyncio.timeout(CONNECT_WITHIN_S):
            self.max_packet_bytes = await self._connected

    def _dial(self) -> None:
        if self._address.username is not None:
            self._client.username_pw_set(self._address.username, self._address.password())
        context = self._address.context()
        if context is not None:
            self._client.tls_set_context(context)
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves this one untyped
        session.SessionExpiryInterval = 0
        self._client.connect(
            self._address.host, self._address.port, keepalive=_KEEPALIVE_S, clean_start=True, properties=session
        )

    def _attach(self) -> None:
        """From the thread that dialled to the event loop: only from here on does paho call back."""
        sock = self._socket()
        if sock is None:
            raise hung_up(self._address.place, asked_for_certificate=self._address.tls and not self._address.cert_file)
        self._fd = sock.fileno()
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_socket_close = lambda *_: self._detach()
        self._client.on_socket_register_write = lambda *_: self._write_on()
        self._client.on_socket_unregister_write = lambda *_: self._write_off()
        self._read_on()
        if self._client.want_write():
            self._write_on()
        self._upkeep = self._loop.call_later(_UPKEEP_S, self._keep_alive)

    def _write_on(self) -> None:
        self._loop.add_writer(self._fd, self._client.loop_write)

    def _write_off(self) -> None:
        self._loop.remove_writer(self._fd)

    def _socket(self) -> socket.socket | None:
        return cast("socket.socket | None", self._client.socket())

    def _read_on(self) -> None:
        if self._fd >= 0 and not self._reading:
            self._loop.add_reader(self._fd, self._read)
            self._reading = True

    def _pause_reading(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._fd)
            self._reading = False

    def _read(self) -> None:
        while self._client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            if self._events.qsize() >= _QUEUE_PAUSE:
                self._pause_reading()
            sock = self._socket()
            if not self._reading or not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                return  # what TLS has decrypted already would never make the socket readable again

    def _keep_alive(self) -> None:
        if self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._upkeep = self._loop.call_later(_UPKEEP_S, self._keep_alive)

    def _detach(self) -> None:
        if self._fd < 0:
            return
        self._pause_reading()
        self._loop.remove_writer(self._fd)
        self._fd = -1
        if self._upkeep is not None:
            self._upkeep.cancel()

    @property
    def usable(self) -> bool:
        """Whether the connection is still there."""
        return self._fd >= 0 and not self._gone.is_set()

    async def next_event(self) -> Acknowledged | Received:
        """The next thing that the broker said."""
        event = await self._events.get()
        if self._events.qsize() < _QUEUE_PAUSE // 2 and not self._reading and self._fd >= 0:
            self._read_on()
            self._loop.call_soon(self._read)  # TLS may hold decrypted messages from before the pause
        if isinstance(event, _Lost):
            raise event.error
        return event

    async def subscribe(self, topic: str) -> None:
        """Subscribe at QoS 1 and wait until the broker agreed."""
        code, mid = self._client.subscribe(topic, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise ended(self._address.place, 0, "before the subscription")
        answer = self._subscribed[mid] = self._loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                granted = await answer
        except TimeoutError as error:
            raise unreachable(self._address.place, error) from error
        finally:
            del self._subscribed[mid]
        if granted.is_failure:
            raise LinkError(
                f"the broker at {self._address.place} does not let this gateway read {topic} ({granted}): "
                "add it to the broker's access list"
            )

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, correlation: bytes | None = None) -> int:
        """Send at QoS 1; returns the number that :class:`Acknowledged` will carry."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves this one untyped
        if correlation is not None:
            properties.CorrelationData = correlation
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ended(self._address.place, 0, "while sending")
        return info.mid

    async def close(self) -> None:
        """Say good-bye, so that the last will is not published; gives up after a second."""
        if self._fd >= 0 and self._connected.done() and not self._gone.is_set():
            self._client.disconnect()
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._gone.wait()
        self._abandon()

    def _abandon(self) -> None:
        self._detach()
        self._client.on_socket_close = None
        self._client.on_socket_register_write = None
        self._client.on_socket_unregister_write = None
        sock = self._socket()
        if sock is not None:
            sock.close()

    def _put(self, event: Acknowledged | Received | _Lost) -> None:
        self._events.put_nowait(event)  # there is room: reading stops at half of it

    def _on_connect(
        self, _client: Client, _data: Any, _flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if self._connected.done():
            return
        if code.is_failure:
            self._connected.set_exception(refused(self._address.place, code.value, str(code)))
        else:
            self._connected.set_result(getattr(properties, "MaximumPacketSize", None))

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._gone.set()
        error = ended(self._address.place, code.value, str(code))
        if not self._connected.done():
            self._connected.set_exception(error)
        for waiting in self._subscribed.values():
            if not waiting.done():
                waiting.set_exception(error)
        self._put(_Lost(error))

    def _on_publish(self, _client: Client, _data: Any, mid: int, code: ReasonCode, _properties: Properties) -> None:
        self._put(Acknowledged(mid, code.value, str(code)))

    def _on_subscribe(
        self, _client: Client, _data: Any, mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        waiting = self._subscribed.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(codes[0])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._put(Received(message.topic, bytes(message.payload), message.retain))
