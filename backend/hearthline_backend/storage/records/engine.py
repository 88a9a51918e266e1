"""Opens Records: SQLite (embedded, the default) or PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.unit import Unit

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000")


def _prepare_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    # The driver's own transaction handling begins too late for a consistent read; SQLAlchemy's "begin" event does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: an upgrade half-way through could only fail.
    writes = connection.get_execution_options().get("hearthline_writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def open_engine(url: str) -> AsyncEngine:
    """An engine for a SQLAlchemy URL (``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``), set up for Records."""
    engine = create_async_engine(make_url(url), hide_parameters=True)  # else its errors repeat patients' data
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


class SqlRecords:
    """The :class:`~hearthline_backend.storage.ports.Records` port on SQLAlchemy. The schema must already be there."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite has one writer. Waiting for it here costs nothing; waiting in its busy handler sleeps and polls.
        self._writing: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @classmethod
    def open(cls, url: str) -> Self:
        """Connects lazily."""
        return cls(open_engine(url))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Unit]:
        """One writing transaction."""
        async with self._writing, self._unit(writes=True) as unit:
            yield unit

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Unit]:
        """One consistent snapshot."""
        async with self._unit(writes=False) as unit:
            yield unit

    @asynccontextmanager
    async def _unit(self, *, writes: bool) -> AsyncIterator[Unit]:
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(hearthline_writes=writes)
                async with connection.begin():
                    yield Unit(connection)
        except (OperationalError, InterfaceError, OSError) as error:
            raise StoreUnavailableError(f"records are not available: {type(error).__name__}") from error

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()
