"""The readings port on SQLite: its own file, write-ahead log, full sync, one writer thread and one reader thread.

The standard library's driver in our own two threads: a batch is one hop, its rows are encoded off the event loop, and
no two batches can mix. With the same statements aiosqlite takes the same time: that of the disk's sync (measured).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeVar
from uuid import UUID

from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.ports import PatientReading, StoreUnavailableError

T = TypeVar("T")

_MARKS_A_QUERY: Final = 500
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "cache_size=-65536",
    "wal_autocheckpoint=8000",
)


class ReadingsTooNewError(HearthlineError):
    """The file was written by a newer release."""

    def __init__(self, path: Path, found: int) -> None:
        super().__init__(
            f"{path} is at version {found} and this release knows up to {tables.VERSION}. "
            "Start the release that wrote it, or restore the backup made before its upgrade."
        )


class EmbeddedReadings:
    """Readings in one SQLite file, see :mod:`~hearthline_backend.storage.readings_tables` for its columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _SqliteThread(path, "readings-writer")
        self._reader = _SqliteThread(path, "readings-reader")

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open, or create. Raises :class:`StoreUnavailableError` or :class:`ReadingsTooNewError`."""
        store = cls(path)
        try:
            await store._writer.call(_create, path)
        except BaseException:
            await store.close()
            raise
        return store

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """All rows in one transaction, synced to disk before it returns; the ids that were new."""
        return await self._writer.call(_write, rows) if rows else frozenset()

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""
        found = await self._reader.call(_select, tables.GET, (reading_id.bytes,))
        return found[0] if found else None

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        arguments = (patient_id.bytes, tables.microseconds(start), tables.microseconds(end), kind)
        return await self._reader.call(_select, tables.WINDOW, arguments)

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        found: dict[UUID, dict[str, PatientReading]] = {}
        wanted = [patient.bytes for patient in patients]
        for start in range(0, len(wanted), _MARKS_A_QUERY):
            part = tuple(wanted[start : start + _MARKS_A_QUERY])
            query = tables.LATEST.format(marks=",".join("?" * len(part)))
            for one in await self._reader.call(_select, query, part):
                found.setdefault(one.patient_id, {})[one.reading.kind] = one
        return found

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self._reader.close()
        await self._writer.close()


class _SqliteThread:
    """One connection and the one thread that may touch it."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def call(self, work: Callable[..., T], *arguments: object) -> T:
        """``work(connection, *arguments)`` in the thread; what it changed is rolled back when it raises."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, work, arguments)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(f"readings are not available: {error}") from error

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._disconnect)
        self._pool.shutdown(wait=False)

    def _run(self, work: Callable[..., T], arguments: tuple[object, ...]) -> T:
        if self._connection is None:
            self._connection = _connect(self._path)
        try:
            return work(self._connection, *arguments)
        except BaseException:
            # The next call starts on a new connection: after a full disk or a torn file the old one cannot be trusted.
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > tables.VERSION:
        raise ReadingsTooNewError(path, found)
    for statement in tables.TABLES:
        connection.execute(statement)
    connection.execute("COMMIT")


def _write(connection: sqlite3.Connection, rows: Sequence[PatientReading]) -> frozenset[UUID]:
    asked = tables.first_of_each(rows)
    connection.execute("BEGIN IMMEDIATE")  # from here on nobody else adds an id between our look and our insert
    known = _known(connection, list(asked))
    new = [one for key, one in asked.items() if key not in known]
    encoded = [tables.row_of(one) for one in new]
    connection.executemany(tables.ADD_ID, [(row[3], row[0], row[1], row[2]) for row in encoded])
    connection.executemany(tables.ADD_READING, encoded)
    shown = [row for one, row in zip(new, encoded, strict=True) if tables.shows_as_latest(one.reading)]
    connection.executemany(tables.ADD_LATEST, [(row[0], row[2], row[1], row[3]) for row in shown])
    connection.execute("COMMIT")
    return frozenset(one.reading.id for one in new)


def _known(connection: sqlite3.Connection, ids: list[bytes]) -> set[bytes]:
    known: set[bytes] = set()
    for start in range(0, len(ids), _MARKS_A_QUERY):
        part = ids[start : start + _MARKS_A_QUERY]
        marks = ",".join("?" * len(part))
        query = f"SELECT id FROM reading_ids WHERE id IN ({marks})"  # noqa: S608  # only question marks are put in
        known.update(key for (key,) in connection.execute(query, part))
    return known


def _select(connection: sqlite3.Connection, query: str, arguments: tuple[object, ...]) -> list[PatientReading]:
    return [tables.reading_of(row) for row in connection.execute(query, arguments)]
