"""A reading that is called quiet is one of which no rule says anything; every other goes to the rules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.alerting.standing import standing_of
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.evaluation import Why, evaluate
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Limit, ThresholdRule
from hearthline_backend.domain.templates import build_plan
from hearthline_protocol.readings import Quality
from tests.fixtures.readings import pressure, value
from tests.fixtures.records import NOW
from tests.fixtures.rule_kinds import COMBINATION, THRESHOLD

TEAM: Final = UUID(int=7)
NOTHING_SAID: Final = {Why.WITHIN_LIMITS, Why.NEAR_LIMIT, Why.NO_VALUE, Why.RULE_NOT_IN_PLAN}


def _plan(version: int, *, days_ago: int, rules: tuple[Rule, ...] | None = None) -> Plan:
    made = build_plan(
        patient_id=UUID(int=1),
        version=version,
        valid_from=NOW - timedelta(days=days_ago),
        conditions=["hypertension"],
        reason="test",
    )
    # Only thresholds can be quiet: the template's average asks about every reading.
    plain: tuple[Rule, ...] = tuple(rule for rule in made.rules if isinstance(rule, ThresholdRule))
    own = plain if rules is None else rules
    return Plan(made.patient_id, version, made.valid_from, (), own, (), "test")


PULSE: Final = ThresholdRule(
    "test.pulse_low", "blood_pressure", "below", (Limit("pulse", 40, "/min"),), (Limit("pulse", 50, "/min"),), "s", "a"
)
HISTORIES: Final = (
    (),
    (_plan(1, days_ago=30),),
    (_plan(1, days_ago=30), _plan(2, days_ago=1, rules=(PULSE,))),
    (_plan(1, days_ago=30, rules=(PULSE,)), _plan(2, days_ago=1)),
)
_NUMBERS: Final = st.sampled_from([30.0, 39.0, 40.0, 50.0, 51.0, 80.0, 90.0, 95.0, 120.0, 159.0, 160.0, 179.0, 200.0])


@st.composite
def _values(draw: st.DrawFn) -> dict[str, Any]:
    fields = draw(st.sets(st.sampled_from(["systolic", "diastolic", "mean", "pulse"]), min_size=1))
    units = {"pulse": "/min"}
    return {
        name: value(draw(_NUMBERS), units.get(name, "mm[Hg]"), draw(st.sampled_from([None, None, None, "<", ">"])))
        for name in fields
    }


@given(
    history=st.sampled_from(HISTORIES),
    values=_values(),
    quality=st.sampled_from(Quality),
    kind=st.sampled_from(["blood_pressure", "blood_pressure", "body_weight"]),
    hours_ago=st.integers(0, 24 * 40),
    synthetic=st.booleans(),
)
def test_of_a_quiet_reading_no_rule_says_anything(
    history: tuple[Plan, ...], values: dict[str, Any], quality: Quality, kind: str, hours_ago: int, synthetic: bool
) -> None:
    at = NOW - timedelta(hours=hours_ago)
    reading = pressure(kind=kind, values=values, quality=quality, effective_time=at, synthetic=synthetic)
    found = standing_of(TEAM, history).quiet(reading, at)
    if found is None:
        return
    assert not synthetic
    rules = {rule.id for plan in history for rule in plan.rules_of(kind)}
    evaluations = [one for rule in rules for one in evaluate([Observation.of(reading)], history, rule)]
    assert {one.why for one in evaluations} <= NOTHING_SAID
    assert len(evaluations) == len(rules)
    if rules:
        newest = max(history, key=lambda plan: plan.version)
        assert found == f'{{"within": {newest.version}}}'
        assert {one.plan_version for one in evaluations} == {newest.version}


def test_a_plain_reading_is_quiet_and_one_at_its_limit_is_not() -> None:
    standing = standing_of(TEAM, HISTORIES[1])
    assert standing.quiet(pressure(128, 82), NOW) == '{"within": 1}'
    assert standing.quiet(pressure(179, 82), NOW) is None
    assert standing.quiet(pressure(186, 112), NOW) is None
    assert standing.quiet(pressure(128, 82), NOW - timedelta(days=31)) is None


def test_between_limit_and_clearing_it_is_quiet_as_long_as_no_alert_is_near() -> None:
    hovering = replace(PULSE, red=(), yellow=(Limit("pulse", 50, "/min", clears=55),))
    standing = standing_of(TEAM, (_plan(1, days_ago=30, rules=(hovering,)),))
    low, near = (pressure(values={"pulse": value(number, "/min")}) for number in (50, 53))
    assert (standing.quiet(low, NOW), standing.quiet(near, NOW)) == (None, '{"within": 1}')


def test_a_kind_of_which_a_rule_looks_at_more_than_one_reading_is_never_quiet() -> None:
    """Not even once the plan has dropped that rule: it judges what was measured before."""
    plans = (
        _plan(1, days_ago=30, rules=(COMBINATION, PULSE)),
        _plan(2, days_ago=1, rules=(PULSE, THRESHOLD)),
    )
    weight = pressure(kind="body_weight", values={"weight": value(81.5, "kg")})
    oxygen = pressure(kind="oxygen_saturation", values={"spo2": value(97, "%")})
    for history in (plans[:1], plans):
        standing = standing_of(TEAM, history)
        found = [standing.quiet(one, NOW) for one in (pressure(128, 82), weight, oxygen)]
        assert found == [None, None, None]
    temperature = pressure(kind="body_temperature", values={"temperature": value(37, "Cel")})
    assert "no_rule_for_this_kind" in (standing_of(TEAM, plans).quiet(temperature, NOW) or "")


def test_a_kind_without_a_rule_says_so() -> None:
    weight = pressure(kind="body_weight", values={"weight": value(81.5, "kg")})
    assert "no_rule_for_this_kind" in (standing_of(TEAM, HISTORIES[1]).quiet(weight, NOW) or "")
