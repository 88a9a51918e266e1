"""What the embedded readings file needs done from time to time, beside the writing and not in the middle of it.

Shelves are filled in as the tail asks for it (see :mod:`.embedded_tail`), and SQLite's write-ahead log is carried over
into the file: SQLite would do that inside whichever commit makes the log too long, and one group would wait for
thousands of pages.
"""

import asyncio
import sqlite3
from pathlib import Path
from typing import Final

import structlog

from hearthline_backend.storage.embedded_tail import Tail
from hearthline_backend.storage.embedded_threads import SqliteThreads
from hearthline_backend.storage.embedded_writing import fill_in
from hearthline_backend.storage.ports import StoreUnavailableError

_ROWS_A_LOG: Final = 8000
_CACHE_MB: Final = 1

_log = structlog.get_logger(__name__)


class Upkeep:
    """Told of every write, it does what is due in a task of its own."""

    def __init__(self, path: Path, writer: SqliteThreads, tail: Tail) -> None:
        self._thread = SqliteThreads(path, "readings-upkeep", 1, _CACHE_MB)
        self._writer = writer
        self._tail = tail
        self._rows = 0
        self._task: asyncio.Task[None] | None = None

    def written(self, rows: int) -> None:
        """So many rows more are in the log."""
        self._rows += rows
        due = self._rows >= _ROWS_A_LOG or self._tail.full_shelf() is not None
        if due and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Finish what is under way."""
        if self._task is not None:
            await self._task
        await self._thread.close()

    async def _work(self) -> None:
        try:
            while self._tail.full_shelf() is not None:
                await self._writer.call(fill_in, self._tail)
            if self._rows >= _ROWS_A_LOG:
                self._rows = 0
                await self._thread.call(_carry_over)
                # What was written meanwhile is little; with it the log is empty, and the next write begins it anew.
                await self._writer.call(_carry_over)
        except StoreUnavailableError as error:
            _log.warning("upkeep of the readings failed, is tried again", reason=str(error))


def _carry_over(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
