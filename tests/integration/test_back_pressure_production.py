"""InfluxDB, then PostgreSQL, away under load and back: nothing lost, nothing double, and the homes wait meanwhile."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import ClassVar, Protocol

import pytest

from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, InfluxServer, influx_readings, running_influxd
from tests.fixtures.outage import OVERRUN, Watched, load, wrong_counts
from tests.fixtures.postgresql import PostgresServer, migrated_database, running_postgresql

PER_S = 60
MEGABYTE = 1_000_000
pytestmark = INFLUXD_PATIENCE


class Away(Protocol):
    """Takes a store away and gives it back. ``away_s`` is for how long the test does."""

    away_s: ClassVar[float]

    async def leave(self) -> None:
        """Now it is away."""

    async def come(self) -> None:
        """Now it is back."""


class _Paused:
    """InfluxDB holds its connections and answers nothing."""

    away_s: ClassVar = 17.0
    """Longer than an answer is waited for."""

    def __init__(self, influxd: InfluxServer, _postgres: PostgresServer) -> None:
        self._server = influxd

    async def leave(self) -> None:
        self._server.pause()

    async def come(self) -> None:
        self._server.resume()


class _Killed:
    """InfluxDB ends at once, and starts again."""

    away_s: ClassVar = 6.0

    def __init__(self, influxd: InfluxServer, _postgres: PostgresServer) -> None:
        self._server = influxd

    async def leave(self) -> None:
        self._server.stop(signal.SIGKILL)

    async def come(self) -> None:
        self._server.start()  # not in a thread: it would end with the thread that started it


class _RecordsKilled:
    """PostgreSQL ends at once, and starts again."""

    away_s: ClassVar = 6.0

    def __init__(self, _influxd: InfluxServer, postgres: PostgresServer) -> None:
        self._server = postgres

    async def leave(self) -> None:
        self._server.kill()

    async def come(self) -> None:
        self._server.start()  # not in a thread: it would end with the thread that started it


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[InfluxServer, PostgresServer]]:
    """Of these tests alone: each leaves them running."""
    with running_influxd() as influxd, running_postgresql() as postgres:
        yield influxd, postgres


@pytest.mark.parametrize("how", [_Paused, _Killed, _RecordsKilled])
async def test_a_store_that_goes_away_costs_nothing(
    tmp_path: Path,
    servers: tuple[InfluxServer, PostgresServer],
    how: type[_Paused] | type[_Killed] | type[_RecordsKilled],
) -> None:
    watched = Watched()
    token = tmp_path / "influxdb-token"
    token.write_text(TOKEN)
    influxd, postgres = servers
    bucket = influxd.make_bucket()
    store: Away = how(influxd, postgres)
    async with migrated_database(postgres) as url, AsyncExitStack() as stack:
        records = SqlRecords.open(url)
        stack.push_async_callback(records.close)
        settings = {"READINGS_URL": bucket.url, "INFLUXDB_TOKEN_FILE": str(token), "RECORDS_URL": url}
        async with load(tmp_path, records, per_s=PER_S, **settings) as made:
            await made.homes.until(lambda: len(made.homes.lags) > 2 * PER_S)
            await store.leave()
            await made.through(how.away_s, watched)
            await store.come()
            caught_up_s = await made.caught_up(asyncio.get_running_loop().time(), within_s=40)
            assert (await made.backend.health())["stores"] == "taking"
            await made.rest()
        readings = await stack.enter_async_context(influx_readings(records, bucket))
        wrong = await wrong_counts(made, readings, records)
    assert wrong == []
    assert watched.said_delayed
    assert watched.under_way_most <= OVERRUN
    assert watched.answered_meanwhile <= OVERRUN, "what was under way when the store went"
    assert watched.rss_most - watched.rss_before < 50 * MEGABYTE
    assert caught_up_s < 15
