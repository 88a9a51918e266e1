"""Marks that data of every home can come, so that nobody takes our own absence for a home's silence."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from hearthline_backend.storage.ports import Records, StoreUnavailableError

log = structlog.get_logger(__name__)

EVERY_S: Final = 30.0


class IntakeMarks:
    """``comes`` says whether readings come and are taken at this moment, as far as this process knows."""

    def __init__(self, records: Records, comes: Callable[[], bool], clock: Callable[[], datetime]) -> None:
        self._records = records
        self._comes = comes
        self._clock = clock

    async def run(self) -> None:
        """Mark for ever, now and then."""
        while True:
            try:
                await self.mark()
            except StoreUnavailableError as error:
                log.warning("intake_not_marked", reason=str(error))
            await asyncio.sleep(EVERY_S)

    async def mark(self) -> None:
        """Mark once, and watch whoever is not watched yet."""
        if self._comes():
            now = self._clock()
            async with self._records.begin() as unit:
                await unit.silence.mark_intake(now)
                await unit.silence.take_up(now)
