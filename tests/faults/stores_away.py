"""A store of the backend that is away under a steady load, and comes back."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from hearthline_backend.storage.embedded import EmbeddedReadings
from tests.faults.outcome import Outcome
from tests.fixtures.outage import RECEIVE_MAXIMUM, Watched, load, locked, wrong_counts
from tests.fixtures.records import temporary_records

_PER_S = 100
_MEGABYTE = 1_000_000
_CAUGHT_UP_WITHIN_S = 120.0


async def locked_readings(folder: Path, *, away_s: float) -> Outcome:
    """Another process holds the readings file so long; the homes wait, and nothing is lost or doubled."""
    watched = Watched()
    file = folder / "readings.sqlite3"
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(temporary_records(folder))
        async with load(folder, records, per_s=_PER_S) as made:
            await made.homes.until(lambda: len(made.homes.lags) > _PER_S)
            async with locked(file):
                await made.through(away_s, watched)
            back = asyncio.get_running_loop().time()
            caught_up_s = await made.caught_up(back, _CAUGHT_UP_WITHIN_S)
            await made.rest(_CAUGHT_UP_WITHIN_S)
        readings = await EmbeddedReadings.open(file)
        stack.push_async_callback(readings.close)
        wrong = await wrong_counts(made, readings, records)
    grown = (watched.rss_most - watched.rss_before) / _MEGABYTE
    failures = [
        *wrong,
        *([] if watched.said_delayed else ["nobody was told that data is delayed"]),
        *([f"{watched.under_way_most} messages were under way"] if watched.under_way_most > RECEIVE_MAXIMUM else []),
        *([f"memory grew by {grown:.0f} MB"] if grown > 50 else []),
    ]
    sent = {one for _, one in made.sent}
    return Outcome(
        "readings file locked",
        f"{away_s:.0f} s at {_PER_S} readings a second, at most {watched.under_way_most} messages under way, memory "
        f"grew by {grown:.0f} MB, {caught_up_s:.1f} s after it came back receipts took less than 1 s again",
        kept=len(sent),
        stored=len(sent) if not wrong else 0,
        lost=0,
        twice=0,
        failures=tuple(failures),
    )
