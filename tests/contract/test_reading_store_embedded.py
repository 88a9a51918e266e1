"""The embedded engine's own promises: its file, its upgrade, how it fails, what it leaves of the erased."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.embedded import EmbeddedReadings, ReadingsTooNewError
from hearthline_backend.storage.embedded_tail import Tail
from hearthline_backend.storage.ports import PatientReading, Place, StoreUnavailableError
from hearthline_protocol.readings import Quality, Reading, TimeQuality
from tests.contract.embedded_killed import killed_everywhere, nothing
from tests.contract.embedded_series import in_series
from tests.contract.embedded_version_1 import rows_of_version_1, write_version_1
from tests.contract.embedded_version_2 import rows_of_version_2, write_version_2
from tests.contract.reading_model import STEP, Model, Step, agrees, do
from tests.contract.reading_stores import whole_series
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW

SECOND = UUID(int=2)


@asynccontextmanager
async def _opened(path: Path, tail: Tail | None = None) -> AsyncIterator[EmbeddedReadings]:
    store = await EmbeddedReadings.open(path, tail)
    try:
        yield store
    finally:
        await store.close()


def _rows(count: int, **other: Any) -> list[PatientReading]:
    return [of_patient(pressure(effective_time=NOW + timedelta(hours=hour), **other)) for hour in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.sqlite3"


async def test_it_is_there_after_reopening(path: Path) -> None:
    row = of_patient(pressure(time_quality=TimeQuality.CORRECTED))
    async with _opened(path) as store:
        await store.write([row])
    async with _opened(path) as store:
        assert await store.get(row.id) == row


async def test_plain_sql_finds_a_reading_and_what_its_documentation_names(path: Path) -> None:
    row, aside = _rows(2)
    async with _opened(path) as store:
        await store.write([row, aside])
        await store.move({aside.id: Place(PATIENT, aside.effective_time, aside=True)})
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT gateway, kind, time_us, standing, body FROM readings WHERE id = ?"
            found = connection.execute(query, (row.id.bytes,)).fetchone()
            assert found == (
                "home-0001",
                "blood_pressure",
                tables.microseconds(row.effective_time),
                tables.SHOWN,
                row.body.decode(),
            )
            assert connection.execute(query, (aside.id.bytes,)).fetchone()[3] == tables.ASIDE
            objects = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type <> 'index'")}
            assert all(f"``{name}``" in (tables.__doc__ or "") for name in objects)
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", (row.id.bytes,)))
            assert "SCAN" not in plan


async def test_a_body_is_kept_byte_for_byte(path: Path) -> None:
    body = of_patient(pressure(model="Blutdruckmeßgerät")).body.replace(b'":', b'" :  ')
    row = PatientReading.kept(PATIENT, "home-0001", body, NOW)
    async with _opened(path) as store:
        await store.write([row])
        found = await store.get(row.id)
        assert found is not None
        assert found.body == body


async def test_a_file_of_a_newer_release_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ReadingsTooNewError, match="99"):
        await EmbeddedReadings.open(path)


async def test_a_store_that_cannot_write_says_so_and_recovers(path: Path) -> None:
    row = of_patient(pressure())
    async with _opened(path) as store:
        with closing(sqlite3.connect(path)) as away:
            away.execute("ALTER TABLE readings RENAME TO elsewhere")
            with pytest.raises(StoreUnavailableError):
                await store.write([row])
            with pytest.raises(StoreUnavailableError):
                await whole_series(store)
            away.execute("ALTER TABLE elsewhere RENAME TO readings")
        assert await store.write([row]) == {row.id}  # the id's own row went with the transaction
        assert await whole_series(store) == [row]


async def test_a_folder_that_is_not_there_is_an_unavailable_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError):
        await EmbeddedReadings.open(tmp_path / "nowhere" / "readings.sqlite3")


async def test_two_who_write_the_same_into_one_file_add_it_once(path: Path) -> None:
    rows = _rows(300)
    async with _opened(path) as one, _opened(path) as other:
        parts = [rows[start : start + 30] for start in range(0, 300, 10)]
        said = await asyncio.gather(*(store.write(part) for part in parts for store in (one, other)))
        assert sorted(one for part in said for one in part) == sorted(row.id for row in rows)
        assert await whole_series(other) == rows


@given(steps=st.lists(st.tuples(STEP, st.integers(0, 1)), max_size=8), fewest=st.sampled_from([1, 3, 1000]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_two_who_work_on_one_file_see_the_same(
    tmp_path: Path, steps: list[tuple[Step, int]], fewest: int
) -> None:
    model = Model()
    path = tmp_path / f"{model.example}.sqlite3"
    async with _opened(path, Tail(rows_a_patient=1, fewest=fewest)) as one, _opened(path, Tail()) as other:
        for step, which in steps:
            await do((one, other)[which], model, step)
        await agrees(other, model)
        await agrees(one, model)


async def test_what_was_acknowledged_is_seen_once_while_shelves_are_filled_in(path: Path) -> None:
    rows = _rows(600)
    stored: set[UUID] = set()
    ended = False

    async def look(store: EmbeddedReadings) -> int:
        looks = 0
        while not ended:
            before = frozenset(stored)
            seen = [one.id for one in await whole_series(store)]
            assert before <= set(seen)
            assert len(seen) == len(set(seen))
            looks += 1
        return looks

    async with _opened(path, Tail(rows_a_patient=1, fewest=7)) as store, _opened(path) as other:
        lookers = [asyncio.create_task(look(one)) for one in (store, store, other)]
        for start in range(0, len(rows), 5):
            stored |= await store.write(rows[start : start + 5])
        ended = True
        assert min(await asyncio.gather(*lookers)) > 5
        assert len(in_series(path)) > 500


async def test_what_arrived_last_is_found_after_a_restart(path: Path) -> None:
    rows = _rows(3)
    async with _opened(path, Tail()) as store:
        await store.write(rows)
    assert in_series(path) == []
    async with _opened(path) as store:
        assert await whole_series(store) == rows
        assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == rows[-1]


async def test_a_quiet_patient_does_not_make_opening_slow(path: Path) -> None:
    quiet = [of_patient(pressure(), UUID(int=person)) for person in (3, 4)]
    async with _opened(path, Tail(rows_a_patient=1, fewest=10, lag=50)) as store:
        await store.write(quiet)
        for row in _rows(200):
            await store.write([row])
    with closing(sqlite3.connect(path)) as connection:
        newest, read_at_opening = connection.execute(
            "SELECT max(number), max(number) - (SELECT min(up_to) FROM shelves) FROM readings"
        ).fetchone()
    assert newest == 202
    assert read_at_opening <= 10 + 50
    async with _opened(path) as store:
        assert await store.patients() == [UUID(int=person) for person in (1, 3, 4)]
        assert [one.id for one in await whole_series(store, UUID(int=3))] == [quiet[0].id]


async def test_what_is_started_often_and_writes_little_does_not_open_ever_slower(path: Path) -> None:
    rows = _rows(120)
    for start in range(0, len(rows), 10):
        async with _opened(path, Tail(rows_a_patient=1, fewest=40)) as store:
            await store.write(rows[start : start + 10])
    assert len(in_series(path)) >= len(rows) - 50
    async with _opened(path) as store:
        assert await whole_series(store) == rows


async def test_what_was_erased_is_not_left_in_the_file(path: Path) -> None:
    others = of_patient(pressure(model="stays readable"), SECOND)
    async with _opened(path) as store:
        await store.write([*_rows(200, model="must not be read"), others])
        assert await store.erase(PATIENT) == 200
        left = b"".join(file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm"))
    assert b"must not be read" not in left
    assert b"stays readable" in left


async def test_the_log_is_carried_over_while_the_store_is_open(path: Path) -> None:
    rows = _rows(8000)
    async with _opened(path) as store:
        for start in range(0, len(rows), 500):
            await store.write(rows[start : start + 500])
        task = store._upkeep._task
        assert task is not None
        await task
        alone = shutil.copy(path, path.with_name("without-its-log.sqlite3"))
        with closing(sqlite3.connect(alone)) as connection:
            assert connection.execute("SELECT count(*) FROM readings").fetchone() == (8000,)


async def test_a_log_that_cannot_be_carried_over_is_told_and_writing_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise StoreUnavailableError("readings are not available: no space")

    async with _opened(path) as store:
        monkeypatch.setattr("hearthline_backend.storage.embedded_upkeep._ROWS_A_LOG", 1)
        monkeypatch.setattr(store._upkeep._thread, "call", fails)
        with capture_logs() as said:
            for row in _rows(2):
                assert await store.write([row]) == {row.id}
                task = store._upkeep._task
                assert task is not None
                await task
        assert [line["reason"] for line in said] == ["readings are not available: no space"] * 2


def _of_an_older_release() -> list[PatientReading]:
    hidden: list[dict[str, Any]] = [
        {"quality": Quality.FAILED, "values": {}},
        {"quality": Quality.NOT_PATIENT},
        {"synthetic": True},
    ]
    late = [of_patient(pressure(effective_time=NOW + timedelta(days=1), **other)) for other in hidden]
    return [*_rows(20), *late, of_patient(_pulse(), SECOND), of_patient(pressure(), SECOND)]


def _pulse() -> Reading:
    return pressure(id=UUID(int=0), kind="heart_rate", values={"rate": value(70, "/min")})


async def test_a_file_of_version_1_is_upgraded_in_place(path: Path) -> None:
    rows = _of_an_older_release()
    write_version_1(path, rows)
    new = of_patient(pressure(effective_time=NOW + timedelta(days=2)))
    async with _opened(path) as store:
        assert await store.get_many([one.id for one in rows]) == {one.id: one for one in rows}
        assert await whole_series(store, SECOND) == [rows[-1]]
        assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == rows[19]
        assert await store.write([*rows, new]) == {new.id}
        assert await store.erase(PATIENT) == 24
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (tables.VERSION,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_an_upgrade_killed_anywhere_leaves_a_file_of_version_1_or_a_whole_one(path: Path) -> None:
    rows = _of_an_older_release()
    write_version_1(path, rows)
    *killed, whole = killed_everywhere(path, nothing, opening=True)
    assert len(killed) > len(tables.TABLES) + 5
    for left in killed:
        assert rows_of_version_1(left) == len(rows)
    for left in (killed[-1], whole):
        async with _opened(left) as store:
            assert await store.get_many([one.id for one in rows]) == {one.id: one for one in rows}


@pytest.mark.parametrize("filled", [0, 15, 25])
async def test_a_file_of_version_2_is_upgraded_in_place(path: Path, filled: int) -> None:
    rows = _of_an_older_release()
    write_version_2(path, rows, filled)
    new = of_patient(pressure(effective_time=NOW + timedelta(days=2)))
    with capture_logs() as said:
        async with _opened(path) as store:
            assert len(in_series(path)) == filled
            shown = [one for one in rows if one.patient_id == PATIENT]
            assert sorted(one.id for one in await whole_series(store)) == sorted(one.id for one in shown)
            assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == rows[19]
            assert await whole_series(store, SECOND) == [rows[-1]]
            assert await store.write([*rows, new]) == {new.id}
            assert await store.erase(PATIENT) == 24
            assert await store.everything(SECOND) == rows[-2:]
    assert [line["version"] for line in said] == [2, tables.VERSION]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (tables.VERSION,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_long_series_of_version_2_is_made_into_runs(path: Path) -> None:
    rows = _rows(5000)
    write_version_2(path, rows, len(rows))
    async with _opened(path) as store:
        assert await whole_series(store) == rows
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM series").fetchone()[0] < len(rows) / 20


async def test_an_upgrade_killed_anywhere_leaves_a_file_of_version_2_or_a_whole_one(path: Path) -> None:
    rows = _of_an_older_release()
    write_version_2(path, rows, 20)
    *killed, whole = killed_everywhere(path, nothing, opening=True)
    assert len(killed) > 5
    for left in killed:
        assert rows_of_version_2(left) == (len(rows), 20)
    for left in (killed[-1], whole):
        async with _opened(left) as store:
            assert await store.get_many([one.id for one in rows]) == {one.id: one for one in rows}
            assert len(await store.everything(PATIENT)) == len(rows) - 2
            assert await store.everything(SECOND) == rows[-2:]
