"""A gateway without time: what it hears is durable at once, dated when it can be, and nobody in danger waits for it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.clock import BOOT, NEVER_BEFORE, Clock
from hearthline_gateway.frame import Frame, MeterClock
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.outbox.retention import Retention
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_gateway.time_keeper import SETTLE_S, TimeKeeper
from hearthline_protocol.readings import Reading, TimeQuality
from tests.fixtures.cuff_frames import SENSOR, cuff_payload
from tests.fixtures.kernel import FakeKernel

OTHER = "A4:C1:38:0A:0B:0C"
PATIENCE_S = 900.0


class Gateway:
    """One process of a gateway: outbox, pipeline and time keeper."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self.outbox = outbox
        self.clock = clock
        self.reached = False
        self.told: list[Pending] = []
        reader = FrameReader(ZoneInfo("Europe/Madrid"))
        self.pipeline = Pipeline(outbox, reader, clock, added=self._added, quiet_s=60, context_s=60)
        self.keeper = TimeKeeper(
            outbox, reader, clock, added=self._added, reached=lambda: self.reached, patience_s=PATIENCE_S
        )

    def _added(self, rows: Sequence[Pending]) -> None:
        self.told += rows

    async def hears(
        self,
        payload: bytes,
        *,
        characteristic: str = "2A35",
        sensor: str = SENSOR,
        first: bool = True,
        clock_wrong_by: timedelta | None = None,
        true: datetime | None = None,
    ) -> None:
        """One value. ``clock_wrong_by`` is given where the meter's clock was read, at the moment ``true``."""
        now = self.clock.now()
        clock = None
        if clock_wrong_by is not None and true is not None:
            clock = MeterClock((true + clock_wrong_by) - now, now)
        await self.pipeline.heard(
            Frame(sensor, characteristic, payload, now, "generic-blood-pressure", clock=clock, first=first)
        )

    async def reaches_the_broker(self, kernel: FakeKernel) -> None:
        """And is connected for as long as a time server may take."""
        self.reached = True
        await self.keeper.look()
        kernel.passes(seconds=SETTLE_S)
        await self.keeper.look()

    async def readings(self) -> list[Reading]:
        rows = await self.outbox.load([row.seq for row in await self.outbox.pending()])
        return [Reading.model_validate_json(row.reading) for row in rows]

    async def waiting(self) -> int:
        return (await self.outbox.status()).waiting_for_time


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


@asynccontextmanager
async def running(folder: Path, kernel: FakeKernel, *, end: bool = True) -> AsyncIterator[Gateway]:
    """A process from its start to its end, or to a power cut."""
    clock = Clock(kernel)
    async with Outbox(folder / "outbox.sqlite3", now=clock.now, retention=Retention()) as outbox:
        gateway = Gateway(outbox, clock)
        await gateway.keeper.start()
        await gateway.pipeline.recover()
        yield gateway
        if end:
            await gateway.pipeline.close()
            await gateway.keeper.close()


async def test_a_gateway_that_boots_in_1970_and_learns_the_time_an_hour_later(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    async with running(tmp_path, kernel) as gateway:
        measured = kernel.true
        await gateway.hears(cuff_payload(186, 112, stamp=measured - timedelta(days=3 * 365)))
        assert len(await gateway.outbox.raw_frames()) == 1, "durable at once"
        await gateway.pipeline.connection_ended(SENSOR)
        assert (await gateway.waiting(), await gateway.readings(), gateway.told) == (1, [], [])
        kernel.passes(hours=1)
        await gateway.keeper.look()
        assert await gateway.readings() == []
        kernel.learns_the_time()
        await gateway.keeper.look()
        (reading,) = await gateway.readings()
        assert (reading.live, reading.effective_time, reading.received_time) == (True, measured, measured)
        assert reading.time_quality is TimeQuality.CORRECTED
        assert [row.live for row in gateway.told] == [True]
        assert await gateway.waiting() == 0
        report = await gateway.outbox.report([SENSOR])
        assert report.last_heard[SENSOR] == measured


@pytest.mark.parametrize("wrong_by", [timedelta(days=-3 * 365), timedelta(hours=2), timedelta(minutes=14)])
async def test_a_measured_offset_is_worth_as_much_as_with_the_time_known(
    tmp_path: Path, kernel: FakeKernel, wrong_by: timedelta
) -> None:
    async with running(tmp_path, kernel) as gateway:
        taken = kernel.true - timedelta(days=2)
        await gateway.hears(cuff_payload(stamp=taken + wrong_by), clock_wrong_by=wrong_by, true=kernel.true)
        await gateway.hears(cuff_payload(stamp=kernel.true + wrong_by), clock_wrong_by=wrong_by, true=kernel.true)
        now = kernel.true
        await gateway.pipeline.connection_ended(SENSOR)
        kernel.passes(hours=1)
        kernel.learns_the_time()
        await gateway.keeper.look()
        stored, fresh = await gateway.readings()
        assert (stored.effective_time, stored.live) == (taken, False)
        assert (fresh.effective_time, fresh.live) == (now, True)
        assert fresh.clock_offset_s == wrong_by.total_seconds()


async def test_one_that_reboots_before_it_learns_the_time_knows_only_bounds(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.learns_the_time()
    async with running(tmp_path, kernel) as gateway:
        kernel.passes(hours=5)
    last_known = kernel.true
    kernel.boots_again(off=timedelta(days=2))
    async with running(tmp_path, kernel, end=False) as gateway:
        for _ in range(2):  # twice the same from a meter without a clock: two measurements
            kernel.passes(minutes=10)
            await gateway.hears(cuff_payload())
            await gateway.pipeline.connection_ended(SENSOR)
        measured = kernel.true
    kernel.boots_again(off=timedelta(hours=3))
    async with running(tmp_path, kernel) as gateway:
        assert (await gateway.waiting(), await gateway.readings()) == (2, [])
        boot = kernel.true - timedelta(seconds=kernel.since_boot())
        kernel.learns_the_time()
        await gateway.keeper.look()
        first, second = await gateway.readings()
        assert first.id != second.id
        assert second.time_bounds is not None
        assert second.time_bounds.latest == second.effective_time == second.received_time == boot
        assert last_known < second.time_bounds.earliest <= measured <= boot
        assert second.effective_time - first.effective_time == timedelta(minutes=10)
        assert {one.time_quality for one in (first, second)} == {TimeQuality.UNKNOWN}
        assert not any(one.live for one in (first, second)), "for a person to review"


async def test_a_first_boot_ever_is_bounded_by_this_software(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        await gateway.hears(cuff_payload())
    kernel.boots_again()
    kernel.learns_the_time()
    async with running(tmp_path, kernel) as gateway:
        (reading,) = await gateway.readings()
        assert reading.time_bounds is not None
        assert reading.time_bounds.earliest == NEVER_BEFORE + timedelta(seconds=40)


async def test_a_live_red_does_not_wait_for_ever(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        await gateway.hears(cuff_payload(186, 112, stamp=kernel.true - timedelta(days=3 * 365)))
        await gateway.pipeline.connection_ended(SENSOR)
        for number in range(3):  # a replay of another meter, whose clock cannot be read
            await gateway.hears(
                cuff_payload(stamp=kernel.true - timedelta(days=number)), sensor=OTHER, first=number == 0
            )
        await gateway.pipeline.connection_ended(OTHER)
        kernel.passes(hours=5)
        await gateway.keeper.look()
        assert await gateway.readings() == [], "while no broker is reached nothing would be won"
        await gateway.reaches_the_broker(kernel)
        found = await gateway.readings()
        assert {one.time_quality for one in found} == {TimeQuality.UNKNOWN}
        assert [(one.sensor, one.live) for one in found] == [(SENSOR, True)] + [(OTHER, False)] * 3
        for one in found:
            assert one.time_bounds is not None
            assert (one.time_bounds.latest, one.time_bounds.earliest) == (None, one.effective_time)
        assert [row.live for row in gateway.told] == [True, False, False, False]
        kernel.learns_the_time()
        await gateway.keeper.look()
        assert len(await gateway.readings()) == 4, "what was sent stays as it is"


async def test_it_waits_its_time_first_and_then_what_comes_goes_at_once(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        gateway.reached = True
        await gateway.hears(cuff_payload())
        await gateway.pipeline.connection_ended(SENSOR)
        await gateway.keeper.look()
        for seconds in (60, 59, 481, 298):
            kernel.passes(seconds=seconds)
            await gateway.keeper.look()
            assert await gateway.readings() == []
        kernel.passes(seconds=3)
        await gateway.keeper.look()
        assert len(await gateway.readings()) == 1
        kernel.passes(minutes=5)
        await gateway.hears(cuff_payload(190, 110))
        await gateway.pipeline.connection_ended(SENSOR)
        await gateway.keeper.look()
        assert len(await gateway.readings()) == 2, "the time server had its chance"


async def test_what_is_older_than_a_call_is_not_live_any_more(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        await gateway.hears(cuff_payload())
        await gateway.pipeline.connection_ended(SENSOR)
        kernel.passes(hours=13)
        await gateway.reaches_the_broker(kernel)
        assert [one.live for one in await gateway.readings()] == [False]


async def test_a_restart_in_the_same_boot_loses_nothing(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel, end=False) as gateway:
        measured = kernel.true
        await gateway.hears(cuff_payload())
        kernel.passes(minutes=1)
    async with running(tmp_path, kernel) as gateway:
        assert await gateway.waiting() == 1
        kernel.learns_the_time()
        await gateway.keeper.look()
        (reading,) = await gateway.readings()
        assert (reading.effective_time, reading.live) == (measured, True)
    kernel.forgets_its_server()
    kernel.passes(days=2)
    async with running(tmp_path, kernel) as gateway:
        assert gateway.clock.now() == kernel.true, "what was learned in this boot is known still"


async def test_a_meter_that_replays_its_memory_at_every_connection_fills_nothing(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    async with running(tmp_path, kernel) as gateway:
        start = kernel.true
        for _ in range(3):
            for number in range(4):
                await gateway.hears(cuff_payload(stamp=start - timedelta(days=number)), first=number == 0)
            await gateway.pipeline.connection_ended(SENSOR)
            kernel.passes(hours=1)
        assert await gateway.waiting() == 4
        kernel.learns_the_time()
        await gateway.keeper.look()
        for number in range(4):
            await gateway.hears(cuff_payload(stamp=start - timedelta(days=number)), first=number == 0)
        await gateway.pipeline.connection_ended(SENSOR)
        found = await gateway.readings()
        assert len(found) == 4
        assert not any(one.live for one in found)


async def test_the_time_may_be_learned_in_the_middle_of_a_connection(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        shown = gateway.clock.now()
        meter = MeterClock(kernel.true + timedelta(hours=2) - shown, shown)
        kernel.passes(seconds=2)
        kernel.learns_the_time()
        payload = cuff_payload(stamp=kernel.true + timedelta(hours=2))
        await gateway.pipeline.heard(Frame(SENSOR, "2A35", payload, gateway.clock.now(), clock=meter, first=True))
        (reading,) = await gateway.readings()
        assert (reading.effective_time, reading.clock_offset_s, reading.live) == (kernel.true, 7200, True)


async def test_a_stream_waits_as_the_windows_it_became(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        for _ in range(6):
            kernel.passes(seconds=1)
            await gateway.hears(bytes([0, 95, 0, 72, 0]), characteristic="2A5F")
        ended = kernel.true
        await gateway.pipeline.connection_ended(SENSOR)
        assert await gateway.waiting() == 1
        kernel.passes(hours=1)
        kernel.learns_the_time()
        await gateway.keeper.look()
        (reading,) = await gateway.readings()
        assert (reading.kind, reading.received_time, reading.live) == ("oxygen_saturation", ended, True)
        assert reading.time_quality is TimeQuality.RECEIVED


async def test_a_clock_that_jumps_by_years_disturbs_nothing(tmp_path: Path, kernel: FakeKernel) -> None:
    kernel.learns_the_time()
    async with running(tmp_path, kernel) as gateway:
        await gateway.hears(cuff_payload())
        kernel.forgets_its_server()
        for years in (-30, 60):
            kernel.steps(timedelta(days=365 * years))
            kernel.passes(minutes=1)
            await gateway.keeper.look()
            await gateway.hears(cuff_payload())
            assert (await gateway.outbox.prune()).too_old == 0
        measured = [one.effective_time for one in await gateway.readings()]
        assert [later - measured[0] for later in measured] == [timedelta(minutes=n) for n in range(3)]


async def test_rows_of_a_gateway_without_time_are_not_taken_for_decades_old(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        await gateway.hears(cuff_payload())
        await gateway.hears(b"\x00", sensor=OTHER)
        await gateway.pipeline.connection_ended(SENSOR)
        kernel.passes(hours=1)
        await gateway.reaches_the_broker(kernel)
        assert len(await gateway.readings()) == 1
        assert (await gateway.outbox.status()).oldest_pending is None
        assert (await gateway.outbox.prune()).too_old == 0
        kernel.learns_the_time()
        assert (await gateway.outbox.prune()).too_old == 0, "even before anybody has looked at the clock"
        status = await gateway.outbox.status()
        assert (status.pending, status.oldest_pending) == (1, kernel.true)
        assert len((await gateway.outbox.report([OTHER])).bad_frames[OTHER]) == 1


async def test_a_frame_that_no_version_reads_any_more_does_not_hold_up_the_others(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    async with running(tmp_path, kernel) as gateway:
        since = gateway.clock.since_boot(gateway.clock.now())
        bad = Frame(OTHER, "2A35", b"\x00", BOOT + timedelta(seconds=40), since_boot=since)
        await gateway.outbox.let_wait(await gateway.outbox.keep_raw(bad), bad, await _somebody_elses())
        await gateway.hears(cuff_payload())
        await gateway.pipeline.connection_ended(SENSOR)
        kernel.learns_the_time()
        await gateway.keeper.look()
        assert len(await gateway.readings()) == 1
        assert await gateway.waiting() == 0
        assert len((await gateway.outbox.report([OTHER])).bad_frames[OTHER]) == 1


async def _somebody_elses() -> tuple[Reading, ...]:
    frame = Frame(OTHER, "2A35", cuff_payload(), BOOT + timedelta(seconds=1))
    return FrameReader(ZoneInfo("UTC")).readings(replace(frame, alone=True))


async def test_the_json_of_an_unknown_time_is_what_the_contract_says(tmp_path: Path, kernel: FakeKernel) -> None:
    async with running(tmp_path, kernel) as gateway:
        await gateway.hears(cuff_payload())
        await gateway.pipeline.connection_ended(SENSOR)
        kernel.passes(hours=1)
        await gateway.reaches_the_broker(kernel)
        (row,) = await gateway.outbox.load([1])
        assert row.schema == 2
        said = json.loads(row.reading)
        assert said["time_quality"] == "unknown"
        assert "latest" not in said["time_bounds"]  # the same as null
