"""One view on every rule that has limits: what it measures, and where its levels begin."""

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Final

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule

LimitedRule = ThresholdRule | AverageRule | MovingAverageRule | CusumRule | ChangeRule
Mark = Limit | Change
Place = str | timedelta
"""Where in a rule a mark stands: the field of a limit, the time of a change."""

_NOT_MEASURE: Final = frozenset(
    (
        "id",
        "red",
        "yellow",
        "red_persistence",
        "yellow_persistence",
        "clears_by",
        "source",
        "advice",
        "look_back",
        "rejoin_within",
        "priority",
    )
)


@dataclass(slots=True)
class Limits:
    """The marks of one rule by their place, to be changed; ``rebuilt`` makes them a rule again."""

    rule: LimitedRule
    red: dict[Place, Mark]
    yellow: dict[Place, Mark]

    @classmethod
    def of(cls, rule: LimitedRule) -> "Limits":
        """The marks as the rule has them."""
        return cls(rule, _by_place(rule, Level.RED), _by_place(rule, Level.YELLOW))

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place of either level, in order."""
        return tuple(dict.fromkeys((*self.red, *self.yellow)))

    def level(self, level: Level) -> dict[Place, Mark]:
        """The marks of one level."""
        return self.red if level is Level.RED else self.yellow

    def at(self, place: Place) -> list[Mark]:
        """What stands there, the red mark first."""
        return [marks[place] for marks in (self.red, self.yellow) if place in marks]

    def drop(self, place: Place) -> None:
        """Without what stands there."""
        self.red.pop(place, None)
        self.yellow.pop(place, None)

    def rebuilt(self) -> LimitedRule | None:
        """The rule with these marks; None where nothing is left of it. Raises
        :class:`~hearthline_backend.domain.rules.RuleError` where they cannot stand together."""
        if not (self.red or self.yellow):
            return None
        changes = {"red": tuple(self.red.values()), "yellow": tuple(self.yellow.values())}
        return replace(self.rule, **changes)  # type: ignore[arg-type]  # marks of the rule's own type


def measure(rule: LimitedRule) -> tuple[object, ...]:
    """What a rule measures: rules in which this is the same can be compared limit by limit."""
    return tuple(getattr(rule, one.name) for one in fields(rule) if one.name not in _NOT_MEASURE)


def value_of(mark: Mark) -> float:
    """The number of a mark, in its unit."""
    return mark.value if isinstance(mark, Limit) else mark.amount


def low_fires_earlier(rule: Rule) -> bool:
    """Whether the smaller of two marks is the stricter one: so it is on the upper side, and for every distance."""
    if isinstance(rule, ThresholdRule | AverageRule):
        return rule.above
    if isinstance(rule, MovingAverageRule):
        return rule.above or rule.against == "baseline"
    return True


def field_at(rule: LimitedRule, place: Place) -> str:
    """The field a place is about."""
    if isinstance(rule, ChangeRule):
        return rule.field
    return str(place)


def _by_place(rule: LimitedRule, level: Level) -> dict[Place, Mark]:
    if isinstance(rule, ChangeRule):
        return {change.within: change for change in rule.changes(level)}
    return {limit.field: limit for limit in rule.limits(level)}
