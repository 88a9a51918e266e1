"""Who is on call over a stretch of time, span by span, and the spans in which nobody is."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from hearthline_backend.domain.rotas import TeamRota


@dataclass(frozen=True, slots=True)
class BesideRota:
    """Somebody who was put on call by hand, in this place of the order, 0 first. ``ends`` None: open end."""

    person: UUID
    place: int
    begins: datetime
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class DutySpan:
    """From ``begins`` until ``ends`` these ``people`` are called, in this order; with none, nobody is on call."""

    begins: datetime
    ends: datetime
    people: tuple[UUID, ...]


def duty_spans(
    rota: TeamRota | None,
    beside: Sequence[BesideRota],
    members: Collection[UUID],
    begins: datetime,
    ends: datetime,
) -> tuple[DutySpan, ...]:
    """Spans without a gap between them from ``begins`` to ``ends``, neighbours always with other people.

    ``rota`` has to reach over all of it (:data:`~hearthline_backend.domain.rotas.AHEAD` to each side of its moment).
    Only ``members`` of the team are called: whoever has left it leaves their place empty.
    """
    moments = {begins, ends}
    moments |= {at for one in beside for at in (one.begins, one.ends) if at is not None and begins < at < ends}
    moments |= set() if rota is None else {at for at in rota.changes() if begins < at < ends}
    edges = sorted(moments)
    found: list[DutySpan] = []
    for start, end in pairwise(edges):
        people = tuple(_called(rota, beside, members, start))
        if found and found[-1].people == people:
            found[-1] = DutySpan(found[-1].begins, end, people)
        else:
            found.append(DutySpan(start, end, people))
    return tuple(found)


def gaps(spans: Sequence[DutySpan]) -> tuple[DutySpan, ...]:
    """Those in which nobody is on call."""
    return tuple(one for one in spans if not one.people)


def _called(
    rota: TeamRota | None, beside: Sequence[BesideRota], members: Collection[UUID], at: datetime
) -> Iterator[UUID]:
    places = [
        (one.place, one.person if rota is None else rota.standing_in(one.person, at))
        for one in beside
        if one.begins <= at and (one.ends is None or at < one.ends)
    ]
    places += [] if rota is None else rota.order(at)
    seen: set[UUID] = set()
    for _place, person in sorted(places, key=lambda one: one[0]):
        if person is not None and person in members and person not in seen:
            seen.add(person)
            yield person
