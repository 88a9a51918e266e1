"""When a yellow waits, against a look at the wall every few minutes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.quiet_hours import LONGEST, QuietHours, quiet_until

STOCKHOLM = "Europe/Stockholm"
NIGHT = QuietHours(time(22), time(7), STOCKHOLM)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(STOCKHOLM)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-23T21:59", None),
        ("2026-11-23T22:00", "2026-11-24T07:00"),
        ("2026-11-24T06:59", "2026-11-24T07:00"),
        ("2026-11-24T07:00", None),
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
    ],
)
def test_they_end_by_the_wall_also_in_the_night_the_clocks_change(moment: str, until: str | None) -> None:
    assert quiet_until([NIGHT], at(moment)) == (None if until is None else at(until))


def test_they_hold_on_the_days_they_begin_on() -> None:
    weekend = QuietHours(time(22), time(7), STOCKHOLM, frozenset({5}))
    assert quiet_until([weekend], at("2026-11-29T06:00")) == at("2026-11-29T07:00")
    assert quiet_until([weekend], at("2026-11-28T06:00")) is None


def test_hours_that_begin_as_others_end_go_on_and_never_for_ever() -> None:
    morning = QuietHours(time(7), time(9), STOCKHOLM)
    assert quiet_until([morning, NIGHT], at("2026-11-23T23:00")) == at("2026-11-24T09:00")
    always = [QuietHours(time(0), time(12), STOCKHOLM), QuietHours(time(12), time(0), STOCKHOLM)]
    found = quiet_until(always, at("2026-11-23T23:00"))
    assert found is not None
    assert found <= at("2026-11-23T23:00") + timedelta(days=8)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(time, st.integers(0, 23), st.sampled_from([0, 30])),
    st.builds(time, st.integers(0, 23), st.sampled_from([0, 30])),
    st.integers(0, 4 * 24 * 60).map(lambda minutes: datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=minutes)),
)
def test_quiet_is_what_the_wall_shows(begins: time, ends: time, moment: datetime) -> None:
    assume(begins != ends)
    for boundary in (begins, ends):
        assume(not time(2) <= boundary < time(3))  # an hour that one of these nights does not have
    quiet = QuietHours(begins, ends, STOCKHOLM)
    wall = moment.astimezone(ZoneInfo(STOCKHOLM)).time()
    inside = begins <= wall < ends if begins < ends else wall >= begins or wall < ends
    found = quiet.end(moment)
    assert (found is not None) is inside
    if found is not None:
        assert timedelta(0) < found - moment <= timedelta(days=1)
        assert found.astimezone(ZoneInfo(STOCKHOLM)).time() == ends


def test_the_longest_are_a_night_and_no_more() -> None:
    assert timedelta(hours=9) <= LONGEST < timedelta(hours=24)
