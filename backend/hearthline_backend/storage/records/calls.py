"""What is due: notifications with every attempt to deliver them, and other things that happen at a time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.call_rows import (
    Attempt,
    AttemptOutcome,
    Claim,
    DueTask,
    Notification,
    NotificationState,
    Occasion,
    Task,
    Told,
    attempt_of,
    attempt_values,
    claim_of,
    notification_of,
    notification_values,
    task_of,
)
from hearthline_backend.storage.records.synthetic import APART
from hearthline_backend.storage.report_tables import report_notices, reports
from hearthline_backend.storage.schema import alerts, attempts, contacts, due, notifications, patients, teams, users
from hearthline_backend.storage.silence_tables import notices

__all__ = [
    "Attempt",
    "AttemptOutcome",
    "Calls",
    "Claim",
    "DueTask",
    "Notification",
    "NotificationState",
    "Occasion",
    "Task",
    "Told",
]


class Calls:
    """Rows are claimed with ``FOR UPDATE SKIP LOCKED`` where the engine has it; SQLite has one writer anyway."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # --- notifications ---

    async def add(self, rows: Sequence[Notification]) -> None:
        """New notifications, in the transaction of what they tell."""
        if rows:
            await self._connection.execute(notifications.insert(), [notification_values(row) for row in rows])

    async def claim(self, free: Mapping[str, int], now: datetime, lease: timedelta) -> list[Claim]:
        """Take due notifications and open an attempt for each; commit before sending anything. ``free`` is how many at
        most of each channel.

        A lease that ran out frees the row again. An earlier attempt that may have arrived makes this one a repeat.
        """
        claims: list[Claim] = []
        room = {channel: number for channel, number in free.items() if number > 0}
        while room:
            limit = sum(room.values())
            served = contacts.c.channel.in_(sorted(room))
            rows = (await self._connection.execute(_due_of(served, now, now).limit(limit))).all()
            for row in rows:
                if room.get(row.channel):
                    room[row.channel] -= 1
                    claims.append(claim_of(row))
            # A channel with much to say may have filled the answer; then the others are asked about alone.
            room = {channel: number for channel, number in room.items() if number > 0} if len(rows) == limit else {}
        await self._lease(claims, now, lease)
        return claims

    async def claim_unserved(
        self, channels: Collection[str], since: datetime, now: datetime, lease: timedelta, limit: int
    ) -> list[Claim]:
        """The same of what has been due since then and goes by none of these channels: nobody sends it."""
        unserved = contacts.c.channel.not_in(sorted(channels))
        rows = (await self._connection.execute(_due_of(unserved, since, now).limit(limit))).all()
        claims = [claim_of(row) for row in rows]
        await self._lease(claims, now, lease)
        return claims

    async def _lease(self, claims: Sequence[Claim], now: datetime, lease: timedelta) -> None:
        if claims:
            leased = among(self._connection, notifications.c.id, [claim.notification.id for claim in claims])
            await self._connection.execute(update(notifications).where(leased).values(claimed_until=now + lease))
            await self._connection.execute(attempts.insert(), [attempt_values(claim, now) for claim in claims])

    async def end_attempt(
        self, notification_id: UUID, number: int, outcome: AttemptOutcome, at: datetime, detail: str | None
    ) -> None:
        """What became of one try. ``detail`` is technical: no address, no name."""
        change = update(attempts).where(attempts.c.notification_id == notification_id, attempts.c.number == number)
        await self._connection.execute(change.values(outcome=outcome.value, ended_at=at, detail=(detail or "")[:300]))

    async def sent(self, notification_id: UUID, at: datetime) -> None:
        """The other side took it: true even when it was cancelled meanwhile."""
        await self._set(notification_id, state=NotificationState.SENT.value, sent_at=at, claimed_until=None)

    async def retry(self, notification_id: UUID, due_at: datetime) -> None:
        """Try again then, unless it was cancelled meanwhile."""
        await self._set(notification_id, only_due=True, due_at=due_at, claimed_until=None)

    async def failed(self, notification_id: UUID) -> None:
        """Given up: somebody else is called instead."""
        await self._set(notification_id, only_due=True, state=NotificationState.FAILED.value, claimed_until=None)

    async def cancel(self, alert_id: int) -> tuple[UUID, ...]:
        """Nobody has to be called for this alert any more; returns what was cancelled."""
        still_due = notifications.c.alert_id == alert_id, notifications.c.state == NotificationState.DUE.value
        change = update(notifications).where(*still_due).values(state=NotificationState.CANCELLED.value)
        return tuple(await self._connection.scalars(change.returning(notifications.c.id)))

    async def revive(self, ids: Collection[UUID], now: datetime) -> None:
        """Undo a cancellation: due at once."""
        change = update(notifications).where(
            among(self._connection, notifications.c.id, ids), notifications.c.state == NotificationState.CANCELLED.value
        )
        await self._connection.execute(change.values(state=NotificationState.DUE.value, due_at=now))

    async def notification(self, notification_id: UUID) -> Notification | None:
        """One notification."""
        query = select(notifications).where(notifications.c.id == notification_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else notification_of(row)

    async def of_alert(self, alert_id: int) -> tuple[Told, ...]:
        """Who was told about one alert, oldest first."""
        return await self._told(_told().where(notifications.c.alert_id == alert_id))

    async def of_alerts(self, alert_ids: Collection[int]) -> tuple[Told, ...]:
        """Who was told about these alerts, oldest first."""
        wanted = among(self._connection, notifications.c.alert_id, alert_ids)
        return await self._told(_told().where(wanted)) if alert_ids else ()

    async def of_notices(self, notice_ids: Collection[int]) -> tuple[Told, ...]:
        """Who was told by these notices, oldest first."""
        wanted = among(self._connection, notifications.c.notice_id, notice_ids)
        return await self._told(_told().where(wanted)) if notice_ids else ()

    async def of_patient(self, patient_id: UUID, limit: int) -> tuple[Told, ...]:
        """Who was told about one patient's alerts and reports, newest first; only what was really sent."""
        of_alert = notifications.c.alert_id.in_(select(alerts.c.id).where(alerts.c.patient_id == patient_id))
        notices_of = select(report_notices.c.notice_id).join(reports, reports.c.id == report_notices.c.report_id)
        of_report = notifications.c.notice_id.in_(notices_of.where(reports.c.patient_id == patient_id))
        query = (
            _told()
            .where(or_(of_alert, of_report), notifications.c.state == NotificationState.SENT.value)
            .order_by(None)
            .order_by(notifications.c.sent_at.desc(), notifications.c.id)
            .limit(limit)
        )
        return await self._told(query)

    async def first_called(self, alert_ids: Collection[int]) -> Mapping[int, Told]:
        """The first notification of each alert: who was called, when."""
        query = _told().where(among(self._connection, notifications.c.alert_id, alert_ids))
        found: dict[int, Told] = {}
        for told in await self._told(query) if alert_ids else ():
            if told.notification.alert_id is not None:
                found.setdefault(told.notification.alert_id, told)
        return found

    async def _told(self, query: Select[Any]) -> tuple[Told, ...]:
        rows = (await self._connection.execute(query)).all()
        tries = await self._attempts([row.id for row in rows])
        return tuple(Told(notification_of(row), row.initials, row.title, row.channel, tries[row.id]) for row in rows)

    async def _attempts(self, ids: Sequence[UUID]) -> dict[UUID, tuple[Attempt, ...]]:
        found: dict[UUID, list[Attempt]] = {one: [] for one in ids}
        if found:
            query = select(attempts).where(among(self._connection, attempts.c.notification_id, ids))
            query = query.order_by(attempts.c.number)
            for row in await self._connection.execute(query):
                found[row.notification_id].append(attempt_of(row))
        return {one: tuple(tries) for one, tries in found.items()}

    async def _set(self, notification_id: UUID, *, only_due: bool = False, **values: Any) -> None:
        change = update(notifications).where(notifications.c.id == notification_id)
        if only_due:
            change = change.where(notifications.c.state == NotificationState.DUE.value)
        await self._connection.execute(change.values(**values))

    # --- other things that are due ---

    async def plan(self, what: Task, alert_id: int | None, due_at: datetime, payload: Mapping[str, Any]) -> None:
        """This happens then."""
        values = {"id": uuid4(), "what": what.value, "alert_id": alert_id, "payload": dict(payload), "due_at": due_at}
        await self._connection.execute(due.insert(), values)

    async def due_now(self, now: datetime, limit: int) -> list[DueTask]:
        """What has to happen now, taken for this transaction with the alert it is about: do it and call :meth:`done`
        before committing. What somebody else is just changing is left for the next time: nobody waits in a ring."""
        query = _pending().where(due.c.due_at <= now).limit(limit).with_for_update(skip_locked=True)
        tasks = [task_of(row) for row in await self._connection.execute(query)]
        wanted = [task.alert_id for task in tasks if task.alert_id is not None]
        if not wanted:
            return tasks
        free = select(alerts.c.id).where(among(self._connection, alerts.c.id, wanted))
        free = free.with_for_update(key_share=True, skip_locked=True)
        ours = {None, *await self._connection.scalars(free)}
        return [task for task in tasks if task.alert_id in ours]

    async def done(self, task_id: UUID, at: datetime, outcome: str) -> None:
        """It has happened, or no longer has to."""
        await self._connection.execute(update(due).where(due.c.id == task_id).values(done_at=at, outcome=outcome))

    async def hasten(self, task_id: UUID, due_at: datetime) -> None:
        """Not at its time but then."""
        await self._connection.execute(update(due).where(due.c.id == task_id).values(due_at=due_at))

    async def planned_after(self, now: datetime) -> tuple[DueTask, ...]:
        """What is planned for later than now."""
        return tuple([task_of(row) for row in await self._connection.execute(_pending().where(due.c.due_at > now))])

    async def not_later_than(self, now: datetime, wait: timedelta, lease: timedelta) -> int:
        """Notifications that wait longer than ``wait`` go now, leases longer than ``lease`` end with it; returns how
        many of the first there were. Where the clock never went back there are none."""
        waiting = notifications.c.state == NotificationState.DUE.value
        leased = update(notifications).where(waiting, notifications.c.claimed_until > now + lease)
        await self._connection.execute(leased.values(claimed_until=now + lease))
        late = update(notifications).where(waiting, notifications.c.due_at > now + wait).values(due_at=now)
        return int((await self._connection.execute(late)).rowcount)

    async def call_off(self, alert_id: int, at: datetime, outcome: str) -> tuple[DueTask, ...]:
        """None of what was planned for this alert has to happen; returns what it was."""
        planned = update(due).where(due.c.alert_id == alert_id, due.c.done_at.is_(None))
        rows = await self._connection.execute(planned.values(done_at=at, outcome=outcome).returning(due))
        return tuple(sorted(map(task_of, rows), key=lambda task: (task.due_at, task.id)))

    async def pending(self, alert_id: int, what: Task) -> DueTask | None:
        """The next one of this sort that is planned for an alert."""
        query = _pending().where(due.c.alert_id == alert_id, due.c.what == what.value).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else task_of(row)

    async def next_tasks(self, alert_ids: Collection[int]) -> Mapping[int, DueTask]:
        """The next thing planned for each alert, such as the call to the second on call."""
        found: dict[int, DueTask] = {}
        if alert_ids:
            query = _pending().where(among(self._connection, due.c.alert_id, alert_ids))
            for row in await self._connection.execute(query):
                found.setdefault(row.alert_id, task_of(row))
        return found

    async def next_notification_at(self, now: datetime) -> datetime | None:
        """When the next notification that nobody is sending wants to go out; None when nothing waits."""
        waiting = notifications.c.state == NotificationState.DUE.value
        free = or_(notifications.c.claimed_until.is_(None), notifications.c.claimed_until <= now)
        first: datetime | None = await self._connection.scalar(
            select(func.min(notifications.c.due_at)).where(waiting, free)
        )
        return first

    async def next_task_at(self) -> datetime | None:
        """When the next task wants to be done; None when nothing is planned."""
        query = select(func.min(due.c.due_at)).where(due.c.done_at.is_(None), due.c.what.not_in(APART))
        first: datetime | None = await self._connection.scalar(query)
        return first


def _pending() -> Select[Any]:
    return select(due).where(due.c.done_at.is_(None), due.c.what.not_in(APART)).order_by(due.c.due_at, due.c.id)


def _told() -> Select[Any]:
    return (
        select(notifications, contacts.c.channel, users.c.initials, users.c.title)
        .join_from(notifications, contacts, contacts.c.id == notifications.c.contact_id)
        .join(users, users.c.id == notifications.c.user_id)
        .order_by(notifications.c.created_at, contacts.c.position, notifications.c.id)
    )


def _due_of(channels: ColumnElement[bool], since: datetime, now: datetime) -> Select[Any]:
    """Everything a claim needs, locked, of what was due at ``since`` and nobody has; ``tries`` and ``unsure`` tell of
    the attempts before."""
    person = contacts.c.channel, contacts.c.address, contacts.c.secret, contacts.c.safe, users.c.locale
    alert = alerts.c.level, alerts.c.review, alerts.c.kind, alerts.c.patient_id, patients.c.team_id
    named = patients.c.given_name, patients.c.family_name, patients.c.birth_year
    zone = func.coalesce(users.c.time_zone, teams.c.time_zone, notices.c.time_zone).label("time_zone")
    emergency = func.coalesce(teams.c.emergency_number, notices.c.emergency_number).label("emergency_number")
    earlier = attempts.c.notification_id == notifications.c.id
    tries = select(func.coalesce(func.max(attempts.c.number), 0)).where(earlier)
    maybe = or_(attempts.c.outcome.is_(None), attempts.c.outcome != AttemptOutcome.FAILED.value)
    query = (
        select(notifications, *person, *alert, *named, zone, emergency, notices.c.what.label("notice"), notices.c.path)
        .add_columns(tries.scalar_subquery().label("tries"), exists().where(earlier, maybe).label("unsure"))
        .join_from(notifications, contacts, contacts.c.id == notifications.c.contact_id)
        .join(users, users.c.id == notifications.c.user_id)
        .outerjoin(alerts, alerts.c.id == notifications.c.alert_id)
        .outerjoin(patients, patients.c.id == alerts.c.patient_id)
        .outerjoin(teams, teams.c.id == patients.c.team_id)
        .outerjoin(notices, notices.c.id == notifications.c.notice_id)
    )
    return (
        query.where(
            notifications.c.state == NotificationState.DUE.value,
            notifications.c.due_at <= since,
            or_(notifications.c.claimed_until.is_(None), notifications.c.claimed_until <= now),
            channels,
        )
        .order_by(notifications.c.due_at, notifications.c.created_at, notifications.c.id)
        .with_for_update(of=notifications, skip_locked=True)
    )
