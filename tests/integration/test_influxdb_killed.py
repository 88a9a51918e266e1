"""Readings on a real InfluxDB by a process that is killed at every one of its steps: never lost, never twice."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hearthline_backend.storage.influxdb.engine import InfluxReadings
from hearthline_backend.storage.ports import PatientReading, Place, Width
from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, empty_bucket, influx_readings
from tests.fixtures.killed_steps import killed_at_steps
from tests.fixtures.readings import PATIENT, of_patient, pressure
from tests.fixtures.records import NOW, Engine, migrated_records

pytestmark = INFLUXD_PATIENCE

OTHER = UUID(int=2)
LONG_AGO, FAR = datetime(1990, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stores:
    """What a killed process leaves behind, and who looks at it."""

    store: InfluxReadings
    killed: Callable[..., Awaitable[bool]]

    async def found(self, patient: UUID) -> list[PatientReading]:
        """What the store shows of a patient; each way to ask says the same."""
        rows = await self.store.window(patient, "blood_pressure", LONG_AGO, FAR)
        latest = (await self.store.latest([patient])).get(patient, {})
        weeks = await self.store.buckets(patient, "blood_pressure", LONG_AGO, FAR, Width.WEEK, UTC)
        assert latest == ({"blood_pressure": rows[-1]} if rows else {})
        assert sum(week.fields["systolic"].count for week in weeks) == len(rows)
        assert [one for one in await self.store.everything(patient) if not one.aside] == rows
        return rows


@pytest.fixture
async def stores(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Stores]:
    async with migrated_records(tmp_path, records_engine) as url, empty_bucket() as bucket:
        records = SqlRecords.open(url)
        async with influx_readings(records, bucket) as store, killed_at_steps(url, bucket.url, TOKEN) as processes:
            yield Stores(store, processes.killed)
        await records.close()


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=3), -timedelta(days=3 * 365)])
async def test_a_killed_write_repeated_with_another_time_is_one_reading_at_the_first_place(
    stores: Stores, apart: timedelta
) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        first = of_patient(pressure(effective_time=NOW + timedelta(hours=step)), UUID(int=100 + step))
        copy = of_patient(
            pressure(140, 90, id=first.id, effective_time=first.effective_time + apart), UUID(int=100 + step)
        )
        killed = await stores.killed(step, "write", [first])
        new = await stores.store.write([copy])
        (found,) = await stores.found(first.patient_id)
        assert found.id == first.id
        claimed = step > 1  # killed before anything was durable, the copy is the first
        assert found.effective_time == (first if claimed else copy).effective_time
        assert await stores.store.get(first.id) == found
        assert new == (frozenset() if claimed and (apart or step > 3) else {first.id})
        assert await stores.store.write([first, copy]) == frozenset()
        assert await stores.found(first.patient_id) == [found]
    assert step == 5  # before and after the claim, before and after the point, and the end


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Place(OTHER, NOW + timedelta(seconds=7)), True),
        (Place(PATIENT, NOW - timedelta(days=400)), True),
        (Place(PATIENT, NOW - timedelta(seconds=5), aside=True), False),
    ],
    ids=["to somebody else", "to another time", "aside"],
)
async def test_a_killed_move_leaves_the_reading_at_one_place_and_is_complete_when_repeated(
    stores: Stores, place: Place, *, shown: bool
) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        row = of_patient(pressure())
        beside = of_patient(pressure(120, 70, effective_time=row.effective_time))
        await stores.store.write([row, beside])
        killed = await stores.killed(step, "move", {row.id: place})
        seen = [*await stores.found(PATIENT), *await stores.found(OTHER)]
        moved = row.moved(place)
        there = [one for one in seen if one.id == row.id]
        kept = await stores.store.get(row.id)
        assert kept in (row, moved)
        assert there == ([kept] if kept == row or shown else [])
        assert beside in seen
        assert await stores.store.move({row.id: place}) == {row.id}
        assert await stores.store.get(row.id) == moved
        assert [one for one in await stores.found(place.patient_id) if one.id == row.id] == ([moved] if shown else [])
        everything = [*await stores.store.everything(PATIENT), *await stores.store.everything(OTHER)]
        assert sorted(one.id for one in everything) == sorted([row.id, beside.id])
        assert await stores.store.erase(PATIENT) + await stores.store.erase(OTHER) == 2
    assert step == 11  # five steps, before and after each, and the end


async def test_a_killed_erasure_shows_nothing_more_or_everything_and_is_complete_when_repeated(stores: Stores) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        rows = [of_patient(pressure(effective_time=NOW + timedelta(minutes=number))) for number in range(5)]
        elsewhere = of_patient(pressure(), OTHER)
        await stores.store.write([*rows, elsewhere])
        await stores.store.move({rows[0].id: Place(OTHER, NOW)})
        await stores.store._writing.close()  # else the other process waits for what this one may be writing
        killed = await stores.killed(step, "erase", PATIENT)
        assert len(await stores.found(PATIENT)) in (0, 4)
        again = await stores.store.erase(PATIENT)
        assert again == (4 if step < 6 else 0)
        assert await stores.found(PATIENT) == []
        assert await stores.store.get_many([one.id for one in rows[1:]]) == {}
        assert len(await stores.found(OTHER)) == 2
        assert await stores.store.patients() == [OTHER]
        assert await stores.store.write(rows[1:]) == {one.id for one in rows[1:]}  # their ids are forgotten, too
        assert await stores.store.erase(OTHER) + await stores.store.erase(PATIENT) == 6
    assert step == 7
