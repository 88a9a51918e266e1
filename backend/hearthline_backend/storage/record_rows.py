"""Rows of Records as lines of JSON, out of one database and into another, whatever the two engines are.

A line is the array of a row's values in the order of its table's columns: UUIDs and instants (UTC) as text, bytes as
base64, JSON as the text that stands in the database, so that its ``null`` and a missing value stay apart.
"""

from base64 import b64encode
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from alembic.migration import MigrationContext
from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    Uuid,
    cast,
    func,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from hearthline_backend.storage.every_table import metadata
from hearthline_backend.storage.records.engine import open_engine
from hearthline_backend.storage.records.unavailable import told_when_unavailable
from hearthline_backend.storage.schema import corrections
from hearthline_backend.storage.utc_date_time import UtcDateTime

ColumnType = Literal["uuid", "instant", "bytes", "json", "integer", "real", "boolean", "text"]
ROWS_A_STATEMENT: Final = 5000
_FILLED_BY_MIGRATIONS: Final = frozenset(("alembic_version", "revisions"))
_KINDS: Final[tuple[tuple[type[TypeEngine[Any]] | type[UtcDateTime], ColumnType], ...]] = (
    (Uuid, "uuid"),
    (UtcDateTime, "instant"),
    (LargeBinary, "bytes"),
    (JSON, "json"),
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Float, "real"),
    (String, "text"),
)


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table's name, and its columns with how their values are written."""

    name: str
    columns: tuple[tuple[str, ColumnType], ...]


@dataclass(frozen=True, slots=True)
class StoodBefore:
    """Where a reading stood before its first correction after a snapshot: None for what did not change."""

    reading_id: UUID
    patient_id: UUID | None
    effective_time: datetime | None
    aside: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Records as they were at one moment."""

    connection: AsyncConnection
    revision: str | None

    async def last_correction(self) -> int:
        """The highest number of a correction; 0 where there is none."""
        return await self.connection.scalar(select(func.max(corrections.c.id))) or 0

    async def being_moved(self) -> list[StoodBefore]:
        """Readings that a correction is about to move: it is written, and not yet done."""
        query = select(corrections).where(corrections.c.finished_at.is_(None)).order_by(corrections.c.id)
        return _first_of_each(await self.connection.execute(query))

    async def lines(self, shape: TableShape) -> AsyncIterator[list[bytes]]:
        """Every row of a table, some thousands at a time, in the order of its primary key."""
        kinds = [kind for _, kind in shape.columns]
        found = await self.connection.stream(_everything(metadata.tables[shape.name]))
        async for rows in found.partitions(ROWS_A_STATEMENT):
            yield [_line(row, kinds) for row in rows]


def shapes(leave_out: Collection[str] = ()) -> tuple[TableShape, ...]:
    """The tables of this release, each after those it refers to."""
    return tuple(
        TableShape(one.name, tuple((column.name, _kind(column)) for column in one.columns))
        for one in metadata.sorted_tables
        if one.name not in leave_out
    )


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Snapshot]:
    """One consistent view, while others go on writing. Raises :class:`StoreUnavailableError`."""
    async with connected(url) as connection:
        if connection.dialect.name == "postgresql":
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            await connection.execution_options(hearthline_writes=False)
        async with connection.begin():
            revision = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
            yield Snapshot(connection, revision)


async def stood_before(url: str, after: int) -> list[StoodBefore]:
    """For every reading that was corrected after the correction of this number: where it stood before the first of
    them. Waits for corrections that are being written."""
    query = select(corrections).where(corrections.c.id > after).order_by(corrections.c.id)
    async with connected(url) as connection, connection.begin():  # SQLite: the one writer's lock is ours from here on
        if connection.dialect.name == "postgresql":
            await connection.execute(text("LOCK TABLE corrections IN SHARE MODE"))
        return _first_of_each(await connection.execute(query))


async def tables_with_rows(url: str, but: Collection[str] = ()) -> list[str]:
    """Tables that hold anything but what migrations put there; none where there is no schema yet."""
    async with connected(url) as connection:
        await connection.execution_options(hearthline_writes=False)
        async with connection.begin():
            return await with_rows(connection, frozenset(but))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection of its own that nothing hurries. Raises :class:`StoreUnavailableError`."""
    engine = open_engine(url, hurried=False)
    try:
        with told_when_unavailable():
            async with engine.connect() as connection:
                yield connection
    finally:
        await engine.dispose()


def _first_of_each(rows: Iterable[Row[Any]]) -> list[StoodBefore]:
    found: dict[UUID, StoodBefore] = {}
    for row in rows:
        one = StoodBefore(row.reading_id, row.patient_before, row.effective_before, row.aside_before)
        found.setdefault(row.reading_id, one)
    return list(found.values())


async def with_rows(connection: AsyncConnection, leave_out: frozenset[str]) -> list[str]:
    names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    wanted = sorted(set(names) - _FILLED_BY_MIGRATIONS - leave_out)
    return [name for name in wanted if await connection.scalar(_any(name)) is not None]


def _kind(one: Column[Any]) -> ColumnType:
    for known, kind in _KINDS:
        if isinstance(one.type, known):
            return kind
    raise TypeError(f"{one.table.name}.{one.name}: no way to write a {one.type!r} into a backup")


def _everything(one: Table) -> Select[Any]:
    columns = [cast(it, Text).label(it.name) if isinstance(it.type, JSON) else it for it in one.columns]
    return select(*columns).order_by(*one.primary_key.columns)


def _line(row: Sequence[Any], kinds: Sequence[ColumnType]) -> bytes:
    values = [
        b64encode(value).decode() if kind == "bytes" and value is not None else value
        for value, kind in zip(row, kinds, strict=True)
    ]
    return to_json(values)


def _any(name: str) -> Select[Any]:
    return select(text("1")).select_from(table(name)).limit(1)


def sqlite_file(url: str) -> Path | None:
    """The file behind a SQLAlchemy URL; None where it is a server."""
    address = make_url(url)
    return Path(address.database) if address.get_backend_name() == "sqlite" and address.database else None


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a file."""
    return f"sqlite+aiosqlite:///{path.absolute()}"
