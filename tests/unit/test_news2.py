"""NEWS2 against the published chart (Royal College of Physicians, 2017), value by value, and as a rule at home."""

from datetime import timedelta
from itertools import pairwise
from typing import Final

import pytest

from hearthline_backend.domain.evaluation import Evaluation, Why, evaluate
from hearthline_backend.domain.news2 import Input, points
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_protocol.readings import Quality
from tests.fixtures.rule_kinds import START, observed, plan_of

CHART: Final[list[tuple[Input, dict[float, int]]]] = [
    (Input.RESPIRATION, {8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3}),
    (Input.OXYGEN_SATURATION, {91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 96: 0, 100: 0}),
    (Input.SYSTOLIC, {90: 3, 91: 2, 100: 2, 101: 1, 110: 1, 111: 0, 219: 0, 220: 3}),
    (Input.PULSE, {40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3}),
    (Input.TEMPERATURE, {35.0: 3, 35.1: 1, 36.0: 1, 36.1: 0, 38.0: 0, 38.1: 1, 39.0: 1, 39.1: 2}),
]


@pytest.mark.parametrize(
    ("given", "value", "scored"), [(given, value, one) for given, table in CHART for value, one in table.items()]
)
def test_every_edge_of_the_chart(given: Input, value: float, scored: int) -> None:
    assert points(given, value) == scored


@pytest.mark.parametrize(
    ("value", "air", "oxygen"),
    [
        (83, 3, 3),
        (84, 2, 2),
        (85, 2, 2),
        (86, 1, 1),
        (87, 1, 1),
        (88, 0, 0),
        (92, 0, 0),
        (93, 0, 1),
        (94, 0, 1),
        (95, 0, 2),
        (96, 0, 2),
        (97, 0, 3),
        (100, 0, 3),
    ],
)
def test_scale_2_is_for_a_target_of_88_to_92(value: float, air: int, oxygen: int) -> None:
    assert points(Input.OXYGEN_SATURATION, value, scale=2) == air
    assert points(Input.OXYGEN_SATURATION, value, scale=2, on_oxygen=True) == oxygen


@pytest.mark.parametrize(
    ("given", "value", "same_as"),
    [
        (Input.OXYGEN_SATURATION, 91.4, 91),
        (Input.OXYGEN_SATURATION, 91.5, 92),
        (Input.TEMPERATURE, 35.04, 35.0),
        (Input.TEMPERATURE, 35.05, 35.1),
        (Input.TEMPERATURE, 38.05, 38.1),
        (Input.SYSTOLIC, 90.49, 90),
        (Input.SYSTOLIC, 219.5, 220),
    ],
)
def test_what_lies_between_two_bands_is_rounded_to_the_printed_step(given: Input, value: float, same_as: float) -> None:
    assert points(given, value) == points(given, same_as)


@pytest.mark.parametrize("given", [given for given, _ in CHART])
def test_there_is_no_gap_for_a_decimal(given: Input) -> None:
    scored = [points(given, number / 100) for number in range(100, 30_000, 7)]
    assert all(abs(one - other) <= 3 for one, other in pairwise(scored))
    assert {points(given, float("inf")), points(given, float("-inf"))} <= {0, 1, 2, 3}


RULE: Final = ScoreRule("news2", "RCP 2017", "Ask how they are.", scale=1, within=timedelta(hours=6))


def after(hours: float, kind: str, **values: float) -> Observation:
    return observed(int(hours * 60), START + timedelta(hours=hours), kind, Quality.VALID, **values)


def judged(*observations: Observation, rule: ScoreRule = RULE) -> tuple[Evaluation, ...]:
    return evaluate(observations, (plan_of(rule),), rule.id)


def test_a_home_has_a_partial_score_and_never_a_total() -> None:
    last = judged(
        after(0, "oxygen_saturation", spo2=92, pulse=95),
        after(1, "blood_pressure", systolic=105, diastolic=70, pulse=112),
        after(2, "body_temperature", temperature=38.4),
    )[-1]
    assert last.score is not None
    assert (last.score.points, last.score.partial, last.score.total) == (2 + 1 + 2 + 1, True, None)
    assert last.score.missing == (Input.RESPIRATION, Input.OXYGEN_SUPPLY, Input.CONSCIOUSNESS)
    assert {given: one.points for given, one in last.score.inputs.items()} == {
        Input.OXYGEN_SATURATION: 2,
        Input.SYSTOLIC: 1,
        Input.PULSE: 2,
        Input.TEMPERATURE: 1,
    }
    assert (last.why, last.level) == (Why.FIRED, Level.YELLOW)


def test_three_points_for_one_input_are_urgent_and_seven_an_emergency() -> None:
    low, lower = judged(
        after(0, "oxygen_saturation", spo2=91), after(1, "blood_pressure", systolic=90, diastolic=60, pulse=95)
    )
    assert (low.level, lower.level) == (Level.YELLOW, Level.RED)


def test_what_gave_points_and_was_not_measured_again_is_missing_not_well() -> None:
    first, second, third = judged(
        after(0, "oxygen_saturation", spo2=91),
        after(7, "body_temperature", temperature=37),
        after(8, "oxygen_saturation", spo2=97),
    )
    assert (first.why, second.why, third.why) == (Why.FIRED, Why.INPUT_MISSING, Why.WITHIN_LIMITS)


def test_what_the_plan_says_of_oxygen_counts_and_what_it_does_not_say_is_said() -> None:
    for on_oxygen, scored, assumed in ((None, 0, True), (False, 0, False), (True, 2 + 2, False)):
        rule = ScoreRule("news2", "RCP 2017", "a", scale=2, on_oxygen=on_oxygen)
        (only,) = judged(after(0, "oxygen_saturation", spo2=95), rule=rule)
        assert only.score is not None
        assert (only.score.points, only.score.assumed_air) == (scored, assumed)
        assert (Input.OXYGEN_SUPPLY in only.score.missing) is (on_oxygen is None)


@pytest.mark.parametrize(
    ("kind", "quality", "scored"),
    [
        ("oxygen_saturation", Quality.BEYOND_LOW, 3),
        ("oxygen_saturation", Quality.BEYOND_HIGH, 0),
        ("body_temperature", Quality.BEYOND_LOW, 3),
        ("body_temperature", Quality.BEYOND_HIGH, 2),
        ("blood_pressure", Quality.BEYOND_HIGH, 3),
    ],
)
def test_beyond_is_the_last_band_on_its_side(kind: str, quality: Quality, scored: int) -> None:
    (only,) = judged(observed(1, START, kind, quality))
    assert only.score is not None
    assert only.score.points == scored
