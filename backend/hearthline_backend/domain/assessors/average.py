"""An average by protocol: the complete days of a patient, without the first."""

from collections import deque
from datetime import date, datetime, timedelta
from math import inf, isinf
from zoneinfo import ZoneInfo

from hearthline_backend.domain.assessors.figures import Bar, bars, exact, figure, held_each, plain
from hearthline_backend.domain.assessors.windows import Seen, newest_ids
from hearthline_backend.domain.average_rule import AverageRule, Protocol
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.verdict import NO_VALUE, Crossing, Grounds, Verdict, Why, settled

_INCOMPLETE = Verdict(Why.PROTOCOL_INCOMPLETE)


class _Day:
    """One local day: its readings, and how far its two sessions are."""

    __slots__ = ("beyond", "count", "last", "readings", "session", "sums")

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.sums = dict.fromkeys(fields, 0)
        self.beyond = dict.fromkeys(fields, 0)
        self.count = 0
        self.session = [0, 0]
        self.last: list[datetime | None] = [None, None]
        self.readings: list[Seen] = []

    def complete(self, protocol: Protocol) -> bool:
        return min(self.session) >= protocol.a_session


class AverageAssessor:
    """A value beyond what the meter can process makes an average that is past every limit on its side; one beyond on
    the other side is left out."""

    def __init__(self, rule: AverageRule, zone: str) -> None:
        self._rule = rule
        self._zone = ZoneInfo(zone)
        self._sign = 1 if rule.above else -1
        self._bars = bars(rule.red, rule.yellow, 1 if rule.above else -1)
        self._fields = tuple(dict.fromkeys(bar.limit.field for bar in self._bars))
        self._days: dict[date, _Day] = {}
        self._today: date | None = None
        self._counted: tuple[_Day, ...] = ()
        self._verdict = _INCOMPLETE
        self._seen: Observation | None = None

    def see(self, observation: Observation) -> Verdict:
        """As :class:`~.assessor.Assessor`."""
        numbers = {name: figure(observation, name) for name in self._fields}
        if any(number is None for number in numbers.values()):
            return NO_VALUE
        self._seen = observation
        local = observation.effective_time.astimezone(self._zone)
        today = local.date()
        day = self._days.get(today)
        if day is None:
            day = self._days[today] = _Day(self._fields)
        self._add(day, numbers, 0 if local.time() < self._rule.protocol.noon else 1, observation)
        if today != self._today or day.complete(self._rule.protocol):
            self._today = today
            self._count(today)
        return self._verdict

    def grounds(self) -> Grounds:
        """As :class:`~.assessor.Assessor`."""
        if self._seen is None:
            return Grounds()
        own = self._seen.reading_id
        ids = newest_ids(deque(one for day in self._counted for one in day.readings))
        found = [] if self._verdict is _INCOMPLETE else [self._crossing(bar) for bar in self._bars]
        return Grounds((*(one for one in ids if one != own), own), tuple(found))

    def _add(self, day: _Day, numbers: dict[str, float | None], session: int, observation: Observation) -> None:
        turned = {name: self._sign * number for name, number in numbers.items() if number is not None}
        if any(isinf(number) and number < 0 for number in turned.values()):
            return
        for name, number in turned.items():
            if isinf(number):
                day.beyond[name] += 1
            else:
                day.sums[name] += self._sign * exact(number * self._sign)
        day.count += 1
        at, last = observation.effective_time, day.last[session]
        day.readings.append(Seen(0, at, observation.reading_id))
        if last is None or at - last >= self._rule.protocol.apart:
            day.session[session] += 1
            day.last[session] = at

    def _count(self, today: date) -> None:
        """The verdict anew: a day has become complete, has grown, or another one has begun."""
        protocol = self._rule.protocol
        for day in [one for one in self._days if (today - one).days >= protocol.days]:
            del self._days[day]
        complete = [one for day, one in sorted(self._days.items()) if day <= today and one.complete(protocol)]
        if len(complete) < protocol.least_days:
            self._counted, self._verdict = tuple(complete), _INCOMPLETE
            return
        self._counted = tuple(complete[protocol.drop_days :])
        self._verdict = settled(*held_each((bar, *self._sum(bar.limit.field)) for bar in self._bars))

    def _sum(self, field: str) -> tuple[float, int]:
        """Of the days that count: the sum, infinite with a value beyond, and how many readings there are."""
        counted = self._counted
        beyond = any(one.beyond[field] for one in counted)
        return inf if beyond else sum(one.sums[field] for one in counted), sum(one.count for one in counted)

    def _crossing(self, bar: Bar) -> Crossing:
        total, count = self._sum(bar.limit.field)
        value = None if total == inf else round(plain(self._sign * total) / count, 6)
        past = total >= bar.value * count
        span = timedelta(days=self._rule.protocol.days)
        return Crossing(bar.level, bar.limit, value, total == inf, past, "average", self._rule.kind, span=span)
