"""Conditions over several kinds, each by what was measured lately."""

from datetime import datetime, timedelta
from math import isinf
from typing import NamedTuple
from uuid import UUID

from hearthline_backend.domain.assessors.figures import exact, figure, plain
from hearthline_backend.domain.assessors.windows import LowestWindow, Seen
from hearthline_backend.domain.combination_rule import AllOf, Changed, CombinationRule, Condition, Crossed, leaves
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit
from hearthline_backend.domain.verdict import (
    LEVELS,
    NO_VALUE,
    WITHIN,
    Crossing,
    Grounds,
    Measure,
    Verdict,
    Why,
    settled,
)

_MISSING = Verdict(Why.INPUT_MISSING)
_MEASURE: Measure = "condition"


class _Newest:
    """The newest value of a field, for :class:`Crossed`."""

    __slots__ = ("answer", "at", "leaf", "number", "reading_id", "told")

    def __init__(self, leaf: Crossed) -> None:
        self.leaf = leaf
        self.at: datetime | None = None
        self.number = 0.0
        self.told: float | None = None
        self.answer: bool | None = None
        """Met or not at the last reading; None where that is not known."""
        self.reading_id: UUID | None = None

    def see(self, number: float, observation: Observation) -> None:
        value = observation.values.get(self.leaf.field)
        self.at, self.number, self.reading_id = observation.effective_time, number, observation.reading_id
        self.told = (value.value if value is not None else None) if isinf(number) else number

    def met(self, now: datetime, within: timedelta) -> bool | None:
        if self.at is None or now - self.at > within:
            return None
        leaf = self.leaf
        return self.number >= leaf.value if leaf.direction == "above" else self.number <= leaf.value

    def readings(self) -> list[tuple[datetime, UUID]]:
        return [] if self.at is None or self.reading_id is None else [(self.at, self.reading_id)]

    def crossing(self, level: Level, met: bool | None) -> Crossing:
        leaf = self.leaf
        limit = Limit(leaf.field, leaf.value, leaf.unit, leaf.personal)
        known = met is not None
        return Crossing(
            level, limit, self.told if known else None, known and isinf(self.number), bool(met), _MEASURE, leaf.kind
        )


class _Risen:
    """The change of a field within the time, for :class:`Changed`."""

    __slots__ = ("amount", "answer", "beyond", "found", "leaf", "newest", "sign", "window", "within")

    def __init__(self, leaf: Changed, within: timedelta) -> None:
        self.leaf = leaf
        self.within = within
        self.sign = 1 if leaf.direction == "rises" else -1
        self.amount = exact(leaf.amount)
        self.window = LowestWindow(within)
        self.beyond: float | None = None
        """Of the newest value, where it lies beyond what the meter can process."""
        self.newest: tuple[datetime, UUID] | None = None
        self.found: tuple[int, Seen, Seen] | None = None
        self.answer: bool | None = None
        """As of a :class:`_Newest`."""

    def see(self, number: float, observation: Observation) -> None:
        at, reading_id = observation.effective_time, observation.reading_id
        self.newest = (at, reading_id)
        self.beyond = self.sign * number if isinf(number) else None
        if self.beyond is None:
            self.window.add(Seen(self.sign * exact(number), at, reading_id))

    def met(self, now: datetime, within: timedelta) -> bool | None:
        self.found = None
        if self.newest is None or now - self.newest[0] > within:
            return None
        if self.beyond is not None:
            return self.beyond > 0
        self.found = self.window.rise(now)
        return None if self.found is None else self.found[0] >= self.amount

    def readings(self) -> list[tuple[datetime, UUID]]:
        if self.found is None:
            return [] if self.newest is None else [self.newest]
        return [(one.at, one.reading_id) for one in self.found[1:]]

    def crossing(self, level: Level, met: bool | None) -> Crossing:
        leaf, found = self.leaf, self.found
        return Crossing(
            level,
            Limit(leaf.field, leaf.amount, leaf.unit, leaf.personal),
            None if found is None else plain(found[0]),
            met is not None and self.beyond is not None,
            bool(met),
            _MEASURE,
            leaf.kind,
            None if found is None else plain(self.sign * found[1].number),
            self.within,
        )


_Leaf = _Newest | _Risen


class _Parts(NamedTuple):
    """A condition over others: one part that is answered with ``settles`` answers it."""

    settles: bool
    parts: "tuple[_Parts | _Leaf, ...]"


class CombinationAssessor:
    """What is not known makes a condition unknown only where it matters: one part that is not met settles "all of",
    one that is met settles "any of"."""

    def __init__(self, rule: CombinationRule) -> None:
        self._rule = rule
        self._conditions = [
            (level, one) for level, one in ((Level.RED, rule.red), (Level.YELLOW, rule.yellow)) if one is not None
        ]
        named = dict.fromkeys(leaf for _, one in self._conditions for leaf in leaves(one))
        self._leaves: dict[Crossed | Changed, _Leaf] = {
            leaf: _Newest(leaf) if isinstance(leaf, Crossed) else _Risen(leaf, rule.within) for leaf in named
        }
        self._of_kind: dict[str, list[_Leaf]] = {}
        for leaf, keeper in self._leaves.items():
            self._of_kind.setdefault(leaf.kind, []).append(keeper)
        self._keepers = tuple(self._leaves.values())
        self._asked = tuple((level, self._parts(one)) for level, one in self._conditions)
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        known = False
        for keeper in self._of_kind.get(observation.kind, ()):
            number = figure(observation, keeper.leaf.field)
            if number is not None:
                keeper.see(number, observation)
                known = True
        if not known:
            return NO_VALUE
        self._seen = observation
        now, within = observation.effective_time, self._rule.within
        for keeper in self._keepers:
            keeper.answer = keeper.met(now, within)
        missing = False
        for level, condition in self._asked:
            answer = _answer(condition)
            if answer:
                return settled(level, None)
            missing = missing or answer is None
        return _MISSING if missing else WITHIN

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        own = self._seen.reading_id
        fired = any(keeper.answer for keeper in self._keepers)
        readings = {
            one
            for keeper in self._keepers
            if keeper.answer is not None and (keeper.answer or not fired)
            for one in keeper.readings()
        }
        found = [
            self._leaves[leaf].crossing(level, self._leaves[leaf].answer)
            for level in LEVELS
            for mine, condition in self._conditions
            if mine is level
            for leaf in leaves(condition)
        ]
        return Grounds((*(one for _, one in sorted(readings) if one != own), own), tuple(found))

    def _parts(self, condition: Condition) -> _Parts | _Leaf:
        if isinstance(condition, Crossed | Changed):
            return self._leaves[condition]
        return _Parts(not isinstance(condition, AllOf), tuple(self._parts(part) for part in condition.parts))


def _answer(condition: _Parts | _Leaf) -> bool | None:
    """Met, not met, or not known."""
    if not isinstance(condition, _Parts):
        return condition.answer
    known = True
    for part in condition.parts:
        answer = _answer(part)
        if answer is condition.settles:
            return answer
        known = known and answer is not None
    return not condition.settles if known else None
