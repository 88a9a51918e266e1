"""From a heard frame to readings: durable at once, read when it is known what it means."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway import frame_reader, streams
from hearthline_gateway.clock import Clock
from hearthline_gateway.frame import Frame
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.weight_scale import WeightMeasurement
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.readings import Reading, TimeQuality
from tests.fixtures.cuff_frames import HEARD, SENSOR, cuff_frame

ZONE = ZoneInfo("UTC")
WRONG = HEARD - timedelta(days=900)
"""What a cuff says whose clock was never set right."""


class Home:
    """An outbox with a pipeline before it, and what the pipeline told the uplink."""

    def __init__(self, outbox: Outbox, quiet_s: float) -> None:
        self.outbox = outbox
        self.told: list[Pending] = []
        self.something = asyncio.Event()
        reader = FrameReader(ZONE)
        self.pipeline = Pipeline(
            outbox, reader, Clock(trust=True), added=self._added, quiet_s=quiet_s, context_s=quiet_s
        )

    def _added(self, rows: Sequence[Pending]) -> None:
        self.told += rows
        self.something.set()

    async def readings(self) -> list[Reading]:
        """What is in the outbox, in order of arrival."""
        rows = await self.outbox.load([row.seq for row in await self.outbox.pending()])
        return [Reading.model_validate_json(row.reading) for row in rows]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        home = Home(outbox, quiet_s=60)
        yield home
        await home.pipeline.close()


def single_with_wrong_clock(**changes: object) -> Frame:
    frame = cuff_frame(stamp=WRONG, clock_ahead=None, first=True)
    return replace(frame, **changes)  # type: ignore[arg-type] # any field of a frame


def oximeter(second: int, spo2: int, payload: bytes | None = None) -> Frame:
    body = bytes([0x00, spo2, 0x00, 0x48, 0x00])
    return Frame(SENSOR, "2A5F", payload or body, HEARD + timedelta(seconds=second), model=None)


async def test_a_frame_with_a_measured_clock_is_read_at_once(home: Home) -> None:
    await home.pipeline.heard(cuff_frame(first=True))
    (reading,) = await home.readings()
    assert reading.time_quality is TimeQuality.SYNCED
    assert [row.seq for row in home.told] == [1]


async def test_a_first_record_with_a_right_stamp_is_read_at_once(home: Home) -> None:
    await home.pipeline.heard(cuff_frame(first=True, clock_ahead=None))
    assert len(await home.readings()) == 1


async def test_a_single_record_with_a_wrong_stamp_is_durable_first_and_live_once_the_connection_ends(
    home: Home,
) -> None:
    await home.pipeline.heard(single_with_wrong_clock())
    assert await home.readings() == []
    assert len(await home.outbox.raw_frames()) == 1
    await home.pipeline.connection_ended(SENSOR)
    (reading,) = await home.readings()
    assert (reading.live, reading.effective_time, reading.time_quality) == (True, HEARD, TimeQuality.CORRECTED)
    assert await home.outbox.raw_frames() == ()


async def test_two_seconds_of_quiet_decide_too(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        home = Home(outbox, quiet_s=0.05)
        await home.pipeline.heard(single_with_wrong_clock())
        async with asyncio.timeout(10):
            await home.something.wait()
        assert [reading.live for reading in await home.readings()] == [True]


async def test_a_second_record_makes_the_first_one_old(home: Home) -> None:
    await home.pipeline.heard(single_with_wrong_clock())
    await home.pipeline.heard(cuff_frame(1, stamp=WRONG, clock_ahead=None))
    first, second = await home.readings()
    assert (first.live, second.live) == (False, False)
    assert first.effective_time == WRONG
    assert len(home.told) == 2


async def test_meters_decide_each_for_itself(home: Home) -> None:
    other = "A4:C1:38:0A:0B:0C"
    await home.pipeline.heard(single_with_wrong_clock())
    await home.pipeline.heard(single_with_wrong_clock(sensor=other))
    await home.pipeline.connection_ended(other)
    (reading,) = await home.readings()
    assert (reading.sensor, reading.live) == (other, True)


async def test_a_replay_of_a_known_record_adds_nothing_and_is_not_live(home: Home) -> None:
    await home.pipeline.heard(single_with_wrong_clock())
    await home.pipeline.connection_ended(SENSOR)
    await home.pipeline.heard(single_with_wrong_clock(received_time=HEARD + timedelta(days=1)))
    assert await home.outbox.raw_frames() == ()
    await home.pipeline.connection_ended(SENSOR)
    assert len(await home.readings()) == len(home.told) == 1


@pytest.mark.parametrize("others", [False, True])
async def test_after_a_crash_raw_frames_are_read_at_the_start(home: Home, others: bool) -> None:
    await home.outbox.keep_raw(single_with_wrong_clock())
    if others:
        await home.outbox.keep_raw(cuff_frame(1, stamp=WRONG, clock_ahead=None))
    await home.pipeline.recover()
    readings = await home.readings()
    assert [reading.live for reading in readings] == ([False, False] if others else [True])
    assert await home.outbox.raw_frames() == ()


async def test_the_end_of_the_process_reads_what_is_held(home: Home) -> None:
    await home.pipeline.heard(single_with_wrong_clock())
    await home.pipeline.close()
    assert len(await home.readings()) == 1


async def test_a_bad_frame_is_kept_with_its_reason(home: Home) -> None:
    await home.pipeline.heard(Frame(SENSOR, "2A35", b"\x00", HEARD))
    (bad,) = (await home.outbox.report([SENSOR])).bad_frames[SENSOR]
    assert (bad.characteristic, bad.length, bad.count) == ("2A35", 1, 1)
    assert "systolic" in bad.reason
    assert await home.readings() == []


async def test_a_fault_of_ours_loses_no_frame_and_a_mended_version_reads_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: object, **__: object) -> tuple[Reading, ...]:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(frame_reader, "normalize", trip)
        await home.pipeline.heard(cuff_frame())
        await home.pipeline.recover()
    assert await home.readings() == []
    await home.pipeline.recover()
    assert len(await home.readings()) == 1


async def test_a_battery_level_is_no_reading(home: Home) -> None:
    await home.pipeline.heard(Frame(SENSOR, "2A19", b"\x40", HEARD))
    assert await home.readings() == []
    assert (await home.outbox.report([SENSOR])).bad_frames == {}


async def test_a_stream_becomes_one_reading_with_its_last_frame(home: Home) -> None:
    for second in range(6):
        await home.pipeline.heard(oximeter(second, 90 + second))
    assert await home.readings() == []
    await home.pipeline.connection_ended(SENSOR)
    (reading,) = await home.readings()
    assert reading.values["spo2"].value == 92
    assert reading.received_time == HEARD + timedelta(seconds=5)


async def test_a_window_closed_by_a_pause_belongs_to_the_frame_before_it(home: Home) -> None:
    for second in (0, 1, 2, 60):
        await home.pipeline.heard(oximeter(second, 95))
    (reading,) = await home.readings()
    assert reading.received_time == HEARD + timedelta(seconds=2)


async def test_a_broken_frame_in_a_stream_is_counted_and_the_stream_goes_on(home: Home) -> None:
    for second in range(3):
        await home.pipeline.heard(oximeter(second, 95))
    await home.pipeline.heard(oximeter(3, 95, payload=b"\x00"))
    await home.pipeline.connection_ended(SENSOR)
    assert len(await home.readings()) == 1
    assert len((await home.outbox.report([SENSOR])).bad_frames[SENSOR]) == 1


async def test_records_heard_together_are_taken_in_their_order(home: Home) -> None:
    frames = [
        single_with_wrong_clock(),
        *(cuff_frame(number, stamp=WRONG, clock_ahead=None) for number in range(1, 30)),
    ]
    await asyncio.gather(*(home.pipeline.heard(frame) for frame in frames))
    readings = await home.readings()
    assert [reading.effective_time for reading in readings] == [
        datetime.fromtimestamp(WRONG.timestamp() - 60 * number, UTC) for number in range(30)
    ]
    assert not any(reading.live for reading in readings)


async def test_a_stream_that_falls_silent_is_read_without_waiting_for_its_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PAUSE", timedelta(milliseconds=50))
    for second in range(4):
        await home.pipeline.heard(oximeter(second, 95))
    async with asyncio.timeout(10):
        await home.something.wait()
    assert len(await home.readings()) == 1


async def test_a_window_that_cannot_be_written_is_offered_again_and_no_frame_heard_twice(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> tuple[Pending, ...]:
        raise OutboxError("the disk is full")

    for second in range(10):
        await home.pipeline.heard(oximeter(second, 95))
    with monkeypatch.context() as broken:
        broken.setattr(home.outbox, "keep", full)
        for _ in range(3):
            with pytest.raises(OutboxError):
                await home.pipeline.heard(oximeter(10, 95))
    await home.pipeline.heard(oximeter(10, 95))
    (reading,) = await home.readings()
    assert reading.window is not None
    assert reading.window.seconds == 10


async def test_a_held_frame_that_cannot_be_written_is_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> tuple[Pending, ...]:
        raise OutboxError("the disk is full")

    await home.pipeline.heard(single_with_wrong_clock())
    with monkeypatch.context() as broken:
        broken.setattr(home.outbox, "settle", full)
        with pytest.raises(OutboxError):
            await home.pipeline.connection_ended(SENSOR)
    await home.pipeline.connection_ended(SENSOR)
    assert [reading.live for reading in await home.readings()] == [True]


async def test_both_halves_of_a_weighing_have_one_place_in_their_connection(home: Home) -> None:
    """The analysis behind the weight does not make the weight the first of a replay."""
    weight = WeightMeasurement(weight=Number(16240, 0), time_stamp=DeviceTime.of(WRONG), user_id=1).encode()
    analysis = BodyCompositionMeasurement(body_fat_percentage=Number(194, -1)).encode()
    await home.pipeline.heard(Frame(SENSOR, "2A9D", weight, HEARD, first=True))
    await home.pipeline.heard(Frame(SENSOR, "2A9C", analysis, HEARD + timedelta(seconds=2)))
    await home.pipeline.connection_ended(SENSOR)
    readings = await home.readings()
    assert [(one.kind, one.live) for one in readings] == [("body_weight", True), ("body_composition", True)]


async def test_the_second_half_of_a_weighing_that_cannot_be_written_is_completed_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> tuple[Pending, ...]:
        raise OutboxError("the disk is full")

    weight = WeightMeasurement(weight=Number(16240, 0), time_stamp=DeviceTime.of(HEARD), user_id=1).encode()
    analysis = BodyCompositionMeasurement(body_fat_percentage=Number(194, -1)).encode()
    second_half = Frame(SENSOR, "2A9C", analysis, HEARD + timedelta(seconds=2))
    await home.pipeline.heard(Frame(SENSOR, "2A9D", weight, HEARD, first=True))
    with monkeypatch.context() as broken:
        broken.setattr(home.outbox, "keep", full)
        with pytest.raises(OutboxError):
            await home.pipeline.heard(second_half)
    await home.pipeline.heard(second_half)
    await home.pipeline.connection_ended(SENSOR)
    assert [(one.kind, one.user_slot, str(one.device_time)) for one in await home.readings()] == [
        (kind, 1, str(DeviceTime.of(HEARD))) for kind in ("body_weight", "body_composition")
    ]


async def test_a_fault_of_ours_with_a_held_frame_holds_up_nothing_behind_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: object, **__: object) -> tuple[Reading, ...]:
        raise ZeroDivisionError

    await home.pipeline.heard(single_with_wrong_clock())
    with monkeypatch.context() as broken:
        broken.setattr(frame_reader, "normalize", trip)
        await home.pipeline.connection_ended(SENSOR)
    await home.pipeline.heard(cuff_frame(1))
    assert len(await home.readings()) == 1
    await home.pipeline.recover()
    assert len(await home.readings()) == 2, "it was kept raw, for a mended version"


async def test_the_end_tries_every_meter_although_one_cannot_be_written(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = home.outbox.settle
    refused: list[str] = []

    async def once(frame_id: int, frame: Frame, *rest: object, **options: object) -> tuple[Pending, ...]:
        if not refused:
            refused.append(frame.sensor)
            raise OutboxError("the disk is full")
        return await settle(frame_id, frame, *rest, **options)  # type: ignore[arg-type] # handed through

    for sensor in (SENSOR, "A4:C1:38:0A:0B:0C"):
        await home.pipeline.heard(single_with_wrong_clock(sensor=sensor))
    monkeypatch.setattr(home.outbox, "settle", once)
    with pytest.raises(OutboxError):
        await home.pipeline.close()
    (reading,) = await home.readings()
    assert {reading.sensor, *refused} == {SENSOR, "A4:C1:38:0A:0B:0C"}
