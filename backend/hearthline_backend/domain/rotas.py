"""Who is on call at an instant: weekly turns, handovers in local time, holidays, and who stands in for whom.

A turn begins at its handover and lasts until the next one of its place, so there is no instant between two. Weeks are
those of the calendar, from Monday; handovers happen at the first instant at which the clock on the wall has reached
their time (:func:`~hearthline_backend.domain.local_time.first_instant`), also in the night in which clocks change.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hearthline_backend.domain.local_time import first_instant

AHEAD: Final = timedelta(days=8)
"""How far handovers are looked for: a little over the week after which each turn comes again."""
_DAY: Final = timedelta(days=1)
_BACK: Final = timedelta(days=16)
"""A holiday may look a week back or ahead for the day it is like, and that day a week back for its last handover."""


@dataclass(frozen=True, slots=True)
class Turn:
    """From this local time of this weekday (0 for Monday) somebody else is on call. Of several ``people`` each has a
    week of their own, in turn; with none, nobody is in this place until the next handover. ``zone`` is that of the
    handover, such as the person's; None for the rota's."""

    weekday: int
    at: time
    people: tuple[UUID, ...]
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Rota:
    """``places`` are in the order in which people are called. ``first_week`` is a day of the week in which the first of
    several people in a turn is on call. ``day_begins`` is when a holiday begins and, a day later, ends."""

    zone: str
    places: tuple[tuple[Turn, ...], ...]
    first_week: date
    day_begins: time = time(0)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day on which others are on call: ``people`` in the order of their places, or, with none, who would be on
    ``like``, the weekday of the same week, at the same hour."""

    day: date
    like: int | None = None
    people: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class StandIn:
    """While somebody is away another person stands in wherever they are on call; with ``instead`` None the next in
    order moves up. ``begins`` counts, ``ends`` does not."""

    away: UUID
    instead: UUID | None
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody in a place of the order. ``until`` is when they leave it, None when that is more than :data:`AHEAD`
    away."""

    place: int
    person: UUID
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Handover:
    """From ``at`` on, and until the next of its place."""

    at: datetime
    person: UUID | None


class TeamRota:
    """A team's rota at and around one moment. ``versions`` are ``(valid_from, rota)``, the oldest first; where none is
    valid yet nobody is on call by rota. Stand-ins apply in the order in which they were agreed."""

    def __init__(
        self,
        around: datetime,
        versions: Sequence[tuple[datetime, Rota]],
        holidays: Sequence[Holiday] = (),
        stand_ins: Sequence[StandIn] = (),
    ) -> None:
        self._around = around
        self._start, self._end = around - AHEAD, around + AHEAD
        self._stand_ins = stand_ins
        self._places = _unrolled(versions, holidays, self._start, self._end)
        self._times = [[one.at for one in place] for place in self._places]

    def order(self, at: datetime) -> tuple[tuple[int, UUID], ...]:
        """``(place, person)`` in the order of calls, nobody twice. ``at`` is within :data:`AHEAD` of the moment."""
        found: dict[UUID, int] = {}
        for place, times in enumerate(self._times):
            number = bisect_right(times, at)
            person = self._places[place][number - 1].person if number else None
            person = None if person is None else self.standing_in(person, at)
            if person is not None:
                found.setdefault(person, place)
        return tuple((place, person) for person, place in found.items())

    def on_duty(self) -> tuple[OnDuty, ...]:
        """Who is on call at the moment, with when each came and goes."""
        changes = self.changes()
        orders = [self.order(at) for at in changes]
        cut = bisect_right(changes, self._around)
        found = []
        for post in self.order(self._around):
            until = next((at for at, order in zip(changes[cut:], orders[cut:], strict=True) if post not in order), None)
            away = next((number for number in reversed(range(cut)) if post not in orders[number]), None)
            since = None if away is None else changes[away + 1]
            found.append(OnDuty(*post, since, until))
        return tuple(found)

    def next_handover(self) -> tuple[datetime, tuple[tuple[int, UUID], ...]] | None:
        """When the order is another one, and which; None where it stays."""
        now = self.order(self._around)
        later = (at for at in self.changes() if at > self._around)
        return next(((at, order) for at in later if (order := self.order(at)) != now), None)

    def changes(self) -> list[datetime]:
        """Every instant around the moment at which the order may change, in order."""
        found = {at for times in self._times for at in times}
        found |= {at for one in self._stand_ins for at in (one.begins, one.ends)}
        return sorted(at for at in found if self._start <= at <= self._end)

    def standing_in(self, person: UUID, at: datetime) -> UUID | None:
        """Who is called in this person's place at ``at``, themselves unless they are away; None for nobody."""
        for one in self._stand_ins:
            if one.away == person and one.begins <= at < one.ends:
                if one.instead is None:
                    return None
                person = one.instead
        return person


def _unrolled(
    versions: Sequence[tuple[datetime, Rota]], holidays: Sequence[Holiday], start: datetime, end: datetime
) -> list[list[Handover]]:
    """Handovers by place, oldest first, the first of each version where it begins to be valid."""
    most = max((*(len(rota.places) for _, rota in versions), *(len(one.people) for one in holidays)), default=0)
    places: list[list[Handover]] = [[] for _ in range(most)]
    for number, (valid_from, rota) in enumerate(versions):
        until = versions[number + 1][0] if number + 1 < len(versions) else end + _DAY
        begins = max(valid_from, start)
        if begins >= until:
            continue
        for place, handovers in enumerate(places):
            turns = rota.places[place] if place < len(rota.places) else ()
            known = _of_place(rota, turns, place, holidays, begins, until)
            standing = [one for one in known if one.at <= begins]
            handovers.append(Handover(begins, standing[-1].person if standing else None))
            handovers += [one for one in known if begins < one.at < until]
    return places


def _of_place(
    rota: Rota, turns: Sequence[Turn], place: int, holidays: Sequence[Holiday], start: datetime, end: datetime
) -> list[Handover]:
    """Handovers as they are on usual days, and on holidays what they are then."""
    usual = _Usual(rota, turns, start, end)
    found = usual.handovers
    zone = ZoneInfo(rota.zone)
    for holiday in sorted(holidays, key=lambda one: one.day):
        begins, ends = _span(holiday.day, rota, zone)
        if ends <= start or begins >= end:
            continue
        if holiday.people:
            then = [Handover(begins, holiday.people[place] if place < len(holiday.people) else None)]
        else:
            like = holiday.day.weekday() if holiday.like is None else holiday.like
            other = holiday.day + timedelta(days=like - holiday.day.weekday())
            then = usual.moved(_span(other, rota, zone), (begins, ends), holiday.day - other)
        before = [one for one in found if one.at < begins]
        after = [one for one in found if one.at >= ends]
        found = [*before, *then, Handover(ends, usual.person(ends)), *after]
    return found


def _span(day: date, rota: Rota, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return first_instant(day, rota.day_begins, zone), first_instant(day + _DAY, rota.day_begins, zone)


@dataclass(frozen=True, slots=True)
class _Occurrence:
    at: datetime
    day: date
    number: int
    turn: Turn
    zone: ZoneInfo

    def handover(self, rota: Rota) -> Handover:
        """Who takes over: of several people, whose week it is."""
        people = self.turn.people
        if not people:
            return Handover(self.at, None)
        monday = rota.first_week - timedelta(days=rota.first_week.weekday())
        return Handover(self.at, people[(self.day - monday).days // 7 % len(people)])


class _Usual:
    """One place between two moments as if there were no holidays."""

    def __init__(self, rota: Rota, turns: Sequence[Turn], start: datetime, end: datetime) -> None:
        self._rota = rota
        self._found = sorted(_occurrences(rota, turns, start - _BACK, end + _BACK), key=_as_they_come)
        self.handovers = [one.handover(rota) for one in self._found]
        self._times = [one.at for one in self._found]

    def person(self, at: datetime) -> UUID | None:
        """Who is on call then."""
        number = bisect_right(self._times, at)
        return self.handovers[number - 1].person if number else None

    def moved(
        self, template: tuple[datetime, datetime], to: tuple[datetime, datetime], by: timedelta
    ) -> list[Handover]:
        """What happens in one span, hour by hour on the wall, in another one ``by`` so many days later."""
        found = [Handover(to[0], self.person(template[0]))]
        for one, handover in zip(self._found, self.handovers, strict=True):
            if template[0] < one.at < template[1]:
                at = first_instant(one.day + by, one.turn.at, one.zone)
                if at < to[1]:
                    found.append(Handover(max(at, to[0]), handover.person))
        return found


def _occurrences(rota: Rota, turns: Sequence[Turn], start: datetime, end: datetime) -> Iterator[_Occurrence]:
    first, last = start.date() - 2 * _DAY, end.date() + _DAY  # a day on any wall is within one of the day in UTC
    for number, turn in enumerate(turns):
        zone = ZoneInfo(turn.zone or rota.zone)
        day = first + timedelta(days=(turn.weekday - first.weekday()) % 7)
        while day <= last:
            yield _Occurrence(first_instant(day, turn.at, zone), day, number, turn, zone)
            day += timedelta(days=7)


def _as_they_come(one: _Occurrence) -> tuple[datetime, date, time, int]:
    """Where clocks go forward over two handovers both happen at once, and the later one counts."""
    return one.at, one.day, one.turn.at, one.number
