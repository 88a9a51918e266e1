"""Who is called for a team: now, next, and at last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from babel.dates import format_date

from hearthline_backend.storage.records.people import OnCall, User
from hearthline_backend.storage.records.rotas import Agreed, AgreedHoliday, AgreedStandIn, TrialCall
from hearthline_backend.web.language import _, current
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.times import stamp


@dataclass(frozen=True, slots=True)
class Line:
    """Something short, what it is, and what more there is to it."""

    term: str
    text: str
    small: str = ""


def heading(on_call: Sequence[OnCall], viewer: UUID, now: datetime) -> str:
    """The answer."""
    if not on_call:
        return _("Nobody is on call")
    first = on_call[0]
    until = None if first.ends_at is None else stamp(first.ends_at, now)
    if first.user.id == viewer:
        return _("You are on call") if until is None else _("You are on call until {time}").format(time=until)
    name = first.user.initials
    if until is None:
        return _("{name} is on call").format(name=name)
    return _("{name} is on call until {time}").format(name=name, time=until)


def in_order(on_call: Sequence[OnCall], viewer: UUID, now: datetime) -> tuple[Line, ...]:
    """Those who are called, one after the other."""
    return tuple(
        Line(_place(number), _person(one.user, viewer), _until(one, now)) for number, one in enumerate(on_call, 1)
    )


def handover(
    agreed: Agreed | None, people: Mapping[UUID, User], viewer: UUID, now: datetime
) -> tuple[str, tuple[Line, ...]] | None:
    """When others are called, and who."""
    found = None if agreed is None else agreed.rota.next_handover()
    if found is None:
        return None
    known = [people[person] for _place_, person in found[1] if person in people]
    lines = tuple(Line(_place(number), _person(one, viewer)) for number, one in enumerate(known, 1))
    return stamp(found[0], now), lines or (Line(_("Nobody"), _("Reds go to the last resort.")),)


def last_resort(
    named: Sequence[UUID], people: Mapping[UUID, User], trials: Sequence[TrialCall], viewer: UUID, now: datetime
) -> tuple[Line, ...]:
    """Who is called when nobody takes a red, and whether that was tried."""
    found = []
    for one in named:
        last = next((trial for trial in trials if trial.user_id == one and trial.outcome == "sent"), None)
        tried = _("Not tried for 35 days") if last is None else _("Tried {time}").format(time=stamp(last.at, now))
        if one in people:
            found.append(Line(_("At last"), _person(people[one], viewer), tried))
    return tuple(found) or (Line(_("At last"), _("Everybody of the team who is not on call")),)


def ahead(
    stand_ins: Sequence[AgreedStandIn], holidays: Sequence[AgreedHoliday], people: Mapping[UUID, User], now: datetime
) -> tuple[Line, ...]:
    """Who stands in for whom, and holidays."""
    found = []
    for one in stand_ins:
        away, instead = one.stand_in.away, one.stand_in.instead
        name = people[away].initials if away in people else _("Somebody")
        other = people[instead].initials if instead is not None and instead in people else _("The next in order")
        span = _("{start} to {end}").format(start=stamp(one.stand_in.begins, now), end=stamp(one.stand_in.ends, now))
        found.append(Line(_("Away"), _("{other} for {name}").format(other=other, name=name), span))
    for day in holidays:
        date = format_date(day.holiday.day, "EEE d MMM", locale=current().locale)
        found.append(Line(_("Holiday"), date, day.name))
    return tuple(found)


def _place(number: int) -> str:
    return {1: _("First"), 2: _("Second"), 3: _("Third")}.get(number, _("Then"))


def _person(user: User, viewer: UUID) -> str:
    return _("You") if user.id == viewer else staff_name(user.title, user.initials)


def _until(one: OnCall, now: datetime) -> str:
    said = [] if one.ends_at is None else [_("Until {time}").format(time=stamp(one.ends_at, now))]
    if one.quiet_until is not None:
        said.append(_("yellow alerts wait until {time}").format(time=stamp(one.quiet_until, now)))
    return ", ".join(said)
