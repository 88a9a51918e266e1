"""The next version of a plan from what a clinician wants: everything else stays, and what has lost its object goes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.adjusting import Decided, Holds, Override, OxygenTarget
from hearthline_backend.domain.limit_choices import LimitChoice, limit_choices
from hearthline_backend.domain.plan_wish import LimitPlace, PlanWish, next_plan, own_rules, taken_back
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, Limit, RuleError, ThresholdRule
from hearthline_backend.domain.templates import TEMPLATES, build_plan
from hearthline_backend.domain.templates.template import evening

SINCE = datetime(2026, 9, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HIGH = "hypertension.pressure_high"
OWN = ThresholdRule(
    id="weight_high",
    kind="body_weight",
    direction="above",
    red=(Limit("weight", 82, "kg"),),
    yellow=(),
    source="Agreed at the visit",
    advice="Ask about swelling.",
)


def plan_of(*conditions: str, rules: tuple[ThresholdRule, ...] = ()) -> Plan:
    return build_plan(
        patient_id=UUID(int=7),
        version=1,
        valid_from=SINCE,
        conditions=conditions,
        reason="as the templates",
        author="Dr M.R." if rules else None,
        extra_rules=rules,
    )


def after(before: Plan, wish: PlanWish) -> Plan:
    return next_plan(before, wish, at=NOW, author="Dr M.R.", reason="after the visit")


def red(value: float, rule: str = HIGH, field: str = "systolic") -> Override:
    return Override(rule, Level.RED, field, value, "mm[Hg]")


def limit(plan: Plan, rule_id: str, level: Level, field: str) -> Limit:
    rule = plan.rule(rule_id)
    assert isinstance(rule, ThresholdRule)
    return next(one for one in rule.limits(level) if one.field == field)


@pytest.mark.parametrize("names", [("hypertension",), ("heart_failure", "copd"), ("renal", "diabetes_2", "coronary")])
def test_a_wish_for_nothing_else_says_the_same_again(names: tuple[str, ...]) -> None:
    before = plan_of(*names, rules=(OWN,))
    made = after(before, PlanWish.of(before))
    assert (made.rules, made.slots, made.conditions) == (before.rules, before.slots, before.conditions)
    assert (made.version, made.valid_from, made.author) == (2, NOW, "Dr M.R.")


def test_a_limit_is_personal_with_its_author_until_it_is_taken_back() -> None:
    before = plan_of("hypertension")
    second = after(before, PlanWish.of(before).with_limit(red(170)))
    assert limit(second, HIGH, Level.RED, "systolic") == Limit("systolic", 170, "mm[Hg]", personal=True)
    (kept,) = second.adjusted.overrides
    assert (kept.author, kept.reason, kept.at) == ("Dr M.R.", "after the visit", NOW)
    later = replace(second, valid_from=NOW)
    third = next_plan(later, PlanWish.of(later), at=NOW + timedelta(days=9), author="Nurse E.S.", reason="no change")
    assert third.adjusted.overrides == (kept,)
    fourth = after(third, PlanWish.of(third).without_limit(LimitPlace.of(kept)))
    assert limit(fourth, HIGH, Level.RED, "systolic") == limit(before, HIGH, Level.RED, "systolic")
    assert fourth.adjusted.overrides == ()


def test_conditions_bring_and_take_their_rules_times_and_limits() -> None:
    before = plan_of("hypertension")
    wish = PlanWish.of(before).with_limit(red(170))
    both = after(before, wish.with_conditions(("hypertension", "copd")))
    assert {slot.kind for slot in both.slots} == {"blood_pressure", "oxygen_saturation"}
    alone = after(both, PlanWish.of(both).with_conditions(("copd",)))
    assert {rule.id for rule in alone.rules} == {rule.id for rule in plan_of("copd").rules}
    assert alone.slots == plan_of("copd").slots
    assert alone.adjusted.overrides == ()


def test_slots_that_another_condition_asks_for_stay() -> None:
    before = plan_of("hypertension", "heart_failure")
    kept = PlanWish.of(before).with_conditions(("heart_failure",)).slots
    assert set(kept) >= set(TEMPLATES["heart_failure"].slots)
    assert set(kept) <= set(TEMPLATES["heart_failure"].slots) | set(before.slots)


def test_what_no_template_brought_stays() -> None:
    before = plan_of("hypertension", rules=(OWN,))
    assert own_rules(before) == (OWN,)
    made = after(before, PlanWish.of(before).with_conditions(("copd",)))
    assert made.rule("weight_high") == OWN
    assert own_rules(made) == (OWN,)


def test_another_time_of_day_changes_no_rule() -> None:
    before = plan_of("hypertension")
    made = after(before, replace(PlanWish.of(before), slots=(evening("body_weight"),)))
    assert made.slots == (evening("body_weight"),)
    assert made.rules == before.rules


def conflicted() -> tuple[Plan, str, str]:
    before = plan_of("hypertension", "heart_failure")
    found = next(one for one in before.adjusted.conflicts if one.open)
    return before, found.subject, found.stakes[1].rule_id


def test_a_decision_is_kept_until_its_conflict_is_gone() -> None:
    before, subject, rule_id = conflicted()
    decided = Decided(subject, rule_id, "Dr M.R.", "the heart comes first", NOW)
    second = after(before, PlanWish.of(before).with_decision(decided))
    assert next(one for one in second.adjusted.conflicts if one.subject == subject).by is Holds.DECIDED
    third = after(second, PlanWish.of(second))
    assert third.adjusted.decisions == (decided,)
    alone = after(third, PlanWish.of(third).with_conditions(("hypertension",)))
    assert alone.adjusted.decisions == ()
    assert after(third, PlanWish.of(third).undecided(subject)).adjusted.conflicts == before.adjusted.conflicts


def test_a_new_decision_about_nothing_is_refused() -> None:
    before, _subject, rule_id = conflicted()
    wrong = Decided("glucose.glucose.below", rule_id, "Dr M.R.", "a reason", NOW)
    with pytest.raises(RuleError, match="no conflict"):
        after(before, PlanWish.of(before).with_decision(wrong))


def test_an_oxygen_target_replaces_the_template_s_limits_on_the_form_too() -> None:
    before = plan_of("copd")
    wish = replace(PlanWish.of(before), oxygen_target=OxygenTarget(92, 96, "the lung clinic"))
    made = after(before, wish)
    assert limit(made, "copd.oxygen_low", Level.RED, "spo2").value == 89
    assert not [one for one in limit_choices(wish) if one.rule.id == "copd.oxygen_low"]
    assert [one for one in limit_choices(PlanWish.of(before)) if one.rule.id == "copd.oxygen_low"]


def test_a_version_taken_back_says_what_the_one_before_said() -> None:
    first = plan_of("hypertension")
    second = after(first, PlanWish.of(first).with_limit(red(170)))
    third = taken_back(second, first, at=NOW, author="Dr M.R.", reason="by mistake")
    assert (third.version, third.rules, third.adjusted) == (3, first.rules, first.adjusted)


def choice(before: Plan, rule_id: str, level: Level, field: str) -> LimitChoice:
    choices = limit_choices(PlanWish.of(before))
    return next(one for one in choices if one.place == LimitPlace(rule_id, level, field))


def test_a_limit_that_clears_further_in_goes_on_doing_so() -> None:
    low = choice(plan_of("heart_failure"), "heart_failure.oxygen_low", Level.RED, "spo2")
    assert (low.template, low.override(86).clears) == (89, 88)
    yellow = choice(plan_of("heart_failure"), "heart_failure.oxygen_low", Level.YELLOW, "spo2")
    assert yellow.override(99).clears == 100
    assert yellow.override(100).clears is None


@settings(deadline=None, max_examples=50)
@given(st.permutations(sorted(TEMPLATES)), st.integers(1, len(TEMPLATES)), st.data())
def test_every_limit_can_be_set_to_what_it_is(names: list[str], many: int, data: st.DataObject) -> None:
    before = plan_of(*names[:many])
    choices = [one for one in limit_choices(PlanWish.of(before)) if one.value is not None]
    chosen = data.draw(st.sampled_from(choices))
    assert chosen.value is not None
    made = after(before, PlanWish.of(before).with_limit(chosen.override(chosen.value)))
    ours = [one for one in limit_choices(PlanWish.of(made)) if one.place == chosen.place]
    assert [one.value for one in ours] == [chosen.value]
    assert ours[0].own is not None
