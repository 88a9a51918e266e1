"""The mean of the last days, against a limit or against what is usual."""

from collections import deque
from datetime import datetime
from math import inf, isinf

from hearthline_backend.domain.assessors.figures import bars, exact, figure, held_against, plain
from hearthline_backend.domain.assessors.windows import MedianWindow, Seen, newest_ids
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.trend_rules import MovingAverageRule
from hearthline_backend.domain.verdict import NO_VALUE, TOO_FEW, Crossing, Grounds, Verdict, settled


class MovingAverageAssessor:
    """A value beyond what the meter can process, on the side the rule looks to, makes a mean past every limit for as
    long as it is in the time, however few others there are; one beyond on the other side is left out."""

    def __init__(self, rule: MovingAverageRule) -> None:
        self._rule = rule
        self._sign = 1 if rule.above else -1
        based = rule.against == "baseline"
        # A distance grows with the mean on the side the rule looks to; a limit is turned with the values.
        self._bars = bars(rule.red, rule.yellow, 1 if based or rule.above else -1)
        self._usual = MedianWindow(rule.span, rule.baseline_span) if based else None
        self._window: deque[Seen] = deque()
        self._beyond: deque[Seen] = deque()
        self._sum = 0
        self._measure: float | None = None
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        number = figure(observation, self._rule.field)
        if number is None:
            return NO_VALUE
        self._seen = observation
        self._add(number * self._sign, observation)
        self._leave(observation.effective_time)
        self._measure = self._held()
        if self._measure is None:
            return TOO_FEW
        past, near = held_against(self._bars, self._measure, len(self._window))
        return settled(past, near)

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        own = self._seen.reading_id
        entries = sorted((*self._window, *self._beyond), key=lambda one: (one.at, one.reading_id))
        ids = (*(one for one in newest_ids(entries) if one != own), own)
        return Grounds(ids, () if self._measure is None else self._crossings(self._measure))

    def _add(self, number: float, observation: Observation) -> None:
        at, reading_id = observation.effective_time, observation.reading_id
        if isinf(number):
            if number > 0:
                self._beyond.append(Seen(0, at, reading_id))
            return
        seen = Seen(self._sign * exact(number * self._sign), at, reading_id)
        self._window.append(seen)
        self._sum += seen.number
        if self._usual is not None:
            self._usual.add(seen)

    def _leave(self, at: datetime) -> None:
        window, beyond, span = self._window, self._beyond, self._rule.span
        while window and at - window[0].at > span:
            self._sum -= window.popleft().number
        while beyond and at - beyond[0].at > span:
            beyond.popleft()
        if self._usual is not None:
            self._usual.move_to(at)

    def _held(self) -> float | None:
        """The sum to hold against the limits; None where too little is known."""
        if self._beyond:
            return inf
        if len(self._window) < self._rule.least:
            return None
        if self._usual is None:
            return self._sum
        if len(self._usual) < self._rule.least:
            return None
        return self._sum - self._usual.median * len(self._window)

    def _crossings(self, measure: float) -> tuple[Crossing, ...]:
        count, usual, beyond = len(self._window), self._usual, isinf(measure)
        known = usual is not None and len(usual) >= self._rule.least
        reference = plain(self._sign * usual.median) if usual is not None and known else None
        turn = 1 if usual is not None else self._sign
        value = None if beyond else round(plain(turn * measure) / count, 6)
        return tuple(
            Crossing(
                level=bar.level,
                limit=bar.limit,
                value=value,
                beyond=beyond,
                past=beyond or measure >= bar.value * count,
                measure="moving_average",
                kind=self._rule.kind,
                reference=reference,
                span=self._rule.span,
                baseline=reference is not None,
            )
            for bar in self._bars
        )
