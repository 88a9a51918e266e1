"""The uplink on the sans-IO codec ``mqtt5``: one ``asyncio.Protocol``, nothing between the socket and the group.

MQTT 5, clean start, no session after the end, no topic aliases. A message is acknowledged only by
:meth:`Mqtt5Uplink.acknowledge`, a group's acknowledgements and answers leave in one write a turn of the loop.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, cast

import mqtt5

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
from hearthline_backend.uplink.mqtt5_outgoing import SUBSCRIBING, Outgoing
from hearthline_backend.uplink.mqtt5_reader import MalformedPacketError, PacketReader
from hearthline_backend.uplink.port import Message
from hearthline_backend.uplink.subscriptions import Subscriptions

RECEIVE_MAXIMUM: Final = 1000
SILENT_BEATS: Final = 2
"""One alone may only mean that this process was held up between beat and reading."""
GATHER_S: Final = 0.002
"""After few messages came the socket is left alone for so long. A broker writes each message by itself; read one at a
time each would cost several times what it costs among others, and none leaves the intake sooner for it."""
FEW: Final = 32
_PUBACK: Final = 0x4002 << 16
"""A whole PUBACK without reason is these two bytes and the message's number."""
_NUMBERS: Final = 0x10000


class Mqtt5Connection(asyncio.Protocol):
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
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._reader = PacketReader(MAX_PACKET_BYTES)
        self._broker: mqtt5.ConnAckPacket | None = None
        self._paused = False
        self._gathering: asyncio.TimerHandle | None = None
        self._open = bytearray(_NUMBERS)  # 1 at the number of each message that waits for its acknowledgement
        self._unsettled = 0
        self._outgoing = Outgoing()
        self._silent_beats = 0
        self._beat: asyncio.TimerHandle | None = None

    # --- what the uplink asks ---------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Subscribed, and not ended."""
        return self._ready.done() and not self._ended.done()

    @property
    def held_back(self) -> bool:
        """Whether the broker may send nothing more before something is acknowledged."""
        return self._unsettled >= self._receive_maximum

    async def open(self) -> None:
        """Connect and subscribe. Raises :class:`LostError`."""
        try:
            context = self._address.tls_context()
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await self._loop.create_connection(lambda: self, self._address.host, self._address.port, ssl=context)
        except OSError as error:  # includes TLS errors and the time-out
            raise LostError(refusals.unreachable(error)) from None
        both = (self._ready, self._ended)
        await asyncio.wait(both, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            raise LostError(self._ended.result())
        if not self._ready.done():
            raise LostError(f"the broker did not answer within {READY_WITHIN_S:.0f} s; is it an MQTT broker?")

    async def lasted(self) -> str:
        """Wait for the end; returns the reason."""
        return await asyncio.shield(self._ended)  # else who stops waiting would end it

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """All of them leave in one write; those of another connection are passed over."""
        open_, mine = self._open, self._number
        frames: list[int] = []
        for message in messages:
            token = message.token
            if token is not None and token >> 16 == mine:
                number = token & 0xFFFF
                if open_[number]:
                    open_[number] = 0
                    frames.append(_PUBACK | number)
        if frames:
            self._unsettled -= len(frames)
            self._outgoing.send(struct.pack(f">{len(frames)}I", *frames))

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool) -> bool:
        """False when the broker takes no more at this moment."""
        return self._outgoing.publish(topic, payload, correlation, retain=retain)

    def resume(self) -> None:
        """Read the socket again, if reading stopped because the intake was full."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._silent_beats = 0
            if self._gathering is None:
                self._transport.resume_reading()

    async def close(self) -> None:
        """Let out what waits, say goodbye, and leave when the broker has closed; abruptly when it does not."""
        if self._transport is None:
            return
        if self._ended.done():
            self._outgoing.flush()
            self._transport.close()
        else:
            self._outgoing.send(mqtt5.DisconnectPacket().write())
            self._end("closed")
            self._outgoing.flush()
            # A socket that is closed with something unread in it resets the connection, and the broker forgets what it
            # has not read of ours yet: acknowledgements and receipts. So it is read to the end, which the broker makes.
            if (self._paused or self._gathering is not None) and not self._transport.is_closing():
                self._transport.resume_reading()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._gone), GOODBYE_S)
        self._transport.abort()

    # --- what the socket tells --------------------------------------------------------------------------------------

    def connection_made(self, made: asyncio.BaseTransport) -> None:
        """Say who we are."""
        # A stream connection gives a Transport; uvloop's has its methods and not its base class.
        self._transport = transport = cast("asyncio.Transport", made)
        self._outgoing.begin(transport)
        password = self._address.password
        self._outgoing.send(
            mqtt5.ConnectPacket(
                "",
                username=self._address.username,
                password=None if password is None else password.encode(),
                clean_start=True,
                keep_alive=KEEPALIVE_S,
                session_expiry_interval=0,
                receive_max=self._receive_maximum,
                topic_alias_max=0,
                max_packet_size=MAX_PACKET_BYTES,
            ).write()
        )

    def connection_lost(self, error: Exception | None) -> None:
        """It is over; whatever was not acknowledged is the broker's again."""
        if self._beat is not None:
            self._beat.cancel()
        detail = "" if error is None else f" ({type(error).__name__})"
        if self._broker is None:
            self._end(f"the broker closed the connection at once{detail}; look into its log; is it an MQTT broker?")
        self._end(f"the connection broke{detail}")
        if not self._gone.done():
            self._gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """The hot path: one look at the clock and one entry into the queue for whatever came together."""
        self._silent_beats = 0
        if self._ended.done():
            return
        try:
            packets = self._reader.read(data)
        except MalformedPacketError as error:
            self._fail(mqtt5.DisconnectReasonCode.MALFORMED_PACKET, f"{error}; look at mqtt_url and the broker")
            return
        now = self._clock()
        messages: list[Message] = []
        payload_bytes = 0
        open_, mine = self._open, self._number << 16
        for packet in packets:
            if type(packet) is not mqtt5.PublishPacket:
                self._answered(packet)
                continue
            payload = packet.payload
            number = packet.packet_id
            if number is None:
                token = None
            else:
                if open_[number]:
                    self._fail_protocol("the broker gave one number to two messages")
                    break
                open_[number] = 1
                self._unsettled += 1
                token = mine | number
            payload_bytes += len(payload)
            messages.append(Message(packet.topic, payload, packet.correlation_data, packet.retain, now, token))
        if messages:
            self._took(messages, payload_bytes)

    def _took(self, messages: list[Message], payload_bytes: int) -> None:
        if self._broker is None:
            self._fail_protocol("the broker sent messages before it let us in")
        else:
            # mosquitto 2.0.11 overruns a receive maximum by the hundred while acknowledgements flow, so more than we
            # asked for is no error: the bound that holds is the intake's, past which the socket is not read.
            self._intake.put(messages, payload_bytes)
            self._paused = self._intake.full
            if len(messages) < FEW and self._gathering is None:
                self._gathering = self._loop.call_later(GATHER_S, self._gathered)
            if (self._paused or self._gathering is not None) and self._transport is not None:
                self._transport.pause_reading()

    def _gathered(self) -> None:
        self._gathering = None
        if not self._paused and not self._ended.done() and self._transport is not None:
            self._transport.resume_reading()

    # --- what the broker answers ------------------------------------------------------------------------------------

    def _answered(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket():
                self._let_in(packet)
            case mqtt5.SubAckPacket() if packet.packet_id == SUBSCRIBING and not self._ready.done():
                reason = self._subscriptions.refused([int(code) for code in packet.reason_codes])
                if reason is not None:
                    self._end(reason)
                elif not self._ended.done():
                    self._ready.set_result(None)
            case mqtt5.PubAckPacket():
                self._outgoing.confirmed(packet)
            case mqtt5.PingRespPacket():
                pass  # that something came is what counts
            case mqtt5.DisconnectPacket():
                self._end(refusals.ended(int(packet.reason_code), packet.reason_code.name))
            case _:
                self._fail_protocol(f"the broker sent a {type(packet).__name__} out of place")

    def _let_in(self, packet: mqtt5.ConnAckPacket) -> None:
        if self._broker is not None:
            self._fail_protocol("the broker let us in twice")
            return
        self._broker = packet
        if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            self._end(refusals.refused(int(packet.reason_code), packet.reason_code.name))
            return
        lacking = _lacking(packet, self._subscriptions)
        if lacking is not None:
            self._end(f"the broker {lacking}; use mosquitto 2.0.11 or newer, or turn it on there")
            return
        self._outgoing.agree(packet)
        interval = min(packet.server_keep_alive or KEEPALIVE_S, KEEPALIVE_S) / 2
        self._beat = self._loop.call_later(interval, self._heartbeat, interval)
        filters = [
            mqtt5.TopicFilter(one, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False)
            for one in self._subscriptions.filters
        ]
        self._outgoing.send(mqtt5.SubscribePacket(SUBSCRIBING, filters).write())

    def _heartbeat(self, interval_s: float) -> None:
        if self._ended.done():
            return
        if self._silent_beats >= SILENT_BEATS and not self._paused:
            self._end(
                f"the broker said nothing for {SILENT_BEATS * interval_s:.0f} s; look at the network and at its machine"
            )
            return
        self._silent_beats += 1
        self._outgoing.send(mqtt5.PingReqPacket().write())
        self._beat = self._loop.call_later(interval_s, self._heartbeat, interval_s)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _fail_protocol(self, reason: str) -> None:
        self._fail(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR, reason)

    def _fail(self, code: mqtt5.DisconnectReasonCode, reason: str) -> None:
        self._outgoing.send(mqtt5.DisconnectPacket(reason_code=code).write())
        self._end(reason)

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)


def _lacking(broker: mqtt5.ConnAckPacket, subscriptions: Subscriptions) -> str | None:
    """What we need and the broker says it has not."""
    if broker.max_qos == mqtt5.QoS.AT_MOST_ONCE:
        return "confirms nothing (its maximum QoS is 0)"
    if not broker.retain_available:
        return "retains no messages"
    if not broker.wildcard_subscription_available:
        return "has no wildcard subscriptions"
    if subscriptions.share is not None and not broker.shared_subscription_available:
        return "has no shared subscriptions, which mqtt_share needs"
    return None


class Mqtt5Uplink(BrokerUplink):
    """The :class:`~hearthline_backend.uplink.port.Uplink` port on ``asyncio`` and the codec ``mqtt5``."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        subscriptions: Subscriptions | None = None,
        receive_maximum: int = RECEIVE_MAXIMUM,
        clock: Clock = lambda: datetime.now(UTC),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """``receive_maximum`` is how many messages may be under way to us without our acknowledgement; ``changed`` is
        called when the broker is reached and when it is lost. Without ``subscriptions`` all is heard."""
        super().__init__(address, receive_maximum, clock=clock, changed=changed)
        self._subscriptions = subscriptions or Subscriptions.of()

    def _connect(self, number: int) -> Mqtt5Connection:
        return Mqtt5Connection(
            self._address,
            self._subscriptions,
            self._intake,
            self._clock,
            number=number,
            receive_maximum=self._receive_maximum,
        )
