"""Told to stop under load, the backend finishes what it has in hand; told twice, or where a store hangs, it goes."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from hearthline_backend.operations.stopping import DRAIN_WITHIN_S, END_WITHIN_S
from tests.fixtures.backend_process import BackendProcess, Command, backend_process
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.home_client import HomeClient, home_client
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed, temporary_records

HOUSEHOLD = Household()
BEGUN = 300
"""So many receipts, and the load has begun."""
AT_ONCE = 500
MOST = 120_000
"""Far more than a backend settles between being told to stop and its end."""
LOGGED = ("allow_anonymous true", "log_type all", "connection_messages true")
FAR_S = 3.0
"""A busy machine's slack over a bound."""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with temporary_records(tmp_path) as records, records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    async with running_broker(tmp_path / "broker", options=LOGGED) as running:
        yield running


def stored(directory: Path) -> set[str]:
    connection = sqlite3.connect(directory / "readings.sqlite3")
    found = {bytes(row[0]).hex() for row in connection.execute("SELECT id FROM readings")}
    connection.close()
    return found


def judged(directory: Path) -> int:
    connection = sqlite3.connect(directory / "records.sqlite3")
    (count,) = connection.execute("SELECT count(*) FROM judged").fetchone()
    connection.close()
    return int(count)


def acknowledged(broker: Broker) -> int:
    """How many messages the backend has acknowledged, by the broker's own log."""
    lines = broker.log.splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith("/readings (QoS 1)"))
    backend = lines[at - 1].rpartition(" ")[2]
    return sum(f"Received PUBACK from {backend} " in line for line in lines)


@asynccontextmanager
async def settled_ids(home: HomeClient) -> AsyncIterator[set[str]]:
    """The ids that a receipt has named, as the receipts come."""
    ids: set[str] = set()

    async def listen() -> None:
        while True:
            payload, _ = await home.receipt()
            ids.update(entry["id"].replace("-", "") for entry in json.loads(payload)["readings"])

    task = asyncio.create_task(listen())
    try:
        yield ids
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def load(home: HomeClient, backend: BackendProcess, ids: set[str]) -> AsyncIterator[list[int]]:
    """More readings all the time, a bounded number ahead of their receipts, until the process has ended; how many were
    sent is in the list then."""
    sent = [0]

    async def go_on() -> None:
        while backend.process.returncode is None and sent[0] < MOST:
            if sent[0] < len(ids) + 4 * AT_ONCE:
                await asyncio.to_thread(send, home, AT_ONCE)
                sent[0] += AT_ONCE
            await asyncio.sleep(0.002)

    task = asyncio.create_task(go_on())
    try:
        yield sent
    finally:
        await task


def send(home: HomeClient, count: int) -> None:
    """So many readings, one a message."""
    now = datetime.now(UTC)
    for number in range(count):
        at = now - timedelta(seconds=count - number)
        home.send(batch(pressure(130, 80, received_time=at, effective_time=at)), f"batch-{number}".encode())


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_under_load_what_is_acknowledged_is_stored_and_what_is_stored_has_its_receipt(
    tmp_path: Path, broker: Broker, command: Command
) -> None:
    async with home_client(broker, HOUSEHOLD.gateway) as home, settled_ids(home) as ids:
        async with backend_process(tmp_path, broker, command=command, MQTT_SHARE="workers") as backend:
            await backend.ready()
            async with load(home, backend, ids) as sent:
                async with asyncio.timeout(30):
                    while len(ids) < BEGUN:  # noqa: ASYNC110  # the load has begun; whoever sends tells nobody
                        await asyncio.sleep(0.005)
                began = monotonic()
                assert await backend.stopped() == 0
                assert monotonic() - began < END_WITHIN_S + FAR_S
        kept = stored(tmp_path)
        async with asyncio.timeout(20):
            while len(ids) < len(kept):  # noqa: ASYNC110  # the broker still hands out what it was given
                await asyncio.sleep(0.02)
    assert ids == kept, "a receipt for each stored reading, and for no other"
    assert len(kept) < sent[0] < MOST, "it was stopped under load"
    assert acknowledged(broker) == len(kept)
    assert judged(tmp_path) == len(kept)
    assert backend.events("not_drained") == []
    assert backend.lines[-1]["event"] == "stopped"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Nobody else can write records."""
    connection = sqlite3.connect(directory / "records.sqlite3", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def stuck(backend: BackendProcess, home: HomeClient) -> None:
    """One message is in hand and cannot be settled."""
    send(home, 1)
    async with asyncio.timeout(20):
        while True:
            _, page = await backend.get("/metrics")
            if "\nhearthline_ingest_in_hand_messages 1.0\n" in page:
                return
            await asyncio.sleep(0.05)


async def test_told_twice_it_ends_at_once(tmp_path: Path, broker: Broker) -> None:
    async with home_client(broker, HOUSEHOLD.gateway) as home, backend_process(tmp_path, broker) as backend:
        await backend.ready()
        with held(tmp_path):
            await stuck(backend, home)
            backend.process.send_signal(signal.SIGTERM)
            await backend.said("stopping")
            began = monotonic()
            assert await backend.stopped(signal.SIGTERM) == -signal.SIGTERM
            assert monotonic() - began < DRAIN_WITHIN_S
        assert stored(tmp_path) == set() or judged(tmp_path) == 0
        assert acknowledged(broker) == 0


async def test_a_store_that_hangs_does_not_keep_it_for_ever(tmp_path: Path, broker: Broker) -> None:
    async with home_client(broker, HOUSEHOLD.gateway) as home:
        async with backend_process(tmp_path, broker) as backend:
            await backend.ready()
            with held(tmp_path):
                await stuck(backend, home)
                began = monotonic()
                code = await backend.stopped()
                assert monotonic() - began < END_WITHIN_S + FAR_S
        assert code in (0, -signal.SIGALRM)
        (line,) = backend.events("not_drained")
        assert "messages in hand" in line["unfinished"]
        assert acknowledged(broker) == 0
        assert judged(tmp_path) == 0
        async with backend_process(tmp_path, broker) as again:
            await again.ready()
            send(home, 1)
            payload, _ = await home.receipt()
            assert json.loads(payload)["readings"][0]["status"] == "stored"
