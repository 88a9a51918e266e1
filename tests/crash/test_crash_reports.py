"""Killed at every boundary between a turn to yellow and the last resort: one report, and each step of it once."""

import signal
from pathlib import Path
from uuid import uuid4

import pytest

from tests.crash.engines import open_readings
from tests.crash.reporting import PASSINGS, STEPS, Wiring, enrol, live, wrong_of
from tests.fixtures.clinic import Clinic
from tests.fixtures.records import Engine, migrated_records, opened_records


@pytest.mark.timeout(180)
@pytest.mark.parametrize("step", STEPS)
async def test_killed_between_a_turn_to_yellow_and_the_last_resort(
    tmp_path: Path, records_engine: Engine, step: str
) -> None:
    store = f"embedded:///{tmp_path / 'readings.sqlite3'}"
    async with migrated_records(tmp_path, records_engine) as url, opened_records(url) as records:
        clinic = Clinic(records)
        await clinic.open()
        for initials in ("AA", "BB"):
            await clinic.employ(initials, ("mail", f"{initials}@example.org"))
        await clinic.employ("CC", ("mail", "CC@example.org"), on_call=False)
        async with open_readings(store, records):
            pass  # so that its file is there
        for passing in PASSINGS:
            patient = uuid4()
            await enrol(clinic, patient)
            died = await live(Wiring(store, url, patient, step, passing))
            assert died == -signal.SIGKILL
            assert await live(Wiring(store, url, patient)) == 0
            assert await wrong_of(clinic, patient) == []
