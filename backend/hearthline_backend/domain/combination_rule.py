"""Several kinds together: such as weight up and oxygen down within two days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hearthline_backend.domain.rules import Priority


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

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind a condition names."""
        conditions = (one for one in (self.red, self.yellow) if one is not None)
        return frozenset(leaf.kind for one in conditions for leaf in leaves(one))


def leaves(condition: Condition) -> Iterator[Crossed | Changed]:
    """The conditions at the ends of the tree, from left to right."""
    if isinstance(condition, Crossed | Changed):
        yield condition
        return
    for part in condition.parts:
        yield from leaves(part)
