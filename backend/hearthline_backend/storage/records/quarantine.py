"""What could not be taken: each with its reason, within a quota per gateway.

A row is one payload (or one reading of it) and one reason; the same again only counts. Past the quota in bytes a
payload is no longer kept, only its hash; past the quota in rows only a count per reason. What is ``held`` is always
whole: where it cannot be kept whole, :meth:`Quarantine.put` says so and nobody is told that it is held.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.schema import quarantine

QUOTA_BYTES: Final = 32 * 1024 * 1024
"""Payload bytes kept for one gateway."""
QUOTA_ROWS: Final = 5_000
"""Different rows kept for one gateway; a full outbox of held readings, one row each, is the case that needs most."""
_PAST_QUOTA: Final = "past-quota"
_MESSAGE_LENGTH: Final = 500

Status = Literal["rejected", "held", "released", "discarded"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is kept here. ``payload`` is the message, or the one reading of it that ``reading_id`` names.

    ``whole_sha256`` and ``whole_bytes`` speak of the whole where only its head is given; a ``whole_sha256`` of the
    caller's choice also makes different payloads count as the same."""

    gateway: str
    status: Status
    reason: str
    message: str
    payload: bytes
    received_at: datetime
    reading_id: UUID | None = None
    batch: str | None = None
    whole_sha256: str | None = None
    whole_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A row. ``payload`` is None past the quota and once it was released or discarded: ``released`` when what it held
    was taken, ``discarded`` when a technician, or the quota for what is to be held, let go of it."""

    id: int
    gateway: str
    status: Status
    reason: str
    message: str
    reading_id: UUID | None
    batch: str | None
    payload: bytes | None
    payload_sha256: str
    payload_bytes: int
    count: int
    received_at: datetime
    last_received_at: datetime


class Quarantine:
    """Rejected and held payloads of every gateway."""

    def __init__(
        self, connection: AsyncConnection, quota_bytes: int = QUOTA_BYTES, quota_rows: int = QUOTA_ROWS
    ) -> None:
        self._connection = connection
        self._quota_bytes = quota_bytes
        self._quota_rows = quota_rows

    async def put(self, refusal: Refusal) -> bool:
        """Keep one refusal. True when its payload is kept whole, so that ``held`` is a promise that holds."""
        digest = refusal.whole_sha256 or sha256(refusal.payload).hexdigest()
        again = await self._find(refusal, digest)
        if again is not None:
            return await self._count(again, refusal)
        rows, held_bytes = await self._used(refusal.gateway)
        if rows >= self._quota_rows:
            await self._count_only(refusal)
            return False
        whole = held_bytes + len(refusal.payload) <= self._quota_bytes
        await self._insert(refusal, digest, refusal.payload if whole else None, status=_status(refusal, whole=whole))
        return whole

    async def get(self, number: int) -> Kept | None:
        """One row by its number."""
        row = (await self._connection.execute(select(quarantine).where(quarantine.c.id == number))).one_or_none()
        return None if row is None else _kept(row)

    async def listed(
        self, *, gateway: str | None = None, status: Status | None = None, limit: int = 200, payloads: bool = False
    ) -> list[Kept]:
        """The newest rows first; payloads are left out unless asked for."""
        columns = [column for column in quarantine.c if payloads or column is not quarantine.c.payload]
        query = _narrowed(select(*columns), gateway, status)
        query = query.order_by(quarantine.c.last_received_at.desc(), quarantine.c.id.desc()).limit(limit)
        return [_kept(row) for row in await self._connection.execute(query)]

    async def held(self, *, after: int = 0, limit: int = 200) -> list[Kept]:
        """Held rows with their payload, in the order they came; ``after`` is the last number seen."""
        query = select(quarantine).where(
            quarantine.c.status == "held", quarantine.c.payload.is_not(None), quarantine.c.id > after
        )
        return [_kept(row) for row in await self._connection.execute(query.order_by(quarantine.c.id).limit(limit))]

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """How many messages or readings were kept per gateway and status, repeats included."""
        query = select(quarantine.c.gateway, quarantine.c.status, func.sum(quarantine.c.count))
        rows = await self._connection.execute(query.group_by(quarantine.c.gateway, quarantine.c.status))
        return {(gateway, status): int(total) for gateway, status, total in rows}

    async def close(self, number: int, status: Literal["released", "discarded"], message: str) -> None:
        """End a row: its payload goes, who sent it, its hash and its count stay."""
        change = quarantine.update().where(quarantine.c.id == number)
        await self._connection.execute(change.values(status=status, message=message[:_MESSAGE_LENGTH], payload=None))

    async def hold(self, number: int) -> bool:
        """Have a row tried again; False where its payload is not there whole."""
        change = quarantine.update().where(
            quarantine.c.id == number, func.length(quarantine.c.payload) == quarantine.c.payload_bytes
        )
        return (await self._connection.execute(change.values(status="held"))).rowcount > 0

    async def reject(self, number: int) -> None:
        """End the waiting of a held row: it can never become valid."""
        await self._connection.execute(quarantine.update().where(quarantine.c.id == number).values(status="rejected"))

    async def _find(self, refusal: Refusal, digest: str) -> Row[Any] | None:
        query = select(quarantine.c.id, quarantine.c.payload.is_not(None).label("whole")).where(
            quarantine.c.gateway == refusal.gateway,
            quarantine.c.payload_sha256 == digest,
            quarantine.c.reason == refusal.reason,
            quarantine.c.reading_id.is_not_distinct_from(refusal.reading_id),
        )
        return (await self._connection.execute(query.order_by(quarantine.c.id).limit(1))).one_or_none()

    async def _count(self, again: Row[Any], refusal: Refusal) -> bool:
        values: dict[str, Any] = {
            "count": quarantine.c.count + 1,
            "last_received_at": refusal.received_at,
            "message": refusal.message[:_MESSAGE_LENGTH],
            "batch": refusal.batch,
        }
        whole = bool(again.whole)
        if not whole:
            _, held_bytes = await self._used(refusal.gateway)
            if held_bytes + len(refusal.payload) <= self._quota_bytes:
                values["payload"] = refusal.payload
                whole = True
        values["status"] = _status(refusal, whole=whole)
        await self._connection.execute(quarantine.update().where(quarantine.c.id == again.id).values(**values))
        return whole

    async def _used(self, gateway: str) -> tuple[int, int]:
        size = func.sum(func.length(quarantine.c.payload))
        query = select(func.count(), func.coalesce(size, 0)).where(quarantine.c.gateway == gateway)
        rows, held_bytes = (await self._connection.execute(query)).one()
        return int(rows), int(held_bytes)

    async def _count_only(self, refusal: Refusal) -> None:
        change = (
            quarantine.update()
            .where(quarantine.c.gateway == refusal.gateway, quarantine.c.payload_sha256 == _PAST_QUOTA)
            .where(quarantine.c.reason == refusal.reason)
            .values(count=quarantine.c.count + 1, last_received_at=refusal.received_at)
        )
        if (await self._connection.execute(change)).rowcount == 0:
            message = f"past the quota of {self._quota_rows} rows for one gateway only a count is kept"
            nothing = {"payload_bytes": 0, "reading_id": None, "batch": None, "status": _status(refusal, whole=False)}
            await self._insert(refusal, _PAST_QUOTA, None, message=message, **nothing)

    async def _insert(self, refusal: Refusal, digest: str, payload: bytes | None, **other: Any) -> None:
        values = {
            "gateway": refusal.gateway,
            "status": refusal.status,
            "reason": refusal.reason,
            "message": refusal.message[:_MESSAGE_LENGTH],
            "reading_id": refusal.reading_id,
            "batch": refusal.batch,
            "payload": payload,
            "payload_sha256": digest,
            "payload_bytes": len(refusal.payload) if refusal.whole_bytes is None else refusal.whole_bytes,
            "count": 1,
            "received_at": refusal.received_at,
            "last_received_at": refusal.received_at,
        }
        await self._connection.execute(quarantine.insert().values(**(values | other)))


def _status(refusal: Refusal, *, whole: bool) -> Status:
    # What could not be kept whole is not held: the home still has it and sends it again.
    return "discarded" if refusal.status == "held" and not whole else refusal.status


def _narrowed(query: Select[Any], gateway: str | None, status: Status | None) -> Select[Any]:
    if gateway is not None:
        query = query.where(quarantine.c.gateway == gateway)
    return query if status is None else query.where(quarantine.c.status == status)


def _kept(row: Row[Any]) -> Kept:
    return Kept(**({"payload": None} | row._asdict()))
