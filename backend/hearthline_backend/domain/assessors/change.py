"""A rise or a fall within a time."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isinf

from hearthline_backend.domain.assessors.figures import NOTHING, Bar, exact, figure, held_against, plain, together
from hearthline_backend.domain.assessors.windows import LowestWindow, MedianWindow, Seen, newest_ids
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.rules import Level, Limit
from hearthline_backend.domain.verdict import (
    LEVELS,
    MOST_READINGS,
    NO_VALUE,
    TOO_FEW,
    WITHIN,
    Crossing,
    Grounds,
    Verdict,
    settled,
)


@dataclass(slots=True)
class _Told:
    """What one time says: the change, from where, and the readings it is told from."""

    within: timedelta
    bars: tuple[Bar, ...]
    lowest: LowestWindow
    usual: MedianWindow | None
    change: float | None = None
    reference: int | None = None
    readings: tuple[Seen, ...] = ()
    based: bool = False


class ChangeAssessor:
    """A value beyond what the meter can process, on the side the rule looks to, has changed by more than any amount;
    nothing is counted from such a value."""

    def __init__(self, rule: ChangeRule) -> None:
        self._rule = rule
        self._sign = 1 if rule.rises else -1
        based = rule.against == "baseline"
        times = dict.fromkeys(one.within for level in LEVELS for one in rule.changes(level))
        self._told = [
            _Told(
                within,
                tuple(
                    _bar(rule, level, one) for level in LEVELS for one in rule.changes(level) if one.within == within
                ),
                LowestWindow(within),
                MedianWindow(within, rule.baseline_span) if based else None,
            )
            for within in times
        ]
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        number = figure(observation, self._rule.field)
        if number is None:
            return NO_VALUE
        self._seen = observation
        number *= self._sign
        if isinf(number):
            for told in self._told:
                told.change, told.reference, told.readings, told.based = number, None, (), False
        else:
            self._count(
                Seen(self._sign * exact(number * self._sign), observation.effective_time, observation.reading_id)
            )
        return self._verdict()

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        own = self._seen.reading_id
        named: dict[int, Seen] = {}  # by the number of the id: an id itself is slow to compare
        for told in self._told:
            entries = told.usual.entries if told.based and told.usual is not None else told.readings
            named |= {one.reading_id.int: one for one in entries}
        named.pop(own.int, None)
        readings = newest_ids(deque(sorted(named.values(), key=_order)), MOST_READINGS - 1)
        found = [
            self._crossing(told, bar)
            for level in LEVELS
            for told in self._told
            for bar in told.bars
            if told.change is not None and bar.level is level
        ]
        return Grounds((*readings, own), tuple(found))

    def _count(self, seen: Seen) -> None:
        for told in self._told:
            told.lowest.add(seen)
            usual = told.usual
            if usual is not None:
                usual.move_to(seen.at)
                usual.add(seen)
                if len(usual) >= self._rule.baseline_least:
                    told.reference, told.based = usual.median, True
                    told.change = seen.number - told.reference
                    continue
            told.based = False
            risen = told.lowest.rise(seen.at)
            if risen is None:
                told.change, told.reference, told.readings = None, None, ()
            else:
                told.change, told.reference, told.readings = risen[0], risen[1].number, (risen[1],)

    def _verdict(self) -> Verdict:
        known = False
        found = []
        for told in self._told:
            if told.change is not None:
                known = True
                held = held_against(told.bars, told.change)
                if held != NOTHING:
                    found.append(held)
        if not known:
            return TOO_FEW
        return settled(*together(found)) if found else WITHIN

    def _crossing(self, told: _Told, bar: Bar) -> Crossing:
        change = told.change if told.change is not None else -inf
        reference = None if told.reference is None else plain(self._sign * told.reference)
        beyond = isinf(change)
        value = None if beyond else plain(change)
        past = change >= bar.value
        return Crossing(
            bar.level, bar.limit, value, beyond, past, "change", self._rule.kind, reference, told.within, told.based
        )


def _order(one: Seen) -> tuple[datetime, int]:
    return one.at, one.reading_id.int


def _bar(rule: ChangeRule, level: Level, change: Change) -> Bar:
    clears = change.amount - rule.clears_by if rule.clears_by else None
    limit = Limit(rule.field, change.amount, change.unit, change.personal, clears)
    exact_clears = exact(change.amount) - exact(rule.clears_by) if rule.clears_by else None
    return Bar(level, exact(change.amount), exact_clears, limit)
