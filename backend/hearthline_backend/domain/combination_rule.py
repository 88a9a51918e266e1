"""Several kinds together: such as weight up and oxygen down within two days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from hearthline_backend.domain.rules import (
    Priority,
    RuleError,
    check_amount,
    check_times,
    field_of,
    kind_of,
)


@dataclass(frozen=True, slots=True)
class Crossed:
    """The newest reading of ``kind`` within the rule's time has ``field`` at or past ``value`` (in ``unit``)."""

    kind: str
    field: str
    direction: Literal["above", "below"]
    value: float
    unit: str
    personal: bool = False
    type: Literal["crossed"] = "crossed"


@dataclass(frozen=True, slots=True)
class Changed:
    """``field`` of ``kind`` has risen or fallen by ``amount`` (in ``unit``) from its lowest or highest value within the
    rule's time."""

    kind: str
    field: str
    direction: Literal["rises", "falls"]
    amount: float
    unit: str
    personal: bool = False
    type: Literal["changed"] = "changed"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of ``parts``."""

    parts: "tuple[Condition, ...]"
    type: Literal["all"] = "all"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of ``parts``."""

    parts: "tuple[Condition, ...]"
    type: Literal["any"] = "any"


Condition = Crossed | Changed | AllOf | AnyOf

MOST_DEEP: Final = 5
"""Conditions in conditions; deeper than this nobody understands why it fired."""


@dataclass(frozen=True, slots=True)
class CombinationRule:
    """Conditions over several kinds, each looked at by its readings within ``within`` before the newest one.

    A kind without a reading in that time is not past anything: the condition is not met, and the evaluation says so.
    """

    id: str
    red: Condition | None
    yellow: Condition | None
    within: timedelta
    source: str
    advice: str
    look_back: timedelta = timedelta(days=7)
    rejoin_within: timedelta = timedelta(hours=24)
    priority: Priority | None = None
    type: Literal["combination"] = "combination"

    def __post_init__(self) -> None:
        conditions = [one for one in (self.red, self.yellow) if one is not None]
        if not conditions:
            raise RuleError(f"rule {self.id}: a rule needs at least one condition")
        for one in conditions:
            self._check_parts(one)
            for leaf in leaves(one):
                self._check_leaf(leaf)
        if self.within <= timedelta(0):
            raise RuleError(f"rule {self.id}: conditions hold within some time, not {self.within}")
        check_times(self.id, self.look_back, self.rejoin_within, self.within)

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind a condition names."""
        conditions = (one for one in (self.red, self.yellow) if one is not None)
        return frozenset(leaf.kind for one in conditions for leaf in leaves(one))

    def _check_parts(self, condition: Condition, depth: int = 1) -> None:
        if isinstance(condition, Crossed | Changed):
            return
        if not condition.parts:
            raise RuleError(f"rule {self.id}: {condition.type!r} needs at least one part")
        if depth > MOST_DEEP:
            raise RuleError(f"rule {self.id}: conditions stand in each other at most {MOST_DEEP} deep")
        for part in condition.parts:
            self._check_parts(part, depth + 1)

    def _check_leaf(self, leaf: Crossed | Changed) -> None:
        field = field_of(self.id, kind_of(self.id, leaf.kind), leaf.field, leaf.unit, "condition")
        if isinstance(leaf, Changed):
            check_amount(self.id, field, leaf.amount)
            return
        low, high = field.possible
        if not low <= leaf.value <= high:
            raise RuleError(f"rule {self.id}: a {leaf.field} limit lies between {low:g} and {high:g} {field.unit}")


def leaves(condition: Condition) -> Iterator[Crossed | Changed]:
    """The conditions at the ends of the tree, from left to right."""
    if isinstance(condition, Crossed | Changed):
        yield condition
        return
    for part in condition.parts:
        yield from leaves(part)
