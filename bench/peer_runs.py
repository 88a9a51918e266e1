"""One program between broker and store: how fast it is, what it spends, and what it loses while its store is away."""

import asyncio
import time
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
_QUIET_S: Final = 1.0
_SETTLED_S: Final = 60.0
_WITHIN_S: Final = 600.0
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
    before, _ = await _arrived(influx, subject, WARM_UP)
    began_cpu, began_influxd = usage_of(subject.child.pid).cpu_s, influx.cpu_s
    measured = await stand.publish(numbers.load(readings, 1), receipted=subject.receipted)
    stored, ended = await _arrived(influx, subject, before + readings)
    cpu, influxd = usage_of(subject.child.pid).cpu_s - began_cpu, influx.cpu_s - began_influxd
    seconds = measured.report.seconds if subject.receipted else ended - measured.report.began
    return Speed(readings, seconds, before + readings - stored, cpu, influxd, measured.broker_cpu_s)


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
    stored, _ = await _arrived(influx, subject, before + load.readings)
    return Loss(load.readings, before + load.readings - stored, away_s)


async def _arrived(influx: PeerStore, subject: Subject, wanted: int) -> tuple[int, float]:
    """Wait until ``wanted`` points are there or no more come; how many there are, and when the last one came, by
    :func:`time.perf_counter`."""
    taken, grown, stored = -1.0, time.perf_counter(), 0
    counted = False
    deadline = grown + _WITHIN_S
    while time.perf_counter() < deadline:
        now = await influx.taken()
        if now != taken:
            taken, grown, counted = now, time.perf_counter(), False
        elif not counted and time.perf_counter() - grown > _QUIET_S:  # counting costs influxd something
            stored, counted = await influx.stored(subject.bucket, subject.field), True
            if stored >= wanted:
                break
        elif time.perf_counter() - grown > _SETTLED_S:
            break
        await asyncio.sleep(_LOOK_S)
    return stored, grown
