"""The readings file locked by another process under load, and free again: nothing lost, nothing double, and the homes
wait meanwhile. ``make faults`` does it for ten minutes."""

import asyncio
from pathlib import Path

from hearthline_backend.storage.embedded import EmbeddedReadings
from tests.fixtures.outage import OVERRUN, RECEIVE_MAXIMUM, Watched, load, locked, wrong_counts
from tests.fixtures.records import temporary_records

PER_S = 100
AWAY_S = 14
"""Longer than the store waits for a lock before it says that it is away."""
MEGABYTE = 1_000_000


async def test_a_locked_file_holds_the_homes_back_and_costs_nothing(tmp_path: Path) -> None:
    watched = Watched()
    file = tmp_path / "readings.sqlite3"
    async with temporary_records(tmp_path) as records:
        async with load(tmp_path, records, per_s=PER_S) as made:
            await made.homes.until(lambda: len(made.homes.lags) > 2 * PER_S)
            assert (await made.backend.health())["stores"] == "taking"
            async with locked(file):
                await made.through(AWAY_S, watched)
            caught_up_s = await made.caught_up(asyncio.get_running_loop().time(), within_s=20)
            assert (await made.backend.health())["stores"] == "taking"
            await made.rest()
        readings = await EmbeddedReadings.open(file)
        wrong = await wrong_counts(made, readings, records)
        await readings.close()
    assert wrong == []
    assert watched.said_delayed
    assert watched.answered_meanwhile <= OVERRUN, "what was under way when the lock was taken"
    assert RECEIVE_MAXIMUM <= watched.under_way_most <= OVERRUN, "the broker holds back what is not acknowledged"
    assert watched.rss_most - watched.rss_before < 50 * MEGABYTE
    assert caught_up_s < 10
