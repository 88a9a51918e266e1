"""Readings in quarantine that wait for a person to say whose they are, and the way back to there."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.quarantine_tables import quarantine
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.quarantine import Kept, Refusal

WAITS: Final = ("whose", "not_assigned")
"""Reasons that a person's word ends."""
GUEST: Final = "guest"


class Waiting:
    """Rows of ``quarantine`` that hold one reading each."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def newest(self, gateways: Collection[str] | None = None, limit: int = 2000) -> list[Kept]:
        """What waits, with its payload, the newest first; of some gateways, or of all."""
        query = _held().order_by(quarantine.c.id.desc()).limit(limit)
        if gateways is not None:
            query = query.where(among(self._connection, quarantine.c.gateway, gateways))
        return [_kept(row) for row in await self._connection.execute(query)]

    async def of_reading(self, reading_id: UUID, *, lock: bool = False) -> Kept | None:
        """The row in which a reading waits; ``lock`` keeps others from speaking of it until the transaction ends."""
        query = _held().where(quarantine.c.reading_id == reading_id).order_by(quarantine.c.id).limit(1)
        query = query.with_for_update() if lock else query
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _kept(row)

    async def guest_s(self, reading_id: UUID) -> Kept | None:
        """The row in which a guest's reading is kept apart."""
        query = select(quarantine).where(quarantine.c.reading_id == reading_id, quarantine.c.reason == GUEST)
        row = (await self._connection.execute(query.order_by(quarantine.c.id.desc()).limit(1))).one_or_none()
        return None if row is None else _kept(row)

    async def waited(self, reading_id: UUID, digest: str = "") -> Kept | None:
        """The row in which a reading waited last, whatever became of it; one of this SHA-256 first."""
        query = select(quarantine).where(quarantine.c.reading_id == reading_id, quarantine.c.reason.in_(WAITS))
        same = case((quarantine.c.payload_sha256 == digest, 0), else_=1)
        query = query.order_by(same, quarantine.c.last_received_at.desc(), quarantine.c.id.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _kept(row)

    async def wait_again(self, refusal: Refusal, digest: str) -> None:
        """Put a reading back to where it waited, whatever the quota says: it has been promised a place."""
        row = None if refusal.reading_id is None else await self.waited(refusal.reading_id, digest)
        values: dict[str, Any] = {
            "status": "held",
            "message": refusal.message,
            "payload": refusal.payload,
            "payload_sha256": digest,
            "payload_bytes": len(refusal.payload),
        }
        if row is not None:
            await self._connection.execute(quarantine.update().where(quarantine.c.id == row.id).values(**values))
            return
        more = {
            "gateway": refusal.gateway,
            "reason": refusal.reason,
            "reading_id": refusal.reading_id,
            "batch": refusal.batch,
            "count": 1,
            "received_at": refusal.received_at,
            "last_received_at": refusal.received_at,
        }
        await self._connection.execute(quarantine.insert().values(**values, **more))


def _held() -> Select[Any]:
    return select(quarantine).where(
        quarantine.c.status == "held",
        quarantine.c.reason.in_(WAITS),
        quarantine.c.reading_id.is_not(None),
        func.length(quarantine.c.payload) == quarantine.c.payload_bytes,
    )


def _kept(row: Row[Any]) -> Kept:
    return Kept(**row._asdict())
