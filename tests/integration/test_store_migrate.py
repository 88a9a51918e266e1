"""``hearthline store migrate`` from one engine to the other and back, interrupted by a kill, with a real InfluxDB."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hearthline_backend.settings import Settings
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.opening import readings_of
from hearthline_backend.storage.ports import PatientReading, Place, ReadingStore
from hearthline_backend.storage.reading_copy import contents
from hearthline_protocol.readings import Quality
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, InfluxBucket, shared_influxd
from tests.fixtures.readings import of_patient, pressure
from tests.fixtures.records import NOW

pytestmark = INFLUXD_PATIENCE

PATIENTS = [UUID(int=number) for number in range(1, 8)]
TO_INFLUXDB = ("--from", "embedded", "--to", "influxdb")
TO_EMBEDDED = ("--from", "influxdb", "--to", "embedded")


@dataclass(frozen=True, slots=True)
class Machine:
    """A backend's folder, and the bucket its settings name."""

    folder: Path
    bucket: InfluxBucket

    @property
    def environment(self) -> dict[str, str]:
        """The settings."""
        return {
            "HEARTHLINE_PROFILE": "demo",
            "HEARTHLINE_DATA_DIR": str(self.folder),
            "HEARTHLINE_READINGS_URL": self.bucket.url,
            "HEARTHLINE_INFLUXDB_TOKEN_FILE": str(self.folder / "token"),
        }

    @property
    def settings(self) -> Settings:
        """The same for our own hands."""
        return Settings(
            profile="demo",
            data_dir=self.folder,
            readings_url=self.bucket.url,
            influxdb_token_file=self.folder / "token",
        )

    @property
    def file(self) -> Path:
        """The embedded store."""
        return self.settings.readings_file

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "hearthline_backend.cli", "store", "migrate", *arguments, "--json"],
            env={**os.environ, **self.environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run the command; what it printed, to standard error where it failed."""
        process = self.begin(*arguments)
        said, complained = process.communicate(timeout=100)
        assert process.returncode == code, complained
        assert "Traceback" not in complained
        return complained if code else said


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    bucket = shared_influxd().make_bucket()
    yield Machine(folder, bucket)
    shared_influxd().remove_bucket(bucket)


def _rows(count: int) -> list[PatientReading]:
    found = []
    for number in range(count):
        quality = Quality.FAILED if number % 7 == 0 else Quality.VALID
        time = NOW - timedelta(hours=number % 500, microseconds=number)
        found.append(
            of_patient(pressure(100 + number % 60, quality=quality, effective_time=time), PATIENTS[number % 7])
        )
    same_moment = [of_patient(pressure(), PATIENTS[3]) for _ in range(5)]
    return [*found, *same_moment]


async def _fill(store: ReadingStore, rows: list[PatientReading]) -> None:
    for start in range(0, len(rows), 2000):
        await store.write(rows[start : start + 2000])
    await store.move({rows[1].id: Place(PATIENTS[0], rows[1].effective_time)})
    await store.move({rows[2].id: Place(rows[2].patient_id, NOW - timedelta(days=90), aside=True)})


@asynccontextmanager
async def _embedded(machine: Machine) -> AsyncIterator[ReadingStore]:
    store = await EmbeddedReadings.open(machine.file)
    try:
        yield store
    finally:
        await store.close()


async def _same(machine: Machine) -> int:
    """How many readings both stores hold, one by one the same."""
    await migrate(machine.settings.records_address)
    count = 0
    async with _embedded(machine) as one, readings_of(machine.settings) as other:
        assert await one.patients() == await other.patients()
        for patient in await one.patients():
            assert await one.everything(patient, limit=100_000) == await other.everything(patient, limit=100_000)
            count += (await contents(one, patient)).count
    return count


async def test_readings_go_to_the_other_engine_and_back(machine: Machine, tmp_path: Path) -> None:
    rows = _rows(900)
    async with _embedded(machine) as store:
        await _fill(store, rows)
    said = json.loads(machine.run(*TO_INFLUXDB))
    assert (said["readings"], said["patients"], said["copied"], said["same"]) == (905, 7, 905, True)
    assert await _same(machine) == 905
    assert json.loads(machine.run(*TO_INFLUXDB))["copied"] == 0  # again changes nothing
    machine.file.rename(tmp_path / "before.sqlite3")
    assert json.loads(machine.run(*TO_EMBEDDED))["copied"] == 905
    assert await _same(machine) == 905


async def test_a_killed_migration_goes_on_where_it_was(machine: Machine) -> None:
    async with _embedded(machine) as store:
        await _fill(store, _rows(9000))
    progress = machine.folder / "store-migration.json"
    positions: list[str] = []
    for _ in range(2):
        process = machine.begin(*TO_INFLUXDB)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
            if progress.exists() and (text := progress.read_text(encoding="utf-8")) not in positions:
                positions.append(text)
                process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    said = json.loads(machine.run(*TO_INFLUXDB))
    assert said["same"]
    assert said["readings"] == 9005
    assert said["copied"] < 9005
    assert not progress.exists()
    assert await _same(machine) == 9005


async def test_what_changed_after_it_was_copied_is_found_and_copied(machine: Machine) -> None:
    rows = _rows(50)
    async with _embedded(machine) as store:
        await _fill(store, rows)
    machine.run(*TO_INFLUXDB)
    later = of_patient(pressure(effective_time=NOW - timedelta(days=400)), PATIENTS[0])
    async with _embedded(machine) as store:
        await store.write([later])
        await store.move({rows[9].id: Place(PATIENTS[5], NOW)})
    said = json.loads(machine.run(*TO_INFLUXDB))
    assert (said["same"], said["copied"], said["readings"]) == (True, 1, 56)
    assert await _same(machine) == 56


async def test_what_only_the_target_has_is_told_and_left_alone(machine: Machine) -> None:
    async with _embedded(machine) as store:
        await _fill(store, _rows(50))
    machine.run(*TO_INFLUXDB)
    stranger = of_patient(pressure(), UUID(int=99))
    async with readings_of(machine.settings) as store:
        await store.write([stranger])
    complained = machine.run(*TO_INFLUXDB, code=1)
    assert "1 patients differ" in complained
    assert str(UUID(int=99)) in complained
    async with readings_of(machine.settings) as store:
        assert await store.get(stranger.id) == stranger


async def test_it_refuses_while_somebody_uses_the_stores(machine: Machine) -> None:
    async with _embedded(machine) as store:
        await _fill(store, _rows(20))
    machine.run(*TO_INFLUXDB)
    async with readings_of(machine.settings) as store:
        await store.get(UUID(int=5))
        assert "stop the backend" in machine.run(*TO_INFLUXDB, code=1)
    machine.run(*TO_INFLUXDB)


async def test_another_bucket_is_refused_until_the_first_one_is_let_go(machine: Machine) -> None:
    async with _embedded(machine) as store:
        await _fill(store, _rows(20))
    machine.run(*TO_INFLUXDB)
    fresh = Machine(machine.folder, shared_influxd().make_bucket())
    try:
        assert "--forget-other-bucket" in fresh.run(*TO_INFLUXDB, code=1)
        assert json.loads(fresh.run(*TO_INFLUXDB, "--forget-other-bucket"))["copied"] == 25
        assert await _same(fresh) == 25
    finally:
        shared_influxd().remove_bucket(fresh.bucket)


def test_what_cannot_be_is_told(machine: Machine) -> None:
    assert "name the two engines" in machine.run("--from", "embedded", "--to", "embedded", code=1)
    assert "no readings in" in machine.run(*TO_INFLUXDB, code=1)
    assert "no buckets" in machine.run(*TO_EMBEDDED, "--forget-other-bucket", code=1)
    (machine.folder / "token").write_text("wrong", encoding="utf-8")
    assert "influxdb_token_file" in machine.run(*TO_EMBEDDED, code=1)
