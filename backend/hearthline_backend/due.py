"""The tick: what is due is a row, and this only looks whether its time has come.

Every second, and at once after a commit that made something due (:meth:`Due.wake`). APScheduler holds nothing but the
tick, in memory: its job stores must never be shared, and its one-second misfire grace would silently skip work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from hearthline_backend.storage.ports import StoreUnavailableError

log = structlog.get_logger(__name__)

TICK_S: Final = 1.0
SAID_EVERY_S: Final = 60.0
"""How often the log says that a store which is away holds everything up."""

Job = Callable[[], Awaitable[int]]
"""Does what is due now and says how many things that were; it never waits for the world outside."""


class Due:
    """Runs its jobs one after the other, in order, again as long as any of them found something."""

    def __init__(self, tick_s: float = TICK_S) -> None:
        self._jobs: tuple[Job, ...] = ()
        self._tick_s = tick_s
        self._woken = asyncio.Event()
        self._scheduler: AsyncIOScheduler | None = None
        self._loop: asyncio.Task[None] | None = None
        self._ending = False
        self._round_at = monotonic()
        self._said_at: float | None = None
        self._unsaid = 0

    @property
    def round_age_s(self) -> float:
        """How long ago every job was last gone through, or begun with."""
        return monotonic() - self._round_at

    def start(self, jobs: Sequence[Job]) -> None:
        """Begin; the first look is taken at once, so that what fell due while nobody ran is not late any longer."""
        self._jobs = tuple(jobs)
        self._round_at = monotonic()
        self._loop = asyncio.create_task(self._run(), name="due")
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._scheduler.add_job(
            self._tick, "interval", seconds=self._tick_s, misfire_grace_time=None, coalesce=True, max_instances=1
        )
        self._scheduler.start()
        self.wake()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def finish(self) -> None:
        """Finish the round under way and begin no other."""
        self._ending = True
        self.wake()
        if self._loop is not None:
            await asyncio.wait({self._loop})

    async def stop(self) -> None:
        """End, between two jobs or in the middle of one: a transaction cut off is rolled back and done again."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _tick(self) -> None:
        self.wake()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            if self._ending:
                return
            self._woken.clear()
            for job in self._jobs:
                if await self._attempt(job):
                    self._woken.set()
            self._round_at = monotonic()

    async def _attempt(self, job: Job) -> int:
        try:
            return await job()
        except StoreUnavailableError as error:
            self._has_to_wait(error)
        except Exception:  # one defect must not stop every call of every team; it is logged, and tried again
            log.exception("due_job_failed")
        return 0

    def _has_to_wait(self, error: StoreUnavailableError) -> None:
        """A store may be away for hours, and is tried every second."""
        self._unsaid += 1
        now = monotonic()
        if self._said_at is None or now - self._said_at >= SAID_EVERY_S:
            log.warning("due_has_to_wait", reason=str(error), times=self._unsaid)
            self._said_at, self._unsaid = now, 0
