"""Meters whose clocks are wrong in every way they are in homes: when what they tell was measured, and what is live."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.frame import Frame, MeterClock
from hearthline_gateway.normalize import normalize
from hearthline_protocol.readings import Flag, Reading, TimeQuality
from tests.fixtures.cuff_frames import SENSOR, cuff_payload

MADRID = ZoneInfo("Europe/Madrid")
HEARD = datetime(2026, 11, 22, 7, 4, tzinfo=UTC)
LIVE_RED = (186, 112)


def heard(
    payload: bytes, *, received: datetime = HEARD, wrong_by: timedelta | None = None, first: bool = True
) -> Frame:
    """``wrong_by`` is how far the meter is off the home's wall time, where its clock was read."""
    clock = None
    if wrong_by is not None:
        clock = MeterClock((received.astimezone(MADRID).utcoffset() or timedelta()) + wrong_by, received)
    return Frame(SENSOR, "2A35", payload, received, clock=clock, first=first, alone=first)


def read(frame: Frame) -> Reading:
    (reading,) = normalize(frame, zone=MADRID)
    return reading


def shows(moment: datetime, wrong_by: timedelta = timedelta()) -> datetime:
    """The face of a home's clock that is wrong by so much."""
    return moment.astimezone(MADRID).replace(tzinfo=UTC) + wrong_by


@pytest.mark.parametrize("read_clock", [True, False])
@pytest.mark.parametrize("years", [3, -3])
def test_a_live_red_of_a_meter_three_years_wrong_is_of_now(years: int, read_clock: bool) -> None:
    wrong_by = timedelta(days=365 * years)
    payload = cuff_payload(*LIVE_RED, stamp=shows(HEARD - timedelta(seconds=20), wrong_by))
    reading = read(heard(payload, wrong_by=wrong_by if read_clock else None))
    assert reading.live
    assert HEARD - reading.effective_time <= timedelta(seconds=20)
    assert reading.time_quality is TimeQuality.CORRECTED


@pytest.mark.parametrize("years", [3, -3])
def test_the_memory_of_a_meter_three_years_wrong_is_not_of_now(years: int) -> None:
    wrong_by = timedelta(days=365 * years)
    measured = HEARD - timedelta(days=4)
    reading = read(heard(cuff_payload(*LIVE_RED, stamp=shows(measured, wrong_by)), wrong_by=wrong_by))
    assert (reading.live, reading.effective_time) == (False, measured)


def week_of_drift() -> Iterator[tuple[datetime, datetime]]:
    """Two minutes a day since it was set a week ago: true moments, and what the stamp shows."""
    for day in range(8):
        true = HEARD - timedelta(days=7 - day)
        yield true, shows(true, timedelta(minutes=2 * day))


def test_a_drifting_meter_s_week_is_right_to_what_it_drifted_since_each_record() -> None:
    """One offset is measured, now: a record is wrong by what the clock drifted after it, 2 min a day and no more, keeps
    its day and its place among the others, and what was measured just now is exact."""
    wrong_by = timedelta(minutes=14)
    found = [read(heard(cuff_payload(stamp=face), wrong_by=wrong_by)) for _, face in week_of_drift()]
    for reading, (true, _) in zip(found, week_of_drift(), strict=True):
        assert timedelta() <= true - reading.effective_time <= timedelta(minutes=2) * ((HEARD - true).days)
        assert reading.time_quality is TimeQuality.CORRECTED
    moments = [reading.effective_time for reading in found]
    assert moments == sorted(moments)
    assert (moments[-1], found[-1].live) == (HEARD, True)
    assert not any(reading.live for reading in found[:-1])


def test_a_drifting_meter_that_is_set_at_each_visit_is_right_to_the_drift_of_a_day() -> None:
    before = timedelta(minutes=2)
    clock = MeterClock(timedelta(hours=1) + before, HEARD, set_ahead_of_utc=timedelta(hours=1), set_at=HEARD)
    measured = HEARD - timedelta(hours=12)
    stored = replace(heard(cuff_payload(stamp=shows(measured, before / 2))), clock=clock)
    assert abs(read(stored).effective_time - measured) <= timedelta(minutes=1)
    after = HEARD + timedelta(minutes=1)
    fresh = replace(heard(cuff_payload(stamp=shows(after)), received=after), clock=clock)
    assert read(fresh).effective_time == after


def test_a_meter_two_hours_fast() -> None:
    wrong_by = timedelta(hours=2)
    fresh = read(heard(cuff_payload(*LIVE_RED, stamp=shows(HEARD, wrong_by)), wrong_by=wrong_by))
    assert (fresh.effective_time, fresh.live, fresh.time_quality) == (HEARD, True, TimeQuality.CORRECTED)
    measured = HEARD - timedelta(hours=9)
    stored = read(heard(cuff_payload(stamp=shows(measured, wrong_by)), wrong_by=wrong_by, first=False))
    assert (stored.effective_time, stored.live) == (measured, False)
    unread = read(heard(cuff_payload(*LIVE_RED, stamp=shows(HEARD, wrong_by))))
    assert (unread.effective_time, unread.live) == (HEARD, True)


@pytest.mark.parametrize(
    ("received", "measured"),
    [
        (datetime(2026, 3, 29, 1, 2, tzinfo=UTC), datetime(2026, 3, 29, 0, 58, tzinfo=UTC)),  # 01:58 CET, then 03:02
        (datetime(2026, 10, 25, 1, 2, tzinfo=UTC), datetime(2026, 10, 25, 0, 58, tzinfo=UTC)),  # 02:58, then 02:02
    ],
)
@pytest.mark.parametrize("put_over", [True, False])
@pytest.mark.parametrize("read_clock", [True, False])
def test_across_a_change_of_the_clocks(
    received: datetime, measured: datetime, read_clock: bool, put_over: bool
) -> None:
    """``put_over``: the meter changes by itself. If not, it shows the time of before."""
    before = measured.astimezone(MADRID).utcoffset() or timedelta()
    now = received.astimezone(MADRID).utcoffset() or timedelta()
    shown = before if not put_over else now
    frame = heard(cuff_payload(*LIVE_RED, stamp=measured + shown), received=received)
    if read_clock:
        frame = replace(frame, clock=MeterClock(shown, received))
    reading = read(frame)
    assert reading.live
    assert timedelta() <= received - reading.effective_time <= timedelta(minutes=4)


def test_a_week_of_records_across_the_change_of_a_meter_that_nobody_puts_over() -> None:
    """In October it goes on by summer time: its offset is two hours for every record, those of before included."""
    received = datetime(2026, 10, 28, 7, 0, tzinfo=UTC)
    clock = MeterClock(timedelta(hours=2), received)
    for days in range(7):
        measured = received - timedelta(days=days)
        frame = replace(heard(cuff_payload(stamp=measured + timedelta(hours=2)), received=received), clock=clock)
        assert read(frame).effective_time == measured


def test_year_0_is_no_time_at_all() -> None:
    payload = cuff_payload(*LIVE_RED)
    frame = heard(b"\x02" + payload[1:] + bytes(7))
    reading = read(frame)
    assert (reading.effective_time, reading.live, reading.time_quality) == (HEARD, True, TimeQuality.RECEIVED)
    assert Flag.CLOCK_NOT_SET.value in reading.flags


def test_a_meter_without_a_clock() -> None:
    reading = read(heard(cuff_payload(*LIVE_RED)))
    assert (reading.effective_time, reading.live, reading.time_quality) == (HEARD, True, TimeQuality.RECEIVED)
    assert (reading.device_time, reading.clock_offset_s) == (None, None)
