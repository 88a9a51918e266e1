"""A change over a window: weight that rises 2 kg in 3 days, or 1.36 kg in a day, against what is usual."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hearthline_backend.domain.rules import Level, Priority


@dataclass(frozen=True, slots=True)
class Change:
    """At least ``amount`` (in ``unit``, always positive) ``within`` a time."""

    amount: float
    unit: str
    within: timedelta
    personal: bool = False


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """A field that rises or falls by an amount within a time. Any change of a level is enough for that level.

    ``against`` says from where the change counts: ``window`` from the lowest (for a fall the highest) value within the
    time; ``baseline`` from the personal baseline, the median of the values in the ``baseline_span`` that ends where the
    time begins. With fewer than ``baseline_least`` values there, it counts as ``window`` does, and says so.
    ``clears_by``: it has cleared once the change has come down by this much below the smallest amount of the rule.
    """

    id: str
    kind: str
    field: str
    direction: Literal["rises", "falls"]
    red: tuple[Change, ...]
    yellow: tuple[Change, ...]
    source: str
    advice: str
    against: Literal["window", "baseline"] = "window"
    baseline_span: timedelta = timedelta(days=14)
    baseline_least: int = 3
    clears_by: float = 0.0
    look_back: timedelta = timedelta(days=7)
    rejoin_within: timedelta = timedelta(hours=24)
    priority: Priority | None = None
    type: Literal["change"] = "change"

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it looks at."""
        return frozenset((self.kind,))

    def changes(self, level: Level) -> tuple[Change, ...]:
        """The changes of one level."""
        return self.red if level is Level.RED else self.yellow
