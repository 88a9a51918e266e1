"""When a report is due, until when it has to be confirmed, and what three days are summed up to: pure."""

import random
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.confirm_by import HELD, confirm_by
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.quiet_hours import QuietHours, quiet_until
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.domain.three_days import SPAN, Expected, figures
from hearthline_backend.domain.turn_to_yellow import Raised, Turn, turn_of
from hearthline_protocol.readings import Quality
from tests.fixtures.readings import pressure

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RAISED = st.builds(Raised, st.sampled_from(Level), st.booleans())
HOUR = st.integers(0, 23).map(time)


@pytest.mark.parametrize(
    ("raised", "others", "turn"),
    [
        ([Raised(Level.YELLOW, True)], [], Turn.TURNED_YELLOW),
        ([Raised(Level.YELLOW, False)], [], Turn.NOTHING_NEW),
        ([], [], Turn.NOTHING_NEW),
        ([Raised(Level.YELLOW, True)], [Level.YELLOW], Turn.WAS_NOT_GREEN),
        ([Raised(Level.YELLOW, True)], [Level.RED], Turn.IS_RED),
        ([Raised(Level.YELLOW, True), Raised(Level.RED, True)], [], Turn.IS_RED),
        ([Raised(Level.YELLOW, False), Raised(Level.YELLOW, True)], [], Turn.TURNED_YELLOW),
    ],
)
def test_a_report_is_due_where_green_became_yellow(raised: list[Raised], others: list[Level], turn: Turn) -> None:
    assert turn_of(raised, others) is turn


@given(st.lists(RAISED), st.lists(st.sampled_from(Level)), st.randoms(use_true_random=False))
def test_the_order_in_which_rules_were_asked_makes_no_difference(
    raised: list[Raised], others: list[Level], chance: random.Random
) -> None:
    shuffled, again = list(raised), list(others)
    chance.shuffle(shuffled)
    chance.shuffle(again)
    assert turn_of(shuffled, again) is turn_of(raised, others)


@given(st.lists(RAISED), st.lists(st.sampled_from(Level)))
def test_a_red_or_another_open_alert_never_leaves_a_report_due(raised: list[Raised], others: list[Level]) -> None:
    red = turn_of([*raised, Raised(Level.RED, True)], others)
    assert red is Turn.IS_RED
    assert turn_of(raised, [*others, Level.YELLOW]) is not Turn.TURNED_YELLOW


def _quiet(begins: str, ends: str, zone: str = "Europe/Stockholm") -> QuietHours:
    return QuietHours(time.fromisoformat(begins), time.fromisoformat(ends), zone)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-11-23T10:00+01:00", "2026-11-23T14:00+01:00"),
        ("2026-11-23T20:00+01:00", "2026-11-24T09:00+01:00"),
        ("2026-11-23T23:00+01:00", "2026-11-24T11:00+01:00"),
        ("2026-11-23T18:00+01:00", "2026-11-23T22:00+01:00"),
        # The night in which clocks go forward: 20:00 to 22:00, then 07:00 to 09:00 of summer time.
        ("2027-03-27T20:00+01:00", "2027-03-28T09:00+02:00"),
    ],
)
def test_four_hours_are_counted_outside_of_quiet_hours(start: str, expected: str) -> None:
    found = confirm_by(datetime.fromisoformat(start), timedelta(hours=4), [_quiet("22:00", "07:00")])
    assert found == datetime.fromisoformat(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    st.integers(1, 180).map(lambda minutes: timedelta(minutes=minutes)),
    st.lists(st.tuples(HOUR, HOUR), max_size=2),
)
def test_exactly_so_much_time_outside_of_quiet_hours_has_passed(
    start: datetime, within: timedelta, hours: list[tuple[time, time]]
) -> None:
    quiet = [QuietHours(begins, ends, "UTC") for begins, ends in hours if begins != ends]
    end = confirm_by(start, within, quiet)
    loud, at, step = timedelta(0), start, timedelta(minutes=15)
    while at < end:  # in steps that never cross an edge of an hour
        edge = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0) + step
        upto = min(edge, end)
        loud += timedelta(0) if quiet_until(quiet, at) is not None else upto - at
        at = upto
    never = all(quiet_until(quiet, start + timedelta(minutes=15 * number)) is not None for number in range(96))
    assert never or loud == within


def test_quiet_hours_without_an_end_hold_nothing_back_for_ever() -> None:
    quiet = [_quiet("00:00", "12:00", "UTC"), _quiet("12:00", "00:00", "UTC")]
    assert confirm_by(NOW, timedelta(hours=4), quiet) <= NOW + 2 * HELD


def _observation(minutes_ago: int, systolic: float = 128, quality: Quality = Quality.VALID, *flags: str) -> Observation:
    at = NOW - timedelta(minutes=minutes_ago)
    return Observation.of(pressure(systolic, 82, effective_time=at, received_time=at, quality=quality, flags=flags))


def _expected(since: datetime = NOW - timedelta(days=90)) -> Expected:
    plan = build_plan(
        patient_id=UUID(int=1), version=1, valid_from=NOW - timedelta(days=90), conditions=["hypertension"], reason="t"
    )
    return Expected((plan,), "Europe/Stockholm", since)


def test_three_days_of_one_kind_in_figures() -> None:
    readings = [
        _observation(10, 164),
        _observation(300, 120),
        _observation(1500, 130, Quality.QUESTIONABLE, "body_movement"),
        _observation(1600, 300, Quality.NOT_PATIENT),
        _observation(60 * 24 * 3 + 1, 200),
    ]
    (found,) = [one for one in figures(readings, _expected(), NOW) if one.kind == "blood_pressure"]
    systolic = next(one for one in found.fields if one.field == "systolic")
    assert (found.readings, found.last) == (3, readings[0].effective_time)
    assert (systolic.count, systolic.low, systolic.mean, systolic.high, systolic.last) == (3, 120, 138, 164, 164)
    assert found.qualities == {"not_patient": 1, "questionable": 1, "valid": 2}
    assert found.flags == {"body_movement": 1}
    assert 0 < found.missed < found.slots


def test_what_was_expected_and_never_came_is_told_and_nothing_before_enrolment() -> None:
    (silent,) = [one for one in figures([], _expected(), NOW) if one.kind == "blood_pressure"]
    assert (silent.readings, silent.last, silent.fields) == (0, None, ())
    assert silent.missed == silent.slots > 3
    assert figures([], _expected(since=NOW), NOW) == ()


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(60, 250), st.sampled_from(Quality)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_figures_hold_for_every_order_and_duplicates_change_nothing(
    measured: list[tuple[int, int, Quality]], chance: random.Random
) -> None:
    readings = [_observation(*one) for one in measured]
    again = [*readings, *readings[:3]]
    chance.shuffle(again)
    found = figures(readings, _expected(), NOW)
    assert figures(again, _expected(), NOW) == found
    for kind in found:
        inside = [one for one in readings if NOW - SPAN < one.effective_time <= NOW]
        assert sum(kind.qualities.values()) == len(inside)
        assert kind.readings == sum(one.quality.judged for one in inside)
        assert 0 <= kind.missed <= kind.slots
        for field in kind.fields:
            assert field.low <= field.mean <= field.high
            assert field.low <= field.last <= field.high
            assert field.count <= kind.readings


def test_a_meter_that_only_said_high_adds_no_number() -> None:
    at = NOW - timedelta(minutes=5)
    high = pressure(300, 120, effective_time=at, received_time=at, quality=Quality.BEYOND_HIGH)
    value = high.values["systolic"].model_copy(update={"value": None, "comparator": ">"})
    high = high.model_copy(update={"id": uuid4(), "values": high.values | {"systolic": value}})
    (found,) = [one for one in figures([Observation.of(high)], _expected(), NOW) if one.kind == "blood_pressure"]
    assert found.readings == 1
    assert "systolic" not in {one.field for one in found.fields}
    assert found.qualities == {"beyond_high": 1}
