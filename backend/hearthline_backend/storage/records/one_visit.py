"""SQLite connections for SQLAlchemy on aiosqlite's threads: a statement and its rows in one visit to the thread.

aiosqlite goes there four times for each: for a cursor, to execute, for the rows, to close. From a busy event loop each
visit costs more than the statement itself.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Self

import aiosqlite

_CHUNK: Final = 64


class Cursor:
    """What SQLAlchemy asks of a cursor. All rows are there when :meth:`execute` returns: for whoever wants to read a
    long table bit by bit this is the wrong driver."""

    description: tuple[tuple[Any, ...], ...] | None = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1

    def __init__(self, visit: Callable[..., Awaitable[None]], make: Callable[[], sqlite3.Cursor]) -> None:
        """``visit`` runs a function in the connection's thread, ``make`` is one that makes a cursor there."""
        self._visit = visit
        self._make = make
        self._rows: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Execute one statement and take its rows."""
        await self._visit(self._execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Execute one statement with each of these."""
        await self._visit(self._execute_many, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """The rows that are left."""
        found, self._rows = self._rows, []
        return found

    async def close(self) -> None:
        """Let go of the rows; the driver's own cursor is closed already."""
        self._rows = []

    def _execute(self, sql: str, parameters: Sequence[Any]) -> None:
        cursor = self._make()
        try:
            cursor.execute(sql, parameters)
            self.description = cursor.description
            self._rows = [] if self.description is None else cursor.fetchall()
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    def _execute_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        cursor = self._make()
        try:
            cursor.executemany(sql, parameters)
            self.rowcount = cursor.rowcount
        finally:
            cursor.close()


class Connection(aiosqlite.Connection):
    """A connection with such cursors."""

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy enters what it gets, and asks no more of it
        """A new one, without a visit to the thread."""
        return Cursor(self._execute, self._conn.cursor)


def one_visit(database: str) -> Connection:
    """To be awaited: a connection to the file, or to memory where it has no name."""
    connection = Connection(lambda: sqlite3.connect(database), _CHUNK)
    connection._thread.daemon = True  # noqa: SLF001  # as SQLAlchemy has it, so that a forgotten one ends with us
    return connection
