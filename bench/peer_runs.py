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
WARM_UP: Final = 2000
_WITHIN_S: Final = 600.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """``readings`` at once, ``slow`` of them through what writes one at a time. Then the store goes away ``before_s``
    after the first reading for ``away_s``, and readings come for ``after_s`` more, its start included. The store is
    asked what it holds when no new point came for ``quiet_s``; what is missing when none came for ``settled_s`` is
    lost."""

    readings: int
    slow: int
    before_s: float
    away_s: float
    after_s: float
    quiet_s: float
    settled_s: float

    @property
    def under_outage(self) -> int:
        """Readings that are published around the outage."""
        return int(RATE * (self.before_s + self.away_s + self.after_s))

    @property
    def numbers(self) -> Numbers:
        """For one program."""
        return Numbers(WARM_UP + self.readings + self.under_outage)


FULL: Final = Plan(100_000, 30_000, before_s=3.0, away_s=60.0, after_s=7.0, quiet_s=1.0, settled_s=60.0)
QUICK: Final = Plan(8_000, 4_000, before_s=1.0, away_s=3.0, after_s=2.0, quiet_s=0.5, settled_s=11.0)
"""Its waits are longer than those of the programs: they write at least every 0.2 s, and try again what failed after a
second at most, Node-RED after 5 to 10.2 s unless a later write succeeds before (the defaults of its InfluxDB client:
``minRetryDelay`` 5 s, doubled, at random between the two, ``retryJitter`` 0.2 s)."""


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
    """Of ``readings`` that the broker had confirmed, ``lost`` never reached the store, which was away for a while."""

    readings: int
    lost: int


async def speed(
    stand: Stand, influx: PeerStore, subject: Subject, plan: Plan, numbers: Numbers, readings: int
) -> Speed:
    """A warm-up, then ``readings`` at once."""
    await stand.publish(numbers.load(WARM_UP, 1), receipted=subject.receipted)
    before, _ = await _arrived(influx, subject, WARM_UP, plan)
    began_cpu, began_influxd = usage_of(subject.child.pid).cpu_s, influx.cpu_s
    measured = await stand.publish(numbers.load(readings, 1), receipted=subject.receipted)
    stored, ended = await _arrived(influx, subject, before + readings, plan)
    cpu, influxd = usage_of(subject.child.pid).cpu_s - began_cpu, influx.cpu_s - began_influxd
    seconds = measured.report.seconds if subject.receipted else ended - measured.report.began
    return Speed(readings, seconds, before + readings - stored, cpu, influxd, measured.broker_cpu_s)


async def loss(stand: Stand, influx: PeerStore, subject: Subject, plan: Plan, numbers: Numbers) -> Loss:
    """Kill the store under load, and start it again later. Nothing is published twice: what counts is what the program
    between makes of what it was handed."""
    before = await influx.stored(subject.bucket, subject.field)
    load = numbers.load(plan.under_outage, 1)
    quiet = await influx.taken()
    publishing = asyncio.create_task(stand.publish(load, rate=RATE, receipted=False))
    try:
        async with asyncio.timeout(_WITHIN_S):
            while await influx.taken() == quiet:
                if publishing.done():
                    break
                await asyncio.sleep(_LOOK_S)
            await asyncio.sleep(plan.before_s)
            await influx.kill()
            await asyncio.sleep(plan.away_s)
            await influx.start()
            await publishing
    finally:
        publishing.cancel()
    stored, _ = await _arrived(influx, subject, before + load.readings, plan)
    return Loss(load.readings, before + load.readings - stored)


async def _arrived(influx: PeerStore, subject: Subject, wanted: int, plan: Plan) -> tuple[int, float]:
    """Wait until ``wanted`` points are there or no more come; how many there are, and when the last one came, by
    :func:`time.perf_counter`."""
    taken, grown, stored = -1.0, time.perf_counter(), 0
    counted = False
    deadline = grown + _WITHIN_S
    while time.perf_counter() < deadline:
        now = await influx.taken()
        if now != taken:
            taken, grown, counted = now, time.perf_counter(), False
        elif not counted and time.perf_counter() - grown > plan.quiet_s:  # counting costs influxd something
            stored, counted = await influx.stored(subject.bucket, subject.field), True
            if stored >= wanted:
                break
        elif time.perf_counter() - grown > plan.settled_s:
            break
        await asyncio.sleep(_LOOK_S)
    return stored, grown
