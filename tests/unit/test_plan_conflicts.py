"""Several conditions on one patient: conflicts are listed, held, and ended by a recorded decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.domain.adjusting import Conflict, Decided, Holds, Override, OxygenTarget
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule, Protocol
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule, Crossed, leaves
from hearthline_backend.domain.conflicts import conflicts_of, settle
from hearthline_backend.domain.limits_of import LimitedRule, Limits
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, Limit, Persistence, RuleError, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.templates import TEMPLATES, build_plan
from hearthline_backend.storage.records.plan_content import PlanContent
from hearthline_backend.web.phrases import advised

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LOW = "blood_pressure.systolic.below"
OXYGEN = "oxygen_saturation.spo2.below"


def plan_of(*conditions: str, **other: object) -> Plan:
    fields: dict[str, object] = {
        "patient_id": UUID(int=1),
        "version": 1,
        "valid_from": NOW,
        "conditions": conditions,
        "reason": "test",
        "author": "Dr M.R.",
    }
    return build_plan(**(fields | other))  # type: ignore[arg-type]  # a table of fields


def pressure(name: str, red: float | None, yellow: float | None, **other: object) -> ThresholdRule:
    fields: dict[str, object] = {
        "id": name,
        "kind": "blood_pressure",
        "direction": "above",
        "red": () if red is None else (Limit("systolic", red, "mm[Hg]"),),
        "yellow": () if yellow is None else (Limit("systolic", yellow, "mm[Hg]"),),
        "yellow_persistence": Persistence(2, 3),
        "source": f"source of {name}",
        "advice": "a",
    }
    return ThresholdRule(**(fields | other))  # type: ignore[arg-type]  # a table of fields


def threshold(rules: tuple[Rule, ...], rule_id: str) -> ThresholdRule:
    found = next(rule for rule in rules if rule.id == rule_id)
    assert isinstance(found, ThresholdRule)
    return found


def test_the_stricter_limit_raises_yellow_and_red_comes_only_where_the_looser_is_crossed_too() -> None:
    rules, conflicts = settle([pressure("a", 170, 160), pressure("b", 180, 150)])
    held = threshold(rules, "a")
    assert [one.value for one in held.red] == [180]
    assert [one.value for one in held.yellow] == [150]
    (conflict,) = conflicts
    assert (conflict.subject, conflict.red, conflict.yellow, conflict.by) == (
        "blood_pressure.systolic.above",
        180,
        150,
        Holds.STRICTER,
    )
    assert [(one.rule_id, one.red, one.yellow) for one in conflict.stakes] == [("a", 170, 160), ("b", 180, 150)]
    assert held.source == "source of a; source of b"


def test_what_would_have_been_red_at_once_is_yellow_at_once() -> None:
    rules, _ = settle([pressure("a", 170, 160), pressure("b", 180, 150)])
    early = threshold(rules, "a.systolic.held")
    assert early.red == ()
    assert [one.value for one in early.yellow] == [170]
    assert early.yellow_persistence == Persistence(1, 1)


def test_below_the_higher_limit_is_the_stricter_one() -> None:
    sides = {"direction": "below"}
    rules, (conflict,) = settle([pressure("a", 90, 100, **sides), pressure("b", 85, 95, **sides)])
    assert (conflict.red, conflict.yellow) == (85, 100)
    assert [one.value for one in threshold(rules, "a").red] == [85]


def test_who_has_no_red_limit_does_not_take_one_away() -> None:
    rules, (conflict,) = settle([pressure("a", 180, 160), pressure("b", None, 150)])
    assert (conflict.red, conflict.yellow) == (180, 150)
    assert [rule.id for rule in rules] == ["a"]


def test_the_same_limits_are_one_rule_and_no_conflict() -> None:
    rules, conflicts = settle([pressure("a", 180, 160), pressure("b", 180, 160)])
    assert conflicts == ()
    assert [rule.id for rule in rules] == ["a"]


def test_other_sides_and_other_fields_do_not_conflict() -> None:
    low = pressure("b", 90, 100, direction="below")
    other = replace(pressure("c", None, 100), yellow=(Limit("diastolic", 100, "mm[Hg]"),))
    rules = (pressure("a", 180, 160), low, other)
    assert settle(rules) == (rules, ())


def test_fields_that_agree_keep_their_own_patience() -> None:
    both = replace(
        pressure("a", None, 160),
        yellow=(Limit("systolic", 160, "mm[Hg]"), Limit("diastolic", 100, "mm[Hg]")),
        yellow_persistence=Persistence(3, 3),
    )
    rules, _ = settle([both, pressure("b", None, 150)])
    assert [one.field for one in threshold(rules, "a").yellow] == ["diastolic"]
    assert threshold(rules, "a").yellow_persistence == Persistence(3, 3)
    assert threshold(rules, "a.systolic").yellow_persistence == Persistence(2, 3)


def test_changes_are_held_time_by_time() -> None:
    def rises(name: str, *changes: Change) -> ChangeRule:
        return ChangeRule(name, "body_weight", "weight", "rises", (), changes, "s", "a", clears_by=0.2)

    day, three = timedelta(days=1), timedelta(days=3)
    rules, (conflict,) = settle(
        [rises("a", Change(2, "kg", three)), rises("b", Change(1.5, "kg", three), Change(1, "kg", day))]
    )
    assert (conflict.subject, conflict.yellow) == ("body_weight.weight.rises.change.72h", 1.5)
    assert [[(one.amount, one.within) for one in rule.yellow] for rule in rules if isinstance(rule, ChangeRule)] == [
        [(1.5, three)],
        [(1, day)],
    ]


def test_averages_by_different_protocols_are_different_measures() -> None:
    def average(name: str, value: float, protocol: Protocol) -> AverageRule:
        limit = Limit("systolic", value, "mm[Hg]")
        return AverageRule(name, "blood_pressure", "above", (), (limit,), "s", "a", protocol=protocol)

    same = settle([average("a", 135, Protocol()), average("b", 130, Protocol())])
    assert [one.subject for one in same[1]] == ["blood_pressure.systolic.above.average"]
    other = settle([average("a", 135, Protocol()), average("b", 130, Protocol(days=5))])
    assert other[1] == ()


def test_a_decision_ends_the_conflict_and_is_kept_with_its_author_and_reason() -> None:
    decided = Decided(LOW, "heart_failure.pressure_low", "Dr M.R.", "treated down to 95", NOW)
    plan = plan_of("hypertension", "heart_failure", decisions=[decided])
    conflict = next(one for one in conflicts_of(plan) if one.subject == LOW)
    assert (conflict.red, conflict.yellow, conflict.by, conflict.open) == (89, 95, Holds.DECIDED, False)
    low = threshold(plan.rules, "heart_failure.pressure_low")
    assert (low.red[0].value, low.red_persistence) == (89, Persistence(2, 2))
    assert plan.rule("hypertension.pressure_low") is None
    assert plan.adjusted.decisions == (decided,)
    assert PlanContent.model_validate(PlanContent.of(plan).as_json()).adjusted == plan.adjusted


def test_until_then_it_is_open() -> None:
    (conflict,) = conflicts_of(plan_of("hypertension", "heart_failure"))
    assert (conflict.subject, conflict.open, conflict.red, conflict.yellow) == (LOW, True, 89, 100)


@pytest.mark.parametrize(
    ("decided", "message"),
    [
        (Decided("glucose.glucose.above", "x", "Dr M.R.", "r", NOW), f"no conflict .* there are: {LOW}"),
        (Decided(LOW, "copd.oxygen_low", "Dr M.R.", "r", NOW), "has no limit in blood_pressure.systolic.below"),
    ],
)
def test_a_decision_about_what_is_no_conflict_is_refused(decided: Decided, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        plan_of("hypertension", "heart_failure", decisions=[decided])


@pytest.mark.parametrize(("author", "reason"), [("", "r"), ("Dr M.R.", " ")])
def test_a_decision_has_an_author_and_a_reason(author: str, reason: str) -> None:
    with pytest.raises(RuleError, match="names its author and its reason"):
        Decided(LOW, "x", author, reason, NOW)


def test_a_personal_limit_is_a_decision() -> None:
    own = [Override("heart_failure.pressure_low", Level.YELLOW, "systolic", 92, "mm[Hg]")]
    plan = plan_of("hypertension", "heart_failure", overrides=own)
    (conflict,) = conflicts_of(plan)
    assert (conflict.by, conflict.yellow, conflict.red) == (Holds.PERSONAL, 92, 89)
    (kept,) = plan.adjusted.overrides
    assert (kept.author, kept.reason, kept.at) == ("Dr M.R.", "test", NOW)


def test_of_two_overrides_the_later_holds_and_both_stay_as_history() -> None:
    first = Override("hypertension.pressure_high", Level.RED, "systolic", 190, "mm[Hg]", author="Dr A.A.", at=NOW)
    second = replace(first, value=185, author=None, at=None)
    plan = plan_of("hypertension", overrides=[first, second])
    assert threshold(plan.rules, "hypertension.pressure_high").red[0].value == 185
    assert [(one.value, one.author) for one in plan.adjusted.overrides] == [(190, "Dr A.A."), (185, "Dr M.R.")]


def test_a_change_is_overridden_by_its_time() -> None:
    with pytest.raises(RuleError, match="2 changes that are yellow"):
        plan_of("heart_failure", overrides=[Override("heart_failure.weight_up", Level.YELLOW, "weight", 3, "kg")])
    own = Override("heart_failure.weight_up", Level.YELLOW, "weight", 3, "kg", within=timedelta(hours=78))
    rule = plan_of("heart_failure", overrides=[own]).rule("heart_failure.weight_up")
    assert isinstance(rule, ChangeRule)
    assert {(one.amount, one.personal) for one in rule.yellow} == {(3, True), (1.36, False)}
    with pytest.raises(RuleError, match="is about weight"):
        plan_of("heart_failure", overrides=[replace(own, field="bmi")])
    with pytest.raises(RuleError, match="no limit of one field"):
        plan_of("copd", overrides=[Override("copd.news2", Level.RED, "spo2", 88, "%")])


def test_a_stated_oxygen_range_wins_over_another_templates_limit_in_every_rule() -> None:
    plan = plan_of("heart_failure", "copd")
    conflict = next(one for one in conflicts_of(plan) if one.subject == OXYGEN)
    assert (conflict.by, conflict.red, conflict.yellow) == (Holds.OXYGEN_TARGET, 85, 87)
    assert plan.rule("heart_failure.oxygen_low") is None
    together = plan.rule("heart_failure.decompensation")
    assert isinstance(together, CombinationRule)
    assert together.red is not None
    assert [one.value for one in leaves(together.red) if isinstance(one, Crossed)] == [87]


def test_a_range_stated_for_the_patient_wins_over_a_decision_and_brings_scale_2() -> None:
    target = OxygenTarget(88, 92, "lung clinic, blood gases of October")
    plan = plan_of("copd", "heart_failure", oxygen_target=target)
    assert plan.adjusted.oxygen_target == replace(target, author="Dr M.R.", at=NOW)
    oxygen = threshold(plan.rules, "copd.oxygen_low")
    assert (oxygen.red[0].value, oxygen.yellow[0].value, oxygen.red[0].personal) == (85, 87, True)
    score = plan.rule("copd.news2")
    assert isinstance(score, ScoreRule)
    assert score.scale == 2
    assert isinstance(usual := plan_of("copd").rule("copd.news2"), ScoreRule)
    assert usual.scale == 1


def test_a_range_for_somebody_without_lung_disease_has_a_rule_of_its_own() -> None:
    plan = plan_of("heart_failure", oxygen_target=OxygenTarget(94, 98, "ward round"))
    assert [one.value for one in threshold(plan.rules, "oxygen_target").yellow] == [93]
    assert plan.rule("heart_failure.oxygen_low") is None


@pytest.mark.parametrize(("low", "high", "source"), [(92, 88, "s"), (70, 92, "s"), (88, 92, " ")])
def test_an_oxygen_range_that_means_nothing_is_refused(low: int, high: int, source: str) -> None:
    with pytest.raises(RuleError, match="oxygen target"):
        OxygenTarget(low, high, source)


def _owners(plan: Plan) -> dict[tuple[object, ...], list[str]]:
    found: dict[tuple[object, ...], list[str]] = {}
    for rule in plan.rules:
        if isinstance(rule, LimitedRule) and not rule.id.endswith(".held"):
            for place in Limits.of(rule).places:
                found.setdefault((rule.type, rule.kind, rule.direction, place), []).append(rule.id)
    return found


TWO_KINDS_OF_DIABETES = ("diabetes_1", "diabetes_2")  # nobody has both
PAIRS = [pair for pair in combinations(TEMPLATES, 2) if pair != TWO_KINDS_OF_DIABETES]


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_any_two_conditions_have_one_owner_for_every_limit(pair: tuple[str, str]) -> None:
    for names in (pair, pair[::-1]):
        plan = plan_of(*names)
        assert all(len(owners) == 1 for owners in _owners(plan).values())
        assert PlanContent.model_validate(PlanContent.of(plan).as_json()).rules == plan.rules


limits = st.tuples(st.sampled_from([None, 170, 180, 190]), st.sampled_from([None, 140, 150, 160])).filter(any)


@given(st.lists(limits, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_what_holds_does_not_hang_on_the_order_of_the_conditions(asked: list[tuple[int, int]], chance: object) -> None:
    rules = [pressure(f"r{number}", red, yellow) for number, (red, yellow) in enumerate(asked)]
    shuffled = list(rules)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random

    def held(found: tuple[Conflict, ...]) -> list[tuple[float | None, float | None]]:
        return [(one.red, one.yellow) for one in found]

    assert held(settle(rules)[1]) == held(settle(shuffled)[1])
    for conflict in settle(rules)[1]:
        reds = [one.red for one in conflict.stakes if one.red is not None]
        assert conflict.red == max(reds, default=None)
        strictest = min(value for one in conflict.stakes for value in (one.red, one.yellow) if value is not None)
        assert conflict.yellow == strictest or (conflict.yellow is None and strictest == conflict.red)


def test_a_rule_that_two_conditions_share_keeps_the_advice_of_both() -> None:
    """A slow pulse of somebody with failing kidneys may be potassium, whatever else they are treated for."""
    shared = threshold(plan_of("hypertension", "renal").rules, "hypertension.pulse_low")
    assert [one.split()[2] for one in shared.advice.split("\n")] == ["dizziness", "weakness;"]
    assert advised(shared.advice).endswith("potassium may be high: arrange a blood test today.")
    alike = threshold(plan_of("hypertension", "coronary").rules, "hypertension.pressure_high")
    assert alike.advice == threshold(plan_of("hypertension").rules, "hypertension.pressure_high").advice
