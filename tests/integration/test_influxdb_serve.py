"""`hearthline serve` on a real InfluxDB: stored once and judged once, however often it is killed."""

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from hearthline_backend.storage.schema import alerts
from tests.fixtures.backend_process import backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.home_client import home_client
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, empty_bucket, influx_readings
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed, temporary_records

pytestmark = INFLUXD_PATIENCE

HOUSEHOLD = Household()


async def test_a_backend_on_influxdb_stores_and_calls_once_however_often_it_is_killed(tmp_path: Path) -> None:
    async with temporary_records(tmp_path) as records, records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    now = datetime.now(UTC)
    reading = pressure(186, 112, received_time=now, effective_time=now - timedelta(seconds=2))
    async with empty_bucket() as bucket, running_broker(tmp_path / "broker") as broker:
        settings = {"READINGS_URL": bucket.url, "INFLUXDB_TOKEN_FILE": str(tmp_path / "token")}
        async with home_client(broker, HOUSEHOLD.gateway) as home:
            for name in (b"first", b"again"):
                async with backend_process(tmp_path, broker, command="serve", **settings) as backend:
                    await backend.ready()
                    home.send(batch(reading), name)
                    payload, correlation = await home.receipt()
                    assert correlation == name
                    assert json.loads(payload)["readings"][0]["status"] == "stored"
                    assert await backend.stopped(signal.SIGKILL) == -signal.SIGKILL
        assert not (tmp_path / "readings.sqlite3").exists()
        async with temporary_records(tmp_path) as records:
            async with influx_readings(records, bucket) as store:
                (found,) = await store.everything(HOUSEHOLD.patient)
                assert found.reading == reading
            async with records.read() as unit:
                assert await unit.judgements.known([reading.id]) == {reading.id}
                rows = (await unit.connection.execute(select(alerts.c.patient_id, alerts.c.level))).all()
    assert [tuple(row) for row in rows] == [(HOUSEHOLD.patient, "red")]
