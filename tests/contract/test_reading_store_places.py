"""What every engine of the readings port promises of moving, setting aside, listing and forgetting."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from hearthline_backend.storage.patient_reading import NOBODY
from hearthline_backend.storage.ports import PatientReading, Place, ReadingStore, Width
from tests.contract.reading_stores import FAR, LONG_AGO, whole_series
from tests.fixtures.readings import PATIENT, of_patient, pressure, value
from tests.fixtures.records import NOW

SECOND = UUID(int=2)


def _rows(count: int) -> list[PatientReading]:
    return [of_patient(pressure(effective_time=NOW + timedelta(hours=number))) for number in range(count)]


async def _last(store: ReadingStore, patient: UUID) -> UUID | None:
    found = (await store.latest([patient])).get(patient, {})
    return found["blood_pressure"].id if found else None


async def _summed(store: ReadingStore, patient: UUID) -> int:
    found = await store.buckets(patient, "blood_pressure", LONG_AGO, FAR, Width.WEEK, UTC)
    return sum(one.fields["systolic"].count for one in found)


@pytest.mark.parametrize("away", [timedelta(seconds=3), timedelta(days=3 * 365), -timedelta(days=3 * 365)])
async def test_a_moved_reading_stands_in_its_new_place_alone(store: ReadingStore, away: timedelta) -> None:
    first, moved = _rows(2)
    await store.write([first, moved])
    there = Place(SECOND, moved.effective_time + away)
    assert await store.move({moved.id: there}) == {moved.id}
    assert await whole_series(store) == [first]
    assert await whole_series(store, SECOND) == [moved.moved(there)]
    assert (await _last(store, PATIENT), await _last(store, SECOND)) == (first.id, moved.id)
    assert (await _summed(store, PATIENT), await _summed(store, SECOND)) == (1, 1)
    found = await store.get(moved.id)
    assert found is not None
    assert (found.patient_id, found.effective_time, found.aside) == (SECOND, there.effective_time, False)
    assert found.reading.effective_time == there.effective_time
    assert (found.body, found.gateway, found.stored_time) == (moved.body, moved.gateway, moved.stored_time)


async def test_the_same_id_after_a_move_neither_adds_nor_moves_back(store: ReadingStore) -> None:
    (one,) = _rows(1)
    await store.write([one])
    there = Place(SECOND, NOW - timedelta(days=400))
    await store.move({one.id: there})
    assert await store.write([one]) == frozenset()
    assert await whole_series(store) == []
    assert await whole_series(store, SECOND) == [one.moved(there)]


async def test_the_same_move_again_changes_nothing_and_the_unknown_is_not_named(store: ReadingStore) -> None:
    (one,) = _rows(1)
    await store.write([one])
    places = {one.id: Place(SECOND, NOW), uuid4(): Place(SECOND, NOW)}
    assert await store.move(places) == {one.id}
    assert await store.move(places) == {one.id}
    assert [found.id for found in await store.everything(SECOND)] == [one.id]
    assert await store.patients() == [SECOND]
    assert await store.move({}) == frozenset()


async def test_two_readings_change_places(store: ReadingStore) -> None:
    first, second = _rows(2)
    await store.write([first, second])
    await store.move({first.id: Place(PATIENT, second.effective_time), second.id: Place(PATIENT, first.effective_time)})
    assert [one.id for one in await whole_series(store)] == [second.id, first.id]
    assert await _last(store, PATIENT) == first.id


async def test_a_place_said_in_another_zone_is_the_same_moment(store: ReadingStore) -> None:
    (one,) = _rows(1)
    await store.write([one])
    at = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Madrid"), fold=1)
    await store.move({one.id: Place(PATIENT, at)})
    (found,) = await whole_series(store)
    assert found.effective_time == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


async def test_what_stands_aside_is_found_by_its_id_and_listed_and_nowhere_else(store: ReadingStore) -> None:
    first, aside = _rows(2)
    await store.write([first, aside])
    await store.move({aside.id: Place(PATIENT, aside.effective_time, aside=True)})
    assert await whole_series(store) == [first]
    assert await _last(store, PATIENT) == first.id
    assert await _summed(store, PATIENT) == 1
    found = await store.get(aside.id)
    assert found is not None
    assert found.aside
    assert (await store.get_many([aside.id, first.id]))[aside.id].aside
    assert [(one.id, one.aside) for one in await store.everything(PATIENT)] == [(first.id, False), (aside.id, True)]
    assert await store.write([aside]) == frozenset()
    assert await whole_series(store) == [first]


async def test_what_stood_aside_comes_back(store: ReadingStore) -> None:
    first, aside = _rows(2)
    await store.write([first, aside])
    await store.move({aside.id: Place(PATIENT, aside.effective_time, aside=True)})
    await store.move({aside.id: Place(PATIENT, aside.effective_time)})
    assert await whole_series(store) == [first, aside]
    assert await _last(store, PATIENT) == aside.id
    assert await _summed(store, PATIENT) == 2


async def test_it_may_be_written_aside_and_where_a_correction_put_it(store: ReadingStore) -> None:
    first, second = _rows(2)
    aside = PatientReading.kept(PATIENT, "home-0001", first.body, NOW, aside=True)
    corrected = second.moved(Place(SECOND, NOW - timedelta(days=30)))
    assert await store.write([aside, corrected]) == {first.id, second.id}
    assert await whole_series(store) == []
    assert await _last(store, PATIENT) is None
    assert await whole_series(store, SECOND) == [corrected]
    assert await store.everything(PATIENT) == [aside]


async def test_nobodys_reading_stands_aside_until_it_is_somebodys(store: ReadingStore) -> None:
    (one,) = _rows(1)
    await store.write([one])
    await store.move({one.id: Place(NOBODY, one.effective_time, aside=True)})
    assert await store.everything(PATIENT) == []
    assert [found.id for found in await store.everything(NOBODY)] == [one.id]
    await store.move({one.id: Place(SECOND, one.effective_time)})
    assert await store.everything(NOBODY) == []
    assert [found.id for found in await whole_series(store, SECOND)] == [one.id]


async def test_everything_is_listed_page_by_page_by_time_then_id(store: ReadingStore) -> None:
    kinds = {"blood_pressure": "systolic", "body_weight": "weight"}
    rows = [
        of_patient(
            pressure(
                id=UUID(int=100 - number),
                kind=kind,
                values={field: value(number, "1")},
                effective_time=NOW + timedelta(hours=number // 4),
            )
        )
        for number, (kind, field) in enumerate(list(kinds.items()) * 6)
    ]
    await store.write(rows)
    await store.move({rows[5].id: Place(PATIENT, rows[5].effective_time, aside=True)})
    expected = sorted(rows, key=lambda one: (one.effective_time, one.id))
    pages: list[list[UUID]] = []
    after: tuple[datetime, UUID] | None = None
    while page := await store.everything(PATIENT, after, limit=5):
        pages.append([one.id for one in page])
        after = (page[-1].effective_time, page[-1].id)
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [one for page in pages for one in page] == [one.id for one in expected]
    assert await store.everything(SECOND) == []


async def test_an_erased_patient_is_forgotten_and_nobody_else_is(store: ReadingStore) -> None:
    mine, others = _rows(3), [of_patient(pressure(), SECOND)]
    await store.write([*mine, *others])
    await store.move({mine[0].id: Place(PATIENT, mine[0].effective_time, aside=True)})
    assert await store.erase(PATIENT) == 3
    assert await store.get_many([one.id for one in (*mine, *others)]) == {others[0].id: others[0]}
    assert await whole_series(store) == []
    assert await store.everything(PATIENT) == []
    assert await store.latest([PATIENT, SECOND]) == {SECOND: {"blood_pressure": others[0]}}
    assert await store.patients() == [SECOND]
    assert await store.erase(PATIENT) == 0


async def test_an_id_that_was_erased_is_new_again(store: ReadingStore) -> None:
    (one,) = _rows(1)
    await store.write([one])
    await store.erase(PATIENT)
    assert await store.write([one]) == {one.id}
    assert await whole_series(store) == [one]


async def test_a_reading_that_moved_away_is_not_erased_with_whom_it_left(store: ReadingStore) -> None:
    stays, left = _rows(2)
    await store.write([stays, left])
    await store.move({left.id: Place(SECOND, left.effective_time)})
    assert await store.erase(PATIENT) == 1
    assert [one.id for one in await whole_series(store, SECOND)] == [left.id]
