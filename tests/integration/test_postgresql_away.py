"""What a PostgreSQL that cannot do it now looks like from Records: unavailable, never a defect; and it comes back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from hearthline_backend.storage.ports import StoreBusyError, StoreUnavailableError
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.signals import signals
from hearthline_backend.storage.records.unit import Unit
from tests.fixtures.postgresql import PostgresServer, migrated_database, running_postgresql
from tests.fixtures.records import Household, seed


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that these tests may stop and kill; it takes few connections."""
    with running_postgresql(options=("max_connections=12", "superuser_reserved_connections=8")) as started:
        yield started


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[SqlRecords]:
    records = SqlRecords.open(url)
    try:
        yield records
    finally:
        await records.close()


@pytest.fixture
async def url(server: PostgresServer) -> AsyncIterator[str]:
    async with migrated_database(server) as address:
        yield address


@pytest.fixture
async def records(url: str) -> AsyncIterator[SqlRecords]:
    async with _opened(url) as opened:
        yield opened


async def _organisations(records: SqlRecords) -> int:
    async with records.read() as unit:
        return len(await unit.care.organisations())


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_away_and_back_without_a_new_start(records: SqlRecords, server: PostgresServer, how: str) -> None:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)
    try:
        getattr(server, how)()
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="records are not available"):
                await _organisations(records)
    finally:
        server.start()
    assert await _organisations(records) == 1


async def test_a_standby_is_away_until_it_is_promoted(records: SqlRecords, server: PostgresServer) -> None:
    signal = server.directory / "data" / "standby.signal"
    server.stop()
    signal.touch()
    server.start()
    try:
        with pytest.raises(StoreUnavailableError, match="TargetServerAttributeNotMatched"):
            await _organisations(records)
        operator = await server.connect()
        assert await operator.fetchval("SELECT pg_promote()")
        await operator.close()
        assert await _organisations(records) == 0
    finally:
        signal.unlink(missing_ok=True)


async def test_of_several_hosts_the_primary_is_found(url: str, tmp_path: Path) -> None:
    several = url.replace("?host=", f"?host={tmp_path}:5432&host=") + ":5432"  # nobody listens at the first
    async with _opened(several) as records:
        assert await _organisations(records) == 0
    heard: list[str] = []
    async with signals(several, "of_this_test", heard.append), signals(url, "of_this_test", heard.append) as other:
        await other.say(["here"])
        async with asyncio.timeout(20):
            while not heard:  # noqa: ASYNC110 - the other connection tells nobody
                await asyncio.sleep(0.01)
    assert heard == ["here"]


async def test_cut_off_in_the_middle_nothing_of_the_unit_stays(records: SqlRecords, server: PostgresServer) -> None:
    home = Household()

    async def write_and_be_cut() -> None:
        async with records.begin() as unit:
            await seed(unit, home)
            pid = await unit.connection.scalar(text("SELECT pg_backend_pid()"))
            operator = await server.connect()
            await operator.execute("SELECT pg_terminate_backend($1, 10000)", pid)
            await operator.close()
            await unit.care.organisations()

    with pytest.raises(StoreUnavailableError, match="records are not available"):
        await write_and_be_cut()
    assert await _organisations(records) == 0


async def test_a_cancelled_statement_is_tried_again_by_the_caller(records: SqlRecords) -> None:
    async def cancelled() -> None:
        async with records.begin() as unit:
            await unit.connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await unit.connection.execute(text("SELECT pg_sleep(20)"))

    with pytest.raises(StoreUnavailableError, match="QueryCanceledError, 57014"):
        await cancelled()
    assert await _organisations(records) == 0


async def test_a_lock_that_does_not_come_free_in_time(records: SqlRecords) -> None:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)

    async def wait_for_it() -> None:
        async with records.begin() as second:
            await second.connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
            await second.alerts.lock_patients([home.patient])

    async with records.begin() as first:
        await first.alerts.lock_patients([home.patient])
        with pytest.raises(StoreBusyError, match="LockNotAvailableError, 55P03"):
            await wait_for_it()
    await wait_for_it()


async def test_of_two_that_wait_for_each_other_one_may_try_again(records: SqlRecords) -> None:
    homes = [Household(), Household(gateway="home-0002", sensor="C0:00:00:00:00:02")]
    async with records.begin() as unit:
        for home in homes:
            await seed(unit, home)
    both = asyncio.Barrier(2)

    async def take(*order: Household) -> None:
        async with records.begin() as unit:
            for home in order:
                await unit.alerts.lock_patients([home.patient])
                if home is order[0]:
                    await both.wait()

    ends = await asyncio.gather(take(*homes), take(*reversed(homes)), return_exceptions=True)
    (error,) = [one for one in ends if one is not None]
    assert isinstance(error, StoreBusyError)
    assert "DeadlockDetectedError, 40P01" in str(error)


async def test_too_many_connections(url: str) -> None:
    held = 4  # what an account that is no superuser gets
    async with _opened(_as_nobody_special(url)) as records:
        async with _opened(url) as owner, owner.begin() as unit:
            await unit.connection.execute(text("CREATE ROLE app LOGIN"))
            await unit.connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO app"))
        ready, release = asyncio.Semaphore(0), asyncio.Event()

        async def hold() -> None:
            async with records.read() as unit:
                await unit.care.organisations()
                ready.release()
                await release.wait()

        holders = [asyncio.create_task(hold()) for _ in range(held)]
        try:
            for _ in holders:
                await asyncio.wait_for(ready.acquire(), 20)
            with pytest.raises(StoreUnavailableError, match="TooManyConnectionsError, 53300"):
                await _organisations(records)
        finally:
            release.set()
            await asyncio.gather(*holders)
        assert await _organisations(records) == 0


def _as_nobody_special(url: str) -> str:
    return url.replace("//hearthline@", "//app@")


async def test_what_would_come_again_is_no_outage(records: SqlRecords) -> None:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)

    async def twice(unit: Unit) -> None:
        await unit.care.add_plan(replace(home.plan, valid_from=home.since + timedelta(days=1)), created_at=home.since)

    async def with_unit() -> None:
        async with records.begin() as unit:
            await twice(unit)

    with pytest.raises(IntegrityError):
        await with_unit()


async def test_a_reading_unit_sees_one_moment_and_changes_nothing(records: SqlRecords) -> None:
    async with records.read() as reader:
        assert await reader.care.organisations() == []
        async with records.begin() as writer:
            await seed(writer, Household())
        assert await reader.care.organisations() == []

    async def write() -> None:
        async with records.read() as unit:
            await seed(unit, Household(team=uuid4()))

    with pytest.raises(DBAPIError, match="read-only transaction"):
        await write()
    assert await _organisations(records) == 1
