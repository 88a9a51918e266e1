"""The one thread that touches the outbox file.

Work that waits when the thread comes round is committed together: on a memory card one sync costs tens of milliseconds,
and five meters that talk at once should pay for it once.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from hearthline_gateway.outbox.schema import OutboxError

T = TypeVar("T")
MAX_GROUP: Final = 256


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
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

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()
        self._closed = False

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` inside a transaction; returns once it is committed. What it raises undoes only its own part."""
        if self._closed:
            raise OutboxError("the outbox is closed: the gateway is ending")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
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
                self._commit(group)
        self._connection.close()

    def _next_group(self) -> tuple[list[_Job], bool]:
        first = self._jobs.get()
        if first is None:
            return [], False
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _commit(self, group: list[_Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._perform(job)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for job in group:
                job.error = _unwritable(error)
        for job in group:
            job.settle()

    def _perform(self, job: _Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except Exception as error:  # whatever it is belongs to the one who waits for this job
            if not self._connection.in_transaction:
                raise sqlite3.OperationalError(f"the whole transaction was given up: {error}") from error
            self._connection.execute("ROLLBACK TO job")
            job.error = _unwritable(error) if isinstance(error, sqlite3.Error) else error
        self._connection.execute("RELEASE job")


def _unwritable(error: Exception) -> OutboxError:
    return OutboxError(f"the outbox could not be written: {error}. Look at the disk's free space and health")
