"""Opens Records: SQLite (embedded, the default) or PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from hearthline_backend.storage.ports import QuietRegister
from hearthline_backend.storage.records.idle_connections import ask_idle_connections
from hearthline_backend.storage.records.one_visit import one_visit
from hearthline_backend.storage.records.quiet_postgresql import PostgresQuietRegister
from hearthline_backend.storage.records.quiet_register import SqliteQuietRegister
from hearthline_backend.storage.records.unavailable import told_when_unavailable
from hearthline_backend.storage.records.unit import Unit

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000")

_POOL: Final = {
    "pool_size": 5,
    "max_overflow": 15,
    "pool_timeout": 10,
    "pool_recycle": 1800,
}
CONNECT_WITHIN_S: Final = 10
ANSWER_WITHIN_S: Final = 30
"""A server that holds the line and says nothing is as good as away."""
CLOSE_WITHIN_S: Final = 5
_LOOK_S: Final = 0.01
_SESSION: Final = {
    "application_name": "hearthline",
    "timezone": "UTC",
    "jit": "off",  # it costs more than these short statements take
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",  # a process that hangs does not keep its patients locked
}
_SNAPSHOT: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


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


def open_engine(url: str, *, hurried: bool = True) -> AsyncEngine:
    """An engine for a SQLAlchemy URL (``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``), set up for Records.

    ``hurried`` False sets no limit to how long a statement or a lock may take, as for a migration, nor has it a
    statement's rows in memory all at once.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        quick = {"async_creator": partial(one_visit, address.database or ":memory:")} if hurried else {}
        engine = create_async_engine(address, hide_parameters=True, **quick)  # else its errors repeat patients' data
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    session = _SESSION if hurried else _SESSION | {"lock_timeout": "0"}
    arguments = {
        "timeout": CONNECT_WITHIN_S,
        "command_timeout": ANSWER_WITHIN_S if hurried else None,
        "server_settings": session,
        "target_session_attrs": "primary",  # of the hosts that are named; a standby is as good as away
    }
    engine = create_async_engine(address, hide_parameters=True, connect_args=arguments, **_POOL)
    ask_idle_connections(engine.sync_engine)  # after the server was away nobody meets a dead connection
    return engine


class SqlRecords:
    """The :class:`~hearthline_backend.storage.ports.Records` port on SQLAlchemy. The schema must already be there."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer. Waiting for it here costs nothing; waiting in its busy handler sleeps and polls.
        self._writing: AbstractAsyncContextManager[object] = asyncio.Lock() if sqlite else nullcontext()
        self._reading: dict[str, Any] = {"hearthline_writes": False} if sqlite else _SNAPSHOT
        file = engine.url.database if sqlite else None
        self._file_quiet = None if file is None else SqliteQuietRegister(Path(file), self._writing)
        self._quiet = self._file_quiet or (None if sqlite else PostgresQuietRegister(engine))

    @classmethod
    def open(cls, url: str) -> Self:
        """Connects lazily."""
        return cls(open_engine(url))

    @property
    def quiet(self) -> QuietRegister | None:
        """The short way for readings of which nothing follows; None for SQLite in memory."""
        return self._quiet

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Unit]:
        """One writing transaction."""
        async with self._writing, self._unit({}) as unit:
            yield unit

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Unit]:
        """One consistent snapshot."""
        async with self._unit(self._reading) as unit:
            yield unit

    @asynccontextmanager
    async def _unit(self, options: dict[str, Any]) -> AsyncIterator[Unit]:
        with told_when_unavailable():
            async with self._engine.connect() as connection:
                if options:
                    await connection.execution_options(**options)
                async with connection.begin():
                    yield Unit(connection)

    async def close(self) -> None:
        """Close every connection. Whoever still has one gets a moment to give it back, as readers do that are ended
        together with the service: given back later it would stay open."""
        if self._file_quiet is not None:
            await self._file_quiet.close()
        pool = self._engine.pool
        if isinstance(pool, AsyncAdaptedQueuePool):
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    while pool.checkedout():  # noqa: ASYNC110  # the pool tells nobody
                        await asyncio.sleep(_LOOK_S)
        await self._engine.dispose()
