"""Who is looked at again for silence, and when; and from when on data could have come at all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Table, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.upsert import insert_or_replace
from hearthline_backend.storage.schema import alerts, gateways, patients, teams
from hearthline_backend.storage.silence_tables import digest_watches, home_watches, intake_spans, silence_watches

MISSING: Final = "missing."
"""How the rules about missing measurements begin."""
STILL_TAKING: Final = timedelta(minutes=2)
"""Marks of who takes readings are not further apart than this; an interruption as short is none."""
_BRIDGED: Final = timedelta(minutes=15)
_SPANS: Final = 50


@dataclass(frozen=True, slots=True)
class Intake:
    """``since``: data could come from then on without a break now; ``slots_from``: breaks that homes outlast between
    two tries do not count."""

    since: datetime
    slots_from: datetime


class Silence:
    """Rows are claimed with ``FOR UPDATE SKIP LOCKED`` where the engine has it, and rewritten in place."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # --- patients ---

    async def next_patient_at(self) -> datetime | None:
        """When the next patient has to be looked at."""
        return await self._first(silence_watches)

    async def due_patients(self, now: datetime, limit: int) -> Mapping[UUID, datetime]:
        """Patients who are due, each with since when."""
        rows = await self._due(silence_watches, silence_watches.c.patient_id, now, limit)
        return {row.patient_id: row.due_at for row in rows}

    async def claim_patients(self, seen: Mapping[UUID, datetime]) -> frozenset[UUID]:
        """Those of ``seen`` that nobody else has, and nobody has woken since. Lock the patients before."""
        rows = await self._claim(silence_watches, silence_watches.c.patient_id, list(seen))
        return frozenset(row.patient_id for row in rows if seen[row.patient_id] == row.due_at)

    async def look_at(self, patient_id: UUID, due_at: datetime) -> None:
        """Look at this patient then."""
        await self._plan(silence_watches, {"patient_id": patient_id, "due_at": due_at})

    async def wake(self, patient_ids: Collection[UUID], now: datetime) -> None:
        """Look at these patients now."""
        its = among(self._connection, silence_watches.c.patient_id, patient_ids)
        await self._connection.execute(update(silence_watches).where(its).values(due_at=now))

    async def live_alerts(self, patient_ids: Collection[UUID]) -> Mapping[UUID, tuple[int, ...]]:
        """The numbers of live alerts about missing measurements, by patient."""
        query = select(alerts.c.id, alerts.c.patient_id).where(
            among(self._connection, alerts.c.patient_id, patient_ids),
            alerts.c.rule_id.startswith(MISSING),
            alerts.c.state.in_(("open", "acknowledged")),
        )
        found: dict[UUID, tuple[int, ...]] = {}
        for row in await self._connection.execute(query.order_by(alerts.c.id)):
            found[row.patient_id] = (*found.get(row.patient_id, ()), row.id)
        return found

    # --- homes ---

    async def next_home_at(self) -> datetime | None:
        """When the next home has to be looked at."""
        return await self._first(home_watches)

    async def claim_homes(self, now: datetime, limit: int) -> list[str]:
        """Gateways whose homes are due, which nobody else has."""
        query = select(home_watches.c.gateway).where(home_watches.c.due_at <= now)
        query = query.order_by(home_watches.c.due_at).limit(limit).with_for_update(skip_locked=True)
        return list(await self._connection.scalars(query))

    async def hold_homes(self, gateways: Collection[str]) -> None:
        """Nobody else looks at these homes until the transaction ends. Wait for them before writing about any."""
        its = among(self._connection, home_watches.c.gateway, gateways)
        query = select(home_watches.c.gateway).where(its).order_by(home_watches.c.gateway).with_for_update()
        (await self._connection.execute(query)).all()

    async def look_at_homes(self, due: Mapping[str, datetime]) -> None:
        """Look at these homes then."""
        for gateway, due_at in due.items():
            await self._plan(home_watches, {"gateway": gateway, "due_at": due_at})

    # --- digests ---

    async def next_digest_at(self) -> datetime | None:
        """When the next team has its morning."""
        return await self._first(digest_watches)

    async def claim_digests(self, now: datetime, limit: int) -> list[UUID]:
        """Teams whose morning has come, which nobody else has."""
        query = select(digest_watches.c.team_id).where(digest_watches.c.due_at <= now)
        query = query.order_by(digest_watches.c.due_at).limit(limit).with_for_update(skip_locked=True)
        return list(await self._connection.scalars(query))

    async def digest_at(self, team_id: UUID, due_at: datetime) -> None:
        """The team's next morning."""
        await self._plan(digest_watches, {"team_id": team_id, "due_at": due_at})

    # --- everybody ---

    async def take_up(self, now: datetime) -> None:
        """Watch whoever is not watched yet, such as those whom another program enrolled."""
        for watch, column, source in (
            (silence_watches, silence_watches.c.patient_id, patients.c.id),
            (home_watches, home_watches.c.gateway, gateways.c.name),
            (digest_watches, digest_watches.c.team_id, teams.c.id),
        ):
            new = select(source, literal(now, watch.c.due_at.type)).where(source.not_in(select(column)))
            await self._connection.execute(watch.insert().from_select([column.name, "due_at"], new))

    # --- from when on data could come ---

    async def mark_intake(self, now: datetime) -> None:
        """Data of every home can come now."""
        newest = select(intake_spans).order_by(intake_spans.c.until.desc(), intake_spans.c.id.desc()).limit(1)
        row = (await self._connection.execute(newest)).one_or_none()
        if row is not None and row.since <= now and now - row.until <= STILL_TAKING:
            longer = update(intake_spans).where(intake_spans.c.id == row.id, intake_spans.c.until < now)
            await self._connection.execute(longer.values(until=now))
            return
        await self._connection.execute(intake_spans.insert().values(since=now, until=now))
        long_ago = intake_spans.c.until < now - timedelta(days=90)
        await self._connection.execute(intake_spans.delete().where(long_ago))

    async def taken_at(self) -> datetime | None:
        """When data of every home could come last; None where that never was."""
        last: datetime | None = await self._connection.scalar(select(func.max(intake_spans.c.until)))
        return last

    async def intake(self, now: datetime) -> Intake | None:
        """None where nothing can come now."""
        query = select(intake_spans).where(intake_spans.c.since <= now)
        rows = (await self._connection.execute(query.order_by(intake_spans.c.until.desc()).limit(_SPANS))).all()
        if not rows or now - rows[0].until > STILL_TAKING:
            return None
        slots_from = rows[0].since
        for row in rows[1:]:
            if slots_from - row.until > _BRIDGED:
                break
            slots_from = min(slots_from, row.since)
        return Intake(rows[0].since, slots_from)

    async def _first(self, watch: Table) -> datetime | None:
        first: datetime | None = await self._connection.scalar(select(func.min(watch.c.due_at)))
        return first

    async def _due(self, watch: Table, key: Column[Any], now: datetime, limit: int) -> Sequence[Any]:
        query = select(watch).where(watch.c.due_at <= now).order_by(watch.c.due_at, key).limit(limit)
        return (await self._connection.execute(query)).all()

    async def _claim(self, watch: Table, key: Column[Any], ids: Collection[UUID]) -> Sequence[Any]:
        query = select(watch).where(among(self._connection, key, ids)).with_for_update(skip_locked=True)
        return (await self._connection.execute(query)).all()

    async def _plan(self, watch: Table, row: Mapping[str, Any]) -> None:
        key = next(column.name for column in watch.primary_key.columns)
        await self._connection.execute(insert_or_replace(self._connection, watch, [key], row))
