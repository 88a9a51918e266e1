"""Figures that cost a query: asked at a scrape, at most every 15 s, and never twice at once."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from hearthline_backend.operations.metrics import STATUSES, Metrics
from hearthline_backend.storage.operating_figures import Overdue, operating_figures
from hearthline_backend.storage.ports import Records, StoreUnavailableError

log = structlog.get_logger(__name__)

KEPT_FOR_S: Final = 15.0
WITHIN_S: Final = 1.5


class RecordsFigures:
    """Puts what Records say into the metrics. While they do not answer, the figures stay as they were."""

    def __init__(self, records: Records, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._metrics = metrics
        self._clock = clock
        self._until = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Ask again if it is time, and wait a moment for the answer."""
        loop = asyncio.get_running_loop()
        if self._asking is None and loop.time() >= self._until:
            self._asking = asyncio.create_task(self._ask(), name="figures")
        asking = self._asking
        if asking is None:
            return
        await asyncio.wait({asking}, timeout=WITHIN_S)
        if asking.done() and self._asking is asking:
            self._asking = None
            self._until = loop.time() + KEPT_FOR_S

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        now = self._clock()
        try:
            async with self._records.read() as unit:
                found = await operating_figures(unit, now)
        except StoreUnavailableError as error:
            log.info("figures_not_read", reason=str(error))
            return
        for status in STATUSES:
            self._metrics.quarantined(status, found.quarantined.get(status, 0))
        self._metrics.overdue("task", found.tasks.count, _age(found.tasks, now))
        self._metrics.unowned_reds(found.unowned_reds.count, _age(found.unowned_reds, now))
        self._metrics.overdue("notification", found.notifications.count, _age(found.notifications, now))


def _age(overdue: Overdue, now: datetime) -> float:
    return 0.0 if overdue.oldest is None else max(0.0, (now - overdue.oldest).total_seconds())
