"""Threshold rules: versioned data, validated, with units."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from hearthline_protocol.kinds import KINDS


class Level(StrEnum):
    """How much it matters. Green and "no data" are states of a patient, not levels of an alert."""

    YELLOW = "yellow"
    RED = "red"

    @property
    def rank(self) -> int:
        """Red outranks yellow."""
        return 2 if self is Level.RED else 1


class RuleError(ValueError):
    """A rule that cannot mean anything; says which part and what was expected."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one field. ``personal`` is True where it differs from the template for this patient."""

    field: str
    value: float
    unit: str
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Persistence:
    """``n`` of the last ``m`` judged readings must be past the limit."""

    n: int = 1
    m: int = 1


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """Values of one kind past a limit on one side. Any field past its limit is enough for that level.

    "Past" includes the limit itself: a red limit of 180 mmHg fires at 180. One rule has both levels, so that a value
    which gets worse worsens one alert instead of opening a second. ``look_back`` bounds what the rule may look at;
    ``source`` says where the limits come from; ``advice`` names the next step in words (a message id for translation).
    """

    id: str
    kind: str
    direction: Literal["above", "below"]
    red: tuple[Limit, ...]
    yellow: tuple[Limit, ...]
    source: str
    advice: str
    red_persistence: Persistence = Persistence()
    yellow_persistence: Persistence = Persistence()
    look_back: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise RuleError(f"rule {self.id}: kind {self.kind!r} is not in the table of kinds")
        for limit in (*self.red, *self.yellow):
            field = kind.fields.get(limit.field)
            if field is None:
                raise RuleError(f"rule {self.id}: {self.kind} has no field {limit.field!r}")
            if limit.unit != field.unit:
                raise RuleError(f"rule {self.id}: {limit.field} is in {field.unit}, the limit in {limit.unit}")
            low, high = field.possible
            if not low <= limit.value <= high:
                raise RuleError(f"rule {self.id}: a {limit.field} limit lies between {low:g} and {high:g} {field.unit}")
        for persistence in (self.red_persistence, self.yellow_persistence):
            if not 1 <= persistence.n <= persistence.m <= 10:
                raise RuleError(f"rule {self.id}: persistence is n of m with 1 <= n <= m <= 10")
        if not (self.red or self.yellow):
            raise RuleError(f"rule {self.id}: a rule needs at least one limit")
