"""`hearthline serve` as a process: real broker, real stores, real judge; killed, started again, told to stop."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from hearthline_backend.storage.schema import alerts
from tests.fixtures.broker import Broker, free_port, running_broker
from tests.fixtures.home_client import home_client
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed, temporary_records

WITHIN_S = 30
HOUSEHOLD = Household()


class Backend:
    """One run of the command."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, lines: list[dict[str, Any]]) -> None:
        self.process = process
        self.url = url
        self.lines = lines

    async def health(self) -> dict[str, Any]:
        """What it says of itself."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/healthz") as response:
            assert response.status == 200
            found: dict[str, Any] = await response.json()
            return found

    async def stopped(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it; the exit code and what it still said."""
        self.process.send_signal(how)
        _, rest = await asyncio.wait_for(self.process.communicate(), WITHIN_S)
        return self.process.returncode or 0, rest.decode()


def _environment(directory: Path, broker: Broker | None) -> Mapping[str, str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("HEARTHLINE_")}
    mqtt = "mqtt://127.0.0.1:1" if broker is None else broker.url
    return own | {
        "HEARTHLINE_PROFILE": "demo",
        "HEARTHLINE_DATA_DIR": str(directory),
        "HEARTHLINE_MQTT_URL": mqtt,
    }


async def _spawn(directory: Path, broker: Broker | None, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hearthline_backend.cli",
        "serve",
        *arguments,
        env=_environment(directory, broker),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(directory: Path, broker: Broker | None, *arguments: str) -> AsyncIterator[Backend]:
    """Started and ready."""
    process = await _spawn(directory, broker, *(arguments or ("--port", "0")))
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            while not lines or lines[-1]["event"] != "serving":
                line = await process.stderr.readline()
                assert line, f"it ended: {lines}"
                lines.append(json.loads(line))
        yield Backend(process, lines[-1]["url"], lines)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


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
            async with serving(tmp_path, broker) as backend:
                async with asyncio.timeout(WITHIN_S):
                    while (await backend.health())["broker"] != "connected":  # noqa: ASYNC110  # it can only be asked
                        await asyncio.sleep(0.02)
                home.send(batch(reading), name)
                payload, correlation = await home.receipt()
                assert correlation == name
                assert json.loads(payload)["readings"][0]["status"] == "stored"
                assert _stored(tmp_path, reading.id.bytes) == 1
                await backend.stopped(signal.SIGKILL)
    async with temporary_records(tmp_path) as records, records.read() as unit:
        assert await unit.judgements.known([reading.id]) == {reading.id}
        rows = (await unit.connection.execute(select(alerts.c.patient_id, alerts.c.level))).all()
    assert [tuple(row) for row in rows] == [(HOUSEHOLD.patient, "red")]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    async with serving(tmp_path, None) as backend:
        assert (await backend.health())["stores"] == "taking"
        code, rest = await backend.stopped(how)
        assert code == 0
        assert "Traceback" not in rest
        assert "stopped" in rest
    assert backend.lines[0]["event"] == "starting"


async def test_a_taken_port_is_said_or_searched_past(tmp_path: Path) -> None:
    port = str(free_port())
    async with serving(tmp_path / "one", None, "--port", port):
        process = await _spawn(tmp_path / "two", None, "--port", port)
        _, said = await asyncio.wait_for(process.communicate(), WITHIN_S)
        assert process.returncode == 1
        assert f"port {port}" in said.decode()
        assert "Traceback" not in said.decode()
        async with serving(tmp_path / "two", None, "--port", port, "--port-search") as other:
            assert other.url != f"http://127.0.0.1:{port}"
