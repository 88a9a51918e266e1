"""The one thread that touches the outbox file.

Work that waits when the thread comes round is committed together: on a memory card one sync costs tens of milliseconds,
and meters that talk at once should pay for it once. A promise (a frame is kept) is synced before it is believed. A note
(which batch a reading travels in, what a receipt said) is committed without a sync: a power cut may take it, and then
the reading is sent once more, which changes nothing at the backend.

A full disk fails the work and nothing else; the next work tries again. A file that turns out damaged is exchanged for a
new one, and the work is done there.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import structlog

from hearthline_gateway.outbox.opening import OutboxFile
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.trouble import OutboxFullError, damage_in, free_bytes, unwritable

log = structlog.get_logger(__name__)

T = TypeVar("T")
MAX_GROUP: Final = 256


class Weight(Enum):
    """What a job may cost."""

    LOOK = auto()
    """Only reads: done at once."""
    NOTE = auto()
    """Committed, and synced with the next promise or by the system in its own time."""
    PROMISE = auto()
    """On the disk before it is believed."""


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    weight: Weight
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        with suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.future.done():  # nobody waits any more; the work itself is done
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs functions over the connection in one thread, in the order they were handed in."""

    def __init__(self, file: OutboxFile, *, linger_s: float = 0.0, mended: Callable[[], None] | None = None) -> None:
        """Opens the file. ``linger_s`` is how long a commit waits for company; ``mended`` is called in the loop after a
        damaged file was exchanged while the gateway ran. Raises ``OutboxError``, but not for a full disk."""
        self._file = file
        self._linger_s = linger_s
        self._mended = mended
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._synced = True
        self._full_since: float | None = None
        self.synced_commits = 0
        """Commits that wrote something and waited for the disk, since the start."""
        with suppress(OutboxFullError):
            self._open()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether the last attempt to write found no room on the disk."""
        return self._full_since is not None

    async def do(self, work: Callable[[sqlite3.Connection], T], weight: Weight = Weight.PROMISE) -> T:
        """Run ``work`` inside a transaction; returns once it is committed. What it raises undoes only its own part."""
        if self._closed:
            raise OutboxError("the outbox is closed: the gateway is ending")
        loop = asyncio.get_running_loop()
        job = _Job(work, weight, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def close(self) -> None:
        """Finish what was handed in, then close the file."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        going_on = True
        while going_on:
            group, going_on = self._next_group()
            if group:
                self._handle(group)
        if self._connection is not None:
            self._connection.close()

    def _next_group(self) -> tuple[list[_Job], bool]:
        first = self._jobs.get()
        if first is None:
            return [], False
        group = [first]
        until = time.monotonic() + self._linger_s
        while len(group) < MAX_GROUP:
            waits = 0.0 if group[-1].weight is Weight.LOOK else until - time.monotonic()
            try:
                job = self._jobs.get(timeout=waits) if waits > 0 else self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _handle(self, group: list[_Job]) -> None:
        """Commit the group; once more in a new file when the old one turns out damaged."""
        try:
            try:
                self._commit(group)
            except sqlite3.Error as error:
                finding = damage_in(error)
                if finding is None:
                    raise
                self._exchange(finding, group[0].loop)
                self._commit(group)
        except (sqlite3.Error, OutboxError) as error:
            self._fail(group, error)
        for job in group:
            job.settle()

    def _fail(self, group: list[_Job], error: sqlite3.Error | OutboxError) -> None:
        words = error if isinstance(error, OutboxError) else unwritable(error, self._file.path)
        if isinstance(words, OutboxFullError):
            self._say_full(words)
        for job in group:
            job.error = words

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._file.open()
            except OutboxFullError as error:
                self._say_full(error)
                raise
            self._synced = True
        return self._connection

    def _exchange(self, finding: str, loop: asyncio.AbstractEventLoop) -> None:
        connection, self._connection = self._connection, None
        self._connection = self._file.mend(connection, finding)
        self._synced = True
        if self._mended is not None:
            with suppress(RuntimeError):  # the loop is gone: the next start looks at the new file by itself
                loop.call_soon_threadsafe(self._mended)

    def _commit(self, group: list[_Job]) -> None:
        db = self._open()
        self._sync_if(db, any(job.weight is Weight.PROMISE for job in group))
        try:
            db.execute("BEGIN IMMEDIATE")
            before = db.total_changes
            for job in group:
                self._perform(db, job)
            wrote = db.total_changes != before
            db.execute("COMMIT")
            self.synced_commits += wrote and self._synced
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        if wrote and self._full_since is not None:
            log.info("outbox_has_room_again", after_s=round(time.monotonic() - self._full_since, 1))
            self._full_since = None

    def _sync_if(self, db: sqlite3.Connection, wanted: bool) -> None:
        if wanted != self._synced:
            db.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._synced = wanted

    def _perform(self, db: sqlite3.Connection, job: _Job) -> None:
        job.error = None
        db.execute("SAVEPOINT job")
        try:
            job.result = job.work(db)
        except Exception as error:  # whatever it is belongs to the one who waits for this job
            if isinstance(error, sqlite3.Error) and damage_in(error) is not None:
                raise
            if not db.in_transaction:
                if isinstance(error, sqlite3.Error):
                    raise
                raise sqlite3.OperationalError(f"the whole transaction was given up: {error}") from error
            db.execute("ROLLBACK TO job")
            job.error = self._words(error)
        db.execute("RELEASE job")

    def _words(self, error: Exception) -> Exception:
        if not isinstance(error, sqlite3.Error):
            return error
        words = unwritable(error, self._file.path)
        if isinstance(words, OutboxFullError):
            self._say_full(words)
        return words

    def _say_full(self, error: OutboxFullError) -> None:
        if self._full_since is None:
            self._full_since = time.monotonic()
            log.error("outbox_full", reason=str(error), free_bytes=free_bytes(self._file.path))
