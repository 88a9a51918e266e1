"""Rules are versioned data, validated, with units: what all of them share, and the threshold."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal

from hearthline_protocol.kinds import KINDS, Kind


class Level(StrEnum):
    """How much it matters. Green and "no data" are states of a patient, not levels of an alert."""

    YELLOW = "yellow"
    RED = "red"

    @property
    def rank(self) -> int:
        """Red outranks yellow."""
        return 2 if self is Level.RED else 1


class Priority(StrEnum):
    """How soon somebody has to look (HL7 devicealert-priority)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


PRIORITY_OF: Final = {Level.RED: Priority.HIGH, Level.YELLOW: Priority.MEDIUM}
"""What a level asks for where a rule says nothing else."""


class RuleError(ValueError):
    """A rule that cannot mean anything; says which part and what was expected."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one field. ``personal`` is True where a clinician set it for this patient, whatever the number:
    a template that changes later does not move it.

    ``clears`` is the value at which it counts as back within, for a value that hovers: between the two a reading
    neither fires nor clears. None: as soon as the limit is no longer passed.
    """

    field: str
    value: float
    unit: str
    personal: bool = False
    clears: float | None = None


@dataclass(frozen=True, slots=True)
class Persistence:
    """``n`` of the last ``m`` judged readings must be past the limit, and without a break for ``lasting``.

    ``lasting`` is counted from the first of the unbroken run to the newest reading; zero asks for nothing.
    """

    n: int = 1
    m: int = 1
    lasting: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """Values of one kind past a limit on one side. Any field past its limit is enough for that level.

    "Past" includes the limit itself: a red limit of 180 mmHg fires at 180. One rule has both levels, so that a value
    which gets worse worsens one alert instead of opening a second. ``look_back`` bounds what the rule may look at;
    ``source`` says where the limits come from; ``advice`` names the next step in words (a message id for translation).
    A value that comes back within limits and leaves them again within ``rejoin_within`` goes on with the same episode,
    so that a value that hovers around its limit makes one alert, not ten.
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
    rejoin_within: timedelta = timedelta(hours=24)
    priority: Priority | None = None
    type: Literal["threshold"] = "threshold"

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it looks at."""
        return frozenset((self.kind,))

    def __post_init__(self) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise RuleError(f"rule {self.id}: kind {self.kind!r} is not in the table of kinds")
        if not (self.red or self.yellow):
            raise RuleError(f"rule {self.id}: a rule needs at least one limit")
        for limits in (self.red, self.yellow):
            self._check_limits(kind, limits)
        self._check_order()
        self._check_times()

    @property
    def above(self) -> bool:
        """True when values over the limit fire, False when values under it do."""
        return self.direction == "above"

    def limits(self, level: Level) -> tuple[Limit, ...]:
        """The limits of one level."""
        return self.red if level is Level.RED else self.yellow

    def persistence(self, level: Level) -> Persistence:
        """How often a limit of this level must be passed."""
        return self.red_persistence if level is Level.RED else self.yellow_persistence

    def _check_limits(self, kind: Kind, limits: tuple[Limit, ...]) -> None:
        names = [limit.field for limit in limits]
        if len(set(names)) != len(names):
            raise RuleError(f"rule {self.id}: a field has one limit a level")
        for limit in limits:
            field = kind.fields.get(limit.field)
            if field is None:
                raise RuleError(f"rule {self.id}: {self.kind} has no field {limit.field!r}")
            if limit.unit != field.unit:
                raise RuleError(f"rule {self.id}: {limit.field} is in {field.unit}, the limit in {limit.unit}")
            low, high = field.possible
            if not low <= limit.value <= high:
                raise RuleError(f"rule {self.id}: a {limit.field} limit lies between {low:g} and {high:g} {field.unit}")

    def _check_order(self) -> None:
        red = {limit.field: limit.value for limit in self.red}
        for limit in self.yellow:
            other = red.get(limit.field)
            if other is not None and (limit.value >= other if self.above else limit.value <= other):
                side = "below" if self.above else "above"
                raise RuleError(
                    f"rule {self.id}: the yellow {limit.field} limit lies {side} the red one of {other:g} {limit.unit}"
                )

    def _check_times(self) -> None:
        for persistence in (self.red_persistence, self.yellow_persistence):
            if not 1 <= persistence.n <= persistence.m <= 10:
                raise RuleError(f"rule {self.id}: persistence is n of m with 1 <= n <= m <= 10")
        if not timedelta(hours=1) <= self.look_back <= timedelta(days=90):
            raise RuleError(f"rule {self.id}: a look-back lies between 1 hour and 90 days")
        if not timedelta(0) <= self.rejoin_within <= self.look_back:
            raise RuleError(f"rule {self.id}: an episode rejoins within its look-back, never later")
