"""Who has an alert, and what happens next if nobody takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.storage.records.alerts import AlertState, OpenAlert
from hearthline_backend.storage.records.calls import DueTask, NotificationState, Task, Told
from hearthline_backend.storage.records.people import OnCall
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
) -> Ownership:
    """Of one live alert, as ``viewer`` sees it."""
    alert = open_alert.alert
    if alert.state is AlertState.ACKNOWLEDGED and alert.owner_id is not None:
        who = person(alert.owner_id, open_alert.owner_initials, viewer)
        since = _("{who}, since {time}").format(who=who, time=stamp(alert.owned_at or alert.opened_at, now))
        lines = _comes_back(task, now) + _review(alert.review_by, now)
        return Ownership(since, lines, mine=alert.owner_id == viewer)
    lines = (*_called(first, viewer, now), *_next_call(task, on_call, viewer, now), *_review(alert.review_by, now))
    return Ownership(_("Nobody yet"), lines, _run(first, task, now), nobody=True)


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
    place = task.payload.get("next")
    return on_call[place % len(on_call)] if on_call and isinstance(place, int) else None


def _next_call(task: DueTask | None, on_call: Sequence[OnCall], viewer: UUID, now: datetime) -> tuple[str, ...]:
    if task is None or task.what is not Task.ESCALATE:
        return ()
    called = next_person(task, on_call)
    time = stamp(task.due_at, now)
    if called is None:
        return (_("Nobody is on call.") + " " + _("Looked at again {time}.").format(time=time),)
    if called.user.id == viewer:
        return (_("Then you again at {time}.").format(time=time),)
    return (_("Then {name} at {time}.").format(name=called.user.initials, time=time),)


def _comes_back(task: DueTask | None, now: datetime) -> tuple[str, ...]:
    if task is None or task.what is not Task.COME_BACK:
        return ()
    return (_("Comes back {time} if still open.").format(time=stamp(task.due_at, now)),)


def _review(review_by: datetime | None, now: datetime) -> tuple[str, ...]:
    return () if review_by is None else (_("Review by {time}.").format(time=stamp(review_by, now)),)


def _run(first: Told | None, task: DueTask | None, now: datetime) -> int | None:
    if first is None or task is None or task.what is not Task.ESCALATE or task.due_at <= now:
        return None
    start = first.notification.created_at
    whole = (task.due_at - start).total_seconds()
    return None if whole <= 0 else max(0, min(100, round(100 * (now - start).total_seconds() / whole)))
