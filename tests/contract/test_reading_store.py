"""What every engine of the readings port promises."""

import asyncio
import random
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_backend.storage.embedded import EmbeddedReadings, ReadingsTooNewError
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import PatientReading, ReadingStore, StoreUnavailableError
from hearthline_protocol.readings import Quality, TimeQuality
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW

LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
OpenStore = Callable[[Path], AbstractAsyncContextManager[ReadingStore]]


@asynccontextmanager
async def _embedded(directory: Path) -> AsyncIterator[ReadingStore]:
    store = await EmbeddedReadings.open(directory / f"{uuid4()}.sqlite3")
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _memory(_directory: Path) -> AsyncIterator[ReadingStore]:
    store = MemoryReadings()
    yield store
    await store.close()


@pytest.fixture(params=[_embedded, _memory], ids=["embedded", "memory"])
def opened(request: pytest.FixtureRequest) -> OpenStore:
    engine: OpenStore = request.param
    return engine


@pytest.fixture
async def store(opened: OpenStore, tmp_path: Path) -> AsyncIterator[ReadingStore]:
    async with opened(tmp_path) as one:
        yield one


async def _all(store: ReadingStore, patient: UUID = PATIENT, kind: str = "blood_pressure") -> list[PatientReading]:
    return await store.window(patient, kind, LONG_AGO, FAR)


async def test_what_was_written_comes_back_whole(store: ReadingStore) -> None:
    low = {"systolic": value(60, "mm[Hg]", "<"), "diastolic": value(None, "mm[Hg]", "<")}
    reading = pressure(
        values=low, quality=Quality.BEYOND_LOW, device_time="2026-11-22T07:29:50", sequence=7, user_slot=1
    )
    row = of_patient(reading, stored=NOW + timedelta(microseconds=1))
    assert await store.write([row]) == {reading.id}
    assert await store.get(reading.id) == row
    assert await _all(store) == [row]
    assert await store.get(uuid4()) is None


@pytest.mark.parametrize(
    "apart", [timedelta(0), timedelta(seconds=3), timedelta(days=3 * 365), -timedelta(days=3 * 365)]
)
@pytest.mark.parametrize("together", [True, False])
async def test_the_same_id_neither_adds_nor_moves(store: ReadingStore, apart: timedelta, *, together: bool) -> None:
    first = of_patient(pressure())
    again = of_patient(pressure(120, 70, id=first.reading.id, effective_time=first.reading.effective_time + apart))
    if together:
        assert await store.write([first, again]) == {first.reading.id}
    else:
        assert await store.write([first]) == {first.reading.id}
        assert await store.write([again]) == frozenset()
    assert await _all(store) == [first]
    assert await store.get(first.reading.id) == first
    assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == first


async def test_the_same_id_of_another_patient_or_kind_is_still_the_same(store: ReadingStore) -> None:
    first = of_patient(pressure())
    await store.write([first])
    other = of_patient(
        pressure(id=first.reading.id, kind="heart_rate", values={"rate": value(70, "/min")}), UUID(int=2)
    )
    assert await store.write([other]) == frozenset()
    assert await _all(store, UUID(int=2), "heart_rate") == []
    assert UUID(int=2) not in await store.latest([UUID(int=2)])


async def test_a_window_takes_its_start_and_leaves_its_end(store: ReadingStore) -> None:
    times = [NOW + timedelta(microseconds=step) for step in (-1, 0, 1, 2)]
    rows = [of_patient(pressure(effective_time=time)) for time in times]
    await store.write(list(reversed(rows)))
    assert await store.window(PATIENT, "blood_pressure", times[1], times[3]) == rows[1:3]
    assert await store.window(PATIENT, "glucose", LONG_AGO, FAR) == []
    assert await store.window(UUID(int=9), "blood_pressure", LONG_AGO, FAR) == []


async def test_equal_times_are_ordered_by_id(store: ReadingStore) -> None:
    rows = [of_patient(pressure(id=UUID(int=number))) for number in (5, 1 << 127, 2, 1 << 100)]
    await store.write(rows)
    ids = [UUID(int=number) for number in (2, 5, 1 << 100, 1 << 127)]
    assert [row.reading.id for row in await _all(store)] == ids
    assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"].reading.id == ids[-1]


@pytest.mark.parametrize(
    "hidden",
    [
        {"quality": Quality.FAILED, "values": {}},
        {"quality": Quality.NOT_PATIENT},
        {"synthetic": True},
    ],
)
async def test_latest_is_the_newest_value_of_the_patient(store: ReadingStore, hidden: dict[str, Any]) -> None:
    shown = of_patient(pressure(quality=Quality.QUESTIONABLE))
    older = of_patient(pressure(effective_time=NOW - timedelta(days=1)))
    newer = of_patient(pressure(effective_time=NOW + timedelta(seconds=1), **hidden))
    await store.write([shown, newer])
    await store.write([older])
    assert await store.latest([PATIENT, UUID(int=2)]) == {PATIENT: {"blood_pressure": shown}}
    assert await store.latest([]) == {}
    assert len(await _all(store)) == 3


async def test_latest_of_many_patients_and_kinds(store: ReadingStore) -> None:
    patients = [UUID(int=number) for number in range(1, 1203)]
    await store.write([of_patient(pressure(), patient) for patient in patients])
    weight = of_patient(pressure(kind="body_weight", values={"weight": value(70, "kg")}), patients[700])
    await store.write([weight])
    found = await store.latest(patients)
    assert set(found) == set(patients)
    assert set(found[patients[700]]) == {"blood_pressure", "body_weight"}


async def test_an_empty_write_is_nothing(store: ReadingStore) -> None:
    assert await store.write([]) == frozenset()


async def test_writers_and_readers_at_the_same_time(store: ReadingStore) -> None:
    rows = [of_patient(pressure(effective_time=NOW + timedelta(seconds=number))) for number in range(200)]
    overlapping = [rows[start : start + 40] for start in range(0, 161, 20)]
    written, _ = await asyncio.gather(
        asyncio.gather(*(store.write(part) for part in overlapping)),
        asyncio.gather(*(_all(store) for _ in range(20))),
    )
    new = [one for part in written for one in part]
    assert len(new) == len(set(new)) == 200
    assert await _all(store) == rows


_ids = st.integers(0, 12)
_offsets = st.integers(-3, 3)
_row = st.tuples(_ids, _offsets, st.sampled_from(list(Quality)), st.integers(1, 2))


@given(batches=st.lists(st.lists(_row, max_size=8), max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_engine_behaves_like_a_dict(
    opened: OpenStore, tmp_path: Path, batches: list[list[tuple[int, int, Quality, int]]]
) -> None:
    kept: dict[UUID, PatientReading] = {}
    async with opened(tmp_path) as store:
        for batch in batches:
            rows = []
            for number, offset, quality, patient in batch:
                time = NOW + timedelta(seconds=offset)
                reading = pressure(id=UUID(int=number), effective_time=time, quality=quality)
                rows.append(of_patient(reading, UUID(int=patient)))
            expected = {row.reading.id for row in rows} - kept.keys()
            for row in rows:
                kept.setdefault(row.reading.id, row)
            assert await store.write(rows) == expected
        for patient_id in (UUID(int=1), UUID(int=2)):
            mine = sorted(
                (row for row in kept.values() if row.patient_id == patient_id),
                key=lambda row: (row.reading.effective_time, row.reading.id),
            )
            assert await _all(store, patient_id) == mine
            shown = [row for row in mine if row.reading.quality.judged]
            newest = {patient_id: {"blood_pressure": shown[-1]}} if shown else {}
            assert await store.latest([patient_id]) == newest


# --- the embedded engine's own promises ----------------------------------------------------------------------------


async def test_it_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    row = of_patient(pressure(time_quality=TimeQuality.CORRECTED))
    first = await EmbeddedReadings.open(path)
    await first.write([row])
    await first.close()
    second = await EmbeddedReadings.open(path)
    assert await second.get(row.reading.id) == row
    await second.close()


async def test_plain_sql_finds_a_reading_by_the_bytes_of_its_id(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    store = await EmbeddedReadings.open(path)
    row = of_patient(pressure())
    await store.write([row])
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT count(*) FROM readings WHERE id = ?", (row.reading.id.bytes,)).fetchone()
    connection.close()
    await store.close()
    assert found == (1,)


async def test_a_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ReadingsTooNewError, match="99"):
        await EmbeddedReadings.open(path)


async def test_a_store_that_cannot_write_says_so_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    store = await EmbeddedReadings.open(path)
    row = of_patient(pressure())
    away = sqlite3.connect(path)
    away.execute("ALTER TABLE readings RENAME TO elsewhere")
    with pytest.raises(StoreUnavailableError):
        await store.write([row])
    away.execute("ALTER TABLE elsewhere RENAME TO readings")
    away.close()
    assert await store.write([row]) == {row.reading.id}  # the id's own row went with the transaction
    await store.close()


async def test_a_folder_that_is_not_there_is_an_unavailable_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError):
        await EmbeddedReadings.open(tmp_path / "nowhere" / "readings.sqlite3")


_WRITER = """
import asyncio, sys
from pathlib import Path
from hearthline_backend.storage.embedded import EmbeddedReadings
from tests.fixtures.readings import of_patient, pressure
async def main():
    store = await EmbeddedReadings.open(Path(sys.argv[1]))
    while True:
        new = await store.write([of_patient(pressure()) for _ in range(20)])
        print(*new, flush=True)
asyncio.run(main())
"""


async def test_what_was_written_survives_a_kill_and_nothing_is_half_there(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite3"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    said = [await child.stdout.readline() for _ in range(random.randint(3, 12))]
    child.kill()
    rest, _ = await child.communicate()
    said += rest.splitlines(keepends=True)
    promised = {UUID(word) for line in said if line.endswith(b"\n") for word in line.decode().split()}
    store = await EmbeddedReadings.open(path)
    there = {row.reading.id for row in await _all(store)}
    await store.close()
    assert promised <= there
    assert len(there) % 20 == 0
