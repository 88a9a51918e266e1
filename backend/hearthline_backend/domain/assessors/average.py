"""An average by protocol: the complete days of a patient, without the first."""

from collections import deque
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from hearthline_backend.domain.assessors.figures import Bar, bars, exact, figure, held_against, plain, together
from hearthline_backend.domain.assessors.windows import Seen, newest_ids
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.verdict import NO_VALUE, Crossing, Grounds, Verdict, Why, settled

_INCOMPLETE = Verdict(Why.PROTOCOL_INCOMPLETE)


class _Day:
    """One local day: its readings, and how far its two sessions are."""

    __slots__ = ("complete", "count", "last", "readings", "session", "sums")

    def __init__(self, fields: int) -> None:
        self.sums: list[float] = [0] * fields
        """By field, in parts; infinite with a value beyond what the meter can process."""
        self.count = 0
        self.session = [0, 0]
        self.last: list[datetime | None] = [None, None]
        self.readings: list[Seen] = []
        self.complete = False


class AverageAssessor:
    """A value beyond what the meter can process makes an average that is past every limit on its side; one beyond on
    the other side is left out."""

    def __init__(self, rule: AverageRule, zone: str) -> None:
        self._rule = rule
        self._zone = ZoneInfo(zone)
        self._sign = 1 if rule.above else -1
        self._bars = bars(rule.red, rule.yellow, 1 if rule.above else -1)
        self._fields = tuple(dict.fromkeys(bar.limit.field for bar in self._bars))
        self._of_field = tuple(tuple(bar for bar in self._bars if bar.limit.field == name) for name in self._fields)
        self._days: dict[date, _Day] = {}
        """The oldest first."""
        self._today: date | None = None
        self._counted: Sequence[_Day] = ()
        self._sums: list[float] = []
        """By field, over the days that count."""
        self._count_of_all = 0
        self._verdict = _INCOMPLETE
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        numbers = [figure(observation, name) for name in self._fields]
        if None in numbers:
            return NO_VALUE
        self._seen = observation
        local = observation.effective_time.astimezone(self._zone)
        today = local.date()
        day = self._days.get(today)
        if day is None:
            day = self._begin(today)
        was_complete = day.complete
        added = self._add(day, numbers, 0 if local.time() < self._rule.protocol.noon else 1, observation)
        if today != self._today or day.complete is not was_complete:
            self._today = today
            self._count(today)
        elif added and was_complete and self._counted and self._counted[-1] is day:
            self._sums = [total + one for total, one in zip(self._sums, added, strict=True)]
            self._count_of_all += 1
            self._hold()
        return self._verdict

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        own = self._seen.reading_id
        ids = newest_ids(deque(one for day in self._counted for one in day.readings))
        found = [] if self._verdict is _INCOMPLETE else [self._crossing(bar) for bar in self._bars]
        return Grounds((*(one for one in ids if one != own), own), tuple(found))

    def _begin(self, today: date) -> _Day:
        day = _Day(len(self._fields))
        behind = bool(self._days) and today < next(reversed(self._days))  # a zone may go back over midnight
        self._days[today] = day
        if behind:
            self._days = dict(sorted(self._days.items()))
        return day

    def _add(self, day: _Day, numbers: Sequence[float | None], session: int, observation: Observation) -> list[float]:
        """What it adds to the sums; nothing where it is left out."""
        sign, protocol = self._sign, self._rule.protocol
        turned = [sign * number for number in numbers if number is not None]
        if -inf in turned:
            return []
        parts = [sign * exact(number * sign) if number != inf else inf for number in turned]
        day.sums = [total + one for total, one in zip(day.sums, parts, strict=True)]
        day.count += 1
        at, last = observation.effective_time, day.last[session]
        day.readings.append(Seen(0, at, observation.reading_id))
        if last is None or at - last >= protocol.apart:
            day.session[session] += 1
            day.last[session] = at
            day.complete = min(day.session) >= protocol.a_session
        return parts

    def _count(self, today: date) -> None:
        """The days that count anew: one has become complete, or another one has begun."""
        protocol = self._rule.protocol
        while (today - (oldest := next(iter(self._days)))).days >= protocol.days:
            del self._days[oldest]
        complete = [one for day, one in self._days.items() if one.complete and day <= today]
        if len(complete) < protocol.least_days:
            self._counted, self._verdict = (), _INCOMPLETE
            return
        self._counted = counted = complete[protocol.drop_days :]
        self._sums = [sum(several) for several in zip(*[one.sums for one in counted], strict=True)]
        self._count_of_all = sum([one.count for one in counted])
        self._hold()

    def _hold(self) -> None:
        count = self._count_of_all
        held = [held_against(bars, total, count) for bars, total in zip(self._of_field, self._sums, strict=True)]
        self._verdict = settled(*(held[0] if len(held) == 1 else together(held)))

    def _crossing(self, bar: Bar) -> Crossing:
        total, count = self._sums[self._fields.index(bar.limit.field)], self._count_of_all
        value = None if total == inf else round(plain(self._sign * total) / count, 6)
        past = total >= bar.value * count
        span = timedelta(days=self._rule.protocol.days)
        return Crossing(bar.level, bar.limit, value, total == inf, past, "average", self._rule.kind, span=span)
