"""The uplink on paho: MQTT 5, clean start, manual acknowledgement, driven by the event loop without a thread of paho's.

One client object lives as long as one connection, so that nothing of an old connection can leak into the next: a token
is the connection and the packet's number on it.
"""

import asyncio
import os
import socket
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

from hearthline_backend.uplink import refusals
from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.broker_uplink import (
    CONNECT_WITHIN_S,
    GOODBYE_S,
    KEEPALIVE_S,
    MAX_PACKET_BYTES,
    READY_WITHIN_S,
    BrokerUplink,
    Clock,
    LostError,
)
from hearthline_backend.uplink.intake import Intake
from hearthline_backend.uplink.port import Message
from hearthline_backend.uplink.subscriptions import Subscriptions

log = structlog.get_logger(__name__)

RECEIVE_MAXIMUM: Final = 200
_READ_BYTES: Final = 1 << 16
MOST_QUEUED: Final = 5000
"""Answers that may wait for a broker that does not read. Past it they are refused: homes ask again."""


class PahoConnection:
    """One connection from its beginning to its end."""

    def __init__(
        self,
        address: BrokerAddress,
        subscriptions: Subscriptions,
        intake: Intake,
        clock: Clock,
        *,
        number: int,
        receive_maximum: int,
    ) -> None:
        """``number`` tells this connection's tokens from those of every other."""
        self._address = address
        self._subscriptions = subscriptions
        self._intake = intake
        self._clock = clock
        self._number = number
        self._receive_maximum = receive_maximum
        self._open: set[int] = set()  # tokens that wait for their acknowledgement
        self._loop = asyncio.get_running_loop()
        self._socket: Any = None
        self._reading = False
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._client = self._make_client()

    @property
    def live(self) -> bool:
        """Subscribed, and not ended."""
        return self._ready.done() and not self._ended.done()

    @property
    def held_back(self) -> bool:
        """Whether the broker may send nothing more before something is acknowledged."""
        return len(self._open) >= self._receive_maximum

    async def open(self) -> None:
        """Connect and subscribe. Raises :class:`LostError`."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves this one untyped
        properties.ReceiveMaximum = self._receive_maximum
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        try:
            context = self._address.tls_context()
            if context is not None:
                self._client.tls_set_context(context)
            await self._connect(properties)
        except (OSError, ValueError) as error:
            raise LostError(refusals.unreachable(error)) from None
        self._attach()
        both = (self._ready, self._ended)
        await asyncio.wait(both, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            raise LostError(self._ended.result())
        if not self._ready.done():
            raise LostError(f"the broker did not answer within {READY_WITHIN_S:.0f} s; is it an MQTT broker?")

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

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """One by one: paho knows no groups. Those of another connection are passed over."""
        for message in messages:
            token = message.token
            if token is not None and token in self._open:
                self._open.discard(token)
                self._client.ack(token & 0xFFFF, 1)

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool) -> bool:
        """At QoS 1; False when too many wait for the broker already."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves this one untyped
        if correlation is not None:
            properties.CorrelationData = correlation
        return self._client.publish(topic, payload, 1, retain, properties).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def resume(self) -> None:
        """Read the socket again, if reading stopped because the intake was full."""
        if self._socket is not None and not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket, self._read)

    async def close(self) -> None:
        """Say goodbye if there is anybody to say it to, and leave when the broker has closed; abruptly when it does
        not."""
        if not self._ended.done():
            await self._say_goodbye()
        self._detach()
        self._end("closed")

    async def _say_goodbye(self) -> None:
        # paho closes its socket as soon as it has said goodbye. With something unread in it that would reset the
        # connection, and the broker would forget what it has not read of ours yet; so the connection outlives it.
        sock = self._socket
        connection = None if sock is None else socket.socket(fileno=os.dup(sock.fileno()))
        self._client.disconnect()
        self._client.loop_write()
        if connection is None:
            return
        with connection, suppress(OSError):  # the time-out is one, too
            connection.setblocking(False)
            async with asyncio.timeout(GOODBYE_S):
                while await self._loop.sock_recv(connection, _READ_BYTES):
                    pass

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
        client.max_queued_messages_set(MOST_QUEUED)
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
            self._end(refusals.refused(code.value, str(code)))
            return
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._subscriptions.filters])

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        reason = self._subscriptions.refused([code.value for code in codes])
        if reason is not None:
            self._end(reason)
            return
        if not self._ready.done():
            self._ready.set_result(None)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, code: ReasonCode, _properties: Any
    ) -> None:
        from_broker = flags.is_disconnect_packet_from_server
        self._end(refusals.ended(code.value, str(code)) if from_broker else "the connection broke")

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            log.warning("message_without_readable_topic")
            if message.qos:
                self._client.ack(message.mid, message.qos)  # else it would stay under way for ever
            return
        token = None
        if message.qos:
            token = self._number << 16 | message.mid
            self._open.add(token)
        payload = bytes(message.payload)
        correlation = getattr(message.properties, "CorrelationData", None)
        one = Message(topic, payload, correlation, bool(message.retain), self._clock(), token)
        self._intake.put([one], len(payload))
        if self._intake.full and self._reading:
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


class PahoUplink(BrokerUplink):
    """The :class:`~hearthline_backend.uplink.port.Uplink` port on paho-mqtt."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        subscriptions: Subscriptions | None = None,
        receive_maximum: int = RECEIVE_MAXIMUM,
        clock: Clock = lambda: datetime.now(UTC),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """As :class:`~hearthline_backend.uplink.mqtt5_engine.Mqtt5Uplink`."""
        super().__init__(address, receive_maximum, clock=clock, changed=changed)
        self._subscriptions = subscriptions or Subscriptions.of()

    def _connect(self, number: int) -> PahoConnection:
        return PahoConnection(
            self._address,
            self._subscriptions,
            self._intake,
            self._clock,
            number=number,
            receive_maximum=self._receive_maximum,
        )
