"""Rules and evaluations in plain words: their own numbers, with units, and every kind and reason has a sentence."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.any_rule import ReadingRule, Rule
from hearthline_backend.domain.evaluation import evaluate
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.phrases import Amount, Phrase, english
from hearthline_backend.domain.rule_words import describe, tell
from hearthline_backend.domain.rules import Limit, Persistence
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule
from hearthline_backend.domain.templates import TEMPLATES
from hearthline_protocol.readings import Quality
from tests.fixtures.rule_kinds import (
    AVERAGE,
    BASELINE,
    CHANGE,
    COMBINATION,
    CUSUM,
    MOVING_BASELINE,
    RULES,
    SCORE,
    START,
    THRESHOLD,
    ZONE,
    observed,
    plan_of,
    streams,
    weights,
)


def said(rule: ReadingRule, observations: list[Observation]) -> str:
    return english(tell(evaluate(observations, (plan_of(rule),), rule.id, ZONE)[-1])).replace("\u00a0", " ")


def told_of(rule: Rule) -> list[str]:
    return [english(one).replace("\u00a0", " ") for one in describe(rule)]


def test_a_threshold_is_described_with_everything_it_asks_for() -> None:
    assert told_of(THRESHOLD) == [
        "Oxygen 88 % or under: red.",
        "Oxygen 92 % or under: yellow.",
        "Yellow asks for 2 of the last 3 readings.",
        "Yellow asks for 6 h without a break.",
        "Cleared at Oxygen 90 % or over.",
        "Cleared at Oxygen 94 % or over.",
    ]


def test_the_other_kinds_are_described_with_their_own_numbers() -> None:
    assert told_of(CHANGE) == [
        "Weight up by 2.5 kg or more within 3 days: red.",
        "Weight up by 2 kg or more within 3 days: yellow.",
        "Weight up by 1.36 kg or more within 1 day: yellow.",
        "Cleared once it has come down by 0.5 kg.",
    ]
    assert told_of(BASELINE) == [
        "Weight 1 kg or more under what was usual until 2 days ago: yellow.",
        "Usual is the median of the 4 days before, of 3 readings or more.",
    ]
    assert told_of(AVERAGE)[0] == "Average of 4 days, Systolic 150 mmHg or over: red."
    assert told_of(AVERAGE)[3] == (
        "Readings before 12:00: 1 a day, and as many after. Complete days needed: 2. First days left out: 1."
    )
    assert told_of(CUSUM)[0] == "Weight, steps over what is usual add up to 4 kg or more: red."
    assert told_of(COMBINATION)[0] == (
        "all of (Weight up by 1.5 kg or more, one of (Oxygen 92 % or under, Systolic 160 mmHg or over)), "
        "within 2 days: red."
    )
    assert told_of(SCORE)[0] == "NEWS2 of 5 or more: red."
    assert told_of(MissingRule("m", "glucose", "s", "a", yellow_after=2)) == [
        "Glucose missed 2 times in a row: yellow."
    ]
    assert told_of(TechnicalRule("t", "battery", "s", "a", limit=15)) == ["A battery at 15 % or under."]


def test_why_it_fired_is_one_sentence_with_value_and_limit() -> None:
    weight = weights((0, 80.1), (48, 82.4))
    assert said(CHANGE, weight) == "Weight is up by 2.3 kg within 3 days, from 80.1 kg. Yellow limit: 2 kg."
    low = [observed(one, START + timedelta(hours=6 * one), "oxygen_saturation", spo2=90.0) for one in range(2)]
    assert said(THRESHOLD, low) == (
        "Oxygen 90 % is 2 % under the yellow limit of 92 %. "
        "2 of the last 3 readings are past it, which is what this rule asks for."
    )
    assert said(THRESHOLD, low[:1]) == (
        "Oxygen 90 % is 2 % under the yellow limit of 92 %. The rule asks for 2 of the last 3 readings."
    )
    assert said(CUSUM, weights((0, 80), (1, 80), (2, 80), (3, 81.2), (4, 81.2))) == (
        "Weight: steps over what is usual, 80 kg, add up to 2 kg. Yellow limit: 1.5 kg."
    )
    usual = weights((0, 80), (12, 80.2), (24, 80.1), (80, 81), (82, 81.2))
    assert said(MOVING_BASELINE, usual) == (
        "Weight, average of 2 days, is 1 kg over what is usual, 80.1 kg. Yellow limit: 1 kg."
    )


def test_why_it_did_not_fire_says_what_is_missing_or_how_far_it_is() -> None:
    plain = replace(THRESHOLD, yellow_persistence=Persistence())
    one = observed(1, START, "oxygen_saturation", spo2=93.0)
    assert said(plain, [one]) == "Oxygen 93 % is not past 92 % any more, and counts as cleared at 94 %."
    assert (
        said(plain, [observed(1, START, "oxygen_saturation", spo2=97.0)]) == "Oxygen 97 % is within the limit of 92 %."
    )
    assert said(CHANGE, weights((0, 80))) == "No other reading to compare with."
    assert said(AVERAGE, [observed(1, START, "blood_pressure", systolic=190.0, diastolic=100.0)]) == (
        "Fewer than 2 complete days of the last 4: no average yet."
    )
    failed = observed(1, START, "oxygen_saturation", Quality.FAILED)
    assert said(plain, [failed]) == "The meter measured nothing, or it was not the patient: not judged."


@pytest.mark.parametrize(
    ("spo2", "text"),
    [
        (91.7, "Oxygen 91.7 % is 0.3 % under the yellow limit of 92 %."),
        (92.4, "Oxygen 92.4 % is within the limit of 92 %."),
        (92.04, "Oxygen 92.04 % is within the limit of 92 %."),
        (92.0, "Oxygen 92 % is at the yellow limit of 92 %."),
    ],
)
def test_a_value_beside_its_limit_never_reads_as_the_limit_where_it_is_not(spo2: float, text: str) -> None:
    """Converted values have decimals that meters do not print."""
    plain = replace(THRESHOLD, yellow=(Limit("spo2", 92, "%"),), yellow_persistence=Persistence())
    assert said(plain, [observed(1, START, "oxygen_saturation", spo2=spo2)]) == text


def test_one_is_not_several() -> None:
    assert told_of(MissingRule("m", "glucose", "s", "a", yellow_after=1)) == ["Glucose missed once: yellow."]
    warm = observed(1, START, "body_temperature", temperature=38.5)
    assert said(SCORE, [warm]).startswith("NEWS2, partial: at least 1 point. Missing:")
    one_of_two = replace(THRESHOLD, yellow_persistence=Persistence(1, 2))
    assert said(one_of_two, [observed(1, START, "oxygen_saturation", spo2=91.0)]) == (
        "Oxygen 91 % is 1 % under the yellow limit of 92 %."
    )
    bad = replace(SCORE, yellow_single=2, yellow_from=None)
    assert "2 or more points for oxygen alone" in said(bad, [observed(1, START, "oxygen_saturation", spo2=82.0)])


def test_a_combination_and_a_score_say_what_is_known_and_what_is_not() -> None:
    air = observed(9, START + timedelta(hours=30), "oxygen_saturation", spo2=89.0)
    assert said(COMBINATION, [*weights((0, 80), (29, 81.6)), air]) == (
        "Weight is up by 1.6 kg within 2 days, from 80 kg. The rule asks for 1.5 kg. Oxygen 89 % is past 92 %."
    )
    assert said(SCORE, [observed(1, START, "oxygen_saturation", spo2=84.0)]) == (
        "NEWS2, partial: at least 2 points. Missing: breathing rate, air or oxygen, systolic pressure, pulse, "
        "consciousness, temperature. Red from 5. Oxygen is scored as on air."
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one.id)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_evaluation_has_a_sentence(rule: ReadingRule, data: st.DataObject) -> None:
    stream = data.draw(streams(most=30))
    for one in evaluate(stream, (plan_of(rule, since=START),), rule.id, ZONE):
        text = english(tell(one))
        assert text.endswith(".")
        assert "{" not in text
        assert "None" not in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_rule_of_every_template_is_described(name: str) -> None:
    for rule in TEMPLATES[name].rules:
        for text in told_of(rule):
            assert text.endswith(".")
            assert "{" not in text


def test_numbers_carry_a_real_minus_and_a_unit_that_does_not_break_off() -> None:
    assert english(Phrase("{n}", {"n": Amount(-1.5, "kg", 2)})) == "\u22121.5\u00a0kg"
    assert english(Phrase("{span}", {"span": timedelta(days=3, hours=12)})) == "3\u00a0d 12\u00a0h"
