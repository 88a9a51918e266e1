"""SQLite connections, each used by one thread at a time, off the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from hearthline_backend.storage.ports import StoreUnavailableError

T = TypeVar("T")

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "secure_delete=ON",  # what was erased is not left readable in the file
    "wal_autocheckpoint=20000",  # where nobody carries the log over in time
)


class SqliteThreads:
    """``count`` threads with a connection each, to one file. ``what`` it holds is for who is told that it is away;
    ``defects`` are errors that would come again, so that they are no outage."""

    def __init__(
        self,
        path: Path,
        name: str,
        count: int,
        cache_mb: int,
        *,
        what: str = "readings",
        pragmas: Sequence[str] = (),
        defects: tuple[type[Exception], ...] = (),
    ) -> None:
        self._path = path
        self._what = what
        self._pragmas = (*_PRAGMAS, *pragmas)
        self._defects = defects
        self._cache_mb = cache_mb
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._idle: list[sqlite3.Connection] = []

    async def call(self, work: Callable[..., T], *arguments: object) -> T:
        """``work(connection, *arguments)`` in a thread; what it changed is rolled back when it raises."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, work, arguments)
        except self._defects:
            raise
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailableError(f"{self._what} are not available: {error}") from error

    async def close(self) -> None:
        """Finish what is under way and close the connections."""
        await asyncio.get_running_loop().run_in_executor(None, self._end)

    def _end(self) -> None:
        self._pool.shutdown()
        while self._idle:
            self._idle.pop().close()

    def _run(self, work: Callable[..., T], arguments: tuple[object, ...]) -> T:
        # At most ``count`` threads come here, and taking from a list or adding to it is one step.
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            done = work(connection, *arguments)
        except BaseException:
            # The next call starts on a new connection: after a full disk or a torn file the old one cannot be trusted.
            connection.close()
            raise
        self._idle.append(connection)
        return done

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=64)
        try:
            for pragma in (*self._pragmas, f"cache_size=-{self._cache_mb * 1024}"):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection
