"""What rows about calls mean: notifications, attempts, claims, and other things that are due."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.notices import NoticeKind


class NotificationState(StrEnum):
    """``due`` waits for its time or is being sent."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptOutcome(StrEnum):
    """``unknown`` means that it may have arrived: the next attempt says "repeat". So does an attempt without any."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Occasion(StrEnum):
    """Why somebody is called."""

    RAISED = "raised"
    WORSENED = "worsened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    COMES_BACK = "comes_back"
    LAST_RESORT = "last_resort"
    TRIAL = "trial"
    """Nothing has happened: somebody tries whether it arrives."""
    ASSIGNED = "assigned"
    SNOOZE_OVER = "snooze_over"


class Task(StrEnum):
    """What a row of ``due`` asks for."""

    ESCALATE = "escalate"
    COME_BACK = "come_back"
    CALL_AFTER_PAUSE = "call_after_pause"
    """The patient was away when the alert was raised: it is called when the pause is over."""
    CALL_AFTER_QUIET = "call_after_quiet"
    """A yellow that was raised in quiet hours is called when they are over."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One call to one contact of one person, of an alert or of a notice. Its id is also the idempotency key: repeats
    carry the same."""

    id: UUID
    alert_id: int | None
    user_id: UUID
    contact_id: UUID
    occasion: Occasion
    created_at: datetime
    due_at: datetime
    state: NotificationState = NotificationState.DUE
    claimed_until: datetime | None = None
    sent_at: datetime | None = None
    notice_id: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. ``outcome`` None: we do not know, the process ended in the middle."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    detail: str | None
    repeat: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A notification that is ours to send until the lease ends, with all that is needed to write it.

    ``level`` is what the person is told, ``time_zone`` theirs, else the team's, whose ``emergency_number`` is. A
    ``safe`` contact may hear what the alert is about: ``patient`` and ``kind``. ``patient_id`` and
    ``team_id`` are None for a notice, which has ``notice`` and the ``path`` it links to.
    """

    notification: Notification
    attempt: int
    repeat: bool
    channel: str
    address: str
    secret: str | None
    locale: str
    level: Level
    patient_id: UUID | None
    team_id: UUID | None
    time_zone: str
    emergency_number: str
    notice: NoticeKind | None = None
    path: str = ""
    safe: bool = False
    patient: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One notification as people read it: who, by which channel, what became of it."""

    notification: Notification
    initials: str
    title: str
    channel: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class DueTask:
    """Something that happens at a time."""

    id: UUID
    what: Task
    alert_id: int | None
    payload: Mapping[str, Any]
    due_at: datetime


def claim_of(row: Row[Any]) -> Claim:
    """A row with all that a claim needs."""
    return Claim(
        notification=notification_of(row),
        attempt=row.tries + 1,
        repeat=bool(row.unsure),
        channel=row.channel,
        address=row.address,
        secret=row.secret,
        locale=row.locale,
        level=Level.YELLOW if row.review or row.level is None else Level(row.level),
        patient_id=row.patient_id,
        team_id=row.team_id,
        time_zone=row.time_zone,
        emergency_number=row.emergency_number,
        notice=None if row.notice is None else NoticeKind(row.notice),
        path=row.path or "",
        safe=row.safe,
        patient=f"{row.given_name} {row.family_name}, {row.birth_year}" if row.patient_id is not None else "",
        kind=row.kind or "",
    )


def attempt_values(claim: Claim, now: datetime) -> dict[str, Any]:
    """The attempt that a claim opens."""
    return {
        "notification_id": claim.notification.id,
        "number": claim.attempt,
        "started_at": now,
        "repeat": claim.repeat,
    }


def notification_values(row: Notification) -> dict[str, Any]:
    """As the table has it."""
    return {one.name: getattr(row, one.name) for one in fields(row)}


def notification_of(row: Row[Any]) -> Notification:
    """From the table."""
    values = {one.name: getattr(row, one.name) for one in fields(Notification)}
    values["occasion"] = Occasion(row.occasion)
    values["state"] = NotificationState(row.state)
    return Notification(**values)


def attempt_of(row: Row[Any]) -> Attempt:
    """From the table."""
    outcome = None if row.outcome is None else AttemptOutcome(row.outcome)
    return Attempt(row.number, row.started_at, row.ended_at, outcome, row.detail, row.repeat)


def task_of(row: Row[Any]) -> DueTask:
    """From the table."""
    return DueTask(row.id, Task(row.what), row.alert_id, row.payload, row.due_at)
