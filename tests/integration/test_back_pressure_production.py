"""InfluxDB, then PostgreSQL, away under load and back: nothing lost, nothing double, and the homes wait meanwhile."""

import asyncio
import signal
from pathlib import Path
from typing import Protocol

import pytest

from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, InfluxServer, running_influxd
from tests.fixtures.outage import RECEIVE_MAXIMUM, Watched, load, wrong_counts
from tests.fixtures.postgresql import PostgresServer, migrated_database, running_postgresql

PER_S = 60
AWAY_S = 10
MEGABYTE = 1_000_000
pytestmark = INFLUXD_PATIENCE


class Away(Protocol):
    """Takes a store away and gives it back."""

    async def leave(self) -> None:
        """Now it is away."""

    async def come(self) -> None:
        """Now it is back."""


class _Paused:
    """InfluxDB holds its connections and answers nothing."""

    def __init__(self, influxd: InfluxServer, _postgres: PostgresServer) -> None:
        self._server = influxd

    async def leave(self) -> None:
        self._server.pause()

    async def come(self) -> None:
        self._server.resume()


class _Killed:
    """InfluxDB ends at once, and starts again."""

    def __init__(self, influxd: InfluxServer, _postgres: PostgresServer) -> None:
        self._server = influxd

    async def leave(self) -> None:
        await asyncio.to_thread(self._server.stop, signal.SIGKILL)

    async def come(self) -> None:
        await asyncio.to_thread(self._server.start)


class _RecordsKilled:
    """PostgreSQL ends at once, and starts again."""

    def __init__(self, _influxd: InfluxServer, postgres: PostgresServer) -> None:
        self._server = postgres

    async def leave(self) -> None:
        await asyncio.to_thread(self._server.kill)

    async def come(self) -> None:
        await asyncio.to_thread(self._server.start)


@pytest.mark.parametrize("how", [_Paused, _Killed, _RecordsKilled])
async def test_a_store_that_goes_away_costs_nothing(
    tmp_path: Path, how: type[_Paused] | type[_Killed] | type[_RecordsKilled]
) -> None:
    watched = Watched()
    token = tmp_path / "influxdb-token"
    token.write_text(TOKEN)
    with running_influxd() as influxd, running_postgresql() as postgres:
        bucket = influxd.make_bucket()
        async with migrated_database(postgres) as url:
            records = SqlRecords.open(url)
            settings = {"READINGS_URL": bucket.url, "INFLUXDB_TOKEN_FILE": str(token), "RECORDS_URL": url}
            async with load(tmp_path, records, per_s=PER_S, **settings) as made:
                await made.homes.until(lambda: len(made.homes.lags) > 2 * PER_S)
                store: Away = how(influxd, postgres)
                await store.leave()
                await made.through(AWAY_S, watched)
                await store.come()
                caught_up_s = await made.caught_up(asyncio.get_running_loop().time(), within_s=30)
                assert (await made.backend.health())["stores"] == "taking"
                await made.rest()
            readings = await InfluxReadings.open(records, InfluxConnection.open(InfluxAddress.parse(bucket.url), TOKEN))
            wrong = await wrong_counts(made, readings, records)
            await readings.close()
            await records.close()
    assert wrong == []
    assert watched.under_way_most <= RECEIVE_MAXIMUM
    assert watched.answered_meanwhile <= RECEIVE_MAXIMUM, "what was under way when the store went"
    assert watched.rss_most - watched.rss_before < 50 * MEGABYTE
    assert watched.said_delayed or how is _Paused, "a server that says nothing is waited for, until its time is up"
    assert caught_up_s < 15
