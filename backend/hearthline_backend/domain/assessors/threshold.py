"""A value past a limit, often enough and for long enough."""

from collections import deque
from datetime import datetime, timedelta
from math import inf
from typing import Final
from uuid import UUID

from hearthline_backend.domain.assessors.figures import figure
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_backend.domain.verdict import (
    LEVELS,
    MOST_READINGS,
    NO_VALUE,
    WITHIN,
    Crossing,
    Grounds,
    Verdict,
    Why,
    settled,
)
from hearthline_protocol.readings import Quality

_PLAIN: Final = (Quality.VALID, Quality.QUESTIONABLE)
_MOST: Final = 10
"""As many as a persistence may ask for."""

_Ranked = tuple[datetime, UUID, int]
"""When, which, and the rank of the worst level whose limit it was past; 0 for none."""


class ThresholdMemory:
    """What the versions of one threshold rule share: each reading counts as its own version of the plan saw it."""

    __slots__ = ("longest", "recent", "runs")

    def __init__(self, rules: tuple[ThresholdRule, ...]) -> None:
        self.recent: deque[_Ranked] = deque(maxlen=_MOST)
        self.longest = max(rule.look_back for rule in rules)
        lasting = any(rule.persistence(level).lasting for rule in rules for level in LEVELS)
        self.runs: dict[Level, deque[tuple[datetime, UUID]]] | None = (
            {level: deque() for level in LEVELS} if lasting else None
        )

    def run(self, level: Level, at: datetime, look_back: timedelta) -> list[tuple[datetime, UUID]]:
        """The readings past a level without a break, as far as the look-back goes."""
        found = [] if self.runs is None else self.runs[level]
        return [one for one in found if at - one[0] <= look_back]

    def first_of_run(self, level: Level, at: datetime, look_back: timedelta) -> datetime:
        """Since when it is past a level without a break, as far as the look-back goes."""
        found = () if self.runs is None else self.runs[level]
        return next((since for since, _ in found if at - since <= look_back), at)

    def note_runs(self, observation: Observation, past: Level | None, crossings: tuple[Crossing, ...]) -> None:
        """Lengthen the run of each level that is passed; break those of which the value is back within."""
        if self.runs is None:
            return
        at, rank = observation.effective_time, past.rank if past is not None else 0
        for level, run in self.runs.items():
            if rank >= level.rank:
                run.append((at, observation.reading_id))
                while at - run[0][0] > self.longest:
                    run.popleft()
            elif run and _near(crossings, level) is None:
                run.clear()


class ThresholdAssessor:
    """Fed only while its version is in force: a reading counts towards persistence as the plan of its time saw it."""

    def __init__(self, rule: ThresholdRule, memory: ThresholdMemory) -> None:
        self._rule = rule
        self._memory = memory
        self._calm = _calm(rule)
        self._seen: Observation | None = None
        self._grounds: Grounds | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        self._seen, self._grounds = observation, None
        known = False
        if observation.quality in _PLAIN:
            values = observation.values
            for name, low, high in self._calm:
                value = values.get(name)
                if value is None:
                    continue
                if value.comparator is not None:
                    return self._look(observation)
                number = value.value
                if number is None:
                    continue
                if not low < number < high:
                    return self._look(observation)
                known = True
            if not known:
                return NO_VALUE
            memory = self._memory
            memory.recent.append((observation.effective_time, observation.reading_id, 0))
            if memory.runs is not None:
                memory.note_runs(observation, None, ())
            return WITHIN
        return self._look(observation)

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._grounds is None and self._seen is not None:
            self._grounds = Grounds((self._seen.reading_id,), crossings(self._rule, self._seen))
        return self._grounds or Grounds()

    def _look(self, observation: Observation) -> Verdict:
        """A value that is past a limit, near one, or beyond what the meter can process."""
        found = crossings(self._rule, observation)
        if not found:
            return NO_VALUE
        past = next((one.level for one in found if one.past), None)
        near = _near(found, None)
        near = near if near is not None and (past is None or near.rank > past.rank) else None
        memory = self._memory
        memory.note_runs(observation, past, found)
        own = (observation.reading_id,)
        verdict, readings = (settled(None, near), own) if past is None else self._decide(observation, past, near)
        memory.recent.append((observation.effective_time, observation.reading_id, past.rank if past else 0))
        self._grounds = Grounds(readings, found)
        return verdict

    def _decide(self, observation: Observation, past: Level, near: Level | None) -> tuple[Verdict, tuple[UUID, ...]]:
        rule, memory, at = self._rule, self._memory, observation.effective_time
        why = Why.NOT_OFTEN_ENOUGH
        seen: tuple[UUID, ...] = (observation.reading_id,)
        for level in LEVELS:
            if past.rank < level.rank or not rule.limits(level):
                continue
            persistence = rule.persistence(level)
            asked = min(len(memory.recent), persistence.m - 1)
            before = [one for one in list(memory.recent)[len(memory.recent) - asked :] if at - one[0] <= rule.look_back]
            seen = (*(one[1] for one in before), observation.reading_id)
            if 1 + sum(one[2] >= level.rank for one in before) < persistence.n:
                why = Why.NOT_OFTEN_ENOUGH
                continue
            if persistence.lasting:
                seen = _joined(seen, memory.run(level, at, rule.look_back))
                if at - memory.first_of_run(level, at, rule.look_back) < persistence.lasting:
                    why = Why.NOT_LONG_ENOUGH
                    continue
            return Verdict(Why.FIRED, level, past, near), seen
        return Verdict(why, None, past, near), seen


def crossings(rule: ThresholdRule, observation: Observation) -> tuple[Crossing, ...]:
    """Every limit of ``rule`` whose field the reading has, the red ones first."""
    found = []
    for level in LEVELS:
        for limit in rule.limits(level):
            number = figure(observation, limit.field)
            if number is None:
                continue
            beyond = number in (inf, -inf)
            value = observation.values.get(limit.field)
            told = (value.value if value is not None else None) if beyond else number
            past = number >= limit.value if rule.above else number <= limit.value
            found.append(Crossing(level, limit, told, beyond, past, "value", rule.kind))
    return tuple(found)


def _near(found: tuple[Crossing, ...], level: Level | None) -> Level | None:
    """The worst level (or this one) of which a value is not past the limit and not yet back within."""
    for one in found:
        if (level is None or one.level is level) and not one.past and not one.beyond and _held(one.limit, one.value):
            return one.level
    return None


def _held(limit: Limit, value: float | None) -> bool:
    if limit.clears is None or value is None:
        return False
    return value > limit.clears if limit.clears < limit.value else value < limit.clears


def _calm(rule: ThresholdRule) -> tuple[tuple[str, float, float], ...]:
    """By field: between these two no limit is passed and none is near."""
    inner: dict[str, list[float]] = {}
    for level in LEVELS:
        for limit in rule.limits(level):
            inner.setdefault(limit.field, []).append(limit.value if limit.clears is None else limit.clears)
    if rule.above:
        return tuple((name, -inf, min(values)) for name, values in inner.items())
    return tuple((name, max(values), inf) for name, values in inner.items())


def _joined(seen: tuple[UUID, ...], run: list[tuple[datetime, UUID]]) -> tuple[UUID, ...]:
    """The readings of the run, and those of the count that lie before it; the newest of them."""
    ids = [one[1] for one in run]
    before = [one for one in seen if one not in ids]
    return (*before, *ids)[-MOST_READINGS:]
