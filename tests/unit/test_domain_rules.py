"""Rules, templates and adjusted plans: what cannot mean anything is refused by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule
from hearthline_backend.domain.plans import in_force
from hearthline_backend.domain.rules import Level, Limit, Persistence, RuleError, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.templates import HYPERTENSION, TEMPLATES, Override, Template, build_plan
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_protocol.kinds import KINDS

OTHERS = (ChangeRule, AverageRule, MovingAverageRule, CusumRule, CombinationRule, ScoreRule)
PATIENT = UUID(int=1)
SINCE = datetime(2026, 10, 2, tzinfo=UTC)
HIGH = next(one for one in HYPERTENSION.rules if isinstance(one, ThresholdRule))


def oxygen(**other: object) -> ThresholdRule:
    fields = {
        "id": "oxygen_low",
        "kind": "oxygen_saturation",
        "direction": "below",
        "red": (Limit("spo2", 88, "%"),),
        "yellow": (Limit("spo2", 92, "%"),),
        "source": "BMJ 2021;372:n677",
        "advice": "Ask for a second reading.",
    }
    return ThresholdRule(**(fields | other))  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda one: one.name)
def test_a_template_has_two_vital_signs_sources_advice_and_a_schedule(template: Template) -> None:
    thresholds = [rule for rule in template.rules if isinstance(rule, ThresholdRule)]
    others = {kind for rule in template.rules if isinstance(rule, OTHERS) for kind in rule.kinds}
    watched = {limit.field for rule in thresholds for limit in (*rule.red, *rule.yellow)} | others
    assert len(watched) >= 2, "two vital signs"
    assert all(rule.source and rule.advice for rule in template.rules)
    assert {slot.name for slot in template.slots} & {"morning", "evening"}


def test_one_home_reading_of_180_or_120_is_red_and_a_single_135_is_nothing() -> None:
    assert {limit.field: limit.value for limit in HIGH.red} == {"systolic": 180, "diastolic": 120}
    assert HIGH.red_persistence == Persistence(1, 1)
    assert all(limit.value > 135 for limit in HIGH.yellow if limit.field == "systolic")
    assert HIGH.yellow_persistence == Persistence(2, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "mood"}, "not in the table of kinds"),
        ({"red": (Limit("systolic", 80, "mm[Hg]"),)}, "has no field 'systolic'"),
        ({"red": (Limit("spo2", 88, "kPa"),)}, "spo2 is in %"),
        ({"red": (Limit("spo2", 188, "%"),)}, "lies between 1 and 100 %"),
        ({"red": (), "yellow": ()}, "at least one limit"),
        ({"red": (Limit("spo2", 92, "%"),)}, "the yellow spo2 limit lies above the red one of 92 %"),
        ({"red": (Limit("spo2", 88, "%"), Limit("spo2", 87, "%"))}, "one limit a level"),
        ({"yellow_persistence": Persistence(3, 2)}, "n of m"),
        ({"look_back": timedelta(0)}, "look-back"),
        ({"rejoin_within": timedelta(days=8)}, "rejoins within its look-back"),
    ],
)
def test_a_rule_that_cannot_mean_anything_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        oxygen(**change)


def test_an_override_replaces_one_limit_and_marks_it_personal_whatever_the_number() -> None:
    plan = build_plan(
        patient_id=PATIENT,
        version=3,
        valid_from=SINCE,
        conditions=["hypertension"],
        reason="agreed with the patient",
        author="Dr M.R.",
        overrides=[
            Override(HIGH.id, Level.RED, "systolic", 180, "mm[Hg]"),
            Override(HIGH.id, Level.YELLOW, "diastolic", 95, "mm[Hg]"),
        ],
        extra_rules=[oxygen()],
    )
    high = plan.rules[0]
    assert isinstance(high, ThresholdRule)
    assert high.red == (Limit("systolic", 180, "mm[Hg]", personal=True), Limit("diastolic", 120, "mm[Hg]"))
    assert high.yellow == (Limit("systolic", 160, "mm[Hg]"), Limit("diastolic", 95, "mm[Hg]", personal=True))
    assert plan.rules[1:-1] == HYPERTENSION.rules[1:]
    assert plan.rules[-1] == oxygen()
    assert plan.slots == HYPERTENSION.slots


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditions": ["gout"]}, "no template 'gout'; known: copd, coronary, "),
        ({"conditions": ["hypertension", "hypertension"]}, "each rule once"),
        ({"overrides": [Override("x", Level.RED, "pulse", 130, "/min")], "author": "Dr M.R."}, "no rule 'x'"),
        ({"overrides": [Override(HIGH.id, Level.RED, "systolic", 175, "mm[Hg]")]}, "names its author"),
        (
            {"overrides": [Override(HIGH.id, Level.RED, "systolic", 150, "mm[Hg]")], "author": "Dr M.R."},
            "yellow systolic limit lies below",
        ),
        ({"reason": " "}, "gives its reason"),
        ({"valid_from": SINCE.replace(tzinfo=None)}, "with its zone"),
    ],
)
def test_a_plan_that_cannot_be_answered_for_is_refused(change: dict[str, object], message: str) -> None:
    fields = {
        "patient_id": PATIENT,
        "version": 1,
        "valid_from": SINCE,
        "conditions": ["hypertension"],
        "reason": "template",
    }
    with pytest.raises(RuleError, match=message):
        build_plan(**(fields | change))  # type: ignore[arg-type]  # a table of fields


def test_the_newest_version_that_is_not_later_is_in_force() -> None:
    first = build_plan(patient_id=PATIENT, version=1, valid_from=SINCE, conditions=["hypertension"], reason="template")
    second = replace(first, version=2, valid_from=SINCE + timedelta(days=1))
    assert in_force((second, first), SINCE - timedelta(seconds=1)) is None
    assert in_force((second, first), SINCE) is first
    assert in_force((first, second), SINCE + timedelta(days=1)) is second


def test_every_threshold_of_every_template_is_in_the_kinds_own_unit() -> None:
    limits = [
        (KINDS[rule.kind].fields[limit.field].unit, limit.unit)
        for template in TEMPLATES.values()
        for rule in template.rules
        if isinstance(rule, ThresholdRule)
        for limit in (*rule.red, *rule.yellow)
    ]
    assert len(limits) > len(TEMPLATES)
    assert all(of_the_kind == of_the_limit for of_the_kind, of_the_limit in limits)
