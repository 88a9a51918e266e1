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
        self._today: date | None = None
        self._counted: tuple[_Day, ...] = ()
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
            day = self._days[today] = _Day(len(self._fields))
        was_complete = day.complete
        self._add(day, numbers, 0 if local.time() < self._rule.protocol.noon else 1, observation)
        if today != self._today or day.complete is not was_complete:
            self._today = today
            self._count(today)
        elif was_complete and self._counted and self._counted[-1] is day:
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

    def _add(self, day: _Day, numbers: Sequence[float | None], session: int, observation: Observation) -> None:
        sign, protocol = self._sign, self._rule.protocol
        turned = [sign * number for number in numbers if number is not None]
        if -inf in turned:
            return
        for index, number in enumerate(turned):
            day.sums[index] += sign * exact(number * sign) if number != inf else inf
        day.count += 1
        at, last = observation.effective_time, day.last[session]
        day.readings.append(Seen(0, at, observation.reading_id))
        if last is None or at - last >= protocol.apart:
            day.session[session] += 1
            day.last[session] = at
            day.complete = min(day.session) >= protocol.a_session

    def _count(self, today: date) -> None:
        """The days that count anew: one has become complete, or another one has begun."""
        protocol = self._rule.protocol
        for day in [one for one in self._days if (today - one).days >= protocol.days]:
            del self._days[day]
        complete = [one for day, one in sorted(self._days.items()) if day <= today and one.complete]
        if len(complete) < protocol.least_days:
            self._counted, self._verdict = (), _INCOMPLETE
            return
        self._counted = tuple(complete[protocol.drop_days :])
        self._hold()

    def _hold(self) -> None:
        count = sum(one.count for one in self._counted)
        held = [held_against(bars, self._sum(index), count) for index, bars in enumerate(self._of_field)]
        self._verdict = settled(*(held[0] if len(held) == 1 else together(held)))

    def _sum(self, index: int) -> float:
        return sum(one.sums[index] for one in self._counted)

    def _crossing(self, bar: Bar) -> Crossing:
        total, count = self._sum(self._fields.index(bar.limit.field)), sum(one.count for one in self._counted)
        value = None if total == inf else round(plain(self._sign * total) / count, 6)
        past = total >= bar.value * count
        span = timedelta(days=self._rule.protocol.days)
        return Crossing(bar.level, bar.limit, value, total == inf, past, "average", self._rule.kind, span=span)
