"""The register of judged readings: only what stands here is not judged again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.schema import judged

_IDS_A_QUERY: Final = 500


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one reading, and why: per rule what it saw, whether it fired, why nobody was called."""

    reading_id: UUID
    patient_id: UUID
    kind: str
    effective_time: datetime
    judged_at: datetime
    explanation: Any


class Judgements:
    """Rows are written in the transaction that writes their consequences, and never changed."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, judgements: Sequence[Judgement]) -> None:
        """Register; an id that stands here already keeps its first row."""
        rows = [{field.name: getattr(one, field.name) for field in fields(one)} for one in judgements]
        if rows:
            await self._connection.execute(insert_or_skip(self._connection, judged, ["reading_id"]), rows)

    async def known(self, reading_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of ``reading_ids`` that have been judged."""
        found: set[UUID] = set()
        ids = list(reading_ids)
        for start in range(0, len(ids), _IDS_A_QUERY):
            part = ids[start : start + _IDS_A_QUERY]
            query = select(judged.c.reading_id).where(judged.c.reading_id.in_(part))
            found.update(await self._connection.scalars(query))
        return frozenset(found)

    async def get(self, reading_id: UUID) -> Judgement | None:
        """The judgement of one reading."""
        query = select(judged).where(judged.c.reading_id == reading_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Judgement(**row._asdict())
