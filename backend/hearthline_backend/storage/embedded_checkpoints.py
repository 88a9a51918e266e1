"""Carrying SQLite's write-ahead log over into the file, beside the writing and not in the middle of it.

SQLite would do it inside whichever commit makes the log too long, and that one group would wait for thousands of pages.
"""

import asyncio
import sqlite3
from pathlib import Path
from typing import Final

import structlog

from hearthline_backend.storage.embedded_threads import SqliteThreads
from hearthline_backend.storage.ports import StoreUnavailableError

_ROWS: Final = 4000
_CACHE_MB: Final = 1

_log = structlog.get_logger(__name__)


class Checkpoints:
    """Told of every write, it carries the log over from time to time, on a thread of its own."""

    def __init__(self, path: Path, writer: SqliteThreads) -> None:
        self._thread = SqliteThreads(path, "readings-checkpoint", 1, _CACHE_MB)
        self._writer = writer
        self._rows = 0
        self._task: asyncio.Task[None] | None = None

    def written(self, rows: int) -> None:
        """So many rows more are in the log."""
        self._rows += rows
        if self._rows >= _ROWS and (self._task is None or self._task.done()):
            self._rows = 0
            self._task = asyncio.get_running_loop().create_task(self._carry_over())

    async def close(self) -> None:
        """Finish what is under way."""
        if self._task is not None:
            await self._task
        await self._thread.close()

    async def _carry_over(self) -> None:
        try:
            await self._thread.call(_checkpoint)
            # What was written meanwhile is little; with it the log is empty, and the next write begins it anew.
            await self._writer.call(_checkpoint)
        except StoreUnavailableError as error:
            _log.warning("readings log not carried over, is tried again", reason=str(error))


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
