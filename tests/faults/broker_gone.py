"""The broker gone for a week, gone with its disk in the middle of the drain, or there without anybody behind it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hearthline_gateway.frame import MeterClock
from hearthline_gateway.outbox.retention import Retention
from hearthline_gateway.uplink.schedule import MAX_UNDER_WAY, Timing
from hearthline_protocol.messages import Receipt
from tests.faults.home import QUICK, Home, running_home
from tests.faults.ledger import Ledger
from tests.faults.measurements import SENSORS, ends_connection, ids_of, measurement
from tests.faults.outcome import Outcome, counted
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.receipt_backend import HeardBatch, ReceiptBackend

_BEGAN = datetime(2026, 11, 22, tzinfo=UTC)
_BACKLOG_A_LIVE_ONE = 1000
"""One live reading for so many of the backlog."""
_AS_FAST = 1000
"""Simulated seconds in a second."""
A_THOUSAND_TIMES_AS_FAST = Timing(
    resend_first=30 / _AS_FAST,
    resend_max=600 / _AS_FAST,
    knock_first=0.5 / _AS_FAST,
    knock_max=15 / _AS_FAST,
    reconnect_first=0.2 / _AS_FAST,
    reconnect_max=30 / _AS_FAST,
)
"""A home's waits."""


@dataclass(slots=True)
class Simulated:
    """A clock that only the test moves."""

    now: datetime = _BEGAN

    def __call__(self) -> datetime:
        return self.now


async def feed(home: Home, begin: int, end: int, clock: Simulated, over: timedelta) -> None:
    """Measurements ``begin`` to ``end`` of every sensor, spread over a time; the retention policy runs every hour."""
    step = over / max(1, end - begin)
    pruned = clock.now
    for number in range(begin, end):
        clock.now += step
        frames = [measurement(sensor, number, heard=clock.now) for sensor in SENSORS]
        await asyncio.gather(*(home.pipeline.heard(frame) for frame in frames))
        if ends_connection(number):
            await asyncio.gather(*(home.pipeline.connection_ended(sensor) for sensor in SENSORS))
        if clock.now - pruned >= timedelta(hours=1):
            await home.outbox.prune()
            pruned = clock.now


async def gone_for_a_week(folder: Path, *, readings: int) -> Outcome:
    """No broker for seven days; then a live reading amid the drain must not wait for it, nor hold it up."""
    ledger, clock, broker = Ledger(), Simulated(), Broker(folder / "broker")
    await broker.start()
    await broker.kill()
    per_sensor = readings // len(SENSORS)
    try:
        async with running_home(folder, broker.port, now=clock, retention=Retention(), timing=QUICK) as home:
            await feed(home, 0, per_sensor, clock, timedelta(days=7))
            promised = await home.all_ids()
            await broker.start()
            async with ReceiptBackend(broker.port, answer=ledger) as backend:
                ahead = await _live_amid_the_drain(home, backend, clock, per_sensor, readings // _BACKLOG_A_LIVE_ONE)
                await home.settled()
                kept = await home.all_ids()
    finally:
        await broker.kill()
    until = (clock.now - timedelta(hours=13)).isoformat()
    backlog = [str(reading["received_time"]) for batch in backend.batches for reading in batch.readings]
    backlog = [heard for heard in backlog if heard < until]
    failures = [
        *([f"a live reading waited for {max(ahead)} batches"] if max(ahead) > MAX_UNDER_WAY else []),
        *([] if backlog == sorted(backlog) else ["the backlog did not go oldest first"]),
    ]
    return counted(
        "broker gone for 7 days (simulated)",
        f"{len(promised):,} readings waited, {len(ahead)} live ones amid the drain had at most {max(ahead)} batches "
        "of the backlog before them",
        promised=promised,
        kept=kept,
        stored=ledger.ids,
        twice=ledger.twice,
        failures=failures,
    )


async def _live_amid_the_drain(
    home: Home, backend: ReceiptBackend, clock: Simulated, number: int, count: int
) -> list[int]:
    """Feed live readings while the backlog drains; returns how many batches arrived between each and its own."""
    ahead: list[int] = []
    for live in range(count):
        await backend.until(_more_than(backend, len(backend.batches)), within=60)
        clock.now += timedelta(minutes=1)
        read = MeterClock(timedelta(0), clock.now)
        frame = replace(measurement(SENSORS[0], number + live, heard=clock.now), clock=read)
        await home.pipeline.heard(frame)
        await home.pipeline.connection_ended(SENSORS[0])
        arrived, (wanted,) = len(backend.batches), ids_of(frame)
        await backend.until(lambda wanted=wanted: any(wanted in batch.ids for batch in backend.batches), within=60)  # type: ignore[misc] # mypy knows no default for a lambda
        mine = next(place for place, batch in enumerate(backend.batches) if wanted in batch.ids)
        ahead.append(max(0, mine - arrived))
    return ahead


def _more_than(backend: ReceiptBackend, count: int) -> Callable[[], bool]:
    return lambda: len(backend.batches) > count


class _FallsSilent:
    """Answers until so many readings are stored, then stores without a word: the receipts are lost with the broker."""

    def __init__(self, ledger: Ledger, readings: int) -> None:
        self._ledger, self._readings = ledger, readings
        self.silent = asyncio.Event()

    def __call__(self, batch: HeardBatch) -> Sequence[Receipt]:
        if len(self._ledger.received) < self._readings:
            return self._ledger(batch)
        self._ledger.store(batch)
        self.silent.set()
        return ()


async def restarted_without_its_disk(folder: Path, *, readings: int, restarts: int) -> Outcome:
    """The broker killed and begun anew, empty, in the middle of the drain."""
    ledger = Ledger()
    per_sensor = readings // len(SENSORS)
    async with running_broker(folder / "broker") as broker, running_home(folder, broker.port) as home:
        await feed(home, 0, per_sensor, Simulated(), timedelta(days=1))
        promised = await home.all_ids()
        async with ReceiptBackend(broker.port, answer=ledger) as backend:
            for number in range(1, restarts + 1):
                backend.answer = answer = _FallsSilent(ledger, len(promised) * number // (restarts + 1))
                async with asyncio.timeout(120):
                    await answer.silent.wait()
                await broker.kill()
                for file in folder.joinpath("broker").glob("*.db"):
                    file.unlink()
                backend.answer = ledger
                await broker.start()
            await home.settled()
            kept = await home.all_ids()
        connections = home.uplink.counts.connections
    return counted(
        "broker restarted with an empty disk",
        f"{restarts} times in mid-drain, {sum(ledger.received.values()) - len(ledger.ids):,} readings sent again",
        promised=promised,
        kept=kept,
        stored=ledger.ids,
        twice=ledger.twice,
        failures=[] if connections > restarts else [f"only {connections} connections: the drain was over before"],
    )


async def nobody_subscribed(folder: Path, *, readings: int, simulated: timedelta) -> Outcome:
    """The broker answers every publish with 0x10: there is nobody. That is no acceptance, whatever its QoS."""
    ledger = Ledger()
    async with (
        running_broker(folder / "broker") as broker,
        running_home(folder, broker.port, timing=A_THOUSAND_TIMES_AS_FAST) as home,
    ):
        clock, per_sensor = Simulated(), readings // len(SENSORS)
        began = asyncio.get_running_loop().time()
        for number in range(per_sensor):
            await feed(home, number, number + 1, clock, simulated / per_sensor)
            due = began + (clock.now - _BEGAN).total_seconds() / _AS_FAST
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        promised = await home.all_ids()
        still_pending = len(await home.outbox.pending())
        refusals = home.uplink.counts.no_subscriber
        async with ReceiptBackend(broker.port, answer=ledger):
            await home.settled()
            kept = await home.all_ids()
    failures = [] if still_pending == len(promised) else [f"{len(promised) - still_pending} left the outbox"]
    return counted(
        f"PUBACK 0x10, nobody subscribed, for {simulated.total_seconds() / 3600:g} h (simulated)",
        f"{refusals:,} batches refused",
        promised=promised,
        kept=kept,
        stored=ledger.ids,
        twice=ledger.twice,
        failures=failures if refusals else [*failures, "no publish was refused"],
    )
