"""The tick while a store is away: it goes on trying, and says so now and then."""

import asyncio

from structlog.testing import capture_logs

from hearthline_backend.due import Due
from hearthline_backend.storage.ports import StoreUnavailableError


async def test_a_store_that_is_away_is_tried_on_and_told_of_once_a_minute() -> None:
    tried = asyncio.Semaphore(0)

    async def away() -> int:
        tried.release()
        raise StoreUnavailableError("records are away")

    due = Due(tick_s=60)
    with capture_logs() as logs:
        due.start([away])
        for _ in range(5):
            await asyncio.wait_for(tried.acquire(), 10)
            due.wake()
        await due.stop()
    said = [one for one in logs if one["event"] == "due_has_to_wait"]
    assert [(one["reason"], one["times"]) for one in said] == [("records are away", 1)]
