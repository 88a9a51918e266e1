"""The runs of the ingest benchmark: how much of what, and in which order."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.ingest_limits import Consumed, bare_commits_ms, mosquitto_sub, receive_only, rows_of
from bench.ingest_readings import PATIENTS
from bench.ingest_stand import Measured, Numbers, Stand
from bench.ingest_stores import Stores
from bench.percentile import percentile
from hearthline_protocol.messages import MAX_BATCH_READINGS

BATCHES: Final = (1, 10, 50, MAX_BATCH_READINGS)
"""Readings a message. 500 would be refused: a batch has at most 200."""
WARM_UP: Final = 2 * PATIENTS
"""Singles: so many that every meter has spoken once. What a worker remembers of homes is there afterwards."""
PROFILE_WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """The most readings a run by batch size, and about how long one may take; ``paced_s`` is how long half the load
    lasts."""

    runs: Mapping[int, int]
    slow: Mapping[int, int]
    limits: int
    paced_s: float
    run_s: float
    commits: int

    @property
    def total(self) -> int:
        """More readings than any one store gets."""
        return 3 * (sum(self.runs.values()) + WARM_UP + self.limits)


FULL: Final = Sizes(
    runs={1: 150_000, 10: 150_000, 50: 300_000, 200: 300_000},
    slow={1: 40_000, 10: 60_000, 50: 100_000, 200: 100_000},
    limits=100_000,
    paced_s=20.0,
    run_s=20.0,
    commits=300,
)
QUICK: Final = Sizes(
    runs={1: 20_000, 10: 20_000, 50: 40_000, 200: 40_000},
    slow={1: 5_000, 50: 20_000},
    limits=15_000,
    paced_s=3.0,
    run_s=2.0,
    commits=100,
)


@dataclass(slots=True)
class Series:
    """One arrangement of engine, stores and workers. ``paced`` is half of what ``by_batch[1]`` reached, in singles;
    ``steps`` are processor seconds of the worker by step over a run of ``steps_readings`` singles."""

    engine: str
    stores: str
    workers: int
    by_batch: dict[int, Measured] = field(default_factory=dict)
    paced: Measured | None = None
    write_limit: float | None = None
    steps: Mapping[str, float] = field(default_factory=dict)
    steps_readings: int = 0

    @property
    def name(self) -> str:
        """For a person."""
        return f"{self.engine}, {self.stores}, {self.workers} worker{'s' if self.workers > 1 else ''}"


@dataclass(slots=True)
class Limits:
    """Of the same run. ``commits_ms`` are of groups of ``commit_rows``."""

    sub: Consumed | None
    sub_batch50: Consumed | None
    receive: Consumed
    receive_paho: Consumed
    commits_ms: list[float]
    commit_rows: int


def progress(text: str) -> None:
    """Tell who waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def measure_series(
    folder: Path,
    opened: AbstractAsyncContextManager[Stores],
    engine: str,
    workers: int,
    sizes: Mapping[int, int],
    plan: Sizes,
    *,
    extras: bool,
    profile: bool = False,
) -> Series:
    """Every batch size on fresh stores. ``extras``: half the load, and the store's own limit."""
    await asyncio.to_thread(folder.mkdir)
    async with opened as stores, Stand(folder, stores.servers) as stand:
        series = Series(engine, stores.name, workers)
        numbers = Numbers(plan.total)
        settings = {**stores.settings, "MQTT_ENGINE": engine}
        if workers == 1:
            await stand.start_backend("serve", settings)
        else:
            await _start_workers(stand, settings, workers)
        progress(f"{series.name}: warming up")
        per_s = (await stand.publish(numbers.load(WARM_UP, 1))).per_s
        for batch, most in sizes.items():
            messages = max(1, min(most, int(per_s * plan.run_s)) // batch)
            progress(f"{series.name}: {messages * batch} readings, {batch} a message")
            series.by_batch[batch] = await stand.publish(numbers.load(messages, batch))
            per_s = series.by_batch[batch].per_s
        if extras:
            rate = series.by_batch[1].per_s / 2
            progress(f"{series.name}: {rate:.0f} singles a second for {plan.paced_s:.0f} s")
            messages = max(1, min(int(rate * plan.paced_s), plan.total - numbers.next))
            series.paced = await stand.publish(numbers.load(messages, 1), rate=rate)
        await stand.stop_workers()
        if extras:
            progress(f"{series.name}: the store alone")
            series.write_limit = await stores.write_limit(folder, rows_of(numbers.load(plan.limits, 1)))
        if profile:
            await _profile(stand, series, settings, numbers, plan)
        return series


async def _start_workers(stand: Stand, settings: Mapping[str, str], workers: int) -> None:
    """The process with the site, and beside it those that take readings."""
    shared = {**settings, "MQTT_SHARE": "bench-workers", "INGEST": "false"}
    await stand.start_backend("serve", shared)
    for number in range(workers):
        await stand.start_backend("work", {**settings, "MQTT_SHARE": "bench-workers"}, f"worker-{number}")


async def _profile(stand: Stand, series: Series, settings: Mapping[str, str], numbers: Numbers, plan: Sizes) -> None:
    progress(f"{series.name}: where the time goes")
    found = stand.folder / "profile.json"
    backend = await stand.start_backend("serve", settings, "profiled", found)
    await stand.publish(numbers.load(WARM_UP, 1))
    os.kill(backend.pid, signal.SIGUSR1)
    series.steps_readings = plan.limits
    await stand.publish(numbers.load(plan.limits, 1))
    os.kill(backend.pid, signal.SIGUSR2)
    async with asyncio.timeout(PROFILE_WITHIN_S):
        while not await asyncio.to_thread(found.exists):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.05)
    series.steps = json.loads(await asyncio.to_thread(found.read_text))


async def measure_limits(folder: Path, plan: Sizes, half_load: Measured) -> Limits:
    """What nothing behind the broker could pass, and what the disk takes. ``half_load`` tells how large groups were."""
    await asyncio.to_thread(folder.mkdir)
    numbers = Numbers(20 * plan.limits)
    progress("limits: mosquitto_sub, receiving alone, one commit alone")
    sub = await mosquitto_sub(folder, numbers, plan.limits, 1)
    sub50 = await mosquitto_sub(folder, numbers, plan.limits // 50, 50)
    receive = await receive_only(folder, numbers, plan.limits, 1, "mqtt5")
    paho = await receive_only(folder, numbers, plan.limits // 3, 1, "paho")
    p50_s = percentile(half_load.report.latencies_ms, 50) / 1000
    rows = max(1, round(half_load.per_s * p50_s))
    commits = await asyncio.to_thread(bare_commits_ms, folder / "bare.sqlite3", rows, plan.commits)
    return Limits(sub, sub50, receive, paho, commits, rows)
