"""One look at every queue of what is due, so that the jobs of empty queues need not look each by itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from hearthline_backend.due import Job
from hearthline_backend.storage.ports import Records, StoreUnavailableError
from hearthline_backend.storage.records.due_rows import Queue

_EVERY: Final = frozenset(Queue)
_NONE: Final = frozenset[Queue]()


class DueLook:
    """:meth:`look` is the first job of a round. As soon as a job of the round has done something, the later ones look
    for themselves: what it did may be their work."""

    def __init__(self, records: Records, *, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._clock = clock
        self._due = _EVERY

    async def look(self) -> int:
        """See which queues are due; it does nothing itself. While Records is away, none is. Raises
        ``StoreUnavailableError``."""
        self._due = _EVERY
        try:
            async with self._records.read() as unit:
                self._due = await unit.due_rows.due_queues(self._clock())
        except StoreUnavailableError:
            self._due = _NONE
            raise
        return 0

    def only(self, queue: Queue, job: Job) -> Job:
        """``job``, run where its queue is due."""

        async def where_due() -> int:
            if queue not in self._due:
                return 0
            done = await job()
            if done:
                self._due = _EVERY
            return done

        return where_due
