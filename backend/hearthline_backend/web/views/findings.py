"""Why an alert is what it is: the reading beside each of its rule's limits, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hearthline_backend.alerting.explanation import recorded
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.evaluation import Crossing, crossings
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.phrases import apart
from hearthline_backend.domain.rule_words import asked_beside, conditions, tell
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule
from hearthline_backend.web.figures import Figure, amount_figure, field_name, plain_figure, value_figure
from hearthline_backend.web.language import _
from hearthline_backend.web.phrases import say
from hearthline_backend.web.views.limits import limit_field, limit_words
from hearthline_protocol.readings import Reading


@dataclass(frozen=True, slots=True)
class Finding:
    """One value beside one limit. ``lead`` is the part that stands out."""

    level: Level | None
    lead: str
    rest: str = ""


def crossed(rule: ThresholdRule, reading: Reading) -> list[Crossing]:
    """The limits that a reading is past, the worst level first, then the one it is furthest past."""
    found = [one for one in crossings(rule, Observation.of(reading)) if one.past]
    return sorted(found, key=lambda one: (-one.level.rank, -(one.over / one.limit.value if one.limit.value else 0)))


def limit_sentence(rule: Rule, reading: Reading, level: Level) -> str:
    """Personal red limit: 180 mmHg systolic. Of the limit that decides; empty where none is crossed. A rule that looks
    at more than one reading says when it reaches the level."""
    if not isinstance(rule, ThresholdRule):
        return " ".join(say(one) for one in conditions(rule, level))
    past = crossed(rule, reading)
    if not past:
        return ""
    limit = past[0].limit
    figure = plain_figure(rule.kind, limit.field, limit.value)
    return limit_words(past[0].level, limit, figure, limit_field(rule.kind, limit.field)) + "."


def recorded_findings(rule: Rule | None, evaluation: Mapping[str, Any] | None) -> tuple[Finding, ...]:
    """The same of a rule that looks at more than one reading, from what the register keeps of its evaluation; then what
    else the rule asks for."""
    if rule is None or isinstance(rule, MissingRule | TechnicalRule) or evaluation is None:
        return ()
    answer = recorded(evaluation, rule)
    beside = " ".join(say(one) for one in asked_beside(rule))
    return (Finding(answer.level, say(tell(answer))), *([Finding(None, "", beside)] if beside else []))


def findings(rule: ThresholdRule, reading: Reading) -> tuple[Finding, ...]:
    """Each field of the rule that the reading has: the limit it is past and how far, or that it is within."""
    by_field: dict[str, list[Crossing]] = {}
    for one in crossings(rule, Observation.of(reading)):
        by_field.setdefault(one.limit.field, []).append(one)
    found = [_finding(rule, reading, field, ones) for field, ones in by_field.items()]
    return tuple(sorted(found, key=lambda one: -one.level.rank if one.level is not None else 0))


def _finding(rule: ThresholdRule, reading: Reading, field: str, ones: list[Crossing]) -> Finding:
    value = _value(rule.kind, field, reading, ones[0].limit.value)
    name = field_name(rule.kind, field)
    past = [one for one in ones if one.past]
    if not past:
        nearest = plain_figure(rule.kind, field, ones[-1].limit.value)
        within = _("{field} {value} is within the limit of {limit}.")
        if rule.direction == "below":
            within = _("{field} {value} is over the lower limit of {limit}.")
        return Finding(None, "", within.format(field=name, value=value, limit=nearest))
    worst = past[0]
    lead = _lead(rule, worst).format(
        field=name,
        value=value,
        over=amount_figure(apart(rule.kind, field, worst.over, 0)) if not worst.beyond else "",
        limit=plain_figure(rule.kind, field, worst.limit.value),
    )
    not_reached = [one for one in ones if not one.past and one.level.rank > worst.level.rank]
    rest = ""
    if not_reached:
        limit = plain_figure(rule.kind, field, not_reached[0].limit.value)
        rest = (_("The red limit is {limit}.")).format(limit=limit)
    return Finding(worst.level, lead, rest)


def _value(kind: str, field: str, reading: Reading, limit: float) -> Figure:
    """As the meter printed it; converted from another unit with the decimals by which it differs from the limit."""
    value = reading.values.get(field)
    if value is None:
        return Figure("", "")
    measured = value.as_measured
    if value.value is None or value.comparator is not None or (measured is not None and measured.unit == value.unit):
        return value_figure(kind, field, value)
    return amount_figure(apart(kind, field, value.value, limit))


def _lead(rule: ThresholdRule, worst: Crossing) -> str:
    red, above = worst.level is Level.RED, rule.direction == "above"
    if worst.beyond:
        if red:
            return _("{field} {value} is past what the meter can measure, and past the red limit of {limit}.")
        return _("{field} {value} is past what the meter can measure, and past the yellow limit of {limit}.")
    if worst.over == 0:
        return (
            _("{field} {value} is at the red limit of {limit}.")
            if red
            else _("{field} {value} is at the yellow limit of {limit}.")
        )
    if above:
        if red:
            return _("{field} {value} is {over} over the red limit of {limit}.")
        return _("{field} {value} is {over} over the yellow limit of {limit}.")
    if red:
        return _("{field} {value} is {over} under the red limit of {limit}.")
    return _("{field} {value} is {over} under the yellow limit of {limit}.")


def often_words(rule: ThresholdRule, level: Level) -> str:
    """How many readings this level asks for."""
    persistence = rule.red_persistence if level is Level.RED else rule.yellow_persistence
    if persistence.n == 1:
        return _("One reading is enough for red.") if level is Level.RED else _("One reading is enough for yellow.")
    return _("{n} of the last {m} readings are past it, which is what this rule asks for.").format(
        n=persistence.n, m=persistence.m
    )
