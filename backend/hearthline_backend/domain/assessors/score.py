"""NEWS2 from the newest reading of each input: a lower bound, as long as an input is missing."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hearthline_backend.domain.assessors.figures import figure
from hearthline_backend.domain.news2 import SOURCES, SUPPLY_POINTS, Input, Score, Scored, points, printed
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.verdict import NO_VALUE, WITHIN, Crossing, Grounds, Verdict, Why, settled

UNIT = "{score}"
"""UCUM's way of writing a point of a score."""
WHOLE = "news2"
"""Stands for the field where the limit is one of the sum."""

_MISSING = Verdict(Why.INPUT_MISSING)


class _Newest(NamedTuple):
    at: datetime
    points: int
    number: float
    reading_id: UUID


class ScoreAssessor:
    """What an input said last counts for the rule's time. One that gave points and has not been measured since may
    still give them: then nothing is said to be within."""

    def __init__(self, rule: ScoreRule) -> None:
        self._rule = rule
        self._oxygen = bool(rule.on_oxygen)
        self._newest: dict[Input, _Newest] = {}
        self._supply = None if rule.on_oxygen is None else SUPPLY_POINTS if rule.on_oxygen else 0
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        known = False
        now = observation.effective_time
        for field, given in SOURCES.get(observation.kind, ()):
            number = figure(observation, field)
            if number is not None:
                scored = points(given, number, scale=self._rule.scale, on_oxygen=self._oxygen)
                self._newest[given] = _Newest(now, scored, number, observation.reading_id)
                known = True
        if not known:
            return NO_VALUE
        self._seen = observation
        return self._verdict(now)

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        fresh = self._fresh(self._seen.effective_time)
        score = self._score(fresh)
        own = self._seen.reading_id
        ids = dict.fromkeys(one.reading_id for one in sorted(fresh.values(), key=lambda one: (one.at, one.reading_id)))
        return Grounds((*(one for one in ids if one != own), own), self._crossings(score), score)

    def _fresh(self, now: datetime) -> dict[Input, _Newest]:
        return {given: one for given, one in self._newest.items() if now - one.at <= self._rule.within}

    def _verdict(self, now: datetime) -> Verdict:
        rule = self._rule
        total, highest, waiting = self._supply or 0, 0, False
        for one in self._newest.values():
            if now - one.at <= rule.within:
                total += one.points
                if one.points > highest:  # max() would be a call a reading and input
                    highest = one.points
            elif one.points and now - one.at <= rule.look_back:
                waiting = True
        if rule.red_from is not None and total >= rule.red_from:
            return settled(Level.RED, None)
        if rule.yellow_from is not None and total >= rule.yellow_from:
            return settled(Level.YELLOW, None)
        if rule.yellow_single is not None and highest >= rule.yellow_single:
            return settled(Level.YELLOW, None)
        return _MISSING if waiting else WITHIN

    def _score(self, fresh: dict[Input, _Newest]) -> Score:
        inputs = {given: Scored(one.points, _value(given, one.number), one.reading_id) for given, one in fresh.items()}
        if self._supply is not None:
            inputs[Input.OXYGEN_SUPPLY] = Scored(self._supply, None, None)
        return Score(
            points=sum(one.points for one in inputs.values()),
            missing=tuple(one for one in Input if one not in inputs),
            inputs={one: inputs[one] for one in Input if one in inputs},
            scale=self._rule.scale,
            assumed_air=self._rule.scale == 2 and self._supply is None,
        )

    def _crossings(self, score: Score) -> tuple[Crossing, ...]:
        rule = self._rule
        sums = [
            _crossing(level, WHOLE, limit, score.points)
            for level, limit in ((Level.RED, rule.red_from), (Level.YELLOW, rule.yellow_from))
            if limit is not None
        ]
        if rule.yellow_single is None:
            return tuple(sums)
        singles = [
            _crossing(Level.YELLOW, given.value, rule.yellow_single, one.points)
            for given, one in score.inputs.items()
            if one.reading_id is not None
        ]
        return (*sums, *singles)


def _crossing(level: Level, name: str, limit: int, reached: int) -> Crossing:
    return Crossing(level, Limit(name, limit, UNIT), reached, False, reached >= limit, "score")


def _value(given: Input, number: float) -> float | None:
    rounded = printed(given, number)
    return rounded if abs(rounded) != float("inf") else None
