"""Each hop held in turn (SIGSTOP): the operator is called once, told which hop it is, and once that all is good."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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


async def stalled(watched: Watching, release: Callable[[], None], *expected: str, before: int | None = None) -> None:
    """The operator is called about one of ``expected``, again only where one more hop is broken, and told once that all
    is good."""
    before = len(watched.calls) if before is None else before
    try:
        await watched.until(lambda: bool(hops(watched.calls[before:]).intersection(expected)))
        rounds = watched.rounds
        await watched.until(lambda: watched.rounds >= rounds + 2)  # and it is not called in every round
    finally:
        release()
    await watched.until(lambda: watched.calls[-1]["occasion"] == "good_again")
    await watched.good()
    calls = watched.calls[before:]
    occasions = [one["occasion"] for one in calls]
    assert occasions[0] == "broken", calls
    assert set(occasions[1:-1]) <= {"also_broken"}, calls
    assert calls[-1]["findings"] == [], calls
    assert len(calls) <= len(hops(calls)) + 1, "a call for a hop that was told before"


def hops(calls: Sequence[Mapping[str, Any]]) -> set[str]:
    """Every hop that these calls name."""
    return {one["hop"] for call in calls for one in call["findings"]}


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
                before = len(watched.calls)
                influxd.pause()
                try:
                    checks = await worker.ready(wanted=False)
                except BaseException:
                    influxd.resume()
                    raise
                assert not checks["readings"]["ok"]
                await stalled(watched, influxd.resume, "receipt", "ready", before=before)
