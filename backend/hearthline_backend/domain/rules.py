"""Rules are versioned data, validated, with units: what all of them share, and the threshold."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal

from hearthline_protocol.kinds import KINDS, Field, Kind


class Level(StrEnum):
    """How much it matters. Green and "no data" are states of a patient, not levels of an alert."""

    YELLOW = "yellow"
    RED = "red"

    __hash__ = str.__hash__  # that of an enum is Python's own, and slow

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


class LimitOrderError(RuleError):
    """A yellow limit that does not come before the red one at the same place of a rule: ``yellow`` and ``red`` are the
    numbers, in ``unit``."""

    def __init__(self, text: str, *, field: str, yellow: float, red: float, unit: str) -> None:
        super().__init__(text)
        self.field = field
        self.yellow = yellow
        self.red = red
        self.unit = unit


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
    ``source`` says where the limits come from; ``advice`` names the next step in words (a message id for translation,
    several on lines of their own). A value that comes back within limits and leaves them again goes on with the same
    episode, if that is within ``rejoin_within`` of the last reading at which the rule fired, so that a value that
    hovers around its limit makes one alert, not ten. While it lasts, a reading past a limit is part of it, at yellow,
    even where the rule would ask for more of them to begin one.
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
        kind = kind_of(self.id, self.kind)
        check_some(self.id, self.red, self.yellow)
        for limits in (self.red, self.yellow):
            check_limits(self.id, kind, limits, above=self.above)
        check_order(self.id, self.red, self.yellow, above=self.above)
        check_times(self.id, self.look_back, self.rejoin_within)
        for persistence in (self.red_persistence, self.yellow_persistence):
            if not 1 <= persistence.n <= persistence.m <= 10:
                raise RuleError(f"rule {self.id}: persistence is n of m with 1 <= n <= m <= 10")
            if not timedelta(0) <= persistence.lasting <= self.look_back:
                raise RuleError(f"rule {self.id}: a limit is passed for a time within the look-back, never longer")

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


# --- what every kind of rule has to hold ---


def kind_of(rule_id: str, name: str) -> Kind:
    """The kind a rule names. Raises :class:`RuleError` where there is none."""
    kind = KINDS.get(name)
    if kind is None:
        raise RuleError(f"rule {rule_id}: kind {name!r} is not in the table of kinds")
    return kind


def field_of(rule_id: str, kind: Kind, name: str, unit: str, what: str = "limit") -> Field:
    """The field of a kind, whose unit ``what`` is given in. Raises :class:`RuleError` for another field or unit."""
    field = kind.fields.get(name)
    if field is None:
        raise RuleError(f"rule {rule_id}: {kind.name} has no field {name!r}")
    if unit != field.unit:
        raise RuleError(f"rule {rule_id}: {name} is in {field.unit}, the {what} in {unit}")
    return field


def check_some(rule_id: str, red: tuple[object, ...], yellow: tuple[object, ...]) -> None:
    """At least one limit, else a rule could never fire."""
    if not (red or yellow):
        raise RuleError(f"rule {rule_id}: a rule needs at least one limit")


def check_limits(rule_id: str, kind: Kind, limits: tuple[Limit, ...], *, above: bool) -> None:
    """Limits of one level: each field once, its unit, within what is possible, hysteresis on the inner side."""
    names = [limit.field for limit in limits]
    if len(set(names)) != len(names):
        raise RuleError(f"rule {rule_id}: a field has one limit a level")
    for limit in limits:
        field = field_of(rule_id, kind, limit.field, limit.unit)
        low, high = field.possible
        inner = limit.value if limit.clears is None else limit.clears
        if not (low <= limit.value <= high and low <= inner <= high):
            raise RuleError(f"rule {rule_id}: a {limit.field} limit lies between {low:g} and {high:g} {field.unit}")
        check_clears(rule_id, limit, above=above)


def check_clears(rule_id: str, limit: Limit, *, above: bool) -> None:
    """What counts as back within lies strictly inside of the limit."""
    if limit.clears is not None and not (limit.clears < limit.value if above else limit.clears > limit.value):
        side = "below" if above else "above"
        raise RuleError(
            f"rule {rule_id}: {limit.field} clears {side} its limit of {limit.value:g} {limit.unit}, "
            f"not at {limit.clears:g}"
        )


def check_amount(rule_id: str, field: Field, amount: float) -> None:
    """A distance in a field's unit: more than nothing, and no more than the field can differ."""
    low, high = field.possible
    if not 0 < amount <= high - low:
        raise RuleError(
            f"rule {rule_id}: a {field.name} distance is over 0 and at most {high - low:g} {field.unit}, not {amount:g}"
        )


def check_order(rule_id: str, red: tuple[Limit, ...], yellow: tuple[Limit, ...], *, above: bool) -> None:
    """Yellow comes before red."""
    reds = {limit.field: limit.value for limit in red}
    for limit in yellow:
        other = reds.get(limit.field)
        if other is not None and (limit.value >= other if above else limit.value <= other):
            side = "below" if above else "above"
            raise LimitOrderError(
                f"rule {rule_id}: the yellow {limit.field} limit lies {side} the red one of {other:g} {limit.unit}",
                field=limit.field,
                yellow=limit.value,
                red=other,
                unit=limit.unit,
            )


def check_times(
    rule_id: str, look_back: timedelta, rejoin_within: timedelta, looks_at: timedelta = timedelta(0)
) -> None:
    """A finite look-back that covers what the rule ``looks_at``; an episode that rejoins within it."""
    if not timedelta(hours=1) <= look_back <= timedelta(days=90):
        raise RuleError(f"rule {rule_id}: a look-back lies between 1 hour and 90 days")
    if look_back < looks_at:
        raise RuleError(f"rule {rule_id}: it looks at {looks_at}, further than its look-back of {look_back}")
    if not timedelta(0) <= rejoin_within <= look_back:
        raise RuleError(f"rule {rule_id}: an episode rejoins within its look-back, never later")
