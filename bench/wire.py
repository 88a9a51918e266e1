"""A tap in the line between gateway and broker: forwards every byte, and notes when each batch passed which way.

MQTT 5 (OASIS, chapters 2 and 3): PUBLISH is packet type 3, PUBACK 4; the length after the first byte is a variable byte
integer; property 9 is Correlation Data.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

_PUBLISH: Final = 3
_PUBACK: Final = 4
_READ_BYTES: Final = 65_536
_CONTINUES: Final = 0x80


@dataclass(slots=True)
class Passage:
    """One batch. ``readings`` are its sensors and ids in their order; times are of ``time.time()``, None before it
    happened."""

    readings: tuple[tuple[str, str], ...]
    sent: float
    acknowledged: float | None = None
    receipted: float | None = None


class WireTap:
    """Listens on :attr:`port` and connects on to ``broker_port``, both on loopback."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._server: asyncio.Server | None = None
        self._flowing: set[asyncio.Task[None]] = set()
        self._waiting: dict[int, Passage] = {}
        self._by_batch: dict[str, Passage] = {}
        self.passages: list[Passage] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._flowing:
            task.cancel()
        await asyncio.gather(*self._flowing, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        for task in (
            asyncio.create_task(_flow(reader, broker_writer, self._up)),
            asyncio.create_task(_flow(broker_reader, writer, self._down)),
        ):
            self._flowing.add(task)
            task.add_done_callback(self._flowing.discard)

    def _up(self, kind: int, flags: int, body: bytes) -> None:
        if kind != _PUBLISH:
            return
        topic, packet_id, correlation, payload = published(flags, body)
        if not topic.endswith("/readings") or packet_id is None:
            return
        told = json.loads(payload)["readings"]
        passage = Passage(tuple((one["sensor"], one["id"]) for one in told), time.time())
        self.passages.append(passage)
        self._waiting[packet_id] = self._by_batch[correlation.decode()] = passage

    def _down(self, kind: int, flags: int, body: bytes) -> None:
        if kind == _PUBACK:
            passage = self._waiting.pop(int.from_bytes(body[:2], "big"), None)
            if passage is not None:
                passage.acknowledged = time.time()
        elif kind == _PUBLISH:
            topic, _, _, payload = published(flags, body)
            if topic.endswith("/receipts"):
                self._receipt(json.loads(payload))

    def _receipt(self, receipt: dict[str, Any]) -> None:
        passage = self._by_batch.get(receipt["batch"])
        if passage is not None and passage.receipted is None:
            passage.receipted = time.time()


async def _flow(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[int, int, bytes], None]
) -> None:
    """Each byte is forwarded first and looked at afterwards."""
    pending = bytearray()
    try:
        while data := await reader.read(_READ_BYTES):
            writer.write(data)
            pending += data
            for kind, flags, body in packets(pending):
                seen(kind, flags, body)
    except ConnectionError:
        return
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def packets(pending: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """The whole packets at the beginning, each taken away: type, flags, what follows the length."""
    while True:
        found = _variable(pending, 1)
        if found is None or len(pending) < sum(found):
            return
        length, start = found
        first, body = pending[0], bytes(pending[start : start + length])
        del pending[: start + length]
        yield first >> 4, first & 0x0F, body


def published(flags: int, body: bytes) -> tuple[str, int | None, bytes, bytes]:
    """Of a PUBLISH: topic, packet id where it has one, Correlation Data, payload."""
    size = int.from_bytes(body[:2], "big")
    topic, at = body[2 : 2 + size].decode(), 2 + size
    packet_id = None
    if flags & 0b0110:
        packet_id, at = int.from_bytes(body[at : at + 2], "big"), at + 2
    length, start = _variable(body, at) or (0, at + 1)
    return topic, packet_id, _correlation(body[start : start + length]), body[start + length :]


def _correlation(properties: bytes) -> bytes:
    """The gateway and its backend set this property and no other, the broker adds none."""
    if properties[:1] != b"\x09":
        return b""
    return properties[3 : 3 + int.from_bytes(properties[1:3], "big")]


def _variable(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None while it is not whole."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & _CONTINUES:
            return value, at
    return None
