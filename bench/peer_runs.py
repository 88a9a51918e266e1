"""One program between broker and store: how fast it is, what it spends, and what it loses while its store is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bench.ingest_stand import Numbers, Stand
from bench.peer_store import PeerStore
from bench.usage import usage_of
from hearthline_simulator.demo.processes import Child

RATE: Final = 800.0
"""Readings a second while the store is killed: one that every program here keeps up with."""
BEFORE_S: Final = 3.0
AFTER_S: Final = 7.0
WARM_UP: Final = 2000
_QUIET_S: Final = 3.0
_SETTLED_S: Final = 25.0
_WITHIN_S: Final = 400.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a running ``child`` that writes to ``bucket`` points which all have ``field``. ``receipted``
    where homes are answered."""

    child: Child
    bucket: str
    field: str
    receipted: bool


@dataclass(frozen=True, slots=True)
class Speed:
    """Of ``readings``, each a message of its own, published as fast as they are taken. ``lost`` of them never reached
    the store. Processor seconds of the program, of influxd and of the broker."""

    readings: int
    seconds: float
    lost: int
    cpu_s: float
    influxd_s: float
    broker_s: float

    @property
    def per_s(self) -> float:
        """Readings stored a second."""
        return (self.readings - self.lost) / self.seconds

    def per_100k(self, cpu_s: float) -> float:
        """Processor seconds for 100,000 readings."""
        return cpu_s / self.readings * 100_000


@dataclass(frozen=True, slots=True)
class Loss:
    """Of ``readings`` that the broker had confirmed, ``lost`` never reached the store, which was away for
    ``away_s``."""

    readings: int
    lost: int
    away_s: float


async def speed(stand: Stand, influx: PeerStore, subject: Subject, numbers: Numbers, readings: int) -> Speed:
    """A warm-up, then ``readings`` at once."""
    await stand.publish(numbers.load(WARM_UP, 1), receipted=subject.receipted)
    await _quiet(influx.taken)
    before = await influx.stored(subject.bucket, subject.field)
    began_cpu, began_influxd = usage_of(subject.child.pid).cpu_s, influx.cpu_s
    measured = await stand.publish(numbers.load(readings, 1), receipted=subject.receipted)
    ended = await _quiet(influx.taken)
    cpu, influxd = usage_of(subject.child.pid).cpu_s - began_cpu, influx.cpu_s - began_influxd
    stored = await influx.stored(subject.bucket, subject.field) - before
    seconds = measured.report.seconds if subject.receipted else ended - measured.report.began
    return Speed(readings, seconds, readings - stored, cpu, influxd, measured.broker_cpu_s)


async def loss(stand: Stand, influx: PeerStore, subject: Subject, numbers: Numbers, away_s: float) -> Loss:
    """Kill the store under load, and start it again ``away_s`` later. Nothing is published twice: what counts is what
    the program between makes of what it was handed."""
    before = await influx.stored(subject.bucket, subject.field)
    load = numbers.load(int(RATE * (BEFORE_S + away_s + AFTER_S)), 1)
    quiet = await influx.taken()
    publishing = asyncio.create_task(stand.publish(load, rate=RATE, receipted=False))
    try:
        async with asyncio.timeout(_WITHIN_S):
            while await influx.taken() == quiet:
                if publishing.done():
                    break
                await asyncio.sleep(_LOOK_S)
            await asyncio.sleep(BEFORE_S)
            await influx.kill()
            await asyncio.sleep(away_s)
            await influx.start()
            await publishing
    finally:
        publishing.cancel()
    stored = await _settled(influx, subject, before + load.readings)
    return Loss(load.readings, before + load.readings - stored, away_s)


async def _quiet(look: Callable[[], Awaitable[float]]) -> float:
    """Wait until nothing has grown for a while; when it grew last, by :func:`time.perf_counter`."""
    last, grown = await look(), time.perf_counter()
    deadline = grown + _WITHIN_S
    while time.perf_counter() - grown < _QUIET_S and time.perf_counter() < deadline:
        await asyncio.sleep(_LOOK_S)
        now = await look()
        if now != last:
            last, grown = now, time.perf_counter()
    return grown


async def _settled(influx: PeerStore, subject: Subject, wanted: int) -> int:
    """Wait until all of it is there, or no more comes."""
    stored, grown = await influx.stored(subject.bucket, subject.field), time.perf_counter()
    while stored < wanted and time.perf_counter() - grown < _SETTLED_S:
        await asyncio.sleep(1)
        now = await influx.stored(subject.bucket, subject.field)
        if now != stored:
            stored, grown = now, time.perf_counter()
    return stored
