"""Alerts: what an episode asks of people, and the append-only history of what became of it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.among import among, among_given, given
from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.schema import alert_events, alert_readings, alerts, patients, users
from hearthline_backend.storage.utc_date_time import sqlite_text

# Thousands of patients in one parameter: a mark for each would cost more than the search.
_LOCKED: Final = """SELECT count(*) FROM (SELECT 1 FROM {table} WHERE id = ANY($1::{type}[]) ORDER BY id
    FOR NO KEY UPDATE) AS locked"""
LOCK_PATIENTS: Final = _LOCKED.format(table="patients", type="uuid")
_LOCK_ALERTS: Final = _LOCKED.format(table="alerts", type="bigint")
NEAR_SQLITE: Final = """SELECT patient_id, kind, cleared, last_effective_time FROM alerts
    WHERE state <> 'withdrawn' AND patient_id IN (SELECT value FROM json_each(?))
    AND last_effective_time >= ? AND effective_time <= ?"""
NEAR_POSTGRESQL: Final = """SELECT patient_id, kind, cleared, last_effective_time FROM alerts
    WHERE state <> 'withdrawn' AND patient_id = ANY($1::uuid[])
    AND last_effective_time >= $2 AND effective_time <= $3"""


class AlertState(StrEnum):
    """Where an alert stands. The first two are live: somebody still has something to do."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    """By later data, or because it became part of an earlier alert."""

    @property
    def live(self) -> bool:
        """Whether it stands in the worklist."""
        return self in (AlertState.OPEN, AlertState.ACKNOWLEDGED)


class Outcome(StrEnum):
    """How an alert ended. A person chooses one of the first five; ``cleared`` is a yellow that closed by itself."""

    TRUE = "true"
    FALSE_ALARM = "false_alarm"
    MEASUREMENT_ERROR = "measurement_error"
    KNOWN = "known"
    OTHER = "other"
    CLEARED = "cleared"


class Happened(StrEnum):
    """What an entry of an alert's history tells."""

    RAISED = "raised"
    WORSENED = "worsened"
    EASED = "eased"
    CLEARED = "cleared"
    RETURNED = "returned"
    REOPENED = "reopened"
    MERGED = "merged"
    SPLIT = "split"
    CORRECTED = "corrected"
    """A reading it rested on no longer counts, and it stands as the others say."""
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    """A yellow whose value came back within limits closed by itself."""
    CALLED = "called"
    ESCALATED = "escalated"
    STARTED_AGAIN = "started_again"
    """Everybody on call has been called; from the first again."""
    NOBODY_ON_CALL = "nobody_on_call"
    LAST_RESORT = "last_resort"
    """Nobody on call took it: those were called who are named for that."""
    NOT_DELIVERED = "not_delivered"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_UNDONE = "acknowledgement_undone"
    CAME_BACK = "came_back"
    NOTED = "noted"
    RESOLVED = "resolved"
    ASSIGNED = "assigned"
    """Given to a colleague, who is told."""
    UNASSIGNED = "unassigned"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze_ended"
    """By a person; at its time an alert that is still there says that it came back."""
    OPENED_AGAIN = "opened_again"
    """By a person; what readings open again is reopened."""
    UNDONE = "undone"
    GREW = "grew"
    """One more slot without a reading, or the evidence names another hop now."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One row of ``alerts``. ``level`` is the worst so far; ``review`` marks a late red that nobody was called for as
    if it were now, to be looked at before ``review_by``."""

    id: int
    patient_id: UUID
    rule_id: str
    episode: UUID
    kind: str
    level: Level
    state: AlertState
    cleared: bool
    review: bool
    plan_version: int
    opened_at: datetime
    effective_time: datetime
    last_effective_time: datetime
    worst_reading: UUID
    owner_id: UUID | None = None
    owned_at: datetime | None = None
    review_by: datetime | None = None
    resolved_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def shown_level(self) -> Level:
        """How it is shown and called: a late red under review is yellow."""
        return Level.YELLOW if self.review else self.level

    @property
    def latched(self) -> bool:
        """A red whose value is back within limits: it still needs a person."""
        return self.state.live and self.cleared and self.level is Level.RED


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One entry of the history; never changed. ``initials`` and ``title`` are of the person who acted."""

    id: int
    alert_id: int
    at: datetime
    what: Happened
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    actor_id: UUID | None = None
    initials: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class NearAlert:
    """As much of an alert as decides whether a reading within limits may touch it."""

    kind: str
    cleared: bool
    last_effective_time: datetime


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """A live alert with its team and who has it (None: nobody yet)."""

    alert: Alert
    team_id: UUID
    owner_initials: str | None
    owner_title: str | None


@dataclass(frozen=True, slots=True)
class PastAlert:
    """An alert that is over, with how it ended: note, by whom, when."""

    alert: Alert
    note: str | None
    resolved_by: str | None


class Alerts:
    """Rows of ``alerts`` change; ``alert_events`` only grows."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_patients(self, patient_ids: Collection[UUID]) -> None:
        """Judge these patients alone, until the transaction ends. In one order, so that two judges never wait in a
        ring; an engine with one writer has nothing to do."""
        if self._connection.dialect.name == "postgresql" and patient_ids:
            await self._connection.exec_driver_sql(LOCK_PATIENTS, (list(patient_ids),))

    async def lock(self, alert_ids: Collection[int]) -> None:
        """Nobody else changes these alerts until the transaction ends. Before their calls are changed, and in one order
        as above: alerts come after their patient, calls after their alert."""
        if self._connection.dialect.name == "postgresql" and alert_ids:
            await self._connection.exec_driver_sql(_LOCK_ALERTS, (list(alert_ids),))

    async def lock_free(self, alert_ids: Collection[int]) -> frozenset[int]:
        """The same, without waiting: those that nobody else is just changing."""
        query = select(alerts.c.id).where(among(self._connection, alerts.c.id, alert_ids))
        return frozenset(await self._connection.scalars(query.with_for_update(key_share=True, skip_locked=True)))

    async def add(self, alert: Alert) -> tuple[Alert, bool]:
        """Raise one; ``alert.id`` is ignored. Returns the alert as it stands and whether it is new: the same patient,
        rule and episode is the same alert."""
        values = _values(alert)
        key = ["patient_id", "rule_id", "episode"]
        statement = insert_or_skip(self._connection, alerts, key).returning(alerts.c.id)
        number = (await self._connection.execute(statement, values)).scalar_one_or_none()
        if number is not None:
            return replace(alert, id=number), True
        query = select(alerts).where(*(alerts.c[name] == values[name] for name in key))
        return _alert((await self._connection.execute(query)).one()), False

    async def save(self, alert: Alert) -> None:
        """Write an alert back as it now stands."""
        await self._connection.execute(_SAVE, {"number": alert.id, **_values(alert)})

    async def link(self, alert_id: int, reading_ids: Iterable[UUID]) -> None:
        """These readings belong to the alert; known ones stay."""
        rows = [{"alert_id": alert_id, "reading_id": reading_id} for reading_id in reading_ids]
        if rows:
            statement = insert_or_skip(self._connection, alert_readings, ["alert_id", "reading_id"])
            await self._connection.execute(statement, rows)

    async def unlink(self, alert_id: int, reading_ids: Collection[UUID]) -> None:
        """These readings do not belong to the alert any more; its history says why."""
        gone = alert_readings.c.reading_id.in_(list(reading_ids))
        await self._connection.execute(alert_readings.delete().where(alert_readings.c.alert_id == alert_id, gone))

    async def record(
        self,
        alert_id: int,
        at: datetime,
        what: Happened,
        *,
        actor_id: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """One more entry in the history. ``detail`` holds ids, levels and times, never words."""
        values = {"alert_id": alert_id, "at": at, "what": what.value, "actor_id": actor_id, "note": note}
        await self._connection.execute(alert_events.insert(), {**values, "detail": dict(detail or {})})

    async def get(self, alert_id: int, *, lock: bool = False) -> Alert | None:
        """One alert; ``lock`` keeps others from changing it until the transaction ends."""
        query = select(alerts).where(alerts.c.id == alert_id)
        # Not FOR UPDATE: that would also keep out whoever adds a row that points here.
        query = query.with_for_update(key_share=True) if lock else query
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _alert(row)

    async def touching(
        self, patient_ids: Collection[UUID], start: datetime, end: datetime
    ) -> Mapping[UUID, tuple[Alert, ...]]:
        """Alerts by patient whose readings may lie between two effective times, both included, oldest first. They are
        locked as by :meth:`lock`: nobody takes one while it is judged."""
        dialect = self._connection.dialect.name
        span = {"patients": given(dialect, patient_ids), "start": start, "end": end}
        found: dict[UUID, list[Alert]] = {}
        rows = await self._connection.execute(_touching(dialect), span)
        for alert in sorted(map(_alert, rows), key=lambda one: (one.effective_time, one.id)):
            found.setdefault(alert.patient_id, []).append(alert)
        return {patient_id: tuple(ones) for patient_id, ones in found.items()}

    async def near(
        self, patient_ids: Collection[UUID], start: datetime, end: datetime
    ) -> Mapping[int, Sequence[NearAlert]]:
        """Alerts, by the patient's ``UUID.int``, whose readings may lie between two effective times. What later data
        withdrew is not one of them."""
        if self._connection.dialect.name == "postgresql":
            rows = await self._connection.exec_driver_sql(NEAR_POSTGRESQL, (list(patient_ids), start, end))
        else:
            hexes = json.dumps([one.hex for one in patient_ids])
            rows = await self._connection.exec_driver_sql(NEAR_SQLITE, (hexes, sqlite_text(start), sqlite_text(end)))
        found: dict[int, list[NearAlert]] = {}
        for patient, kind, cleared, last in map(tuple, rows):
            number = patient.int if isinstance(patient, UUID) else int(patient, 16)
            at = last if isinstance(last, datetime) else datetime.fromisoformat(last).replace(tzinfo=UTC)
            found.setdefault(number, []).append(NearAlert(kind, bool(cleared), at))
        return found

    async def readings_of(self, alert_ids: Collection[int]) -> Mapping[int, frozenset[UUID]]:
        """The readings linked to each alert."""
        found: dict[int, set[UUID]] = {alert_id: set() for alert_id in alert_ids}
        if found:
            dialect = self._connection.dialect.name
            for row in await self._connection.execute(_linked(dialect), {"alerts": given(dialect, found)}):
                found[row.alert_id].add(row.reading_id)
        return {alert_id: frozenset(ids) for alert_id, ids in found.items()}

    async def with_reading(self, reading_id: UUID) -> tuple[Alert, ...]:
        """Alerts this reading belongs to, oldest first."""
        query = select(alerts).join(alert_readings, alert_readings.c.alert_id == alerts.c.id)
        query = query.where(alert_readings.c.reading_id == reading_id).order_by(alerts.c.id)
        return tuple(_alert(row) for row in await self._connection.execute(query))

    async def events(self, alert_id: int) -> tuple[AlertEvent, ...]:
        """The history of one alert, oldest first."""
        return tuple(_event(row) for row in await self._connection.execute(_STORY, {"number": alert_id}))

    async def stories(
        self, alert_ids: Collection[int], what: Collection[Happened]
    ) -> Mapping[int, Sequence[AlertEvent]]:
        """The entries of some sorts in the histories of several alerts, each oldest first."""
        found: dict[int, list[AlertEvent]] = {}
        if alert_ids:
            query = select(alert_events, users.c.initials, users.c.title)
            query = query.join(users, users.c.id == alert_events.c.actor_id, isouter=True).where(
                among(self._connection, alert_events.c.alert_id, alert_ids),
                alert_events.c.what.in_([one.value for one in what]),
            )
            for row in await self._connection.execute(query.order_by(alert_events.c.at, alert_events.c.id)):
                found.setdefault(row.alert_id, []).append(_event(row))
        return found

    async def last_event(self, alert_id: int, what: Happened) -> AlertEvent | None:
        """The newest entry of one sort."""
        found = [event for event in await self.events(alert_id) if event.what is what]
        return found[-1] if found else None

    async def open_of_team(self, team_id: UUID) -> tuple[OpenAlert, ...]:
        """Live alerts of a team's patients, oldest first."""
        return await self._open(_open().where(patients.c.team_id == team_id))

    async def open_of_patient(self, patient_id: UUID) -> tuple[OpenAlert, ...]:
        """Live alerts of one patient, oldest first."""
        return await self._open(_open().where(alerts.c.patient_id == patient_id))

    async def _open(self, query: Select[Any]) -> tuple[OpenAlert, ...]:
        return tuple(
            OpenAlert(_alert(row), row.team_id, row.initials, row.title)
            for row in await self._connection.execute(query)
        )

    async def of_patient(self, patient_id: UUID, since: datetime) -> tuple[Alert, ...]:
        """Every alert of a patient with a reading since then, whatever its state, oldest first."""
        query = _of_patient(patient_id).where(alerts.c.last_effective_time >= since)
        return tuple(_alert(row) for row in await self._connection.execute(query))

    async def similar(self, alert: Alert, since: datetime) -> tuple[PastAlert, ...]:
        """Alerts of the same rule and patient that are over, opened since then, newest first, with how they ended."""
        query = _of_patient(alert.patient_id).where(
            alerts.c.rule_id == alert.rule_id,
            alerts.c.id != alert.id,
            alerts.c.effective_time >= since,
            alerts.c.state == AlertState.RESOLVED.value,
        )
        found = []
        for row in (await self._connection.execute(query)).all():
            end = await self.last_event(row.id, Happened.RESOLVED)
            found.append(PastAlert(_alert(row), end.note if end else None, end.initials if end else None))
        return tuple(reversed(found))


_SAVE: Final = alerts.update().where(alerts.c.id == bindparam("number"))
_STORY: Final = (
    select(alert_events, users.c.initials, users.c.title)
    .join(users, users.c.id == alert_events.c.actor_id, isouter=True)
    .where(alert_events.c.alert_id == bindparam("number"))
    .order_by(alert_events.c.id)  # not by time: a clock may be set back
)


@cache
def _touching(dialect: str) -> Select[Any]:
    query = select(alerts).where(
        among_given(dialect, alerts.c.patient_id, "patients"),
        alerts.c.last_effective_time >= bindparam("start"),
        alerts.c.effective_time <= bindparam("end"),
    )
    return query.order_by(alerts.c.id).with_for_update(key_share=True)


@cache
def _linked(dialect: str) -> Select[Any]:
    return select(alert_readings).where(among_given(dialect, alert_readings.c.alert_id, "alerts"))


_LIVE = tuple(state.value for state in AlertState if state.live)


def _of_patient(patient_id: UUID) -> Select[Any]:
    return select(alerts).where(alerts.c.patient_id == patient_id).order_by(alerts.c.effective_time, alerts.c.id)


def _open() -> Select[Any]:
    query = select(alerts, patients.c.team_id, users.c.initials, users.c.title)
    query = query.join(patients, patients.c.id == alerts.c.patient_id)
    query = query.join(users, users.c.id == alerts.c.owner_id, isouter=True)
    return query.where(alerts.c.state.in_(_LIVE)).order_by(alerts.c.opened_at, alerts.c.id)


def _values(alert: Alert) -> dict[str, Any]:
    return {one.name: getattr(alert, one.name) for one in fields(alert) if one.name != "id"}


def _alert(row: Row[Any]) -> Alert:
    values = {one.name: getattr(row, one.name) for one in fields(Alert)}
    values["level"] = Level(row.level)
    values["state"] = AlertState(row.state)
    values["outcome"] = None if row.outcome is None else Outcome(row.outcome)
    return Alert(**values)


def _event(row: Row[Any]) -> AlertEvent:
    values = {one.name: getattr(row, one.name) for one in fields(AlertEvent)}
    values["what"] = Happened(row.what)
    return AlertEvent(**values)
