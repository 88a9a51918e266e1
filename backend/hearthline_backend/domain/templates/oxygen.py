"""Oxygen by a stated target range."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hearthline_backend.domain.adjusting import OxygenTarget
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.combination_rule import Changed, CombinationRule, Condition, Crossed
from hearthline_backend.domain.rules import Limit, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.templates.template import TWO_OF_THREE, msgid

OXYGEN_TARGET: Final = "oxygen_target"
"""The rule that watches a range stated for one patient, where no template brings one."""
_OF_TEMPLATE: Final = "copd.oxygen_low"

_YELLOW_UNDER: Final = 1
_RED_UNDER: Final = 3
"""NEWS2 (Royal College of Physicians, 2017), scale 2, whose range is 88 to 92 %: 86 to 87 scores 1, 84 to 85 scores 2.
In steps of a per cent: one under the range is yellow, three under it red."""


def oxygen_under(rule_id: str, target: OxygenTarget, *, personal: bool = False) -> ThresholdRule:
    """Below the range: 87 % twice or 85 % once for a range from 88 %. Back within it once in the range again."""
    yellow, red = target.low - _YELLOW_UNDER, target.low - _RED_UNDER
    return ThresholdRule(
        id=rule_id,
        kind="oxygen_saturation",
        direction="below",
        red=(Limit("spo2", red, "%", personal=personal, clears=yellow),),
        yellow=(Limit("spo2", yellow, "%", personal=personal, clears=target.low),),
        yellow_persistence=TWO_OF_THREE,
        source=target.source,
        advice=msgid("Ask about breathlessness, warm the hand, then a second reading at rest."),
    )


def stated_for_patient(rules: Sequence[Rule], target: OxygenTarget) -> tuple[tuple[Rule, ...], str]:
    """The rules with the one that watches this patient's range, and its name: the template's own where it has one."""
    stated = next((rule.id for rule in rules if rule.id == _OF_TEMPLATE), OXYGEN_TARGET)
    watching = oxygen_under(stated, target, personal=True)
    return (*(rule for rule in rules if rule.id != stated), watching), stated


def by_target(rules: Sequence[Rule], target: OxygenTarget) -> tuple[Rule, ...]:
    """What else looks at oxygen, by the stated range: conditions of combinations, and the scale of a score."""
    return tuple(_by_target(rule, target) for rule in rules)


def _by_target(rule: Rule, target: OxygenTarget) -> Rule:
    if isinstance(rule, CombinationRule):
        red = None if rule.red is None else _condition(rule.red, target)
        yellow = None if rule.yellow is None else _condition(rule.yellow, target)
        return replace(rule, red=red, yellow=yellow)
    if isinstance(rule, ScoreRule) and target.hypercapnic and target.author is not None:
        # Scale 2 is a clinician's decision for one patient (NEWS2, 2017), so a template's range does not make it.
        return replace(rule, scale=2)
    return rule


def _condition(one: Condition, target: OxygenTarget) -> Condition:
    if isinstance(one, Changed):
        return one
    if isinstance(one, Crossed):
        low = one.field == "spo2" and one.direction == "below"
        return replace(one, value=target.low - _YELLOW_UNDER) if low else one
    return replace(one, parts=tuple(_condition(part, target) for part in one.parts))
