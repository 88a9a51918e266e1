"""The register of judged readings: only what stands here is not judged again."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.many_rows import many_rows
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.schema import judged
from hearthline_backend.storage.utc_date_time import sqlite_text

Quiet = tuple[UUID, UUID, str, datetime, str]
"""Reading, patient, kind, effective time in UTC, and the explanation as JSON."""

ADD_QUIET_POSTGRESQL: Final = """INSERT INTO judged
    (reading_id, patient_id, kind, effective_time, judged_at, explanation)
    SELECT one, whose, kind, at, $5, why::json
    FROM unnest($1::uuid[], $2::uuid[], $3::varchar[], $4::timestamptz[], $6::text[]) AS new (one, whose, kind, at, why)
    ON CONFLICT (reading_id) DO NOTHING"""
_ADD_QUIET_SQLITE: Final = """INSERT INTO judged
    (reading_id, patient_id, kind, effective_time, judged_at, explanation)
    VALUES {rows} ON CONFLICT (reading_id) DO NOTHING"""


def quiet_statements(rows: Sequence[Quiet], judged_at: datetime) -> Iterator[tuple[str, Sequence[Any]]]:
    """What registers these rows in SQLite: statements with their values."""
    at = sqlite_text(judged_at)
    values: list[str] = []
    for one, patient, kind, time, why in rows:
        values += ("%032x" % one.int, "%032x" % patient.int, kind, sqlite_text(time), at, why)  # noqa: UP031  # quickest
    return many_rows(_ADD_QUIET_SQLITE, 6, values)


def quiet_columns(rows: Sequence[Quiet], judged_at: datetime) -> tuple[Any, ...]:
    """What ``ADD_QUIET_POSTGRESQL`` takes."""
    ids, patients, kinds, times, explanations = zip(*rows, strict=True)
    return list(ids), list(patients), list(kinds), list(times), judged_at, list(explanations)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one reading, and why: per rule what it saw, whether it fired, why nobody was called.

    A reading past no limit, with no alert near, has only ``{"within": <plan version>}``: evaluated by that version it
    says the rest again.
    """

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

    async def add_quiet(self, rows: Sequence[Quiet], judged_at: datetime) -> None:
        """Register readings of which nothing follows, as :meth:`add` does, at a fraction of its cost."""
        if not rows:
            return
        if self._connection.dialect.name == "postgresql":
            await self._connection.exec_driver_sql(ADD_QUIET_POSTGRESQL, quiet_columns(rows, judged_at))
        else:
            for statement, values in quiet_statements(rows, judged_at):
                await self._connection.exec_driver_sql(statement, tuple(values))

    async def known(self, reading_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of ``reading_ids`` that have been judged."""
        its = among(self._connection, judged.c.reading_id, reading_ids)
        return frozenset(await self._connection.scalars(select(judged.c.reading_id).where(its)))

    async def get(self, reading_id: UUID) -> Judgement | None:
        """The judgement of one reading."""
        query = select(judged).where(judged.c.reading_id == reading_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Judgement(**row._asdict())

    async def take_back(self, reading_ids: Collection[UUID]) -> tuple[Judgement, ...]:
        """Strike these readings from the register, so that they may be judged anew; returns what stood there, which
        the caller keeps in the history of its correction."""
        its = among(self._connection, judged.c.reading_id, reading_ids)
        query = judged.delete().where(its).returning(*judged.c)
        return tuple(Judgement(**row._asdict()) for row in await self._connection.execute(query))
