"""Glucose records and their circumstances on their way into the outbox, whatever comes between them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway import frame_reader
from hearthline_gateway.clock import Clock
from hearthline_gateway.frame import Frame
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.gatt.glucose_context import GlucoseMeasurementContext, Meal
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import Quirks
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_gateway.time_keeper import TimeKeeper
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.readings import Reading
from tests.fixtures.kernel import FakeKernel

SENSOR = "A4:C1:38:01:02:03"
MEASURED = DeviceTime(2026, 11, 22, 7, 58, 0)


def record(number: int, *, announces: bool = True) -> bytes:
    return GlucoseMeasurement(
        sequence_number=number,
        base_time=MEASURED,
        glucose_concentration=Number(96 + number, -5),  # mg/dL as kg/L
        sample_type=SampleType(1),
        sample_location=SampleLocation(1),
        context_information_follows=announces,
    ).encode()


def circumstances(number: int, meal: Meal = Meal.FASTING) -> bytes:
    return GlucoseMeasurementContext(sequence_number=number, meal=meal).encode()


class Home:
    def __init__(self, outbox: Outbox, clock: Clock, quiet_s: float, context_s: float) -> None:
        self.outbox = outbox
        self.clock = clock
        reader = FrameReader(ZoneInfo("Europe/Madrid"))
        self.told: list[Pending] = []
        self.pipeline = Pipeline(outbox, reader, clock, added=self._added, quiet_s=quiet_s, context_s=context_s)
        self.keeper = TimeKeeper(outbox, reader, clock, added=self._added, reached=lambda: False, patience_s=900)

    def _added(self, rows: Sequence[Pending]) -> None:
        self.told += rows

    async def record(self, number: int, **options: bool) -> None:
        await self._heard("2A18", record(number, **options))

    async def circumstances(self, number: int, meal: Meal = Meal.FASTING) -> None:
        await self._heard("2A34", circumstances(number, meal))

    async def _heard(self, characteristic: str, payload: bytes) -> None:
        await self.pipeline.heard(Frame(SENSOR, characteristic, payload, self.clock.now()))

    async def ends(self) -> None:
        await self.pipeline.connection_ended(SENSOR)

    async def meals(self) -> dict[int | None, str | None]:
        """Of each reading in the outbox, by sequence number."""
        rows = await self.outbox.load([row.seq for row in await self.outbox.pending()])
        readings = [Reading.model_validate_json(row.reading) for row in rows]
        return {one.sequence: str(one.context["meal"]) if "meal" in one.context else None for one in readings}

    async def last(self) -> int | None:
        return await self.outbox.last_sequence(SENSOR, "2A18")


@asynccontextmanager
async def home_in(
    folder: Path, kernel: FakeKernel | None = None, *, quiet_s: float = 60, context_s: float = 60, end: bool = True
) -> AsyncIterator[Home]:
    clock = Clock(kernel or FakeKernel(_evening(), synced=True))
    async with Outbox(folder / "outbox.sqlite3", now=clock.now) as outbox:
        home = Home(outbox, clock, quiet_s, context_s)
        await home.keeper.start()
        await home.pipeline.recover()
        yield home
        if end:
            await home.pipeline.close()


def _evening() -> datetime:
    return MEASURED.at_offset(timedelta(hours=-11))


async def test_a_record_waits_for_its_circumstances_and_is_durable_meanwhile(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.record(7)
        assert (await home.meals(), len(await home.outbox.raw_frames()), await home.last()) == ({}, 1, None)
        await home.circumstances(7)
        assert (await home.meals(), await home.last()) == ({7: "fasting"}, 7)
        (row,) = await home.outbox.load([1])
        assert row.schema == 2


async def test_a_record_that_announces_nothing_waits_for_nothing(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.record(7, announces=False)
        assert (await home.meals(), await home.last()) == ({7: None}, 7)


@pytest.mark.parametrize("behind_all", [False, True])
async def test_circumstances_may_come_behind_each_record_or_behind_all(tmp_path: Path, behind_all: bool) -> None:
    async with home_in(tmp_path) as home:
        numbers = range(1, 30)
        if behind_all:
            for number in numbers:
                await home.record(number)
            for number in reversed(numbers):
                await home.circumstances(number)
        else:
            for number in numbers:
                await home.record(number)
                await home.circumstances(number)
        assert await home.meals() == dict.fromkeys(numbers, "fasting")
        assert await home.last() == 29
        assert len(home.told) == 29


async def test_a_connection_lost_in_between_brings_the_reading_and_asks_for_its_record_again(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.record(6)
        await home.circumstances(6)
        await home.record(7)
        await home.ends()
        assert (await home.meals(), await home.last()) == ({6: "fasting", 7: None}, 6)
        await home.record(7)  # told again, because it was asked for
        assert await home.last() == 6
        await home.circumstances(7, Meal.BEDTIME)
        assert (await home.meals(), await home.last()) == ({6: "fasting", 7: "bedtime"}, 7)
        await home.record(7)
        await home.circumstances(7, Meal.BEDTIME)
        assert await home.outbox.fact("contexts_not_joined") is None, "a replay is no loss"


async def test_circumstances_that_come_after_the_reading_was_sent_are_kept_and_counted(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.record(7)
        await home.ends()
        await home.outbox.sent("b", [1])
        await home.circumstances(7)
        assert await home.meals() == {7: None}
        assert await home.outbox.fact("contexts_not_joined") == "1"
        await home.outbox.prune()
        await home.circumstances(7)
        assert await home.outbox.fact("contexts_not_joined") == "1", "its bytes stay beside the measurement's"


async def test_circumstances_of_nothing_we_know_are_counted(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.circumstances(99)
        assert (await home.meals(), await home.outbox.fact("contexts_not_joined")) == ({}, "1")


async def test_broken_circumstances_take_nothing_from_the_record(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.record(7)
        await home._heard("2A34", b"\x02")
        await home.circumstances(7)
        assert await home.meals() == {7: "fasting"}
        assert len((await home.outbox.report([SENSOR])).bad_frames[SENSOR]) == 1


async def test_a_low_glucose_does_not_wait_long(tmp_path: Path) -> None:
    async with home_in(tmp_path, quiet_s=0.01, context_s=0.01) as home:
        await home.record(7)
        quiet = home.pipeline._quiet[SENSOR]
        await quiet
        assert await home.meals() == {7: None}


@pytest.mark.parametrize("told", [False, True])
async def test_after_a_crash_in_between_both_are_joined(tmp_path: Path, told: bool) -> None:
    async with home_in(tmp_path, end=False) as home:
        frame = Frame(SENSOR, "2A18", record(7), home.clock.now())
        frame_id = await home.outbox.keep_raw(frame)
        if told:
            await home.outbox.keep_raw(Frame(SENSOR, "2A34", circumstances(7), home.clock.now()), context_of=frame_id)
    async with home_in(tmp_path) as home:
        assert await home.meals() == {7: "fasting" if told else None}
        assert await home.last() == (7 if told else None)
        assert await home.outbox.raw_frames() == ()


async def test_without_the_time_they_wait_together(tmp_path: Path) -> None:
    kernel = FakeKernel(_evening())
    async with home_in(tmp_path, kernel) as home:
        await home.record(7)
        await home.circumstances(7)
        await home.record(8)
        await home.ends()
        await home.circumstances(8)
        assert (await home.meals(), await home.last()) == ({}, 8)
        kernel.passes(hours=1)
        kernel.learns_the_time()
        await home.keeper.look()
        assert await home.meals() == {7: "fasting", 8: "fasting"}


async def test_where_circumstances_tell_glucose_from_ketones_a_record_without_them_is_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "quirks", lambda _: Quirks(ketone_meal=6))
    async with home_in(tmp_path) as home:
        await home.record(7)
        await home.ends()
        assert (await home.meals(), await home.last()) == ({}, None)
        (bad,) = (await home.outbox.report([SENSOR])).bad_frames[SENSOR]
        assert "asked for again" in bad.reason
        await home.record(7)
        await home.circumstances(7)
        assert (await home.meals(), await home.last()) == ({7: "fasting"}, 7)


async def test_a_record_that_lost_its_circumstances_is_asked_for_again_though_later_ones_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "quirks", lambda _: Quirks(ketone_meal=6))
    async with home_in(tmp_path) as home:
        await home.record(6, announces=False)
        await home.record(7)
        await home.record(8, announces=False)
        assert await home.last() == 8
        await home.ends()  # in the middle: the circumstances of 7 were still to come
        assert (await home.meals(), await home.last()) == ({6: None, 8: None}, 6)
        await home.record(7)
        await home.record(8, announces=False)
        await home.circumstances(7)
        await home.ends()
        assert (await home.meals(), await home.last()) == ({6: None, 7: "fasting", 8: None}, 8)


@pytest.mark.parametrize("first", [0, 1])
async def test_the_very_first_record_can_be_asked_for_again_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(frame_reader, "quirks", lambda _: Quirks(ketone_meal=6))
    async with home_in(tmp_path) as home:
        await home.record(first)
        await home.record(first + 1, announces=False)
        await home.ends()
        assert await home.last() == (first - 1 if first else None)


async def test_a_crash_in_between_has_the_record_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_reader, "quirks", lambda _: Quirks(ketone_meal=6))
    async with home_in(tmp_path, end=False) as home:
        await home.record(7)
        await home.record(8, announces=False)
    async with home_in(tmp_path) as home:
        assert (await home.meals(), await home.last()) == ({8: None}, 6)


async def test_circumstances_that_come_too_late_complete_their_record_all_the_same(tmp_path: Path) -> None:
    async with home_in(tmp_path) as home:
        await home.record(7)
        await home.ends()
        await home.outbox.sent("b", [1])
        assert await home.last() is None
        await home.record(7)
        await home.circumstances(7)
        assert await home.last() == 7, "else the meter tells this record at every connection from now on"
