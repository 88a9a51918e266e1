"""Each hop held in turn (SIGSTOP): the operator is called once, told which hop it is, and once that all is good."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hearthline_backend.uplink import mqtt5_engine
from tests.fixtures.backend_process import BackendProcess, backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, empty_bucket, running_influxd
from tests.fixtures.postgresql import migrated_database, running_postgresql
from tests.fixtures.watching import Watching, watching

pytestmark = INFLUXD_PATIENCE


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog's own connection notices a broker that is held within a second, not within twenty."""
    monkeypatch.setattr(mqtt5_engine, "KEEPALIVE_S", 1)
    monkeypatch.setattr("hearthline_backend.uplink.mqtt5_engine.READY_WITHIN_S", 1.0)


def hold(backend: BackendProcess) -> Callable[[], None]:
    """Stop a process where it is; the answer lets it go on."""
    backend.process.send_signal(signal.SIGSTOP)
    return lambda: backend.process.send_signal(signal.SIGCONT)


async def stalled(watched: Watching, release: Callable[[], None], *expected: str) -> None:
    """The operator is called about one of ``expected``, not again while it lasts, and told once that all is good."""
    before = len(watched.calls)
    try:
        call = await watched.called(before)
        rounds = watched.rounds
        await watched.until(lambda: watched.rounds >= rounds + 2)  # and it is not called in every round
    finally:
        release()
    assert call["occasion"] == "broken", call
    assert {one["hop"] for one in call["findings"]} <= set(expected), call
    again = await watched.called(before + 1)
    assert (again["occasion"], again["findings"]) == ("good_again", []), again
    await watched.good()
    assert len(watched.calls) == before + 2


async def test_one_process_and_its_broker(tmp_path: Path) -> None:
    async with (
        running_broker(tmp_path / "broker") as broker,
        backend_process(tmp_path / "data", broker, command="serve", OPERATIONS_PORT="0") as backend,
    ):
        ready = f"http://127.0.0.1:{(await backend.said('answering_operations'))['port']}/readyz"
        async with watching(tmp_path, mqtt_url=broker.url, site_url=backend.url, ready_urls=(ready,)) as watched:
            await watched.good()
            assert watched.calls == [], "nobody is called for a start"
            broker.pause()
            await stalled(watched, broker.resume, "broker", "ready")
            await stalled(watched, hold(backend), "site", "ready", "receipt")


async def test_a_worker_beside_the_site_and_both_stores(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with running_influxd() as influxd, running_postgresql() as server:
        async with (
            running_broker(tmp_path / "broker") as broker,
            empty_bucket(influxd) as bucket,
            migrated_database(server) as url,
        ):
            stores = {"RECORDS_URL": url, "READINGS_URL": bucket.url, "INFLUXDB_TOKEN_FILE": str(token)}
            async with (
                backend_process(tmp_path / "site", broker, command="serve", INGEST="false", **stores) as site,
                backend_process(tmp_path / "work", broker, command="work", MQTT_SHARE="w", **stores) as worker,
                watching(
                    tmp_path, mqtt_url=broker.url, site_url=site.url, ready_urls=(f"{worker.url}/readyz",)
                ) as watched,
            ):
                await watched.good()
                await stalled(watched, hold(worker), "ready", "receipt")
                influxd.pause()
                call = None
                try:
                    checks = await worker.ready(wanted=False)
                    call = await watched.called(2)
                finally:
                    influxd.resume()
                assert not checks["readings"]["ok"]
                assert {one["hop"] for one in call["findings"]} <= {"receipt", "ready"}, call
                assert (await watched.called(3))["occasion"] == "good_again"
