"""Filling the empty Records of another machine with the lines of :mod:`~hearthline_backend.storage.record_rows`."""

from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Float,
    LargeBinary,
    TableClause,
    Text,
    TypeDecorator,
    Uuid,
    cast,
    column,
    func,
    insert,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from hearthline_backend.storage.every_table import metadata
from hearthline_backend.storage.record_rows import ROWS_A_STATEMENT, ColumnType, TableShape, connected, with_rows
from hearthline_backend.storage.schema import judged
from hearthline_backend.storage.utc_date_time import UtcDateTime


class _JsonText(TypeDecorator[str]):
    """JSON that is text already, in a database with a JSON type."""

    impl = Text
    cache_ok = True

    def bind_expression(self, bindparam: BindParameter[str]) -> ColumnElement[Any]:
        return cast(bindparam, JSON)


_TYPES: Final[Mapping[ColumnType, Callable[[], TypeEngine[Any]]]] = {
    "uuid": Uuid,
    "instant": UtcDateTime,
    "bytes": LargeBinary,
    "boolean": Boolean,
    "integer": BigInteger,
    "real": Float,
    "text": Text,
}
_FROM_TEXT: Final[Mapping[ColumnType, Callable[[Any], Any]]] = {
    "uuid": UUID,
    "instant": datetime.fromisoformat,
    "bytes": b64decode,
}


_IDS_A_QUERY: Final = 500


class NotEmptyError(Exception):
    """``tables`` hold rows."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__(f"there are rows in {', '.join(tables)}")
        self.tables = tuple(tables)


@asynccontextmanager
async def filling(url: str, leave_out: Collection[str] = ()) -> AsyncIterator["Filling"]:
    """Write rows into a database that has the schema and none: all of it, or nothing. Raises ``NotEmptyError``."""
    async with connected(url) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            names = ", ".join(f'"{one.name}"' for one in metadata.sorted_tables)
            await connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        else:
            await connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        found = await with_rows(connection, frozenset(leave_out))
        if found:
            raise NotEmptyError(found)
        yield Filling(connection)


class Filling:
    """One transaction that fills empty tables."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def clear(self, shape: TableShape) -> None:
        """Take away what a migration put there."""
        await self._connection.execute(_clause(shape).delete())

    async def add(self, shape: TableShape, lines: Sequence[bytes]) -> None:
        """Insert these rows."""
        statement = insert(_clause(shape, postgresql=self._connection.dialect.name == "postgresql"))
        for start in range(0, len(lines), ROWS_A_STATEMENT):
            rows = [_row(line, shape) for line in lines[start : start + ROWS_A_STATEMENT]]
            await self._connection.execute(statement, rows)

    async def count(self, shape: TableShape) -> int:
        """How many rows a table has now."""
        found = await self._connection.scalar(select(func.count()).select_from(_clause(shape)))
        return int(found or 0)

    async def number_on(self, shape: TableShape) -> None:
        """Have the next number of a numbered table follow the highest one (SQLite does so by itself)."""
        if self._connection.dialect.name != "postgresql" or ("id", "integer") not in shape.columns:
            return
        named = text("SELECT pg_get_serial_sequence(:name, 'id')")
        sequence = await self._connection.scalar(named, {"name": f'"{shape.name}"'})
        highest = await self._connection.scalar(select(func.max(_clause(shape).c.id)))
        if sequence is not None and highest is not None:
            await self._connection.execute(
                text("SELECT setval(:sequence, :number)"), {"sequence": sequence, "number": highest}
            )


class StoredIds:
    """The ids that a store of readings holds, beside Records in SQLite, to see whether the register agrees."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._table = table("stored_ids", column("id", Uuid))

    @classmethod
    @asynccontextmanager
    async def beside(cls, url: str) -> AsyncIterator["StoredIds"]:
        """In a table that is gone at the end."""
        async with connected(url) as connection:
            await connection.execution_options(hearthline_writes=False)
            await connection.exec_driver_sql("CREATE TEMP TABLE stored_ids (id CHAR(32) PRIMARY KEY) WITHOUT ROWID")
            yield cls(connection)
            await connection.exec_driver_sql("DROP TABLE stored_ids")

    async def add(self, ids: Collection[UUID]) -> frozenset[UUID]:
        """These are there; returns those that were not yet known to be."""
        known: set[UUID] = set()
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), _IDS_A_QUERY):
            part = wanted[start : start + _IDS_A_QUERY]
            known.update(await self._connection.scalars(select(self._table.c.id).where(self._table.c.id.in_(part))))
        new = frozenset(wanted) - known
        if new:
            await self._connection.execute(insert(self._table), [{"id": one} for one in new])
        return new

    async def judged_but_not_stored(self) -> int:
        """How many ids of the register the store lacks."""
        query = select(func.count()).select_from(judged).where(judged.c.reading_id.not_in(select(self._table.c.id)))
        return int(await self._connection.scalar(query) or 0)


def _clause(shape: TableShape, *, postgresql: bool = False) -> TableClause:
    json = _JsonText if postgresql else Text
    columns = (column(name, json() if kind == "json" else _TYPES[kind]()) for name, kind in shape.columns)
    return table(shape.name, *columns)


def _row(line: bytes, shape: TableShape) -> dict[str, Any]:
    return {
        name: value if value is None or kind not in _FROM_TEXT else _FROM_TEXT[kind](value)
        for (name, kind), value in zip(shape.columns, from_json(line), strict=True)
    }
