"""What could not be taken: each with its reason, within a quota per gateway.

A row is one payload (or one reading of it) and one reason; the same again only counts. Past the quota in bytes a
payload is no longer kept, only its hash; past the quota in rows only a count per reason. What is ``held`` is always
whole: where it cannot be kept whole, :meth:`Quarantine.put` says so and nobody is told that it is held.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, Select, String, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.quarantine_tables import quarantine
from hearthline_backend.storage.records.among import among

QUOTA_BYTES: Final = 32 * 1024 * 1024
"""Payload bytes kept for one gateway."""
QUOTA_ROWS: Final = 5_000
"""Different rows kept for one gateway; a full outbox of held readings, one row each, is the case that needs most."""
_PAST_QUOTA: Final = "past-quota"
_MESSAGE_LENGTH: Final = 500
_ONE_AT_A_TIME: Final = 0x4865617274687302
"""PostgreSQL's advisory lock of who keeps something."""

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
        return (await self.put_many([refusal]))[0]

    async def put_many(self, refusals: Sequence[Refusal]) -> list[bool]:
        """Keep refusals in their order, each as :meth:`put` does, in a handful of statements for all of them: a home
        that sends nothing but rubbish must not hold up the others."""
        if not refusals:
            return []
        await self._alone()
        shelf = await self._shelf(refusals)
        whole = [shelf.put(one) for one in refusals]
        new = [row.values for row in shelf.rows.values() if row.id is None]
        if new:
            await self._connection.execute(quarantine.insert(), new)
        again = [row.change() for row in shelf.rows.values() if row.id is not None and row.times]
        if again:
            await self._connection.execute(_COUNT_AGAIN, again)
        payloads = [row.payload() for row in shelf.rows.values() if row.id is not None and row.filled]
        if payloads:
            await self._connection.execute(_FILL, payloads)
        return whole

    async def get(self, number: int) -> Kept | None:
        """One row by its number."""
        row = (await self._connection.execute(select(quarantine).where(quarantine.c.id == number))).one_or_none()
        return None if row is None else _kept(row)

    async def listed(
        self,
        *,
        gateway: str | None = None,
        status: Status | None = None,
        reason: str | None = None,
        hidden: Collection[str] = (),
        limit: int = 200,
        offset: int = 0,
        payloads: bool = False,
    ) -> list[Kept]:
        """The newest rows first, without those of the ``hidden`` gateways; payloads are left out unless asked for."""
        columns = [column for column in quarantine.c if payloads or column is not quarantine.c.payload]
        query = self._without(_narrowed(select(*columns), gateway, status, reason), hidden)
        query = query.order_by(quarantine.c.last_received_at.desc(), quarantine.c.id.desc())
        return [_kept(row) for row in await self._connection.execute(query.limit(limit).offset(offset))]

    async def grouped(self, hidden: Collection[str] = ()) -> Mapping[tuple[str, str, str], int]:
        """How many rows there are by gateway, status and reason."""
        columns = (quarantine.c.gateway, quarantine.c.status, quarantine.c.reason)
        query = self._without(select(*columns, func.count()), hidden).group_by(*columns)
        rows = await self._connection.execute(query)
        return {(gateway, status, reason): int(many) for gateway, status, reason, many in rows}

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

    def _without(self, query: Select[Any], hidden: Collection[str]) -> Select[Any]:
        return query.where(~among(self._connection, quarantine.c.gateway, hidden)) if hidden else query

    async def _alone(self) -> None:
        """Two processes that keep the same at once would find it twice; two that keep much, in another order, would
        wait in a ring. One after the other, and SQLite's one writer is alone anyway."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))

    async def _shelf(self, refusals: Sequence[Refusal]) -> "_Shelf":
        """What is kept already of the gateways that these refusals are of."""
        gateways = sorted({one.gateway for one in refusals})
        size = func.coalesce(func.sum(func.length(quarantine.c.payload)), 0)
        used = select(quarantine.c.gateway, func.count(), size).group_by(quarantine.c.gateway)
        used = used.where(among(self._connection, quarantine.c.gateway, gateways))
        rows = {gateway: [int(count), int(held)] for gateway, count, held in await self._connection.execute(used)}
        shelf = _Shelf(self._quota_rows, self._quota_bytes, {one: rows.get(one, [0, 0]) for one in gateways})
        digests = {_digest(one) for one in refusals} | {_PAST_QUOTA}
        known = select(
            quarantine.c.id,
            quarantine.c.gateway,
            quarantine.c.payload_sha256,
            quarantine.c.reason,
            quarantine.c.reading_id,
            quarantine.c.payload.is_not(None).label("whole"),
        ).where(
            among(self._connection, quarantine.c.gateway, gateways),
            among(self._connection, quarantine.c.payload_sha256, digests),
        )
        for row in await self._connection.execute(known.order_by(quarantine.c.id.desc())):
            key = (row.gateway, row.payload_sha256, row.reason, row.reading_id)
            shelf.rows[key] = _ShelfRow(row.id, bool(row.whole))
        return shelf


_Key = tuple[str, str, str, UUID | None]

_COUNT_AGAIN: Final = (
    quarantine.update()
    .where(quarantine.c.id == bindparam("row"))
    .values(
        count=quarantine.c.count + bindparam("times"),
        last_received_at=bindparam("last"),
        message=func.coalesce(bindparam("words", type_=String), quarantine.c.message),
        batch=func.coalesce(bindparam("sent_as", type_=String), quarantine.c.batch),
        status=func.coalesce(bindparam("now", type_=String), quarantine.c.status),
    )
)
_FILL: Final = quarantine.update().where(quarantine.c.id == bindparam("row")).values(payload=bindparam("whole"))


@dataclass(slots=True)
class _ShelfRow:
    """A row that is there (``id``) or will be. ``newest`` is the last refusal that counted in it; None for a row that
    only counts."""

    id: int | None
    whole: bool
    times: int = 0
    newest: Refusal | None = None
    last: datetime | None = None
    filled: bytes | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def change(self) -> dict[str, Any]:
        newest = self.newest
        return {
            "row": self.id,
            "times": self.times,
            "last": self.last,
            "words": None if newest is None else newest.message[:_MESSAGE_LENGTH],
            "sent_as": None if newest is None else newest.batch,
            "now": None if newest is None else _status(newest, whole=self.whole),
        }

    def payload(self) -> dict[str, Any]:
        return {"row": self.id, "whole": self.filled}


@dataclass(slots=True)
class _Shelf:
    """The rows of some gateways as they will be; ``used`` are their rows and payload bytes."""

    quota_rows: int
    quota_bytes: int
    used: dict[str, list[int]]
    rows: dict[_Key, _ShelfRow] = field(default_factory=dict)

    def put(self, refusal: Refusal) -> bool:
        key = (refusal.gateway, _digest(refusal), refusal.reason, refusal.reading_id)
        row = self.rows.get(key)
        if row is not None:
            return self._again(row, refusal)
        used = self.used[refusal.gateway]
        if used[0] >= self.quota_rows:
            self._count_only(refusal)
            return False
        whole = used[1] + len(refusal.payload) <= self.quota_bytes
        used[0] += 1
        used[1] += len(refusal.payload) if whole else 0
        self.rows[key] = row = _ShelfRow(None, whole)
        row.values = _values(refusal, key[1], refusal.payload if whole else None)
        row.values["status"] = _status(refusal, whole=whole)
        return whole

    def _again(self, row: _ShelfRow, refusal: Refusal) -> bool:
        used = self.used[refusal.gateway]
        if not row.whole and used[1] + len(refusal.payload) <= self.quota_bytes:
            used[1] += len(refusal.payload)
            row.whole, row.filled = True, refusal.payload
        row.times += 1
        row.newest, row.last = refusal, refusal.received_at
        if row.id is None:
            row.values |= {
                "count": row.values["count"] + 1,
                "last_received_at": refusal.received_at,
                "message": refusal.message[:_MESSAGE_LENGTH],
                "batch": refusal.batch,
                "status": _status(refusal, whole=row.whole),
            } | ({"payload": row.filled} if row.filled is not None else {})
        return row.whole

    def _count_only(self, refusal: Refusal) -> None:
        key = (refusal.gateway, _PAST_QUOTA, refusal.reason, None)
        row = self.rows.get(key)
        if row is None:
            self.used[refusal.gateway][0] += 1
            self.rows[key] = row = _ShelfRow(None, False)
            message = f"past the quota of {self.quota_rows} rows for one gateway only a count is kept"
            nothing = {"payload_bytes": 0, "reading_id": None, "batch": None, "status": _status(refusal, whole=False)}
            row.values = _values(refusal, _PAST_QUOTA, None) | nothing | {"message": message}
        elif row.id is None:
            row.values |= {"count": row.values["count"] + 1, "last_received_at": refusal.received_at}
        else:
            row.times += 1
            row.last = refusal.received_at


def _digest(refusal: Refusal) -> str:
    return refusal.whole_sha256 or sha256(refusal.payload).hexdigest()


def _values(refusal: Refusal, digest: str, payload: bytes | None) -> dict[str, Any]:
    return {
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


def _status(refusal: Refusal, *, whole: bool) -> Status:
    # What could not be kept whole is not held: the home still has it and sends it again.
    return "discarded" if refusal.status == "held" and not whole else refusal.status


def _narrowed(query: Select[Any], gateway: str | None, status: Status | None, reason: str | None) -> Select[Any]:
    if gateway is not None:
        query = query.where(quarantine.c.gateway == gateway)
    if reason is not None:
        query = query.where(quarantine.c.reason == reason)
    return query if status is None else query.where(quarantine.c.status == status)


def _kept(row: Row[Any]) -> Kept:
    return Kept(**({"payload": None} | row._asdict()))
