"""When what is held is tried again: at the start, soon after homes or claims were changed, and now and then."""

import asyncio
from typing import Final

import structlog

from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.storage.ports import Records, StoreUnavailableError

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 5.0
"""How often we look whether gateways, meters, assignments or claims were changed, by whatever process."""
ALL_EVERY_S: Final = 300.0
"""How often everything is tried whether or not anything was changed."""


class HeldRetry:
    """Runs until it is cancelled."""

    def __init__(self, ingest: Ingest, records: Records, look_every_s: float = LOOK_EVERY_S) -> None:
        self._ingest = ingest
        self._records = records
        self._look_every_s = look_every_s

    async def run(self) -> None:
        """Look and retry, for ever; an outage of a store only postpones it."""
        loop = asyncio.get_running_loop()
        seen = -1
        due = loop.time()
        while True:
            try:
                async with self._records.read() as unit:
                    found = await unit.revisions.number("homes")
                if found != seen or loop.time() >= due:
                    released = await self._ingest.retry_held()
                    seen, due = found, loop.time() + ALL_EVERY_S
                    if released:
                        log.info("held_released", rows=released)
            except StoreUnavailableError as error:
                log.info("held_not_tried", reason=str(error))
            await asyncio.sleep(self._look_every_s)
