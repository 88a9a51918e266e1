"""What people may do with an alert, and what is said after they have."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.action_errors import (
    AlertActionError,
    AlreadyTakenError,
    NobodyHasItError,
    NotAColleagueError,
    NoteRequiredError,
    SnoozeTimeError,
)
from hearthline_backend.alerting.taking_back import last_act
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, Happened
from hearthline_backend.web.language import _, current, n_
from hearthline_backend.web.times import stamp

_HOURS_RED: Final = (1, 4, 12, 24)
_HOURS_YELLOW: Final = (4, 24, 72, 168, 336)
_MORNING: Final = time(9)


def snooze_choices(alert: Alert, now: datetime) -> tuple[tuple[str, str], ...]:
    """How long an alert can be put off: ISO times with their words. A red for a day at most."""
    red = alert.shown_level is Level.RED
    found = [(now + timedelta(hours=hours), _span(hours)) for hours in (_HOURS_RED if red else _HOURS_YELLOW)]
    if not red:
        found.insert(1, (_tomorrow_morning(now), _("Tomorrow morning")))
    return tuple(
        (at.isoformat(timespec="seconds"), _("{span}, until {time}").format(span=span, time=stamp(at, now)))
        for at, span in found
    )


def _tomorrow_morning(now: datetime) -> datetime:
    zone = current().zone
    day = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, _MORNING, zone).astimezone(now.tzinfo)


def _span(hours: int) -> str:
    if hours <= 24:
        return n_("{n} hour", "{n} hours", hours).format(n=hours)
    return n_("{n} day", "{n} days", hours // 24).format(n=hours // 24)


def toast_of(alert: Alert, events: Sequence[AlertEvent], name: str, viewer: UUID, now: datetime) -> str:
    """What the viewer has just done and can still take back; empty where there is nothing of that kind."""
    act = last_act(events, viewer)
    if act is None or now - act.at > DEFAULT.undo_within:
        return ""
    words = {
        Happened.ACKNOWLEDGED: _("Acknowledged. You have {name}’s alert."),
        Happened.ASSIGNED: _("Given on. {name}’s alert is in other hands.")
        if alert.owner_id != viewer
        else _("You have {name}’s alert."),
        Happened.UNASSIGNED: _("Given back. Nobody has {name}’s alert."),
        Happened.SNOOZED: _("Snoozed. A worse one of {name}’s still comes through."),
        Happened.RESOLVED: _("Resolved {name}’s alert."),
        Happened.OPENED_AGAIN: _("Opened again. You have {name}’s alert."),
    }
    return words[act.what].format(name=name)


def refused_words(error: AlertActionError) -> str:
    """Why nothing was changed, and what to do."""
    if isinstance(error, AlreadyTakenError):
        return _("{name} already has it. Nothing to do for you.").format(name=error.initials or _("Somebody"))
    if isinstance(error, NobodyHasItError):
        return _("Nobody has it, so it cannot be given back.")
    if isinstance(error, NotAColleagueError):
        return _("Choose a colleague of this team.")
    if isinstance(error, NoteRequiredError):
        return _("Write a note: what was done, or why nothing had to be.")
    if isinstance(error, SnoozeTimeError):
        return _("Choose until when: within {n} days.").format(n=error.longest.days)
    return _("That is no longer possible: the alert has changed. What you see is how it is now.")
