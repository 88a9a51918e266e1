"""Extraordinary reports: one for each turn of a patient from green to yellow, until a person confirms it as read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.call_rows import NotificationState
from hearthline_backend.storage.records.report_content import EvidenceContent, ReportContent
from hearthline_backend.storage.report_tables import report_alerts, report_events, report_notices, reports
from hearthline_backend.storage.schema import notifications, patients, users


class ReportHappened(StrEnum):
    """What an entry of a report's history tells."""

    MADE = "made"
    CALLED = "called"
    ESCALATED = "escalated"
    """Nobody had confirmed it in time, or whoever was called did not: the next step."""
    NOBODY_ON_CALL = "nobody_on_call"
    LAST_RESORT = "last_resort"
    NOT_DELIVERED = "not_delivered"
    SUPERSEDED = "superseded"
    """A red alert of the patient calls instead."""
    RESUMED = "resumed"
    """That red alert was withdrawn: calls for the report go on."""
    CONFIRMED = "confirmed"
    PARTLY_WITHDRAWN = "partly_withdrawn"
    """One of its alerts was withdrawn by later data; others stand."""
    WITHDRAWN = "withdrawn"
    """By later data: none of its alerts stands. It stays as it is."""
    RETURNED = "returned"
    """Later data brought one of its alerts back."""
    JOINED = "joined"
    """One of its alerts became part of an earlier one."""


@dataclass(frozen=True, slots=True)
class Report:
    """One row of ``reports`` but for what it says, see :meth:`Reports.content`. ``number`` counts the patient's from 1.
    ``alerts`` are those by which they turned yellow; ``due_at`` is when somebody is called, or it is looked at again,
    None for never; ``calling`` how far calling has come. ``superseded_by`` is the red alert that calls instead."""

    id: int
    patient_id: UUID
    number: int
    made_at: datetime
    confirm_by: datetime
    due_at: datetime | None
    alerts: tuple[int, ...]
    calling: Mapping[str, Any] = field(default_factory=dict)
    superseded_by: int | None = None
    withdrawn_at: datetime | None = None
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = None

    @property
    def waiting(self) -> bool:
        """Whether somebody still has to read it."""
        return self.confirmed_at is None and self.withdrawn_at is None


@dataclass(frozen=True, slots=True)
class ReportEvent:
    """One entry of the history; never changed. ``initials`` and ``title`` are of the person who acted."""

    id: int
    report_id: int
    at: datetime
    what: ReportHappened
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    actor_id: UUID | None = None
    initials: str | None = None
    title: str | None = None


class Reports:
    """Rows change in what becomes of a report, never in what it says; ``report_events`` only grows."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, report: Report, content: ReportContent) -> Report | None:
        """A new one with its alerts; ``report.id`` and ``report.number`` are ignored, and given back. None where one of
        the alerts has a report already. The patient is locked."""
        if await self.of_alerts(report.alerts):
            return None
        newest = select(func.coalesce(func.max(reports.c.number), 0)).where(reports.c.patient_id == report.patient_id)
        number = int(await self._connection.scalar(newest) or 0) + 1
        values = {
            "patient_id": report.patient_id,
            "number": number,
            "content": content.as_json(),
            "made_at": report.made_at,
            "confirm_by": report.confirm_by,
            "due_at": report.due_at,
            "calling": dict(report.calling),
        }
        key = await self._connection.scalar(reports.insert().values(**values).returning(reports.c.id))
        made = replace(report, id=int(key or 0), number=number)
        await self._connection.execute(
            report_alerts.insert(), [{"alert_id": one, "report_id": made.id} for one in report.alerts]
        )
        return made

    async def save(self, report: Report) -> None:
        """Write back what has become of it."""
        values = {
            "due_at": report.due_at,
            "calling": dict(report.calling),
            "superseded_by": report.superseded_by,
            "withdrawn_at": report.withdrawn_at,
            "confirmed_by": report.confirmed_by,
            "confirmed_at": report.confirmed_at,
        }
        await self._connection.execute(update(reports).where(reports.c.id == report.id).values(**values))

    async def record(
        self,
        report_id: int,
        at: datetime,
        what: ReportHappened,
        *,
        actor_id: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """One more entry in the history. ``detail`` holds ids, levels and times, never words."""
        values = {"report_id": report_id, "at": at, "what": what.value, "actor_id": actor_id, "note": note}
        await self._connection.execute(report_events.insert().values(**values, detail=dict(detail or {})))

    async def join(self, alert_id: int, holder_id: int) -> None:
        """The report of one alert is that of ``holder_id`` too, unless that has its own."""
        found = await self.of_alerts([alert_id, holder_id])
        if alert_id in found and holder_id not in found:
            await self._connection.execute(
                report_alerts.insert().values(alert_id=holder_id, report_id=found[alert_id].id)
            )

    # --- found ---

    async def content(self, report_id: int) -> ReportContent:
        """What a report says. Raises ``LookupError`` where there is no such report."""
        row = (await self._connection.execute(select(reports.c.content).where(reports.c.id == report_id))).one_or_none()
        if row is None:
            raise LookupError(f"there is no report {report_id}; its number comes from Records")
        return ReportContent.model_validate(row.content)

    async def evidence(self, report_ids: Collection[int]) -> Mapping[int, tuple[EvidenceContent, ...]]:
        """Of what each of these reports says only which alerts they rest on: the readings stay where they are."""
        query = select(reports.c.id, reports.c.content["evidence"].label("evidence"))
        rows = await self._connection.execute(query.where(among(self._connection, reports.c.id, report_ids)))
        return {row.id: tuple(map(EvidenceContent.model_validate, row.evidence)) for row in rows}

    async def get(self, report_id: int, *, lock: bool = False) -> Report | None:
        """One report; ``lock`` keeps others from changing it until the transaction ends."""
        return await self._one(select(*_HEAD).where(reports.c.id == report_id), lock=lock)

    async def numbered(self, patient_id: UUID, number: int, *, lock: bool = False) -> Report | None:
        """A patient's report by its number."""
        query = select(*_HEAD).where(reports.c.patient_id == patient_id, reports.c.number == number)
        return await self._one(query, lock=lock)

    async def of_alerts(self, alert_ids: Collection[int]) -> Mapping[int, Report]:
        """The report of each of these alerts that has one."""
        if not alert_ids:
            return {}
        mine = among(self._connection, report_alerts.c.alert_id, alert_ids)
        links = (await self._connection.execute(select(report_alerts).where(mine))).all()
        found = {one.id: one for one in await self._all(_by_id(self._connection, {row.report_id for row in links}))}
        return {row.alert_id: found[row.report_id] for row in links}

    async def waiting(self, patient_ids: Collection[UUID], *, lock: bool = False) -> Mapping[UUID, Sequence[Report]]:
        """Those of these patients that nobody has confirmed, oldest first."""
        found: dict[UUID, list[Report]] = {}
        if patient_ids:
            query = _waiting().where(among(self._connection, reports.c.patient_id, patient_ids))
            for one in await self._all(query, lock=lock):
                found.setdefault(one.patient_id, []).append(one)
        return found

    async def waiting_of_team(self, team_id: UUID) -> frozenset[UUID]:
        """The patients of a team with a report that nobody has confirmed."""
        query = select(reports.c.patient_id).join(patients, patients.c.id == reports.c.patient_id)
        query = query.where(patients.c.team_id == team_id, *_UNREAD)
        return frozenset(await self._connection.scalars(query))

    async def all_waiting(self) -> tuple[Report, ...]:
        """Everything that nobody has confirmed, oldest first."""
        return await self._all(_waiting())

    async def of_patient(self, patient_id: UUID, limit: int) -> tuple[Report, ...]:
        """A patient's reports, newest first."""
        query = select(*_HEAD).where(reports.c.patient_id == patient_id).order_by(reports.c.number.desc())
        return await self._all(query.limit(limit))

    async def events(self, report_id: int) -> tuple[ReportEvent, ...]:
        """The history of one report, oldest first."""
        rows = await self._connection.execute(_events().where(report_events.c.report_id == report_id))
        return tuple(map(_event, rows))

    async def events_of(self, report_ids: Collection[int], what: ReportHappened) -> Mapping[int, Sequence[ReportEvent]]:
        """Those entries of the histories of several reports that tell one thing, oldest first."""
        its = among(self._connection, report_events.c.report_id, report_ids), report_events.c.what == what.value
        found: dict[int, list[ReportEvent]] = {}
        for row in await self._connection.execute(_events().where(*its)):
            found.setdefault(row.report_id, []).append(_event(row))
        return found

    # --- what is due ---

    async def next_due_at(self) -> datetime | None:
        """When the next one is due; None where none is."""
        query = select(func.min(reports.c.due_at)).where(reports.c.due_at.is_not(None))
        first: datetime | None = await self._connection.scalar(query)
        return first

    async def due(self, now: datetime, limit: int) -> tuple[Report, ...]:
        """What is due now, taken for this transaction; what somebody else is just changing is left for the next."""
        query = select(*_HEAD).where(reports.c.due_at <= now).order_by(reports.c.due_at, reports.c.id).limit(limit)
        return await self._all(query, lock=True, skip=True)

    async def planned_after(self, moment: datetime) -> tuple[Report, ...]:
        """Those due later than a moment."""
        return await self._all(select(*_HEAD).where(reports.c.due_at > moment).order_by(reports.c.id))

    # --- what was told ---

    async def tell(self, report_id: int, notice_id: int) -> None:
        """This notice tells of the report."""
        await self._connection.execute(report_notices.insert().values(notice_id=notice_id, report_id=report_id))

    async def of_notice(self, notice_id: int) -> Report | None:
        """Which report a notice tells of."""
        query = select(*_HEAD).join(report_notices, report_notices.c.report_id == reports.c.id)
        return await self._one(query.where(report_notices.c.notice_id == notice_id), lock=True)

    async def lock_told(self, notice_ids: Collection[int]) -> None:
        """Nobody else changes the reports that these notices tell of until the transaction ends: after their alerts,
        before what was to be sent."""
        if notice_ids:
            query = select(report_notices.c.report_id).where(
                among(self._connection, report_notices.c.notice_id, notice_ids)
            )
            ids = set(await self._connection.scalars(query))
            locked = select(reports.c.id).where(among(self._connection, reports.c.id, ids)).order_by(reports.c.id)
            await self._connection.execute(locked.with_for_update(key_share=True))

    async def notices_of(self, report_id: int) -> tuple[int, ...]:
        """The notices that tell of it, oldest first."""
        return tuple(await self.told_by([report_id]))

    async def told_by(self, report_ids: Collection[int]) -> Mapping[int, int]:
        """Of which of these reports each notice tells, the oldest notice first."""
        query = select(report_notices).where(among(self._connection, report_notices.c.report_id, report_ids))
        rows = await self._connection.execute(query.order_by(report_notices.c.notice_id))
        return {row.notice_id: row.report_id for row in rows}

    async def cancel(self, report_id: int) -> tuple[UUID, ...]:
        """Nobody has to be told of it any more; returns the notifications that were cancelled."""
        its = select(report_notices.c.notice_id).where(report_notices.c.report_id == report_id)
        due = notifications.c.state == NotificationState.DUE.value
        change = update(notifications).where(notifications.c.notice_id.in_(its), due)
        change = change.values(state=NotificationState.CANCELLED.value)
        return tuple(await self._connection.scalars(change.returning(notifications.c.id)))

    async def _one(self, query: Select[Any], *, lock: bool) -> Report | None:
        found = await self._all(query, lock=lock)
        return found[0] if found else None

    async def _all(self, query: Select[Any], *, lock: bool = False, skip: bool = False) -> tuple[Report, ...]:
        if lock:
            query = query.with_for_update(of=reports, key_share=True, skip_locked=skip)
        rows = (await self._connection.execute(query)).all()
        linked: dict[int, list[int]] = {row.id: [] for row in rows}
        if rows:
            mine = among(self._connection, report_alerts.c.report_id, linked)
            for one in await self._connection.execute(select(report_alerts).where(mine)):
                linked[one.report_id].append(one.alert_id)
        return tuple(_report(row, linked[row.id]) for row in rows)


_HEAD: Final = tuple(one for one in reports.c if one.name != "content")
_UNREAD: Final = (reports.c.confirmed_at.is_(None), reports.c.withdrawn_at.is_(None))


def _events() -> Select[Any]:
    query = select(report_events, users.c.initials, users.c.title)
    query = query.join(users, users.c.id == report_events.c.actor_id, isouter=True)
    return query.order_by(report_events.c.id)


def _waiting() -> Select[Any]:
    return select(*_HEAD).where(*_UNREAD).order_by(reports.c.made_at, reports.c.id)


def _by_id(connection: AsyncConnection, ids: Collection[int]) -> Select[Any]:
    return select(*_HEAD).where(among(connection, reports.c.id, ids))


def _report(row: Row[Any], alert_ids: Iterable[int]) -> Report:
    return Report(
        id=row.id,
        patient_id=row.patient_id,
        number=row.number,
        made_at=row.made_at,
        confirm_by=row.confirm_by,
        due_at=row.due_at,
        alerts=tuple(sorted(alert_ids)),
        calling=row.calling,
        superseded_by=row.superseded_by,
        withdrawn_at=row.withdrawn_at,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
    )


def _event(row: Row[Any]) -> ReportEvent:
    detail, what = row.detail, ReportHappened(row.what)
    return ReportEvent(row.id, row.report_id, row.at, what, detail, row.note, row.actor_id, row.initials, row.title)
