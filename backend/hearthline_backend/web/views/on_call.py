"""Who is called for a team: now, next, and at last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.storage.records.people import OnCall, User
from hearthline_backend.storage.records.rotas import Agreed, AgreedHoliday, AgreedStandIn, TrialCall, Version
from hearthline_backend.web.language import _
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.rota_words import holiday_words, place_name, stand_in_words


@dataclass(frozen=True, slots=True)
class Line:
    """Something short, what it is, and what more there is to it."""

    term: str
    text: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A stand-in or a holiday that is ahead. ``back`` is where it is taken back, with ``day`` for a holiday."""

    term: str
    text: str
    small: str
    back: str
    day: str = ""


@dataclass(frozen=True, slots=True)
class RotaToast:
    """What was just done; ``undo`` is where it is taken back, with one field."""

    said: str
    undo: str = ""
    field: str = ""
    value: str = ""


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
        Line(place_name(number), _person(one.user, viewer), _until(one, now)) for number, one in enumerate(on_call, 1)
    )


def handover(
    agreed: Agreed | None, people: Mapping[UUID, User], viewer: UUID, now: datetime
) -> tuple[str, tuple[Line, ...]] | None:
    """When others are called, and who."""
    found = None if agreed is None else agreed.rota.next_handover()
    if found is None:
        return None
    known = [people[person] for _place_, person in found[1] if person in people]
    lines = tuple(Line(place_name(number), _person(one, viewer)) for number, one in enumerate(known, 1))
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
) -> tuple[Planned, ...]:
    """Who stands in for whom, and holidays, with how each is taken back."""
    found = [
        Planned(_("Away"), stand_in_words(one, people, now), one.reason, f"/on-call/away/{one.id}/back")
        for one in stand_ins
    ]
    for day in holidays:
        back = f"/on-call/holiday/{day.id}/back"
        found.append(Planned(_("Holiday"), holiday_words(day, people), "", back, day.holiday.day.isoformat()))
    return tuple(found)


def last_change(versions: Sequence[Version], people: Mapping[UUID, User], now: datetime) -> str:
    """Who made the newest version, and when."""
    if not versions:
        return ""
    newest = versions[-1]
    author = None if newest.author_id is None else people.get(newest.author_id)
    who = _("an operator") if author is None else author.initials
    return _("Version {n}, by {who}, {time}").format(n=newest.number, who=who, time=stamp(newest.created_at, now))


def kept_toast(versions: Sequence[Version], now: datetime) -> RotaToast:
    """The newest version was kept; the first one has nothing before it to go back to."""
    newest = versions[-1]
    said = _("Saved. Version {n} of the rota holds from {time}.")
    before = any(one.valid_from <= newest.valid_from for one in versions[:-1])
    text = said.format(n=newest.number, time=stamp(newest.valid_from, now))
    return RotaToast(text, "/on-call/rota/undo", "seen", str(newest.number)) if before else RotaToast(text)


def _person(user: User, viewer: UUID) -> str:
    return _("You") if user.id == viewer else staff_name(user.title, user.initials)


def _until(one: OnCall, now: datetime) -> str:
    said = [] if one.ends_at is None else [_("Until {time}").format(time=stamp(one.ends_at, now))]
    if one.quiet_until is not None:
        said.append(_("yellow alerts wait until {time}").format(time=stamp(one.quiet_until, now)))
    return ", ".join(said)
