"""When it happened: stamps against clocks, zones and receipts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.effective_time import EffectiveTime, measured_just_now, reconcile
from hearthline_gateway.frame import MeterClock
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.readings import TimeQuality

_MADRID = ZoneInfo("Europe/Madrid")
_RECEIVED = datetime(2026, 11, 22, 7, 4, tzinfo=UTC)  # 08:04 in Madrid


def _at(
    text: str | None,
    *,
    ahead: timedelta | None = None,
    just_measured: bool = False,
    received: datetime = _RECEIVED,
    zone: ZoneInfo = _MADRID,
) -> EffectiveTime:
    stamp = None if text is None else DeviceTime.parse(text)
    clock = None if ahead is None else MeterClock(ahead, received)
    return reconcile(stamp, received=received, zone=zone, clock=clock, just_measured=just_measured)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "0000-00-00T00:00:00", "2026-02-30T00:00:00", "2026-11-22T24:00:00"])
def test_without_a_stamp_that_names_a_moment_it_is_the_receipt(text: str | None) -> None:
    assert _at(text) == EffectiveTime(_RECEIVED, TimeQuality.RECEIVED, None, live=True)


def test_an_unmeasured_clock_is_taken_as_the_home_s_wall_time() -> None:
    assert _at("2026-11-21T08:04:00") == EffectiveTime(
        _utc("2026-11-21T07:04:00"), TimeQuality.ASSUMED, 3600, live=False
    )


def test_an_unmeasured_stamp_of_this_moment_is_live() -> None:
    assert _at("2026-11-22T08:01:00", just_measured=True) == EffectiveTime(
        _utc("2026-11-22T07:01:00"), TimeQuality.ASSUMED, 3600, live=True
    )


@pytest.mark.parametrize(
    ("ahead", "quality"),
    [
        (timedelta(hours=1), TimeQuality.SYNCED),
        (timedelta(hours=1, seconds=-119), TimeQuality.SYNCED),
        (timedelta(seconds=30), TimeQuality.SYNCED),  # set to UTC
        (timedelta(hours=1, minutes=3), TimeQuality.CORRECTED),
        (timedelta(days=-9000), TimeQuality.CORRECTED),
        (timedelta(hours=2), TimeQuality.CORRECTED),  # still on summer time
    ],
)
def test_a_measured_offset_is_applied(ahead: timedelta, quality: TimeQuality) -> None:
    stamp = DeviceTime.of(_utc("2026-11-20T06:30:00") + ahead)
    assert _at(str(stamp), ahead=ahead) == EffectiveTime(
        _utc("2026-11-20T06:30:00"), quality, ahead.total_seconds(), live=False
    )


def test_a_measured_offset_proves_a_record_old_even_when_it_comes_alone() -> None:
    found = _at("2026-11-22T08:04:00", ahead=timedelta(hours=3), just_measured=True)
    assert (found.instant, found.live) == (_utc("2026-11-22T05:04:00"), False)


@pytest.mark.parametrize("text", ["2001-01-01T00:00:00", "2026-11-22T07:04:00", "2031-01-01T00:00:00"])
def test_alone_and_first_is_live_whatever_its_clock_says(text: str) -> None:
    assert _at(text, just_measured=True) == EffectiveTime(_RECEIVED, TimeQuality.CORRECTED, None, live=True)


@pytest.mark.parametrize("ahead", [None, timedelta(hours=1)])
def test_what_has_not_happened_yet_happened_on_receipt(ahead: timedelta | None) -> None:
    assert _at("2026-11-22T08:10:00", ahead=ahead) == EffectiveTime(_RECEIVED, TimeQuality.CORRECTED, None, live=True)
    assert _at("2026-11-22T08:09:00", ahead=ahead).instant == _utc("2026-11-22T07:09:00")


@pytest.mark.parametrize("minutes", [5, 6])
def test_live_ends_five_minutes_after_it_happened(minutes: int) -> None:
    stamp = DeviceTime.of(_RECEIVED + timedelta(hours=1, minutes=-minutes))
    assert _at(str(stamp)).live is (minutes <= 5)


def test_a_wall_time_shown_twice_is_the_first_one() -> None:
    found = _at("2026-10-25T02:30:00", received=_utc("2026-10-26T08:00:00"))
    assert (found.instant, found.clock_offset_s) == (_utc("2026-10-25T00:30:00"), 7200)


def test_a_wall_time_shown_twice_is_the_second_one_where_that_is_now() -> None:
    found = _at("2026-10-25T02:30:00", received=_utc("2026-10-25T01:31:00"))
    assert (found.instant, found.clock_offset_s, found.live) == (_utc("2026-10-25T01:30:00"), 3600, True)


def test_a_wall_time_never_shown_belongs_to_a_clock_nobody_has_put_forward() -> None:
    found = _at("2026-03-29T02:30:00", received=_utc("2026-03-29T01:31:00"))
    assert (found.instant, found.live) == (_utc("2026-03-29T01:30:00"), True)


def test_an_offset_measured_after_the_change_holds_for_records_before_it() -> None:
    """The meter was never put back in October: its offset is still two hours, for every record alike."""
    found = _at("2026-10-24T09:00:00", ahead=timedelta(hours=2))
    assert (found.instant, found.quality) == (_utc("2026-10-24T07:00:00"), TimeQuality.CORRECTED)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("ahead", [None, timedelta(hours=14), timedelta(hours=-14)])
def test_the_edges_of_the_calendar_do_not_break_it(text: str, ahead: timedelta | None) -> None:
    zone = ZoneInfo("Pacific/Kiritimati" if text.startswith("0001") else "Pacific/Pago_Pago")
    assert _at(text, ahead=ahead, zone=zone).instant <= _RECEIVED


_SET_AT = _utc("2026-11-22T07:00:00")
_THREE_YEARS = timedelta(days=3 * 365)


@pytest.mark.parametrize("wrong_by", [_THREE_YEARS, -_THREE_YEARS, timedelta(minutes=2), -timedelta(minutes=2)])
@pytest.mark.parametrize(
    ("measured", "received", "old_clock"),
    [
        ("2026-11-22T06:59:30", "2026-11-22T07:00:02", True),  # just before the meter connected
        ("2026-11-19T18:00:00", "2026-11-22T07:00:02", True),  # stored since days
        ("2026-11-22T07:03:00", "2026-11-22T07:03:01", False),  # in the same connection, after the setting
    ],
)
def test_a_clock_that_was_set_dates_each_record_by_the_face_it_was_stamped_with(
    wrong_by: timedelta, measured: str, received: str, *, old_clock: bool
) -> None:
    right = timedelta(hours=1)
    clock = MeterClock(right + wrong_by, _SET_AT, set_ahead_of_utc=right, set_at=_SET_AT)
    stamp = DeviceTime.of(_utc(measured) + right + (wrong_by if old_clock else timedelta()))
    found = reconcile(stamp, received=_utc(received), zone=_MADRID, clock=clock)
    assert found.instant == _utc(measured)
    assert found.clock_offset_s == (right + (wrong_by if old_clock else timedelta())).total_seconds()


_LAST_VISIT = _RECEIVED - timedelta(days=3)
_KNOWN_FROM_THEN = MeterClock(timedelta(hours=1), _LAST_VISIT)


def _remembered(text: str, *, just_measured: bool) -> EffectiveTime:
    """The connection broke before the clock was read: what is known of it is from an earlier one."""
    return reconcile(
        DeviceTime.parse(text),
        received=_RECEIVED,
        zone=_MADRID,
        clock=_KNOWN_FROM_THEN,
        just_measured=just_measured,
    )


def test_a_clock_read_at_an_earlier_visit_does_not_make_a_record_older_than_that_visit() -> None:
    """New batteries put a clock back; the single new record cannot have been there at the last visit."""
    assert _remembered("2020-01-01T00:03:00", just_measured=True) == EffectiveTime(
        _RECEIVED, TimeQuality.CORRECTED, None, live=True
    )
    assert measured_just_now(
        DeviceTime.parse("2020-01-01T00:03:00"), received=_RECEIVED, clock=_KNOWN_FROM_THEN, just_measured=True
    )


def test_a_clock_read_at_an_earlier_visit_dates_what_was_measured_since() -> None:
    yesterday = _remembered("2026-11-21T08:04:00", just_measured=True)
    assert (yesterday.instant, yesterday.live) == (_utc("2026-11-21T07:04:00"), False)
    replayed = _remembered("2026-11-01T08:04:00", just_measured=False)
    assert (replayed.instant, replayed.live) == (_utc("2026-11-01T07:04:00"), False)
