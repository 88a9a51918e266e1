"""Acknowledgements that came in by webhook: each signature is acted upon once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.snooze_tables import heard_acknowledgements as heard


@dataclass(frozen=True, slots=True)
class Heard:
    """One that was acted upon: what a repeat of it is answered."""

    signature: str
    contact_id: UUID
    alert_id: int
    heard_at: datetime
    status: int
    said: str


class HeardAcknowledgements:
    """Kept as long as a signature is accepted at all."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, signature: str) -> Heard | None:
        """What became of this signature; None where it was never heard."""
        row = (await self._connection.execute(select(heard).where(heard.c.signature == signature))).one_or_none()
        return None if row is None else _heard(row)

    async def add(self, one: Heard, forget_before: datetime) -> bool:
        """Remember one, and forget what is too old to be accepted. False where it was heard already."""
        await self._connection.execute(delete(heard).where(heard.c.heard_at < forget_before))
        values = {
            "signature": one.signature,
            "contact_id": one.contact_id,
            "alert_id": one.alert_id,
            "heard_at": one.heard_at,
            "status": one.status,
            "said": one.said,
        }
        statement = insert_or_skip(self._connection, heard, ["signature"]).values(**values)
        return await self._connection.scalar(statement.returning(heard.c.signature)) is not None


def _heard(row: Row[Any]) -> Heard:
    return Heard(row.signature, row.contact_id, row.alert_id, row.heard_at, row.status, row.said)
