"""What a rule says of one reading: fired or not, and why; with what it rests on, so that it can be told to people."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal, NamedTuple
from uuid import UUID

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.news2 import Score
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit

LEVELS: Final = (Level.RED, Level.YELLOW)
"""Worst first: the order in which a reading is looked at."""

MOST_READINGS: Final = 100
"""So many readings, the newest, are named as what a decision rests on."""

Measure = Literal["value", "change", "average", "moving_average", "cusum", "condition", "score"]


class Why(StrEnum):
    """The reason of an evaluation."""

    FIRED = "fired"
    NOT_OFTEN_ENOUGH = "not_often_enough"
    """Past a limit, but fewer of the last readings are than the rule asks for."""
    NOT_LONG_ENOUGH = "not_long_enough"
    """Past a limit often enough, but not yet for as long as the rule asks for."""
    WITHIN_LIMITS = "within_limits"
    NEAR_LIMIT = "near_limit"
    """Not past a limit any more, but not yet as far back as counts as cleared: nothing fires and nothing clears."""
    TOO_FEW_READINGS = "too_few_readings"
    """Not enough to tell a change, an average or a baseline."""
    PROTOCOL_INCOMPLETE = "protocol_incomplete"
    """Fewer complete days than the average's protocol asks for."""
    INPUT_MISSING = "input_missing"
    """What is known reaches no level, and something else has not been measured lately."""
    NO_VALUE = "no_value"
    """The reading has none of the rule's fields."""
    QUALITY_NOT_JUDGED = "quality_not_judged"
    NO_PLAN = "no_plan"
    """No plan was in force at the reading's effective time."""
    RULE_NOT_IN_PLAN = "rule_not_in_plan"


@dataclass(frozen=True, slots=True)
class Crossing:
    """One limit beside what is held against it, in the limit's unit.

    ``value`` by ``measure``: the reading's own value; the change, from ``reference``, over ``span``; the mean by
    protocol; the moving mean over ``span``, or with a ``reference`` how far it lies from it; the cumulative sum of
    steps away from ``reference``; what a condition looks at (with a ``reference`` a change from it); points. None where
    the meter only said low or high, and where a condition's kind was not measured lately.

    ``baseline`` says that the reference is the personal baseline, and not the lowest or highest value of the time.
    """

    level: Level
    limit: Limit
    value: float | None
    beyond: bool
    past: bool
    measure: Measure = "value"
    kind: str = ""
    reference: float | None = None
    span: timedelta | None = None
    baseline: bool = False

    @property
    def over(self) -> float:
        """How far past the limit, in the limit's unit; infinite for a value beyond what the meter can process."""
        if self.beyond or self.value is None:
            return float("inf")
        return abs(self.value - self.limit.value)


class Verdict(NamedTuple):
    """The short answer. ``level`` is set when it fired; ``past`` is the worst level whose limit is passed, ``near`` the
    worst one that is not passed and not yet cleared."""

    why: Why
    level: Level | None = None
    past: Level | None = None
    near: Level | None = None


class Grounds(NamedTuple):
    """What a verdict rests on: readings, oldest first, the one it is about last, and each limit beside its measure."""

    readings: tuple[UUID, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A verdict with its grounds: one reading looked at by one rule, in the plan version in force."""

    rule_id: str
    observation: Observation
    why: Why
    plan_version: int | None = None
    rule: ReadingRule | None = None
    level: Level | None = None
    past: Level | None = None
    readings: tuple[UUID, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    near: Level | None = None
    score: Score | None = None

    @property
    def fired(self) -> bool:
        """Whether the rule fired at this reading."""
        return self.why is Why.FIRED


WITHIN: Final = Verdict(Why.WITHIN_LIMITS)
NO_VALUE: Final = Verdict(Why.NO_VALUE)
TOO_FEW: Final = Verdict(Why.TOO_FEW_READINGS)
_NEAR: Final = {level: Verdict(Why.NEAR_LIMIT, None, None, level) for level in Level}
_FIRED: Final = {(level, near): Verdict(Why.FIRED, level, level, near) for level in Level for near in (None, *Level)}


def settled(past: Level | None, near: Level | None) -> Verdict:
    """The verdict of a rule that asks for no more than being past a limit."""
    if past is not None:
        return _FIRED[past, near]
    return WITHIN if near is None else _NEAR[near]
