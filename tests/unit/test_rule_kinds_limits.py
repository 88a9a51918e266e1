"""Each kind of rule at its edges: when it fires, when not yet, when it clears, and what it says of its numbers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.episodes import episodes
from hearthline_backend.domain.evaluation import Evaluation, Why, evaluate
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit, Persistence, ThresholdRule
from hearthline_protocol.readings import Quality
from tests.fixtures.rule_kinds import (
    AVERAGE,
    BASELINE,
    CHANGE,
    COMBINATION,
    CUSUM,
    MOVING,
    MOVING_BASELINE,
    START,
    THRESHOLD,
    ZONE,
    observed,
    plan_of,
    weights,
)

FIRED, WITHIN, NEAR = Why.FIRED, Why.WITHIN_LIMITS, Why.NEAR_LIMIT


def judged(rule: ReadingRule, observations: list[Observation], zone: str = ZONE) -> tuple[Evaluation, ...]:
    return evaluate(observations, (plan_of(rule),), rule.id, zone)


def whys(rule: ReadingRule, observations: list[Observation]) -> list[Why]:
    return [one.why for one in judged(rule, observations)]


def oxygen(*values: tuple[float, float]) -> list[Observation]:
    return [
        observed(index, START + timedelta(hours=hours), "oxygen_saturation", spo2=value)
        for index, (hours, value) in enumerate(values)
    ]


# --- thresholds ---

PLAIN: Final = replace(THRESHOLD, yellow_persistence=Persistence())


def test_between_its_limit_and_where_it_clears_it_neither_fires_nor_clears() -> None:
    stream = oxygen((0, 92), (1, 93), (2, 92), (3, 93.9), (4, 94), (5, 93))
    assert whys(PLAIN, stream) == [FIRED, NEAR, FIRED, NEAR, WITHIN, NEAR]
    (found,) = episodes(stream, (plan_of(PLAIN),), PLAIN.id)
    assert [one.turn.value for one in found.transitions] == ["opened", "cleared"]
    assert found.readings == (stream[0].reading_id, stream[2].reading_id), "a reading near a limit is no part of it"


def test_a_red_does_not_ease_before_its_own_hysteresis_is_left() -> None:
    stream = oxygen((0, 88), (1, 89), (2, 88), (3, 89.5), (4, 91), (5, 95))
    (found,) = episodes(stream, (plan_of(PLAIN),), PLAIN.id)
    assert [one.turn.value for one in found.transitions] == ["opened", "eased", "cleared"]


@pytest.mark.parametrize("turns", [10, 40])
def test_a_value_that_flaps_is_one_episode(turns: int) -> None:
    stream = oxygen(*((hour, 92 if hour % 2 else 95) for hour in range(turns)))
    assert len(episodes(stream, (plan_of(PLAIN),), PLAIN.id)) == 1


def test_it_lasts_from_the_first_of_the_unbroken_run() -> None:
    rule = replace(THRESHOLD, yellow_persistence=Persistence(lasting=timedelta(hours=6)))
    assert whys(rule, oxygen((0, 91), (3, 91), (5.9, 91), (6, 91))) == [Why.NOT_LONG_ENOUGH] * 3 + [FIRED]
    broken = oxygen((0, 91), (3, 95), (6, 91), (11, 91), (12, 91))
    assert whys(rule, broken) == [Why.NOT_LONG_ENOUGH, WITHIN, Why.NOT_LONG_ENOUGH, Why.NOT_LONG_ENOUGH, FIRED]
    near = oxygen((0, 91), (3, 93), (6, 91))
    assert whys(rule, near) == [Why.NOT_LONG_ENOUGH, NEAR, FIRED], "not back within: the run goes on"
    assert judged(rule, near)[-1].readings == (near[0].reading_id, near[2].reading_id)


def test_often_enough_and_long_enough_are_both_asked_for() -> None:
    stream = oxygen((0, 91), (1, 91), (7, 91))
    assert whys(THRESHOLD, stream) == [Why.NOT_OFTEN_ENOUGH, Why.NOT_LONG_ENOUGH, FIRED]


# --- changes ---

PLUS_2: Final = ChangeRule(
    "plus_2", "body_weight", "weight", "rises", (), (Change(2, "kg", timedelta(days=3)),), "guideline", "advice"
)


def test_two_kilograms_in_three_days_are_enough_to_the_gram_and_the_minute() -> None:
    assert whys(PLUS_2, weights((0, 80.1), (72, 82.1))) == [Why.TOO_FEW_READINGS, FIRED]
    assert whys(PLUS_2, weights((0, 80.1), (72, 82.09)))[-1] is WITHIN
    assert whys(PLUS_2, weights((0, 80.1), (72.02, 82.1)))[-1] is Why.TOO_FEW_READINGS
    assert whys(PLUS_2, weights((0, 80.1), (1, 81), (72.02, 82.1)))[-1] is WITHIN


def test_a_change_counts_from_the_lowest_and_says_from_where() -> None:
    stream = weights((0, 81), (24, 80.2), (48, 82.3))
    last = judged(PLUS_2, stream)[-1]
    assert (last.why, last.level, last.readings) == (FIRED, Level.YELLOW, (stream[1].reading_id, stream[2].reading_id))
    (crossing,) = last.crossings
    assert (crossing.measure, crossing.value, crossing.reference) == ("change", 2.1, 80.2)
    assert (crossing.span, crossing.baseline, crossing.kind) == (timedelta(days=3), False, "body_weight")


def test_a_fall_is_not_a_rise_and_the_smaller_change_in_a_shorter_time_counts_by_itself() -> None:
    assert whys(PLUS_2, weights((0, 84), (24, 80)))[-1] is WITHIN
    assert judged(CHANGE, weights((0, 80), (24, 81.36)))[-1].level is Level.YELLOW
    assert judged(CHANGE, weights((0, 80), (25, 81.36)))[-1].level is None
    assert judged(CHANGE, weights((0, 80), (25, 82.5)))[-1].level is Level.RED


def test_it_clears_once_every_change_has_come_down_far_enough() -> None:
    rule = replace(PLUS_2, clears_by=0.5)
    assert whys(rule, weights((0, 80), (24, 82), (48, 81.6), (60, 81.5))) == [
        Why.TOO_FEW_READINGS,
        FIRED,
        NEAR,
        WITHIN,
    ]


def test_the_baseline_is_the_median_before_the_time_and_without_it_the_window_counts() -> None:
    usual = weights((0, 80), (12, 80.4), (24, 80.2), (30, 90), (90, 79.3))
    last = judged(BASELINE, usual)[-1]
    (crossing,) = last.crossings
    assert (last.why, crossing.reference, crossing.value, crossing.baseline) == (FIRED, 80.3, 1.0, True)
    few = judged(BASELINE, weights((0, 80), (12, 79)))[-1]
    assert (few.why, few.crossings[0].reference, few.crossings[0].baseline) == (FIRED, 80, False)


# --- averages ---

NICE: Final = AverageRule(
    "nice",
    "blood_pressure",
    "above",
    (),
    (Limit("systolic", 135, "mm[Hg]"), Limit("diastolic", 85, "mm[Hg]")),
    "NICE NG136",
    "advice",
)


def pressures(days: Sequence[tuple[float, float]], *, first_day: float = 200, minutes: float = 1) -> list[Observation]:
    """Two in the morning and two in the evening of each local day in Stockholm, the first day far too high."""
    found = []
    for day, (systolic, diastolic) in enumerate([(first_day, 120), *days]):
        for session, (hour, minute) in enumerate(((7, 0), (19, 0))):
            for one in range(2):
                at = datetime(2026, 11, 2 + day, hour - 1, minute, tzinfo=UTC) + timedelta(minutes=one * minutes)
                number = day * 4 + session * 2 + one
                found.append(observed(number, at, "blood_pressure", systolic=systolic, diastolic=diastolic))
    return found


def test_the_average_waits_for_four_complete_days_and_leaves_out_the_first() -> None:
    stream = pressures([(134, 80)] * 3)
    answers = whys(NICE, stream)
    assert answers == [Why.PROTOCOL_INCOMPLETE] * 15 + [WITHIN], "a first day of 200 mmHg is not in the average"
    assert judged(NICE, stream)[-1].crossings[0].value == 134


@pytest.mark.parametrize(
    ("systolic", "diastolic", "fires"), [(135, 80, True), (134.9, 80, False), (120, 85, True), (120, 84.99, False)]
)
def test_135_over_85_is_at_its_limit(systolic: float, diastolic: float, fires: bool) -> None:
    last = judged(NICE, pressures([(systolic, diastolic)] * 3))[-1]
    assert last.fired is fires
    assert {one.measure for one in last.crossings} == {"average"}


def test_a_single_high_reading_never_fires_it() -> None:
    stream = pressures([(120, 75)] * 5)
    stream[-1] = replace(stream[-1], values=pressures([(215, 130)])[-1].values)
    assert FIRED not in whys(NICE, stream)


def test_two_readings_within_a_minute_are_one_of_the_session() -> None:
    assert set(whys(NICE, pressures([(140, 90)] * 3, minutes=0.9))) == {Why.PROTOCOL_INCOMPLETE}
    missed = [one for one in pressures([(140, 90)] * 3) if one.reading_id.int != 16]
    assert set(whys(NICE, missed)) == {Why.PROTOCOL_INCOMPLETE}


def test_days_are_those_of_the_patient() -> None:
    """Readings at 23:30 in Stockholm are of the next day in UTC."""
    late = [replace(one, effective_time=one.effective_time + timedelta(hours=4)) for one in pressures([(140, 90)] * 3)]
    late = [
        one if one.effective_time.hour < 15 else replace(one, effective_time=one.effective_time.replace(hour=22))
        for one in late
    ]
    assert judged(NICE, late)[-1].fired
    assert not judged(NICE, late, "Asia/Tokyo")[-1].fired


def test_what_lies_before_the_seven_days_is_forgotten() -> None:
    stream = pressures([(150, 95)] * 3 + [(120, 75)] * 8)
    last = judged(NICE, stream)[-1]
    assert (last.why, last.crossings[0].value) == (WITHIN, 120)


# --- trends ---


def test_a_moving_mean_fires_at_its_limit_exactly_and_needs_enough_readings() -> None:
    stream = oxygen((0, 92), (1, 94), (2, 93))
    assert whys(MOVING, stream) == [Why.TOO_FEW_READINGS] * 2 + [FIRED]
    assert judged(MOVING, stream)[-1].crossings[-1].value == 93
    assert whys(MOVING, oxygen((0, 92), (1, 94), (2, 93.01)))[-1] is NEAR
    assert whys(MOVING, oxygen((0, 92), (1, 94), (50, 93)))[-1] is Why.TOO_FEW_READINGS


def test_a_moving_mean_against_what_is_usual() -> None:
    usual = [(0, 80.0), (12, 80.2), (24, 80.1)]
    last = judged(MOVING_BASELINE, weights(*usual, (80, 81), (82, 81.2)))[-1]
    (crossing,) = last.crossings
    assert (last.why, crossing.value, crossing.reference) == (FIRED, 1.0, 80.1)
    assert whys(MOVING_BASELINE, weights(*usual, (80, 80.9), (82, 81.2)))[-1] is NEAR
    assert whys(MOVING_BASELINE, weights((80, 81), (82, 81.2)))[-1] is Why.TOO_FEW_READINGS


def test_small_steps_add_up_without_their_slack() -> None:
    usual = [(0, 80.0), (1, 80.0), (2, 80.0)]
    stream = weights(*usual, (24, 80.5), (48, 80.7), (72, 80.9))
    found = judged(CUSUM, stream)
    assert [one.crossings[-1].value for one in found[3:]] == [0.3, 0.8, 1.5]
    assert [one.why for one in found] == [Why.TOO_FEW_READINGS] * 3 + [WITHIN, WITHIN, FIRED]
    assert found[-1].readings == tuple(one.reading_id for one in stream[3:])
    down = judged(CUSUM, weights(*usual, (24, 80.9), (48, 79), (72, 80.5)))
    assert down[-1].crossings[-1].value == 0.3, "never below zero, so an old rise is not paid back for ever"


# --- several kinds ---


def weight_and(spo2: float, *, hours: float = 30) -> list[Observation]:
    air = observed(9, START + timedelta(hours=hours), "oxygen_saturation", spo2=spo2)
    return [*weights((0, 80), (29, 81.5)), air]


def test_weight_up_and_oxygen_down_together() -> None:
    assert [one.level for one in judged(COMBINATION, weight_and(92))] == [None, None, Level.RED]
    assert whys(COMBINATION, weight_and(93))[-1] is Why.INPUT_MISSING, "the pressure might still be high"
    assert judged(COMBINATION, weights((0, 80), (29, 82)))[-1].level is Level.YELLOW


def test_one_part_that_is_not_met_settles_all_of_them() -> None:
    stream = [*weights((0, 80), (29, 80.5)), observed(9, START + timedelta(hours=30), "oxygen_saturation", spo2=85)]
    assert whys(COMBINATION, stream)[-1] is WITHIN
    assert whys(COMBINATION, weight_and(85, hours=29 + 49))[-1] is Why.INPUT_MISSING


def test_a_combination_says_what_each_condition_looked_at() -> None:
    last = judged(COMBINATION, weight_and(90))[-1]
    red = [one for one in last.crossings if one.level is Level.RED]
    assert [(one.kind, one.measure, one.value, one.reference, one.past) for one in red] == [
        ("body_weight", "condition", 1.5, 80, True),
        ("oxygen_saturation", "condition", 90, None, True),
        ("blood_pressure", "condition", None, None, False),
    ]


# --- every kind ---


@pytest.mark.parametrize(
    ("rule", "quality"),
    [
        (THRESHOLD, Quality.BEYOND_LOW),
        (CHANGE, Quality.BEYOND_HIGH),
        (BASELINE, Quality.BEYOND_LOW),
        (MOVING, Quality.BEYOND_LOW),
        (MOVING_BASELINE, Quality.BEYOND_HIGH),
        (CUSUM, Quality.BEYOND_HIGH),
    ],
    ids=lambda one: getattr(one, "id", None),
)
def test_beyond_is_past_every_limit_on_its_side_and_on_no_other(rule: ReadingRule, quality: Quality) -> None:
    if isinstance(rule, ThresholdRule):
        rule = replace(rule, yellow_persistence=Persistence())
    (kind,) = rule.kinds
    (fired,) = judged(rule, [observed(1, START, kind, quality)])
    assert (fired.why, fired.level) == (
        FIRED,
        Level.RED if any(one.level is Level.RED for one in fired.crossings) else Level.YELLOW,
    )
    assert all(one.beyond and one.past for one in fired.crossings)
    other = Quality.BEYOND_HIGH if quality is Quality.BEYOND_LOW else Quality.BEYOND_LOW
    assert not judged(rule, [observed(1, START, kind, other)])[0].fired


def test_an_average_with_a_value_beyond_is_past_its_limits_once_the_protocol_is_complete() -> None:
    stream = pressures([(120, 75)] * 3)
    stream[6] = observed(6, stream[6].effective_time, "blood_pressure", Quality.BEYOND_HIGH)
    assert whys(NICE, stream) == [Why.PROTOCOL_INCOMPLETE] * 15 + [FIRED]


@pytest.mark.parametrize("rule", [CHANGE, AVERAGE, MOVING, CUSUM, COMBINATION], ids=lambda one: one.id)
@pytest.mark.parametrize("quality", [Quality.FAILED, Quality.NOT_PATIENT])
def test_failed_and_not_the_patient_never_count(rule: ReadingRule, quality: Quality) -> None:
    kind = min(rule.kinds)
    (only,) = judged(rule, [observed(1, START, kind, quality)])
    assert only.why is Why.QUALITY_NOT_JUDGED


def test_a_version_of_the_plan_counts_from_what_was_measured_before_it() -> None:
    stream = weights((0, 80), (40, 82.1), (80, 82.2))
    history = (
        plan_of(replace(PLUS_2, yellow=(Change(5, "kg", timedelta(days=3)),))),
        plan_of(PLUS_2, version=2, since=START + timedelta(hours=30)),
    )
    found = evaluate(stream, history, PLUS_2.id)
    assert [(one.plan_version, one.why) for one in found] == [
        (1, Why.TOO_FEW_READINGS),
        (2, FIRED),
        (2, WITHIN),
    ]
