"""A change over a window: weight that rises 2 kg in 3 days, or 1.36 kg in a day, against what is usual."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hearthline_backend.domain.rules import (
    Level,
    LimitOrderError,
    Priority,
    RuleError,
    check_amount,
    check_some,
    check_times,
    field_of,
    kind_of,
)


@dataclass(frozen=True, slots=True)
class Change:
    """At least ``amount`` (in ``unit``, always positive) ``within`` a time, to the minute: who weighs at 07:00 one day
    and at 07:20 the next is not within a day, so a daily measurement asks for some hours more."""

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
    ``clears_by``: it has cleared once every change has come down by this much below its amount; between the two a
    reading neither fires nor clears.
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

    def __post_init__(self) -> None:
        kind = kind_of(self.id, self.kind)
        check_some(self.id, self.red, self.yellow)
        for changes in (self.red, self.yellow):
            if len({change.within for change in changes}) != len(changes):
                raise RuleError(f"rule {self.id}: a time has one change a level")
            for change in changes:
                field = field_of(self.id, kind, self.field, change.unit, "change")
                check_amount(self.id, field, change.amount)
                if change.within <= timedelta(0):
                    raise RuleError(f"rule {self.id}: a change takes some time, not {change.within}")
                if not 0 <= self.clears_by < change.amount:
                    raise RuleError(
                        f"rule {self.id}: it clears by 0 or more, and by less than its change of {change.amount:g} "
                        f"{change.unit}, not by {self.clears_by:g}"
                    )
        self._check_order()
        longest = max(change.within for change in (*self.red, *self.yellow))
        based = self.against == "baseline"
        if based and (self.baseline_span <= timedelta(0) or not 1 <= self.baseline_least <= 100):
            raise RuleError(f"rule {self.id}: a baseline has a span, and rests on 1 to 100 values")
        looks_at = longest + self.baseline_span if based else longest
        check_times(self.id, self.look_back, self.rejoin_within, looks_at)

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it looks at."""
        return frozenset((self.kind,))

    @property
    def rises(self) -> bool:
        """True when a rise fires, False when a fall does."""
        return self.direction == "rises"

    def changes(self, level: Level) -> tuple[Change, ...]:
        """The changes of one level."""
        return self.red if level is Level.RED else self.yellow

    def _check_order(self) -> None:
        red = {change.within: change.amount for change in self.red}
        for change in self.yellow:
            other = red.get(change.within)
            if other is not None and change.amount >= other:
                raise LimitOrderError(
                    f"rule {self.id}: the yellow change of a time is smaller than the red one of {other:g} "
                    f"{change.unit}, not {change.amount:g}",
                    field=self.field,
                    yellow=change.amount,
                    red=other,
                    unit=change.unit,
                )
