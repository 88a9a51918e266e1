"""`/readyz` and `/metrics` of the real processes: what they say while all is well and while it is not, and to whom."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hearthline_protocol.readings import Reading
from tests.fixtures.backend_process import WITHIN_S, BackendProcess, backend_process, spawn
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.home_client import home_client
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import CUFF, Household, seed, temporary_records

HOUSEHOLD = Household()
CHECKS = {"running", "records", "readings", "broker", "ingest", "due"}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with temporary_records(tmp_path) as records, records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    async with running_broker(tmp_path / "broker") as running:
        yield running


def measured() -> Reading:
    at = datetime.now(UTC) - timedelta(seconds=5)
    return pressure(131, 84, received_time=at, effective_time=at)


async def figures(backend: BackendProcess, url: str | None = None) -> dict[str, float]:
    """Every figure by its name and its labels' texts."""
    status, page = await backend.get("/metrics", url=url)
    assert status == 200
    return {
        " ".join([sample.name, *(text for _, text in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


async def test_what_came_in_is_counted_and_nobody_is_named(tmp_path: Path, broker: Broker) -> None:
    async with (
        backend_process(tmp_path, broker) as backend,
        home_client(broker, HOUSEHOLD.gateway) as home,
    ):
        assert set(await backend.ready()) == CHECKS
        reading = measured()
        for payload in (batch(reading), batch(reading), b"not json"):
            home.send(payload, b"one-batch")
            await home.receipt()
        found: dict[str, float] = {}
        awaited = {"hearthline_ingest_acknowledged_messages_total": 3, "hearthline_event_loop_lag_seconds_count": 1}
        async with asyncio.timeout(WITHIN_S):
            while any(found.get(name, 0) < count for name, count in awaited.items()):
                found = await figures(backend)
        _, page = await backend.get("/metrics")
    expected = {
        "hearthline_ingest_messages_total": 3,
        "hearthline_ingest_readings_total stored": 1,
        "hearthline_ingest_readings_total repeated": 1,
        "hearthline_ingest_judged_readings_total": 1,
        "hearthline_ingest_refused_total not_json rejected": 1,
        "hearthline_ingest_receipts_total sent": 3,
        "hearthline_ingest_lag_seconds_count": 3,
        "hearthline_ingest_in_hand_messages": 0,
        "hearthline_ingest_queue_messages": 0,
        "hearthline_uplink_connected": 1,
        "hearthline_uplink_connections_total": 1,
        "hearthline_store_errors_total records": 0,
        "hearthline_due_overdue notification": 0,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["hearthline_readings_write_seconds_count"] >= 1
    assert found["process_resident_memory_bytes"] > 0
    for word in (HOUSEHOLD.gateway, str(HOUSEHOLD.patient), CUFF, "131", "one-batch", str(reading.id)):
        assert f'"{word}"' not in page


async def test_rows_in_quarantine_are_counted_by_status(tmp_path: Path, broker: Broker) -> None:
    async with home_client(broker, "home-9999") as stranger, backend_process(tmp_path, broker) as backend:
        await backend.ready()
        stranger.send(batch(measured()), b"held")
        await stranger.receipt()
        found = await figures(backend)
    assert found["hearthline_quarantine_rows held"] == 1
    assert found["hearthline_ingest_refused_total unknown_gateway held"] == 1


async def test_without_its_broker_it_serves_and_is_not_ready_until_it_is_back(tmp_path: Path, broker: Broker) -> None:
    async with backend_process(tmp_path, broker) as backend:
        await backend.ready()
        await broker.kill()
        checks = await backend.ready(wanted=False)
        assert {name for name, check in checks.items() if not check["ok"]} == {"broker"}
        assert "mqtt_url" in checks["broker"]["next_step"]
        since = datetime.fromisoformat(checks["broker"]["since"])
        assert datetime.now(UTC) - since < timedelta(seconds=WITHIN_S)
        assert (await backend.health())["serving"]
        assert (await figures(backend))["hearthline_uplink_connected"] == 0
        await broker.start()
        await backend.ready()
        assert (await figures(backend))["hearthline_uplink_connections_total"] == 2


async def test_beside_the_site_they_are_for_callers_on_this_machine_alone(tmp_path: Path, broker: Broker) -> None:
    async with backend_process(tmp_path, broker) as backend:
        for path in ("/readyz", "/metrics"):
            assert (await backend.get(path))[0] in (200, 503)
            for header in ("X_Forwarded_For", "Forwarded", "Via"):
                status, text = await backend.get(path, **{header: "for=203.0.113.9"})
                assert status == 404
                assert "hearthline_" not in text


async def test_in_production_they_have_a_port_of_their_own(tmp_path: Path, broker: Broker) -> None:
    password = tmp_path / "password"
    password.write_text("a password")

    def production(port: int) -> AbstractAsyncContextManager[BackendProcess]:
        return backend_process(
            tmp_path,
            broker,
            PROFILE="production",
            PUBLIC_URL="https://hearthline.example.org",
            MQTT_USERNAME="backend",
            MQTT_PASSWORD_FILE=str(password),
            OPERATIONS_PORT=str(port),
        )

    async with production(0) as backend:
        taken = (await backend.said("answering_operations"))["port"]
        apart = f"http://127.0.0.1:{taken}"
        status, text = await backend.get("/healthz", url=apart)
        assert (status, json.loads(text)["serving"]) == (200, True)
        assert "hearthline_uplink_connected" in await figures(backend, apart)
        assert (await backend.get("/readyz", url=apart))[0] in (200, 503)
        assert (await backend.get("/login", url=apart))[0] == 404
        assert (await backend.get("/healthz"))[0] == 200
        for path in ("/readyz", "/metrics"):
            assert (await backend.get(path))[0] == 404
    async with production(taken):
        second = await spawn(tmp_path, broker, OPERATIONS_PORT=str(taken))
        _, said = await asyncio.wait_for(second.communicate(), WITHIN_S)
        assert second.returncode == 1
        assert b"another operations_port" in said
        assert b"Traceback" not in said


async def test_a_worker_takes_readings_beside_a_site_that_takes_none(tmp_path: Path, broker: Broker) -> None:
    async with (
        backend_process(tmp_path, broker, INGEST="false") as site,
        home_client(broker, HOUSEHOLD.gateway) as home,
        backend_process(tmp_path, broker, command="work", MQTT_SHARE="workers") as worker,
    ):
        assert set(await worker.ready()) == CHECKS
        assert set(await site.ready()) == CHECKS
        home.send(batch(measured()), b"for-the-worker")
        payload, correlation = await home.receipt()
        assert correlation == b"for-the-worker"
        assert json.loads(payload)["readings"][0]["status"] == "stored"
        async with asyncio.timeout(WITHIN_S):
            while (await figures(worker))["hearthline_ingest_readings_total stored"] < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await figures(site))["hearthline_ingest_messages_total"] == 0
        assert (await site.get("/login"))[0] == 200
        assert (await worker.get("/login"))[0] == 404
        assert (await worker.health())["broker"] == "connected"
        assert await worker.stopped() == 0
        assert await site.stopped() == 0


async def test_a_worker_without_a_group_to_share_with_says_so(tmp_path: Path, broker: Broker) -> None:
    process = await spawn(tmp_path, broker, command="work")
    _, said = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 1
    assert b"mqtt_share" in said
    assert b"Traceback" not in said
