"""Templates: two vital signs each, a schedule, a source for every limit, and few alerts of people who are well."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.limits_of import LimitedRule, Limits
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.replaying import Happening, Replay
from hearthline_backend.domain.rules import Level, Persistence, ThresholdRule
from hearthline_backend.domain.silence_rules import MissingRule
from hearthline_backend.domain.templates import TEMPLATES, Template, build_plan
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality, Value

START = datetime(2026, 10, 1, 6, tzinfo=UTC)
NAMES = {"hypertension", "heart_failure", "copd", "diabetes_1", "diabetes_2", "coronary", "renal"}
every_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda one: one.name)


def plan_of(*conditions: str) -> Plan:
    return build_plan(
        patient_id=UUID(int=1), version=1, valid_from=START - timedelta(days=400), conditions=conditions, reason="test"
    )


def seen(days: float, kind: str, **values: float) -> Observation:
    at = START + timedelta(days=days)
    known = KINDS[kind].fields
    numbers = {name: Value(value=value, unit=known[name].unit) for name, value in values.items()}
    identity = UUID(int=int(days * 1_000_000) << 8 | sorted(KINDS).index(kind))
    return Observation(identity, kind, Quality.VALID, at, at, numbers)


def happened(plan: Plan, *observations: Observation) -> list[tuple[str, str, Level | None]]:
    replay = Replay((plan,), "Europe/Stockholm")
    found: list[Happening] = []
    for one in sorted(observations, key=lambda each: each.order):
        found += replay.see(one)
    return [(one.rule_id, one.turn.value, one.level) for one in found]


def test_there_is_a_template_for_every_condition() -> None:
    assert set(TEMPLATES) == NAMES


@every_template
def test_a_template_measures_two_vital_signs_on_a_schedule_and_names_its_sources(template: Template) -> None:
    fields = {place for rule in template.rules if isinstance(rule, LimitedRule) for place in Limits.of(rule).places}
    kinds = {slot.kind for slot in template.slots}
    assert len(kinds) > 1 or {"systolic", "pulse"} <= fields or {"spo2", "pulse"} <= fields
    assert template.slots
    assert all(rule.source.strip() and rule.advice.strip() for rule in template.rules)
    assert all(rule.id.startswith((f"{template.name}.", "missing.")) for rule in template.rules)


@every_template
def test_every_kind_that_is_expected_is_missed(template: Template) -> None:
    missed = {rule.kind for rule in template.rules if isinstance(rule, MissingRule)}
    assert missed == {slot.kind for slot in template.slots}


@every_template
def test_every_kind_that_is_expected_is_judged(template: Template) -> None:
    judged = {kind for rule in template.rules if isinstance(rule, ReadingRule) for kind in rule.kinds}
    assert {slot.kind for slot in template.slots} <= judged


@every_template
def test_yellow_asks_for_more_than_one_reading_unless_waiting_would_be_worse(template: Template) -> None:
    at_once = {
        rule.id
        for rule in template.rules
        if isinstance(rule, ThresholdRule) and rule.yellow and rule.yellow_persistence == Persistence()
    }
    # A glucose that is measured once a day, and fever of somebody with a dialysis access.
    assert at_once <= {"diabetes_2.glucose_low", "renal.temperature_high"}


@every_template
def test_two_quiet_weeks_make_no_alert(template: Template) -> None:
    usual = {
        "blood_pressure": {"systolic": 124.0, "diastolic": 78.0, "pulse": 68.0},
        "oxygen_saturation": {"spo2": 90.0 if template.oxygen_target else 96.0, "pulse": 70.0},
        "body_weight": {"weight": 80.2},
        "glucose": {"glucose": 118.0},
        "body_temperature": {"temperature": 36.7},
    }
    readings = [
        seen(day + part / 2, kind, **values) for day in range(14) for part in (0, 1) for kind, values in usual.items()
    ]
    assert happened(plan_of(template.name), *readings) == []


def test_weight_that_rises_two_kilogrammes_in_three_days_is_yellow_once() -> None:
    weights = [80.0, 80.2, 79.9, 80.1, 80.0, 80.6, 81.2, 82.2, 82.3, 82.2]
    readings = [seen(day, "body_weight", weight=weight) for day, weight in enumerate(weights)]
    assert happened(plan_of("heart_failure"), *readings) == [("heart_failure.weight_up", "opened", Level.YELLOW)]


def test_weight_up_and_oxygen_down_together_are_red() -> None:
    readings = [seen(day, "body_weight", weight=80.0) for day in range(7)]
    readings += [seen(7, "body_weight", weight=81.5), seen(7.01, "oxygen_saturation", spo2=92)]
    assert ("heart_failure.decompensation", "opened", Level.RED) in happened(plan_of("heart_failure"), *readings)


@pytest.mark.parametrize(
    ("glucose", "level"),
    [
        (53, Level.RED),
        (54, None),
        (69, None),
        (70, None),
        (251, None),
        (599, None),
        (599.9, Level.RED),
        (600, Level.RED),
    ],
)
def test_one_reading_of_glucose_is_red_at_level_2_and_in_a_crisis_only(glucose: float, level: Level | None) -> None:
    found = happened(plan_of("diabetes_1"), seen(0, "glucose", glucose=glucose))
    assert [one[2] for one in found] == ([] if level is None else [level])


@pytest.mark.parametrize(
    ("glucose", "rule"),
    [
        (69, "diabetes_1.glucose_low"),
        (68.5, "diabetes_1.glucose_low"),  # 3.8 mmol/L
        (70, None),
        (70.3, None),  # 3.9 mmol/L
        (250, None),
        (250.4, None),  # 13.9 mmol/L
        (251, "diabetes_1.glucose_high"),
        (252.2, "diabetes_1.glucose_high"),  # 14.0 mmol/L
    ],
)
def test_the_levels_of_the_ada_begin_beyond_their_figures_in_both_units(glucose: float, rule: str | None) -> None:
    found = happened(plan_of("diabetes_1"), *(seen(part / 8, "glucose", glucose=glucose) for part in range(2)))
    assert found == ([] if rule is None else [(rule, "opened", Level.YELLOW)])


def test_oxygen_hovering_at_its_limit_makes_one_alert() -> None:
    values = [92, 92, 93, 92, 93, 92, 92, 93, 94, 92]
    readings = [seen(day, "oxygen_saturation", spo2=value) for day, value in enumerate(values)]
    found = happened(plan_of("heart_failure"), *readings)
    assert [one[1] for one in found if one[0] == "heart_failure.oxygen_low"][:1] == ["opened"]
    assert [one[1] for one in found].count("opened") == 1


def test_a_partial_news2_in_copd_counts_no_single_oxygen_of_91() -> None:
    readings = [seen(day, "oxygen_saturation", spo2=90, pulse=80) for day in range(5)]
    assert happened(plan_of("copd"), *readings) == []
    worse = [
        seen(0, "oxygen_saturation", spo2=90, pulse=112),
        seen(0.01, "body_temperature", temperature=39.2),
    ]
    assert happened(plan_of("copd"), *worse) == [
        ("copd.news2", "opened", Level.YELLOW),
        ("copd.news2", "worsened", Level.RED),
    ]
