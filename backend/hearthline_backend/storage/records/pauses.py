"""Every pause there was: its row never goes away, so that nobody counts its time as silence later."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.storage.pause_tables import pauses
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.silence import Silence
from hearthline_backend.storage.schema import alerts, due, patients, users

_AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KeptPause:
    """One row of ``pauses``. ``made_by`` and ``ended_by`` are None where no person did it; initials and titles are
    theirs."""

    id: int
    patient_id: UUID
    pause: Pause
    note: str | None
    made_at: datetime
    made_by: UUID | None = None
    initials: str | None = None
    ended_by: UUID | None = None
    ended_initials: str | None = None
    title: str | None = None
    ended_title: str | None = None


class Pauses:
    """A pause that is changed is ended, and another one begins."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(
        self, patient_id: UUID, pause: Pause, *, now: datetime, note: str | None = None, by: UUID | None = None
    ) -> None:
        """Expect nothing until it ends; it may have begun before it is told. Replaces what lasts now. Calls that wait
        for its end are made then."""
        await self._end_all(patient_id, now, by)
        row = {
            "patient_id": patient_id,
            "kind": pause.kind.value,
            "note": note,
            "begins_at": pause.begins_at,
            "until": pause.until,
            "made_at": now,
            "made_by": by,
        }
        await self._connection.execute(pauses.insert().values(**row))
        await self._set(patient_id, pause.until, note)

    async def end(self, patient_id: UUID, *, now: datetime, by: UUID | None = None) -> bool:
        """Before its time; False where none lasts. Calls that wait for its end are made at once."""
        if not await self._end_all(patient_id, now, by):
            return False
        await self._set(patient_id, None, None)
        return True

    async def of(self, patient_ids: Collection[UUID], *, since: datetime | None = None) -> Mapping[UUID, list[Pause]]:
        """By patient, the oldest first; with ``since`` only those that were to last past it."""
        query = select(pauses).where(among(self._connection, pauses.c.patient_id, patient_ids))
        if since is not None:
            query = query.where(pauses.c.until > since)
        found: dict[UUID, list[Pause]] = {}
        if patient_ids:
            for row in await self._connection.execute(query.order_by(pauses.c.begins_at, pauses.c.id)):
                found.setdefault(row.patient_id, []).append(_pause(row))
        return found

    async def in_force(self, patient_ids: Collection[UUID], now: datetime) -> Mapping[UUID, KeptPause]:
        """The one that lasts now, by patient."""
        if not patient_ids:
            return {}
        lasting = pauses.c.begins_at <= now, pauses.c.until > now, pauses.c.ended_at.is_(None)
        query = _with_initials().where(among(self._connection, pauses.c.patient_id, patient_ids), *lasting)
        rows = await self._connection.execute(query.order_by(pauses.c.id))
        return {row.patient_id: _kept(row) for row in rows}

    async def history(self, patient_id: UUID) -> tuple[KeptPause, ...]:
        """Every pause of a patient, the newest first."""
        query = _with_initials().where(pauses.c.patient_id == patient_id).order_by(pauses.c.id.desc())
        return tuple(_kept(row) for row in await self._connection.execute(query))

    async def _end_all(self, patient_id: UUID, now: datetime, by: UUID | None) -> bool:
        lasting = pauses.c.patient_id == patient_id, pauses.c.ended_at.is_(None), pauses.c.until > now
        change = pauses.update().where(*lasting).values(ended_at=now, ended_by=by)
        return (await self._connection.execute(change)).rowcount > 0

    async def _set(self, patient_id: UUID, until: datetime | None, note: str | None) -> None:
        change = patients.update().where(patients.c.id == patient_id)
        await self._connection.execute(change.values(paused_until=until, pause_reason=note))
        theirs = select(alerts.c.id).where(alerts.c.patient_id == patient_id)
        waiting = due.c.what == "call_after_pause", due.c.done_at.is_(None), due.c.alert_id.in_(theirs)
        await self._connection.execute(due.update().where(*waiting).values(due_at=until or _AT_ONCE))
        await Silence(self._connection).look_at(patient_id, _AT_ONCE)


def _with_initials() -> Select[Any]:
    made, ended = users.alias("made"), users.alias("ended")
    return (
        select(pauses, made.c.initials, ended.c.initials.label("ended_initials"))
        .add_columns(made.c.title, ended.c.title.label("ended_title"))
        .join(made, made.c.id == pauses.c.made_by, isouter=True)
        .join(ended, ended.c.id == pauses.c.ended_by, isouter=True)
    )


def _pause(row: Row[Any]) -> Pause:
    return Pause(PauseKind(row.kind), row.begins_at, row.until, row.ended_at)


def _kept(row: Row[Any]) -> KeptPause:
    return KeptPause(
        row.id,
        row.patient_id,
        _pause(row),
        row.note,
        row.made_at,
        row.made_by,
        row.initials,
        row.ended_by,
        row.ended_initials,
        row.title,
        row.ended_title,
    )
