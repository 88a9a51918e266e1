"""One reading looked at by one rule: what was seen, whether it fired, and why or why not."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.readings import Quality

LEVELS: Final = (Level.RED, Level.YELLOW)
"""Worst first: the order in which a reading is looked at."""


class Why(StrEnum):
    """The reason of an evaluation."""

    FIRED = "fired"
    NOT_OFTEN_ENOUGH = "not_often_enough"
    """Past a limit, but fewer of the last readings are than the rule asks for."""
    WITHIN_LIMITS = "within_limits"
    NO_VALUE = "no_value"
    """The reading has none of the rule's fields."""
    QUALITY_NOT_JUDGED = "quality_not_judged"
    NO_PLAN = "no_plan"
    """No plan was in force at the reading's effective time."""
    RULE_NOT_IN_PLAN = "rule_not_in_plan"


@dataclass(frozen=True, slots=True)
class Crossing:
    """One limit beside one value. ``value`` is None where the meter only said low or high."""

    level: Level
    limit: Limit
    value: float | None
    beyond: bool
    past: bool

    @property
    def over(self) -> float:
        """How far past the limit, in the limit's unit; infinite for a value beyond what the meter can process."""
        if self.beyond or self.value is None:
            return float("inf")
        return abs(self.value - self.limit.value)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``readings`` are those the decision rests on, oldest first, this one last. ``level`` is set when it fired;
    ``past`` is the worst level whose limit this reading alone is past."""

    rule_id: str
    observation: Observation
    why: Why
    plan_version: int | None = None
    rule: ThresholdRule | None = None
    level: Level | None = None
    past: Level | None = None
    readings: tuple[UUID, ...] = ()
    crossings: tuple[Crossing, ...] = ()

    @property
    def fired(self) -> bool:
        """Whether the rule fired at this reading."""
        return self.why is Why.FIRED


def crossings(rule: ThresholdRule, observation: Observation) -> tuple[Crossing, ...]:
    """Every limit of ``rule`` whose field the reading has, the red ones first."""
    found = []
    for level in LEVELS:
        for limit in rule.limits(level):
            seen = _seen(rule, observation, limit)
            if seen is not None:
                found.append(Crossing(level, limit, *seen))
    return tuple(found)


def evaluate(observations: Iterable[Observation], history: tuple[Plan, ...], rule_id: str) -> tuple[Evaluation, ...]:
    """Every reading by the plan version in force at its effective time, oldest first.

    A function of the set of readings: their order of arrival and duplicates (the same id) change nothing.
    """
    recent: deque[Evaluation] = deque(maxlen=10)  # as many as a persistence may ask for
    results = []
    for observation in ordered(observations):
        result = _evaluate_one(observation, history, rule_id, recent)
        results.append(result)
        if result.why in (Why.FIRED, Why.NOT_OFTEN_ENOUGH, Why.WITHIN_LIMITS):
            recent.append(result)
    return tuple(results)


def ordered(observations: Iterable[Observation]) -> list[Observation]:
    """Each id once, in the one order that every engine agrees on."""
    first: dict[UUID, Observation] = {}
    for observation in sorted(observations, key=lambda one: one.order):
        first.setdefault(observation.reading_id, observation)
    return list(first.values())


def reach(history: tuple[Plan, ...], rule_id: str) -> timedelta:
    """How far from a reading another one can matter: the longest look-back this rule has had."""
    spans = [rule.look_back for plan in history for rule in plan.rules if rule.id == rule_id]
    return max(spans, default=timedelta(0))


def _evaluate_one(
    observation: Observation, history: tuple[Plan, ...], rule_id: str, recent: deque[Evaluation]
) -> Evaluation:
    if not observation.quality.judged:
        return Evaluation(rule_id, observation, Why.QUALITY_NOT_JUDGED)
    plan = in_force(history, observation.effective_time)
    if plan is None:
        return Evaluation(rule_id, observation, Why.NO_PLAN)
    rule = next((one for one in plan.rules if one.id == rule_id and one.kind == observation.kind), None)
    if rule is None:
        return Evaluation(rule_id, observation, Why.RULE_NOT_IN_PLAN, plan.version)
    crossed = crossings(rule, observation)
    if not crossed:
        return Evaluation(rule_id, observation, Why.NO_VALUE, plan.version, rule)
    past = _worst_past(crossed)
    why, level, readings = _decide(rule, observation, past, recent)
    return Evaluation(rule_id, observation, why, plan.version, rule, level, past, readings, crossed)


def _decide(
    rule: ThresholdRule, observation: Observation, past: Level | None, recent: deque[Evaluation]
) -> tuple[Why, Level | None, tuple[UUID, ...]]:
    own: tuple[UUID, ...] = (observation.reading_id,)
    if past is None:
        return Why.WITHIN_LIMITS, None, own
    seen = own
    for level in LEVELS:
        if past.rank < level.rank or not rule.limits(level):
            continue
        persistence = rule.persistence(level)
        before = [
            one
            for one in list(recent)[len(recent) - min(len(recent), persistence.m - 1) :]
            if observation.effective_time - one.observation.effective_time <= rule.look_back
        ]
        seen = (*(one.observation.reading_id for one in before), *own)
        count = 1 + sum(one.past is not None and one.past.rank >= level.rank for one in before)
        if count >= persistence.n:
            return Why.FIRED, level, seen
    return Why.NOT_OFTEN_ENOUGH, None, seen


def _worst_past(crossed: tuple[Crossing, ...]) -> Level | None:
    return next((one.level for one in crossed if one.past), None)


def _seen(rule: ThresholdRule, observation: Observation, limit: Limit) -> tuple[float | None, bool, bool] | None:
    """``(value, beyond, past)`` of the limit's field, or None where the reading says nothing about it."""
    value = observation.values.get(limit.field)
    comparator = value.comparator if value is not None else None
    if comparator is None and _all_beyond(observation) and limit.field in KINDS[observation.kind].required:
        comparator = ">" if observation.quality is Quality.BEYOND_HIGH else "<"
    number = value.value if value is not None else None
    if comparator is not None:
        return number, True, (comparator == ">") == rule.above
    if number is None:
        return None
    return number, False, number >= limit.value if rule.above else number <= limit.value


def _all_beyond(observation: Observation) -> bool:
    """A reading that only says "low" or "high", without marking which of its values."""
    marked = any(value.comparator is not None for value in observation.values.values())
    return observation.quality in (Quality.BEYOND_LOW, Quality.BEYOND_HIGH) and not marked
