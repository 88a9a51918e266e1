"""A worker and InfluxDB held in turn (SIGSTOP) beside a site that goes on: the operator is told which hop it is."""

from pathlib import Path

import pytest

from tests.fixtures.backend_process import backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, empty_bucket, running_influxd
from tests.fixtures.postgresql import migrated_database, running_postgresql
from tests.fixtures.stalled import hold, stalled
from tests.fixtures.watching import be_impatient, watching

pytestmark = INFLUXD_PATIENCE


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


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
