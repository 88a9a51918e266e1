"""Who has an alert, and what happens next if nobody takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.alerting.holding import taken_by
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import AlertEvent, AlertState, Happened, OpenAlert
from hearthline_backend.storage.records.calls import DueTask, NotificationState, Task, Told
from hearthline_backend.storage.records.people import OnCall
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_backend.web.language import _
from hearthline_backend.web.times import stamp


@dataclass(frozen=True, slots=True)
class Ownership:
    """``who`` in bold, then what happens next. ``run`` is how much of a running call's time has passed, 0 to 100."""

    who: str
    lines: tuple[str, ...] = ()
    run: int | None = None
    nobody: bool = False
    mine: bool = False


def person(user_id: UUID | None, initials: str | None, viewer: UUID) -> str:
    """You, or the initials."""
    if user_id == viewer:
        return _("You")
    return initials or _("Somebody")


def ownership(
    open_alert: OpenAlert,
    viewer: UUID,
    now: datetime,
    *,
    first: Told | None,
    task: DueTask | None,
    on_call: Sequence[OnCall],
    snooze: Snooze | None = None,
    story: Sequence[AlertEvent] = (),
    names: Mapping[str, str] | None = None,
) -> Ownership:
    """Of one live alert, as ``viewer`` sees it. ``snooze`` keeps it quiet; ``story`` is what people did and who was
    called, ``names`` the initials of those."""
    alert = open_alert.alert
    by = taken_by(story) if alert.state is AlertState.ACKNOWLEDGED else None
    if snooze is not None and (alert.state is AlertState.OPEN or (by is not None and by.what is Happened.SNOOZED)):
        return _put_off(snooze, viewer, now)
    if alert.state is AlertState.ACKNOWLEDGED and alert.owner_id is not None:
        who = person(alert.owner_id, open_alert.owner_initials, viewer)
        since = _("{who}, since {time}").format(who=who, time=stamp(alert.owned_at or alert.opened_at, now))
        lines = _given(by, viewer) + _comes_back(task, now) + _review(alert.review_by, now)
        return Ownership(since, lines, mine=alert.owner_id == viewer)
    called = _called_in_turn(story, names or {}, viewer, now) or _called(first, viewer, now)
    lines = (*called, *_next_call(task, on_call, viewer, now), *_review(alert.review_by, now))
    return Ownership(_("Nobody yet"), lines, _run(first, task, now), nobody=True)


def _put_off(snooze: Snooze, viewer: UUID, now: datetime) -> Ownership:
    who = person(snooze.made_by, snooze.initials, viewer)
    until = _("Snoozed until {time}.").format(time=stamp(snooze.until, now))
    worse = (_("A red still comes through."),) if snooze.level is Level.YELLOW else ()
    return Ownership(who, (until, *worse), mine=snooze.made_by == viewer)


def _given(by: AlertEvent | None, viewer: UUID) -> tuple[str, ...]:
    if by is None or by.what is not Happened.ASSIGNED:
        return ()
    return (_("Given by {who}.").format(who=_("you") if by.actor_id == viewer else by.initials or _("Somebody")),)


def _called_in_turn(
    story: Sequence[AlertEvent], names: Mapping[str, str], viewer: UUID, now: datetime
) -> tuple[str, ...]:
    """K.L. called 02:41, M.R. called 02:51. Only where more than one was, since somebody last had it."""
    called: dict[str, datetime] = {}
    for event in story:
        if event.what is Happened.CALLED:
            called.setdefault(event.detail.get("user", ""), event.at)
        else:
            called = {}
    if len(called) < 2:
        return ()
    told = [
        _("{name} called {time}").format(
            name=_("You") if user == str(viewer) else names.get(user, _("Somebody")), time=stamp(at, now)
        )
        for user, at in called.items()
    ]
    return (", ".join(told) + ".",)


def _called(first: Told | None, viewer: UUID, now: datetime) -> tuple[str, ...]:
    if first is None:
        return ()
    notification = first.notification
    time = stamp(notification.sent_at or notification.created_at, now)
    if notification.state is NotificationState.FAILED:
        return (_("{name} could not be reached.").format(name=first.initials),)
    if notification.state is NotificationState.DUE:
        return (_("{name} is being called.").format(name=person(notification.user_id, first.initials, viewer)),)
    if notification.user_id == viewer:
        return (_("You were called {time}.").format(time=time),)
    return (_("{name} was called {time}.").format(name=first.initials, time=time),)


def next_person(task: DueTask, on_call: Sequence[OnCall]) -> OnCall | None:
    """Who is called when this task is due, if nobody acknowledges before."""
    place = task.payload.get("place")
    if isinstance(place, int):  # from 1; 0 where others are called than those on call
        return on_call[(place - 1) % len(on_call)] if on_call and place else None
    number = task.payload.get("next")
    return on_call[number % len(on_call)] if on_call and isinstance(number, int) else None


def waits_for(task: DueTask, now: datetime) -> str | None:
    """When somebody is called, where that waits for the end of something."""
    time = stamp(task.due_at, now)
    if task.what is Task.CALL_AFTER_QUIET:
        return _("Called {time}, when the quiet hours are over.").format(time=time)
    if task.what is Task.CALL_AFTER_PAUSE:
        return _("Called {time}, when the pause is over.").format(time=time)
    return None


def _next_call(task: DueTask | None, on_call: Sequence[OnCall], viewer: UUID, now: datetime) -> tuple[str, ...]:
    waiting = None if task is None else waits_for(task, now)
    if waiting is not None:
        return (waiting,)
    if task is None or task.what is not Task.ESCALATE:
        return ()
    called = next_person(task, on_call)
    time = stamp(task.due_at, now)
    if called is None and task.payload.get("place") == 0:
        return (_("Then others are called at {time}.").format(time=time),)
    if called is None:
        return (_("Nobody is on call.") + " " + _("Looked at again {time}.").format(time=time),)
    if called.user.id == viewer:
        return (_("Then you again at {time}.").format(time=time),)
    return (_("Then {name} at {time}.").format(name=called.user.initials, time=time),)


def _comes_back(task: DueTask | None, now: datetime) -> tuple[str, ...]:
    if task is None or task.what is not Task.COME_BACK:
        return ()
    time = stamp(task.due_at, now)
    if task.payload.get("assigned"):
        return (_("Comes back {time} unless acknowledged.").format(time=time),)
    if task.payload.get("review"):
        return ()  # told as a review
    return (_("Comes back {time} if still open.").format(time=time),)


def _review(review_by: datetime | None, now: datetime) -> tuple[str, ...]:
    return () if review_by is None else (_("Review by {time}.").format(time=stamp(review_by, now)),)


def _run(first: Told | None, task: DueTask | None, now: datetime) -> int | None:
    if first is None or task is None or task.what is not Task.ESCALATE or task.due_at <= now:
        return None
    start = first.notification.created_at
    whole = (task.due_at - start).total_seconds()
    return None if whole <= 0 else max(0, min(100, round(100 * (now - start).total_seconds() / whole)))
