"""Episodes: a pure function of readings and plan history, explained reading by reading."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.episodes import Episode, Turn, episodes
from hearthline_backend.domain.evaluation import Why, evaluate, reach
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates import Override, build_plan
from hearthline_protocol.readings import Quality, Value

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HIGH, LOW, PULSE = "hypertension.pressure_high", "hypertension.pressure_low", "hypertension.pulse_high"


def plan(version: int = 1, since: datetime = NOON - timedelta(days=400), red: float | None = None) -> Plan:
    overrides = [] if red is None else [Override(HIGH, Level.RED, "systolic", red, "mm[Hg]")]
    return build_plan(
        patient_id=UUID(int=1),
        version=version,
        valid_from=since,
        conditions=["hypertension"],
        reason="test",
        author="Dr M.R.",
        overrides=overrides,
    )


HISTORY = (plan(),)


def seen(
    hours: float, systolic: float | None = 130, diastolic: float = 80, *, number: int | None = None, **other: object
) -> Observation:
    at = NOON + timedelta(hours=hours)
    values = (
        {}
        if systolic is None
        else {
            "systolic": Value(value=systolic, unit="mm[Hg]"),
            "diastolic": Value(value=diastolic, unit="mm[Hg]"),
        }
    )
    identity = UUID(int=number if number is not None else int((hours + 100_000) * 3600))
    made = Observation(identity, "blood_pressure", Quality.VALID, at, at, values)
    return replace(made, **other)  # type: ignore[arg-type]  # a table of fields


def turns(found: Iterable[Episode]) -> list[list[tuple[str, str | None]]]:
    return [[(one.turn.value, one.level.value if one.level else None) for one in each.transitions] for each in found]


def test_one_red_reading_is_an_episode_and_the_limit_itself_counts() -> None:
    (found,) = episodes([seen(0, 180)], HISTORY, HIGH)
    assert (found.level, found.now, found.cleared) == (Level.RED, Level.RED, False)
    assert episodes([seen(0, 179.9)], HISTORY, HIGH) == ()


def test_either_field_is_enough() -> None:
    assert len(episodes([seen(0, 150, 121)], HISTORY, HIGH)) == 1


@pytest.mark.parametrize(
    ("values", "opens"),
    [
        ([165], None),
        ([165, 166], 1),
        ([165, 130, 166], 2),
        ([165, 130, 130, 166], None),
        ([165, 130, 130, 166, 167], 4),
    ],
)
def test_yellow_needs_two_of_the_last_three(values: list[float], opens: int | None) -> None:
    observations = [seen(hour * 12, value) for hour, value in enumerate(values)]
    found = episodes(observations, HISTORY, HIGH)
    assert [one.opened_by for one in found] == ([] if opens is None else [observations[opens].reading_id])


def test_what_lies_before_the_look_back_is_forgotten() -> None:
    assert episodes([seen(0, 165), seen(7 * 24 + 1, 166)], HISTORY, HIGH) == ()
    assert len(episodes([seen(0, 165), seen(7 * 24, 166)], HISTORY, HIGH)) == 1


def test_it_worsens_eases_clears_and_returns_as_one_episode() -> None:
    values = [165, 166, 185, 170, 130, 168, 131]
    found = episodes([seen(hour, value) for hour, value in enumerate(values)], HISTORY, HIGH)
    assert turns(found) == [
        [
            ("opened", "yellow"),
            ("worsened", "red"),
            ("eased", "yellow"),
            ("cleared", None),
            ("returned", "yellow"),
            ("cleared", None),
        ]
    ]
    assert found[0].level is Level.RED
    assert found[0].worst_reading == seen(2).reading_id


def test_a_value_that_hovers_around_its_limit_is_one_episode() -> None:
    values = [182, 150] * 10
    assert len(episodes([seen(hour, value) for hour, value in enumerate(values)], HISTORY, HIGH)) == 1


def test_a_day_within_limits_ends_it() -> None:
    found = episodes([seen(0, 185), seen(12, 130), seen(24.1, 186)], HISTORY, HIGH)
    assert [one.level for one in found] == [Level.RED, Level.RED]


def test_a_reading_without_value_neither_counts_nor_clears() -> None:
    for quality in (Quality.FAILED, Quality.NOT_PATIENT):
        (found,) = episodes([seen(0, 185), seen(1, 120, quality=quality)], HISTORY, HIGH)
        assert not found.cleared
        (judged,) = evaluate([seen(0, 185, quality=quality)], HISTORY, HIGH)
        assert judged.why is Why.QUALITY_NOT_JUDGED
    found_pulse = evaluate([seen(0, 185)], HISTORY, PULSE)
    assert [one.why for one in found_pulse] == [Why.NO_VALUE]


@pytest.mark.parametrize(("quality", "comparator"), [(Quality.BEYOND_HIGH, ">"), (Quality.BEYOND_LOW, "<")])
@pytest.mark.parametrize("number", [None, 140.0])
def test_beyond_is_past_every_limit_on_its_side_and_on_no_other(
    quality: Quality, comparator: str, number: float | None
) -> None:
    fires, silent = (HIGH, LOW) if comparator == ">" else (LOW, HIGH)
    marked = seen(0, quality=quality, values={"systolic": Value(value=number, unit="mm[Hg]", comparator=comparator)})
    for observation in (marked, seen(0, None, quality=quality)):
        assert [one.level for one in episodes([observation], HISTORY, fires)] == [Level.RED]
        assert [one.why for one in evaluate([observation], HISTORY, silent)] == [Why.WITHIN_LIMITS]


def test_questionable_counts() -> None:
    assert len(episodes([seen(0, 185, quality=Quality.QUESTIONABLE)], HISTORY, HIGH)) == 1


def test_each_reading_is_judged_by_the_plan_in_force_at_its_time() -> None:
    history = (plan(1, red=170), plan(2, since=NOON + timedelta(hours=5), red=190))
    observations = [seen(-30 * 24, 175), seen(6, 175), seen(30 * 24, 191), seen(-500 * 24, 200)]
    found = episodes(observations, history, HIGH)
    assert [(one.plan_version, one.first_time) for one in found] == [
        (1, NOON - timedelta(days=30)),
        (2, NOON + timedelta(days=30)),
    ]
    before, *_rest = evaluate(observations, history, HIGH)
    assert before.why is Why.NO_PLAN
    assert evaluate([seen(0)], history, "no.such.rule")[0].why is Why.RULE_NOT_IN_PLAN


def test_an_evaluation_says_what_it_looked_at_and_how_far_past_it_was() -> None:
    first, second = seen(0, 165), seen(1, 186, 112)
    one, two = evaluate([second, first], HISTORY, HIGH)
    assert (one.why, one.past, one.readings) == (Why.NOT_OFTEN_ENOUGH, Level.YELLOW, (first.reading_id,))
    assert (two.why, two.level, two.plan_version) == (Why.FIRED, Level.RED, 1)
    assert [(each.level.value, each.limit.field, each.past, each.over) for each in two.crossings] == [
        ("red", "systolic", True, 6),
        ("red", "diastolic", False, 8),
        ("yellow", "systolic", True, 26),
        ("yellow", "diastolic", True, 12),
    ]


def test_the_same_id_again_changes_nothing_even_with_another_time() -> None:
    once = episodes([seen(0, 185, number=1)], HISTORY, HIGH)
    assert episodes([seen(0, 185, number=1), seen(9, 185, number=1)], HISTORY, HIGH) == once


streams = st.lists(
    st.builds(
        lambda minutes, systolic, quality: seen(minutes / 60, systolic, quality=quality),
        st.integers(0, 60 * 24 * 60),
        st.sampled_from([85, 95, 130, 150, 162, 171, 184, 195]),
        st.sampled_from([Quality.VALID, Quality.VALID, Quality.VALID, Quality.QUESTIONABLE, Quality.FAILED]),
    ),
    max_size=40,
    unique_by=lambda one: one.reading_id,
)


@given(streams, st.randoms(use_true_random=False), st.sampled_from([HIGH, LOW]))
def test_order_of_arrival_and_duplicates_change_nothing(
    stream: list[Observation], chance: object, rule_id: str
) -> None:
    shuffled = stream + stream[::3]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert episodes(shuffled, HISTORY, rule_id) == episodes(stream, HISTORY, rule_id)


@given(streams)
def test_episodes_are_apart_in_order_and_fire_where_they_open(stream: list[Observation]) -> None:
    found = episodes(stream, HISTORY, HIGH)
    fired = {one.observation.reading_id for one in evaluate(stream, HISTORY, HIGH) if one.fired}
    assert {one.opened_by for one in found} <= fired <= {each for one in found for each in one.readings}
    for before, after in pairwise(found):
        assert before.last_time <= after.first_time
        assert not set(before.readings) & set(after.readings)
    for one in found:
        assert one.transitions[0].turn is Turn.OPENED
        assert one.worst_reading in one.readings


@given(streams, st.integers(0, 60 * 24 * 60))
def test_a_window_of_two_look_backs_around_a_moment_is_exact_within_one(
    stream: list[Observation], minutes: int
) -> None:
    """What judging relies on: nothing further away than that can change who belongs together."""
    span, moment = reach(HISTORY, HIGH), NOON + timedelta(minutes=minutes)
    inside = [one for one in stream if abs(one.effective_time - moment) <= 2 * span]
    exact = {one.reading_id for one in stream if abs(one.effective_time - moment) <= span}

    def links(found: tuple[Episode, ...]) -> set[tuple[UUID, ...]]:
        groups = (tuple(each for each in one.readings if each in exact) for one in found)
        return {group for group in groups if group}

    assert links(episodes(inside, HISTORY, HIGH)) == links(episodes(stream, HISTORY, HIGH))
