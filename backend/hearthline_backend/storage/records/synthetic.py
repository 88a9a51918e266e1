"""What follows from synthetic readings, as rows that are due: an alert to be answered, an hour to be erased.

They wait in the queue that every escalation waits in, and are taken from it in the same way, but by themselves: nothing
of them may hold up a call.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.schema import due, notifications

ALERT: Final = "synthetic_alert"
ERASURE: Final = "synthetic_erasure"
APART: Final = (ALERT, ERASURE)
"""What a row of ``due`` asks for that is no call's business."""


@dataclass(frozen=True, slots=True)
class DueAlert:
    """An alert that followed from a synthetic reading at ``judged_at``."""

    reading_id: UUID
    gateway: str
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class DueErasure:
    """Synthetic readings that were kept long enough: all of ``home``'s."""

    home: UUID


class SyntheticRounds:
    """Keys are the readings' and the homes' own ids, so that a repeat after a crash changes nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def plan_alert(self, reading_id: UUID, gateway: str, now: datetime) -> None:
        """Answer this one as soon as it is committed."""
        payload = {"gateway": gateway, "judged_at": now.isoformat()}
        await self._plan(reading_id, ALERT, now, payload)

    async def plan_erasure(self, home: UUID, at: datetime) -> None:
        """Erase what is ``home``'s at that time."""
        await self._plan(home, ERASURE, at, {})

    async def next_at(self, what: str) -> datetime | None:
        """When the next of these is due; None where nothing is planned."""
        waiting = select(func.min(due.c.due_at)).where(due.c.done_at.is_(None), due.c.what == what)
        first: datetime | None = await self._connection.scalar(waiting)
        return first

    async def take_alerts(self, now: datetime, limit: int) -> list[DueAlert]:
        """Take due alerts out of the queue: told once this is committed."""
        waiting = select(due.c.id, due.c.payload)
        waiting = waiting.where(due.c.done_at.is_(None), due.c.what == ALERT, due.c.due_at <= now)
        rows = (await self._connection.execute(waiting.limit(limit).with_for_update(skip_locked=True))).all()
        await self.done([row.id for row in rows])
        return [
            DueAlert(row.id, row.payload["gateway"], datetime.fromisoformat(row.payload["judged_at"])) for row in rows
        ]

    async def erasures(self, now: datetime, limit: int) -> list[DueErasure]:
        """What has to be erased by now; say :meth:`done` afterwards."""
        waiting = select(due.c.id).where(due.c.done_at.is_(None), due.c.what == ERASURE, due.c.due_at <= now)
        waiting = waiting.order_by(due.c.due_at)
        return [DueErasure(one) for one in await self._connection.scalars(waiting.limit(limit))]

    async def done(self, ids: Collection[UUID]) -> None:
        """Nothing is left of these."""
        if ids:
            await self._connection.execute(delete(due).where(due.c.id.in_(ids), due.c.what.in_(APART)))

    async def oldest_waiting_call(self, now: datetime) -> datetime | None:
        """When the oldest call or other task was due that nobody has taken up; None where there is none."""
        free = or_(notifications.c.claimed_until.is_(None), notifications.c.claimed_until <= now)
        calls = select(func.min(notifications.c.due_at)).where(
            notifications.c.state == "due", notifications.c.due_at <= now, free
        )
        tasks = select(func.min(due.c.due_at)).where(
            due.c.done_at.is_(None), due.c.due_at <= now, due.c.what.not_in(APART)
        )
        found = [await self._connection.scalar(calls), await self._connection.scalar(tasks)]
        return min((one for one in found if one is not None), default=None)

    async def _plan(self, key: UUID, what: str, at: datetime, payload: dict[str, str]) -> None:
        row = {"id": key, "what": what, "payload": payload, "due_at": at}
        await self._connection.execute(insert_or_skip(self._connection, due, ["id"]).values(**row))
