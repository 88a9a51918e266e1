"""What every engine of the readings port promises of many windows asked for at once."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading, Place, ReadingStore, Span
from hearthline_protocol.readings import Reading
from tests.contract.reading_stores import FAR, LONG_AGO, Engine
from tests.fixtures.readings import of_patient, pressure, value
from tests.fixtures.records import NOW

PATIENTS = [UUID(int=number) for number in range(1, 8)]
HOUR = timedelta(hours=1)


def _weight(at_hours: int) -> Reading:
    at = NOW + at_hours * HOUR
    return pressure(kind="body_weight", values={"weight": value(71.0, "kg")}, effective_time=at)


def _ward() -> list[PatientReading]:
    """Of each patient a pressure and a weight every hour for half a day, and a pressure years before."""
    found = []
    for patient in PATIENTS:
        for hour in range(12):
            found.append(of_patient(pressure(effective_time=NOW + hour * HOUR), patient))
            found.append(of_patient(_weight(hour), patient))
        found.append(of_patient(pressure(effective_time=NOW - timedelta(days=1200)), patient))
    return found


async def _each(store: ReadingStore, wanted: list[Span]) -> list[list[PatientReading]]:
    return [await store.window(one.patient_id, one.kind, one.start, one.end) for one in wanted]


async def test_many_windows_are_each_what_it_is_alone(store: ReadingStore) -> None:
    await store.write(_ward())
    wanted = [
        Span(patient, kind, NOW + number * HOUR, NOW + (2 * number + 1) * HOUR)
        for number, patient in enumerate(PATIENTS)
        for kind in ("body_weight", "blood_pressure")
    ]
    wanted += [Span(PATIENTS[0], "blood_pressure", LONG_AGO, FAR), Span(PATIENTS[1], "glucose", LONG_AGO, FAR)]
    wanted.append(wanted[0])
    found = await store.windows(wanted)
    hours = [number for number in range(1, 7) for _ in range(2)]  # of the first six patients, of either kind
    assert [len(one) for one in found] == [*hours, 6, 6, 13, 0, 1]
    assert found == await _each(store, wanted)
    assert await store.windows([]) == []


async def test_many_windows_follow_what_was_moved_set_aside_and_forgotten(store: ReadingStore) -> None:
    rows = _ward()
    await store.write(rows)
    wanted = [Span(patient, "blood_pressure", LONG_AGO, FAR) for patient in PATIENTS]
    before = await store.windows(wanted)
    assert [len(one) for one in before] == [13] * 7
    moved, aside = before[0][3], before[1][4]
    there = Place(PATIENTS[2], moved.effective_time + timedelta(days=400))
    await store.move({moved.id: there, aside.id: Place(PATIENTS[1], aside.effective_time, aside=True)})
    await store.erase(PATIENTS[3])
    after = await store.windows(wanted)
    assert [len(one) for one in after] == [12, 12, 14, 0, 13, 13, 13]
    assert after[2][-1] == moved.moved(there)
    assert after == await _each(store, wanted)


async def test_windows_of_a_store_opened_anew_are_read_from_it(engine: Engine, tmp_path: Path) -> None:
    async with engine.open(tmp_path) as store:
        first, second = (of_patient(pressure(effective_time=NOW + n * HOUR), PATIENTS[n]) for n in range(2))
        await store.write([first])
        wanted = [Span(patient, "blood_pressure", LONG_AGO, FAR) for patient in PATIENTS[:2]]
        assert await store.windows(wanted) == [[first], []]
        await store.write([second, first])
        assert await store.windows(wanted) == [[first], [second]]
