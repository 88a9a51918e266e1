"""What every engine of the readings port promises of what is written: identity, windows, last values."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hearthline_backend.storage.ports import ReadingStore
from hearthline_protocol.readings import Quality
from tests.contract.reading_stores import FAR, LONG_AGO, whole_series
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW

SECOND = UUID(int=2)


async def test_what_was_written_comes_back_whole(store: ReadingStore) -> None:
    low = {"systolic": value(60, "mm[Hg]", "<"), "diastolic": value(None, "mm[Hg]", "<")}
    reading = pressure(
        values=low, quality=Quality.BEYOND_LOW, device_time="2026-11-22T07:29:50", sequence=7, user_slot=1
    )
    row = of_patient(reading, stored=NOW + timedelta(microseconds=1))
    assert await store.write([row]) == {reading.id}
    found = await store.get(reading.id)
    assert found == row
    assert found.body == row.body
    assert await whole_series(store) == [row]
    assert await store.get(uuid4()) is None


@pytest.mark.parametrize(
    "apart", [timedelta(0), timedelta(seconds=3), timedelta(days=3 * 365), -timedelta(days=3 * 365)]
)
@pytest.mark.parametrize("together", [True, False])
async def test_the_same_id_neither_adds_nor_moves(store: ReadingStore, apart: timedelta, *, together: bool) -> None:
    first = of_patient(pressure())
    again = of_patient(pressure(120, 70, id=first.id, effective_time=first.effective_time + apart))
    if together:
        assert await store.write([first, again]) == {first.id}
    else:
        assert await store.write([first]) == {first.id}
        assert await store.write([again]) == frozenset()
    assert await whole_series(store) == [first]
    assert await store.get(first.id) == first
    assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"] == first


async def test_the_same_id_of_another_patient_or_kind_is_still_the_same(store: ReadingStore) -> None:
    first = of_patient(pressure())
    await store.write([first])
    other = of_patient(pressure(id=first.id, kind="heart_rate", values={"rate": value(70, "/min")}), SECOND)
    assert await store.write([other]) == frozenset()
    assert await whole_series(store, SECOND, "heart_rate") == []
    assert SECOND not in await store.latest([SECOND])
    assert await store.get(first.id) == first


async def test_new_ones_among_known_ones_are_written(store: ReadingStore) -> None:
    rows = [of_patient(pressure(effective_time=NOW + timedelta(seconds=number))) for number in range(6)]
    await store.write(rows[::2])
    assert await store.write(rows) == {one.id for one in rows[1::2]}
    assert await whole_series(store) == rows


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
    assert [row.id for row in await whole_series(store)] == ids
    assert (await store.latest([PATIENT]))[PATIENT]["blood_pressure"].id == ids[-1]


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
    assert await store.latest([PATIENT, SECOND]) == {PATIENT: {"blood_pressure": shown}}
    assert await store.latest([]) == {}
    assert len(await whole_series(store)) == 3


async def test_latest_of_many_patients_and_kinds(store: ReadingStore) -> None:
    patients = [UUID(int=number) for number in range(1, 1203)]
    await store.write([of_patient(pressure(), patient) for patient in patients])
    weight = of_patient(pressure(kind="body_weight", values={"weight": value(70, "kg")}), patients[700])
    await store.write([weight])
    found = await store.latest(patients)
    assert set(found) == set(patients)
    assert set(found[patients[700]]) == {"blood_pressure", "body_weight"}


async def test_many_are_found_by_their_ids_at_once(store: ReadingStore) -> None:
    rows = [of_patient(pressure(), UUID(int=number % 7 + 1)) for number in range(1100)]
    await store.write(rows)
    wanted = [one.id for one in rows[::2]]
    assert await store.get_many([*wanted, uuid4()]) == {one.id: one for one in rows[::2]}
    assert await store.get_many([]) == {}


async def test_everybody_of_whom_there_is_a_reading_is_named_in_order(store: ReadingStore) -> None:
    assert await store.patients() == []
    patients = [UUID(int=number) for number in (3, 1 << 127, 1 << 64, 1)]
    await store.write([of_patient(pressure(), one) for one in (*patients, *patients)])
    assert await store.patients() == sorted(patients)


async def test_an_empty_write_is_nothing(store: ReadingStore) -> None:
    assert await store.write([]) == frozenset()


async def test_writers_and_readers_at_the_same_time(store: ReadingStore) -> None:
    rows = [of_patient(pressure(effective_time=NOW + timedelta(seconds=number))) for number in range(200)]
    overlapping = [rows[start : start + 40] for start in range(0, 161, 20)]
    written, _ = await asyncio.gather(
        asyncio.gather(*(store.write(part) for part in overlapping)),
        asyncio.gather(*(whole_series(store) for _ in range(20))),
    )
    new = [one for part in written for one in part]
    assert len(new) == len(set(new)) == 200
    assert await whole_series(store) == rows
