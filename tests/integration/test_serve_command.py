"""`hearthline serve` as a process: real broker, real stores, real judge; killed, started again, told to stop."""

import asyncio
import json
import signal
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hearthline_backend.storage.schema import alerts
from tests.fixtures.backend_process import WITHIN_S, backend_process, spawn
from tests.fixtures.broker import free_port, running_broker
from tests.fixtures.home_client import home_client
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed, temporary_records

HOUSEHOLD = Household()


def _stored(directory: Path, reading_id: bytes) -> int:
    connection = sqlite3.connect(directory / "readings.sqlite3")
    (count,) = connection.execute("SELECT count(*) FROM readings WHERE id = ?", (reading_id,)).fetchone()
    connection.close()
    return int(count)


async def test_from_a_publish_to_an_alert_once_however_often_it_is_killed(tmp_path: Path) -> None:
    async with temporary_records(tmp_path) as records, records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    now = datetime.now(UTC)
    reading = pressure(186, 112, received_time=now, effective_time=now - timedelta(seconds=2))
    async with running_broker(tmp_path / "broker") as broker, home_client(broker, HOUSEHOLD.gateway) as home:
        for name in (b"first", b"again"):
            async with backend_process(tmp_path, broker) as backend:
                await backend.ready()
                home.send(batch(reading), name)
                payload, correlation = await home.receipt()
                assert correlation == name
                assert json.loads(payload)["readings"][0]["status"] == "stored"
                assert _stored(tmp_path, reading.id.bytes) == 1
                assert await backend.stopped(signal.SIGKILL) == -signal.SIGKILL
    async with temporary_records(tmp_path) as records, records.read() as unit:
        assert await unit.judgements.known([reading.id]) == {reading.id}
        rows = (await unit.connection.execute(select(alerts.c.patient_id, alerts.c.level))).all()
    assert [tuple(row) for row in rows] == [(HOUSEHOLD.patient, "red")]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    async with backend_process(tmp_path, None) as backend:
        assert (await backend.health())["stores"] == "taking"
        assert await backend.stopped(how) == 0
    assert not [line for line in backend.lines if "exception" in line]
    assert backend.lines[-1]["event"] == "stopped"
    assert backend.lines[0]["event"] == "starting"


async def test_a_taken_port_is_said_or_searched_past(tmp_path: Path) -> None:
    port = str(free_port())
    async with backend_process(tmp_path / "one", None, "--port", port):
        process = await spawn(tmp_path / "two", None, "--port", port)
        _, said = await asyncio.wait_for(process.communicate(), WITHIN_S)
        assert process.returncode == 1
        assert f"port {port}" in said.decode()
        assert "Traceback" not in said.decode()
        async with backend_process(tmp_path / "two", None, "--port", port, "--port-search") as other:
            assert other.url != f"http://127.0.0.1:{port}"
