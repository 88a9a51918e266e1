"""What goes to the broker on one connection: gathered, written once a turn of the loop, and bounded."""

import asyncio
from typing import Final

import mqtt5
import structlog

log = structlog.get_logger(__name__)

LIMIT_BYTES: Final = 8 * 1024 * 1024
"""Answers that may wait for a broker that does not read. Past it they are refused: homes ask again."""
MOST_UNCONFIRMED: Final = 1000
FAILURE: Final = 0x80
"""Reason codes from here on say no."""
SUBSCRIBING: Final = 1
"""The number of the one SUBSCRIBE; publishes begin after it."""


class Outgoing:
    """One connection's way out. Nothing can be sent before :meth:`begin`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames: list[bytes] = []
        self._bytes = 0
        self._told_full = False
        self._unconfirmed: dict[int, str] = {}  # topics of publishes at QoS 1, by their number
        self._last_number = SUBSCRIBING
        self._most_unconfirmed = 0
        self._largest: int | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """The connection is there."""
        self._transport = transport

    def agree(self, broker: mqtt5.ConnAckPacket) -> None:
        """What the broker takes."""
        self._most_unconfirmed = min(MOST_UNCONFIRMED, broker.receive_max)
        self._largest = broker.max_packet_size

    def send(self, frame: bytes) -> None:
        """Let a frame out with whatever else this turn of the loop brings. For what is bounded by its nature."""
        if not self._frames:
            self._loop.call_soon(self.flush)
        self._frames.append(frame)
        self._bytes += len(frame)

    def flush(self) -> None:
        """Let everything out now."""
        if self._frames and self._transport is not None:
            joined = b"".join(self._frames)
            self._frames.clear()
            self._bytes = 0
            self._transport.write(joined)

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool) -> bool:
        """An answer with a correlation goes at QoS 0: who misses it asks again. Anything else goes at QoS 1. False when
        the broker takes no more at this moment, or never takes one so large."""
        if self._is_full():
            return False
        if correlation is not None and not retain:
            number = None
            packet = mqtt5.PublishPacket(topic, payload, correlation_data=correlation)
        else:
            number = self._free_number()
            if number is None:
                return False
            qos = mqtt5.QoS.AT_LEAST_ONCE
            packet = mqtt5.PublishPacket(
                topic, payload, qos=qos, packet_id=number, retain=retain, correlation_data=correlation
            )
        frame = packet.write()
        if self._largest is not None and len(frame) > self._largest:
            next_step = "raise max_packet_size there"
            log.error("answer_larger_than_broker_takes", bytes=len(frame), limit=self._largest, next_step=next_step)
            return False
        if number is not None:
            self._unconfirmed[number] = topic
        self.send(frame)
        return True

    def confirmed(self, answer: mqtt5.PubAckPacket) -> None:
        """The broker has one of our publishes, or says why not."""
        topic = self._unconfirmed.pop(answer.packet_id, None)
        if topic is not None and int(answer.reason_code) >= FAILURE:
            next_step = "compare its access list with firmware-config/broker"
            log.error("answer_refused_by_broker", topic=topic, reason=answer.reason_code.name, next_step=next_step)

    def _is_full(self) -> bool:
        if self._transport is None:
            return True
        waiting = self._bytes + self._transport.get_write_buffer_size()
        if waiting < LIMIT_BYTES:
            self._told_full = False
            return False
        if not self._told_full:
            self._told_full = True
            log.warning("broker_does_not_read", waiting_bytes=waiting, next_step="look at the broker's load")
        return True

    def _free_number(self) -> int | None:
        if len(self._unconfirmed) >= self._most_unconfirmed:
            return None
        number = self._last_number % 0xFFFF + 1
        while number in self._unconfirmed:
            number = number % 0xFFFF + 1
        self._last_number = number
        return number
