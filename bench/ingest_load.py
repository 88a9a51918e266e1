"""``python -m bench.ingest_load``: many homes' gateways as one process over one connection, for the ingest benchmark.

For each :class:`Order`, a line of JSON on standard input, it says ``ready`` when every publish is encoded and the
consumer listens, begins at the next line, and ends with a :class:`Report` as JSON. Frames are encoded beforehand, at
QoS 1; each gateway has at most four batches without a receipt under way, as a real one has.
"""

import json
import select
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import mqtt5
import msgspec

from bench.ingest_readings import GATEWAYS, Load, gateway, payloads, reading_number
from hearthline_protocol import topics

UNDER_WAY: Final = 4
"""Batches of one gateway without a receipt."""
UNDER_WAY_BYTES: Final = 40 * 1024 * 1024
"""Of all gateways together: past its cap in bytes the broker drops, and nobody here sends a second time."""
_NUMBERS: Final = 60_000
_READ_BYTES: Final = 1 << 18
_SILENT_S: Final = 60.0
_TICK_S: Final = 0.001
_PUBACK: Final = 0x40
_NOBODY: Final = 0x10


@dataclass(frozen=True, slots=True)
class Order:
    """What to publish. ``rate`` is publishes a second, None as fast as receipts allow. ``receipted`` False: nobody
    answers, and what the broker confirms is done."""

    port: int
    load: Load
    rate: float | None = None
    receipted: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """``began`` is on the machine's monotonic clock, ``seconds`` go from then to the last receipt. ``latencies_ms`` are
    of publishes: from when each was due to the receipt for the last of its readings. ``answers`` counts readings by
    status. ``missing`` got no receipt."""

    began: float
    seconds: float
    latencies_ms: list[float]
    answers: dict[str, int]
    missing: int
    cpu_s: float


class _Entry(msgspec.Struct, gc=False):
    id: str
    status: str


class _Receipt(msgspec.Struct):
    readings: list[_Entry] = []


@dataclass(slots=True)
class _Line:
    """One MQTT 5 connection on a bare socket."""

    sock: socket.socket
    pending: bytes = b""
    window: int = 0
    unconfirmed: int = 0
    unwritten: deque[memoryview] = field(default_factory=deque)

    @classmethod
    def open(cls, port: int) -> "_Line":
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(mqtt5.ConnectPacket("bench-load", clean_start=True, keep_alive=0, receive_max=65535).write())
        line = cls(sock)
        line.window = line._one(mqtt5.ConnAckPacket).receive_max
        everything = mqtt5.TopicFilter(topics.receipts("+"), max_qos=mqtt5.QoS.AT_MOST_ONCE)
        sock.sendall(mqtt5.SubscribePacket(1, [everything]).write())
        line._one(mqtt5.SubAckPacket)
        return line

    def await_consumer(self) -> None:
        """Publish to a topic beside the homes' until somebody has it: a consumer of everything listens then."""
        frame = mqtt5.PublishPacket(topics.readings("probe"), b"{}", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1).write()
        while True:
            self.sock.sendall(frame)
            if int(self._one(mqtt5.PubAckPacket).reason_code) != _NOBODY:
                return
            time.sleep(0.02)

    def _one(self, kind: type) -> Any:
        while True:
            try:
                packet, size = mqtt5.read(memoryview(self.pending))
            except IndexError:
                data = self.sock.recv(_READ_BYTES)
                if not data:
                    raise ConnectionError("the broker closed the connection") from None
                self.pending += data
                continue
            self.pending = self.pending[size:]
            if isinstance(packet, kind):
                return packet

    def receipts(self, data: bytes) -> Iterator[bytes]:
        """Payloads of receipts in what was read; confirmations are counted on the way."""
        data = self.pending + data
        view, at, end = memoryview(data), 0, len(data)
        while at < end:
            if data[at] == _PUBACK and at + 1 < end:
                size = 2 + data[at + 1]
                if at + size > end:
                    break
                self.unconfirmed -= 1
                at += size
                continue
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:
                break
            at += size
            if isinstance(packet, mqtt5.PublishPacket):
                yield packet.payload
        self.pending = data[at:]

    def write(self, frames: list[bytes]) -> None:
        self.unconfirmed += len(frames)
        self.unwritten.append(memoryview(b"".join(frames)))
        self.write_on()

    def write_on(self) -> None:
        while self.unwritten:
            try:
                sent = self.sock.send(self.unwritten[0])
            except BlockingIOError:
                return
            if sent < len(self.unwritten[0]):
                self.unwritten[0] = self.unwritten[0][sent:]
            else:
                self.unwritten.popleft()


class _Homes:
    """Who may send what next, and what has its receipt."""

    def __init__(self, order: Order, frames: list[bytes]) -> None:
        self._order, self._frames = order, frames
        count = len(frames)
        self._open = array("H", [order.load.batch]) * count
        self._due = array("d", [0.0]) * count
        self._under_way = [0] * GATEWAYS
        self._most = max(1, UNDER_WAY_BYTES // max(map(len, frames), default=1))
        self._sent = 0
        self._next = list(range(GATEWAYS))
        self._ready = deque(range(min(GATEWAYS, count))) if order.rate is None else deque[int]()
        self._scheduled = 0
        self.done = 0
        self.answers: dict[str, int] = {}
        self.latencies: list[float] = []

    def due(self, now: float, began: float) -> None:
        """At a given rate: what should have been sent by now may be."""
        rate = self._order.rate
        if rate is None:
            return
        until = min(int((now - began) * rate) + 1, len(self._frames))
        while self._scheduled < until:
            self._due[self._scheduled] = began + self._scheduled / rate
            self._ready.append(self._scheduled % GATEWAYS)
            self._scheduled += 1

    def take(self, room: int, now: float) -> list[bytes]:
        """The frames that may go now."""
        found: list[bytes] = []
        room = min(room, self._most - (self._sent - self.done))
        paced = self._order.rate is not None
        held: list[int] = []
        while self._ready and len(found) < room:
            home = self._ready.popleft()
            if self._under_way[home] >= UNDER_WAY:
                if paced:
                    held.append(home)
                continue
            number = self._next[home]
            if number >= len(self._frames):
                continue
            self._next[home] = number + GATEWAYS
            self._under_way[home] += 1
            if not paced:
                self._due[number] = now
                self._ready.append(home)
            found.append(self._frames[number])
        self._ready.extendleft(reversed(held))
        self._sent += len(found)
        return found

    def receipt(self, payload: bytes, now: float) -> None:
        load = self._order.load
        for entry in _DECODER.decode(payload).readings:
            self.answers[entry.status] = self.answers.get(entry.status, 0) + 1
            number = (reading_number(entry.id) - load.first) // load.batch
            self._open[number] -= 1
            if not self._open[number]:
                self.done += 1
                self.latencies.append((now - self._due[number]) * 1000)
                home = number % GATEWAYS
                self._under_way[home] -= 1
                if self._order.rate is None:
                    self._ready.append(home)

    def confirmed(self, count: int) -> None:
        """Where nobody answers: so many are done."""
        self.done += count
        for home in range(GATEWAYS):
            if self._under_way[home]:
                self._under_way[home] = 0
                if self._order.rate is None:
                    self._ready.append(home)

    @property
    def missing(self) -> int:
        return sum(self._open)


_DECODER: Final = msgspec.json.Decoder(_Receipt)


def _encoded(load: Load) -> list[bytes]:
    return [
        mqtt5.PublishPacket(
            topics.readings(gateway(home)),
            payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            packet_id=number % _NUMBERS + 1,
            correlation_data=f"{load.first:x}-{number:x}".encode(),
        ).write()
        for number, (home, payload) in enumerate(payloads(load))
    ]


def run(order: Order, line: _Line, frames: list[bytes]) -> Report:
    """Publish everything; returns when all of it is answered, or nothing came for a while."""
    homes = _Homes(order, frames)
    line.sock.setblocking(False)
    cpu, started, began = time.process_time(), time.monotonic(), time.perf_counter()
    last = heard = began
    while homes.done < len(frames):
        now = time.perf_counter()
        homes.due(now, began)
        taken = homes.take(line.window - line.unconfirmed, now)
        if taken:
            line.write(taken)
        readable, _, _ = select.select([line.sock], [line.sock] if line.unwritten else [], [], _TICK_S)
        line.write_on()
        if not readable:
            if time.perf_counter() - heard > _SILENT_S:
                break
            continue
        data = line.sock.recv(_READ_BYTES)
        if not data:
            raise ConnectionError("the broker closed the connection")
        heard = time.perf_counter()
        before = line.unconfirmed
        for payload in line.receipts(data):
            if order.receipted:
                last = heard
                homes.receipt(payload, heard)
        if not order.receipted:
            last = heard
            homes.confirmed(before - line.unconfirmed)
    return Report(started, last - began, homes.latencies, homes.answers, homes.missing, time.process_time() - cpu)


def main() -> None:
    """Entry point."""
    while text := sys.stdin.readline():
        order = msgspec.json.decode(text, type=Order)
        frames = _encoded(order.load)
        line = _Line.open(order.port)
        line.await_consumer()
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(asdict(run(order, line, frames))), flush=True)
        line.sock.close()


if __name__ == "__main__":
    main()
