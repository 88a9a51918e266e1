"""The cumulative sum of small steps away from what is usual."""

from bisect import bisect_left, insort
from collections import deque
from itertools import islice
from math import inf, isinf

from hearthline_backend.domain.assessors.figures import bars, exact, figure, held_against, plain
from hearthline_backend.domain.assessors.lowest_line import LowestLine
from hearthline_backend.domain.assessors.windows import Seen, median, newest_ids
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.trend_rules import CusumRule
from hearthline_backend.domain.verdict import NO_VALUE, TOO_FEW, Crossing, Grounds, Verdict, settled


class CusumAssessor:
    """The sum after the last reading is what its steps add up to since it was last zero: how far the running total lies
    over its lowest point, along the line of baseline and slack.

    A value beyond what the meter can process is past every limit on its side; what comes after goes on without it.
    """

    def __init__(self, rule: CusumRule) -> None:
        self._rule = rule
        self._sign = 1 if rule.above else -1
        self._bars = bars(rule.red, rule.yellow, 1)
        self._slack = exact(rule.slack)
        self._entries: deque[Seen] = deque()
        self._first = 0
        """The number of the oldest entry."""
        self._usual: list[int] = []
        """The numbers of the oldest entries, of as many as make a baseline; sorted."""
        self._total = 0
        self._line = LowestLine()
        self._baseline: int | None = None
        self._measure: float | None = None
        self._since = 0
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        number = figure(observation, self._rule.field)
        if number is None:
            return NO_VALUE
        self._seen = observation
        number *= self._sign
        if isinf(number):
            self._measure = max(0, number)
            self._baseline, self._since = None, self._first + len(self._entries)
        else:
            self._count(
                Seen(self._sign * exact(number * self._sign), observation.effective_time, observation.reading_id)
            )
        if self._measure is None:
            return TOO_FEW
        past, near = held_against(self._bars, self._measure)
        return settled(past, near)

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        own = self._seen.reading_id
        ids = newest_ids(deque(islice(self._entries, max(0, self._since - self._first), None)))
        return Grounds(
            (*(one for one in ids if one != own), own),
            () if self._measure is None else self._crossings(self._measure),
        )

    def _count(self, seen: Seen) -> None:
        entries, least = self._entries, self._rule.baseline_least
        entries.append(seen)
        self._total += seen.number
        newest = self._first + len(entries) - 1
        self._line.add(newest, self._total)
        if len(entries) <= least:
            insort(self._usual, seen.number)
        while seen.at - entries[0].at > self._rule.look_back:
            self._drop_oldest()
        # The sum begins after the values of the baseline: the point of the last of them is where it may begin.
        while len(self._line) > max(1, len(entries) - least + 1):
            self._line.drop_oldest()
        if len(entries) <= least:
            self._measure, self._baseline, self._since = None, None, newest
            return
        self._baseline = median(self._usual)
        slope = self._baseline + self._slack
        lowest, place = self._line.lowest(slope)
        self._measure = self._total - slope * newest - lowest
        self._since = place + 1

    def _drop_oldest(self) -> None:
        entries, usual, least = self._entries, self._usual, self._rule.baseline_least
        del usual[bisect_left(usual, entries.popleft().number)]
        self._first += 1
        if len(entries) >= least:
            insort(usual, entries[least - 1].number)

    def _crossings(self, measure: float) -> tuple[Crossing, ...]:
        beyond = measure == inf
        reference = None if self._baseline is None else plain(self._sign * self._baseline)
        return tuple(
            Crossing(
                level=bar.level,
                limit=bar.limit,
                value=None if beyond else plain(measure),
                beyond=beyond,
                past=measure >= bar.value,
                measure="cusum",
                kind=self._rule.kind,
                reference=reference,
                span=self._rule.look_back,
                baseline=reference is not None,
            )
            for bar in self._bars
        )
