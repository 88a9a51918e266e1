"""What a version of a rota says, and what it changed, in words."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from babel.dates import format_date, get_day_names

from hearthline_backend.rota_file import DAYS
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, StepContent
from hearthline_backend.storage.records.rotas import AgreedHoliday, AgreedStandIn
from hearthline_backend.web.language import _, current
from hearthline_backend.web.people_words import title_name
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.rota_draft import NOBODY, TurnDraft, clock_text, turn_drafts

People = Mapping[UUID, User]


def day_names() -> tuple[tuple[str, str], ...]:
    """Each weekday's key and short name, Monday first."""
    names = get_day_names("abbreviated", locale=current().locale)
    return tuple((key, names[number]) for number, key in enumerate(DAYS))


def place_name(number: int) -> str:
    """The name of a place in the order of calls, 1 first."""
    return {1: _("First"), 2: _("Second"), 3: _("Third")}.get(number, _("Place {n}").format(n=number))


def channel_name(channel: str) -> str:
    """A channel as a person knows it."""
    return {"mail": _("Mail"), "webhook": _("Webhook"), "apprise": _("Push or SMS")}.get(channel, channel)


def content_lines(content: RotaContent, people: People) -> tuple[tuple[str, str], ...]:
    """Everything a version says, as terms and texts."""
    found = [(_("Time zone"), content.zone)]
    for number, place in enumerate(content.places, 1):
        turns = "; ".join(_turn(one, people) for one in turn_drafts(place))
        found.append((_("{place} on call").format(place=place_name(number)), turns))
    if not content.steps:
        found.append((_("Steps"), _("Everybody on call in order, 15 minutes each")))
    for number, step in enumerate(content.steps, 1):
        found.append((_("Step {n}").format(n=number), _step(step, people)))
    found.append((_("Last resort"), ", ".join(_name(one, people) for one in content.last_resort)))
    if content.confirm_within is not None:
        minutes = f"{content.confirm_within.total_seconds() / 60:.0f}"
        found.append((_("A report"), _("to be confirmed within {n} min").format(n=minutes)))
    found += [(_("Quiet hours"), _quiet(one, people)) for one in content.quiet]
    if any(len(turn.people) > 1 for place in content.places for turn in place):
        day = format_date(content.first_week, "d MMM y", locale=current().locale)
        found.append((_("First week"), _("the week of {day}").format(day=day)))
    found.append((_("A holiday begins"), clock_text(content.day_begins)))
    return tuple(found)


def what_changed(before: RotaContent | None, after: RotaContent) -> str:
    """Which parts are others than in the version before."""
    if before is None:
        return _("The first version.")
    parts = {
        _("time zone"): before.zone != after.zone,
        _("turns"): (before.places, before.first_week) != (after.places, after.first_week),
        _("steps"): before.steps != after.steps,
        _("last resort"): before.last_resort != after.last_resort,
        _("time to confirm a report"): before.confirm_within != after.confirm_within,
        _("quiet hours"): before.quiet != after.quiet,
        _("when a holiday begins"): before.day_begins != after.day_begins,
    }
    changed = [name for name, other in parts.items() if other]
    return _("Changed: {parts}.").format(parts=", ".join(changed)) if changed else _("Nothing else than before.")


def stand_in_words(one: AgreedStandIn, people: People, now: datetime) -> str:
    """K.L. for E.S., Mon 23 Nov 08:00 to Tue 24 Nov 08:00."""
    instead = one.stand_in.instead
    other = _("The next in order") if instead is None else _name(instead, people)
    return _("{other} for {name}, {start} to {end}").format(
        other=other,
        name=_name(one.stand_in.away, people),
        start=stamp(one.stand_in.begins, now),
        end=stamp(one.stand_in.ends, now),
    )


def holiday_words(one: AgreedHoliday, people: People) -> str:
    """Fri 25 Dec: as on Sunday, Christmas Day."""
    day = format_date(one.holiday.day, "EEE d MMM y", locale=current().locale)
    return ", ".join(part for part in (f"{day}: {holiday_rule(one, people)}", one.name) if part)


def holiday_rule(one: AgreedHoliday, people: People) -> str:
    """Who is on call on a holiday."""
    if one.holiday.people:
        return ", ".join(_name(person, people) for person in one.holiday.people)
    like = one.holiday.day.weekday() if one.holiday.like is None else one.holiday.like
    names = get_day_names("wide", locale=current().locale)
    return _("as on {day}").format(day=names[like])


def _turn(turn: TurnDraft, people: People) -> str:
    short = dict(day_names())
    days = ", ".join(short[day] for day in turn.days)
    names = [_("nobody") if one == NOBODY else _name(UUID(one), people) for one in turn.people]
    zone = f" {turn.zone}" if turn.zone else ""
    return _("{days} from {time}{zone}: {people}").format(
        days=days, time=turn.at, zone=zone, people=_(", then ").join(names)
    )


def _step(step: StepContent, people: People) -> str:
    if step.place is not None:
        who = _("{place} on call").format(place=place_name(step.place + 1))
    elif step.user is not None:
        who = _name(step.user, people)
    else:
        who = _("everybody who is {title}").format(title=title_name(step.title or ""))
    minutes = f"{step.wait.total_seconds() / 60:.0f}"
    if step.channel is None:
        return _("{who}, then {n} min").format(who=who, n=minutes)
    return _("{who} by {channel}, then {n} min").format(who=who, channel=channel_name(step.channel), n=minutes)


def _quiet(quiet: QuietContent, people: People) -> str:
    who = _("the team") if quiet.user is None else _name(quiet.user, people)
    short = day_names()
    days = "" if len(quiet.days) == len(short) else ", " + ", ".join(short[day][1] for day in quiet.days)
    return _("{who}: {start} to {end}{days}, {zone}").format(
        who=who, start=clock_text(quiet.begins), end=clock_text(quiet.ends), days=days, zone=quiet.zone
    )


def _name(person: UUID, people: People) -> str:
    return people[person].initials if person in people else _("somebody who has left")
