"""Who is on duty in the next days, handover by handover, and loudly when nobody is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from babel.dates import format_datetime

from hearthline_backend.domain.duty_spans import DutySpan, duty_spans, gaps
from hearthline_backend.storage.records.care import Team
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.rotas import Around
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.figures import NBSP
from hearthline_backend.web.language import _, current, n_
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.times import age_text

LOOK: Final = timedelta(days=14)
_MIDDLE: Final = LOOK / 2
"""A rota is known for a little over a week to each side of a moment, so it is asked for one week from now."""


@dataclass(frozen=True, slots=True)
class DutyLine:
    """From ``begins`` to ``ends`` ``people`` are called in this order. ``nobody`` where none is."""

    begins: str
    ends: str
    people: tuple[str, ...]
    nobody: bool


@dataclass(frozen=True, slots=True)
class DutyTable:
    """``answer`` sums it up, ``gaps`` names the spans in which nobody is on call, ``silent`` people on call who have no
    contact."""

    answer: str
    gaps: tuple[str, ...]
    silent: str
    lines: tuple[DutyLine, ...]
    places: int


async def around_now(unit: Unit, team: Team, now: datetime) -> Around:
    """What was agreed, as far as the table reaches."""
    return await unit.rotas.around(team.id, now + _MIDDLE)


async def table_of(
    unit: Unit,
    team: Team,
    around: Around,
    people: Mapping[UUID, User],
    reached: Collection[UUID],
    viewer: UUID,
    now: datetime,
) -> DutyTable:
    """The next 14 days, with ``around`` as :func:`around_now` has it or as it would be."""
    beside = await unit.rotas.beside(team.id, now, now + LOOK)
    spans = duty_spans(around.rota(), beside, frozenset(people), now, now + LOOK)
    return duty_table(spans, people, reached, viewer)


def duty_table(
    spans: Sequence[DutySpan], people: Mapping[UUID, User], reached: Collection[UUID], viewer: UUID
) -> DutyTable:
    """The spans in words."""
    empty = gaps(spans)
    silent = sorted({people[one].initials for span in spans for one in span.people if one not in reached})
    return DutyTable(
        _answer(empty),
        tuple(_("{start} to {end}").format(start=_at(one.begins), end=_at(one.ends)) for one in empty),
        ", ".join(silent),
        tuple(_line(one, people, viewer) for one in spans),
        max((len(one.people) for one in spans), default=0),
    )


def _answer(empty: Sequence[DutySpan]) -> str:
    if not empty:
        return _("Somebody is on call at every hour of the next 14 days.")
    total = sum((one.ends - one.begins for one in empty), timedelta(0))
    if total >= LOOK:
        return _("Nobody is on call in the next 14 days.")
    said = n_(
        "Nobody is on call for {time} of the next 14 days.",
        "Nobody is on call for {time} of the next 14 days, in {n} gaps.",
        len(empty),
    )
    hours = round(total / timedelta(hours=1))  # hours of a shift, not days: 20 h is what somebody has to work
    time = _("{n} h").format(n=hours) if hours else age_text(total)
    return said.format(time=time.replace(" ", NBSP), n=len(empty))


def _line(span: DutySpan, people: Mapping[UUID, User], viewer: UUID) -> DutyLine:
    names = tuple(
        _("You") if one == viewer else staff_name(people[one].title, people[one].initials) for one in span.people
    )
    return DutyLine(_at(span.begins), _at(span.ends), names, not names)


def _at(at: datetime) -> str:
    # Day and time always: in a table of days "08:00" alone would have to be looked up.
    return format_datetime(at, "EEE d MMM HH:mm", tzinfo=current().zone, locale=current().locale)
