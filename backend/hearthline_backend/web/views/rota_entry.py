"""A stand-in or a holiday as somebody types it, and what is wrong at which field."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hearthline_backend.domain.local_time import day_of, first_instant
from hearthline_backend.domain.rotas import Holiday, StandIn
from hearthline_backend.web.language import _
from hearthline_backend.web.views.rota_draft import WEEKDAYS, FormProblem

LONGEST: Final = timedelta(days=366)
MOST_WORDS: Final = 80


@dataclass(frozen=True, slots=True)
class StandInDraft:
    """``instead`` empty: the next in order moves up. Times are local ones of the team; ``begins`` empty for now."""

    away: str = ""
    instead: str = ""
    begins: str = ""
    ends: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HolidayDraft:
    """``like`` is a weekday such as ``sun``, or empty where ``people`` are named."""

    day: str = ""
    name: str = ""
    like: str = "sun"
    people: tuple[str, ...] = ()


def checked_stand_in(
    draft: StandInDraft, members: Collection[UUID], zone: str, now: datetime
) -> tuple[StandIn | None, list[FormProblem]]:
    """What was meant, or everything that is wrong with it."""
    wrong: list[FormProblem] = []
    away, instead = _person(draft.away, members), _person(draft.instead, members)
    if away is None:
        wrong.append(FormProblem("away", _("Choose who is away.")))
    if draft.instead and instead is None:
        wrong.append(FormProblem("instead", _("This person is not in the team any more. Choose another.")))
    if away is not None and away == instead:
        wrong.append(FormProblem("instead", _("This is who is away. Choose another, or the next in order.")))
    begins = _moment(draft.begins, zone) if draft.begins else now
    ends = _moment(draft.ends, zone)
    not_a_time = _("Choose a day and a time.")
    if begins is None:
        wrong.append(FormProblem("begins", not_a_time))
    if ends is None:
        wrong.append(FormProblem("ends", not_a_time))
    elif ends <= now:
        wrong.append(FormProblem("ends", _("This is over already. Choose a later time.")))
    elif begins is not None and ends <= begins:
        wrong.append(FormProblem("ends", _("It ends before it begins. Choose a later time.")))
    elif begins is not None and ends - begins > LONGEST:
        wrong.append(FormProblem("ends", _("A stand-in lasts a year at most. Change the rota instead.")))
    if len(draft.reason) > MOST_WORDS:
        wrong.append(FormProblem("reason", _too_long(draft.reason)))
    if wrong or away is None or begins is None or ends is None:
        return None, wrong
    return StandIn(away, instead, begins, ends), []


def checked_holiday(
    draft: HolidayDraft, members: Collection[UUID], taken: Collection[date], zone: str, now: datetime
) -> tuple[Holiday | None, list[FormProblem]]:
    """The same of a holiday; ``taken`` are days that are holidays already."""
    wrong: list[FormProblem] = []
    try:
        day = date.fromisoformat(draft.day)
    except ValueError:
        day = None
    if day is None:
        wrong.append(FormProblem("day", _("Choose a day.")))
    elif day < day_of(now, ZoneInfo(zone)):
        wrong.append(FormProblem("day", _("This day is over. Choose a later one.")))
    elif day > day_of(now, ZoneInfo(zone)) + 3 * LONGEST:
        wrong.append(FormProblem("day", _("This day is too far away. Choose one of the next three years.")))
    elif day in taken:
        wrong.append(FormProblem("day", _("This day is a holiday already. Take that one back first.")))
    people = tuple(found for one in draft.people if (found := _person(one, members)) is not None)
    if len(people) != len(draft.people):
        wrong.append(FormProblem("people", _("Somebody chosen is not in the team any more. Choose another.")))
    if draft.like not in WEEKDAYS and not draft.people:
        wrong.append(FormProblem("people", _("Choose who is on call, or a weekday that it is like.")))
    if len(draft.name) > MOST_WORDS:
        wrong.append(FormProblem("name", _too_long(draft.name)))
    if wrong or day is None:
        return None, wrong
    return (Holiday(day, WEEKDAYS[draft.like]) if draft.like in WEEKDAYS else Holiday(day, None, people)), []


def _too_long(typed: str) -> str:
    return _("This has {n} characters; {most} fit. Shorten it.").format(n=len(typed), most=MOST_WORDS)


def _person(typed: str, members: Collection[UUID]) -> UUID | None:
    try:
        found = UUID(typed)
    except ValueError:
        return None
    return found if found in members else None


def _moment(typed: str, zone: str) -> datetime | None:
    try:
        local = datetime.fromisoformat(typed)
    except ValueError:
        return None
    if local.tzinfo is not None:
        return None
    return first_instant(local.date(), local.time(), ZoneInfo(zone)).astimezone(UTC)
