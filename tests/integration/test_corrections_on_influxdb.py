"""Corrections where the store of readings keeps its register in Records: neither waits for the other."""

import asyncio
from pathlib import Path

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.corrections import ReadingCorrections
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import AlertState
from tests.fixtures.clinic import clinic
from tests.fixtures.influxd import influx_readings
from tests.fixtures.records import Engine
from tests.fixtures.uplinks import FakeUplink

WITHIN_S = 60


async def test_a_reading_is_taken_out_and_put_back_on_influxdb(tmp_path: Path, records_engine: Engine) -> None:
    async with clinic(tmp_path, records_engine) as ward, influx_readings(ward.records) as store:
        judge = Judge(store)
        settlement = Settlement(ward.records, store, judge, ward.clock)
        health = StoreHealth(ward.events, ward.clock)
        ingest = Ingest(FakeUplink(), ward.records, settlement, ward.events, health, ward.clock)
        finishing = CorrectionFinishing(ward.records, store, judge, ward.events, ward.clock)
        corrections = ReadingCorrections(ward.records, store, finishing, ward.events, ward.clock, ingest.retry)
        red = ward.measured(186, 112)
        row = PatientReading(ward.patient, "home-0001", red, ward.clock.now)
        assert await store.write([row]) == {red.id}
        async with ward.records.begin() as unit:
            await judge.judge(unit, [row], ward.clock.now)
        nurse = ward.people[0]
        async with asyncio.timeout(WITHIN_S):
            done = await corrections.enter_in_error(red.id, nurse, "the cuff slipped")
            assert (done.changed, done.pending) == (True, False)
            kept = await store.get(red.id)
            assert kept is not None
            assert kept.aside
            assert (await ward.alert()).state is AlertState.WITHDRAWN
            done = await corrections.restore(red.id, nurse, "it had not")
            assert (done.changed, done.pending) == (True, False)
        found = await store.get(red.id)
        assert found is not None
        assert not found.aside
        assert any(alert.state.live for alert in await ward.alerts())
