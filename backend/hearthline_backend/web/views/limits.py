"""A plan's limits as charts and sentences need them: where a patient should be, and where somebody is called."""

from collections.abc import Iterable
from dataclasses import dataclass

from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_backend.web.figures import Figure, field_name, plain_figure
from hearthline_backend.web.language import _


@dataclass(frozen=True, slots=True)
class Range:
    """Where a field should be: past ``low`` or ``high`` somebody looks. None: open on that side."""

    field: str
    low: float | None
    high: float | None


def rules_of(plan: Plan | None, kind: str) -> tuple[ThresholdRule, ...]:
    """The limits that a kind's values are held against one by one; other rules look at more than one reading."""
    rules = () if plan is None else plan.rules_of(kind)
    return tuple(rule for rule in rules if isinstance(rule, ThresholdRule))


def agreed_range(plan: Plan | None, kind: str, field: str) -> Range:
    """The range of a field that no rule of the plan looks at twice: from its yellow limits, else from its red ones."""
    return Range(field, _inner(plan, kind, field, "below"), _inner(plan, kind, field, "above"))


def _inner(plan: Plan | None, kind: str, field: str, direction: str) -> float | None:
    rules = [rule for rule in rules_of(plan, kind) if rule.direction == direction]
    values = [limit.value for rule in rules for limit in (*rule.yellow, *rule.red) if limit.field == field]
    if not values:
        return None
    return min(values) if direction == "above" else max(values)


def range_text(kind: str, wanted: Range) -> str:
    """100–150 mmHg, under 150 mmHg, over 92 %; empty where nothing is agreed."""
    low = plain_figure(kind, wanted.field, wanted.low) if wanted.low is not None else None
    high = plain_figure(kind, wanted.field, wanted.high) if wanted.high is not None else None
    if low is not None and high is not None:
        return f"{low.number}–{high}"
    if high is not None:
        return _("under {limit}").format(limit=high)
    return _("over {limit}").format(limit=low) if low is not None else ""


def red_limits(plan: Plan | None, kind: str, fields: Iterable[str]) -> list[tuple[ThresholdRule, Limit]]:
    """The red limits of these fields, in the fields' order."""
    return [
        (rule, limit) for field in fields for rule in rules_of(plan, kind) for limit in rule.red if limit.field == field
    ]


def limit_words(level: Level, limit: Limit, figure: Figure, field: str) -> str:
    """A limit as a sentence without its full stop."""
    words = {
        (Level.RED, True): _("Personal red limit: {limit}"),
        (Level.RED, False): _("Red limit: {limit}"),
        (Level.YELLOW, True): _("Personal yellow limit: {limit}"),
        (Level.YELLOW, False): _("Yellow limit: {limit}"),
    }
    return words[level, limit.personal].format(limit=f"{figure} {field}" if field else str(figure))


def limit_field(kind: str, field: str) -> str:
    """The field's name behind a limit; empty where the kind has only one."""
    return field_name(kind, field).lower() if kind == "blood_pressure" else ""
