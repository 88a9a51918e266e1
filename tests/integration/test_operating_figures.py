"""What Records tell the operator, on both engines: the schema, what waits in quarantine, what is overdue."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from hearthline_backend.operations.checks import readings_answer, readings_taken, records_answer
from hearthline_backend.operations.figures import RecordsFigures
from hearthline_backend.operations.metrics import Metrics
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.operating_figures import newest_revision, operating_figures
from hearthline_backend.storage.ports import PatientReading, StoreUnavailableError
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.quarantine import Refusal, Status
from hearthline_backend.storage.records.unit import Unit
from tests.fixtures.clinic import Clinic, TurnedClock
from tests.fixtures.records import NOW, Engine, migrated_records, temporary_records

EARLIER = "0006"


class AwayReadings(MemoryReadings):
    """A store that cannot be asked."""

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        raise StoreUnavailableError("the store is switched off")


class AwayRecords:
    """A database that cannot be asked."""

    quiet = None

    def begin(self) -> AbstractAsyncContextManager[Unit]:
        raise StoreUnavailableError("the database is switched off")

    def read(self) -> AbstractAsyncContextManager[Unit]:
        raise StoreUnavailableError("the database is switched off")

    async def close(self) -> None:
        """Nothing is open."""


def refusal(number: int, status: Status) -> Refusal:
    return Refusal(f"home-{number:04}", status, "not_json", "not JSON", f"{number}".encode(), NOW)


async def test_rows_are_counted_by_status_and_what_is_overdue_by_its_age(
    tmp_path: Path, records_engine: Engine
) -> None:
    async with temporary_records(tmp_path, records_engine) as records:
        clinic = Clinic(records)
        await clinic.open()
        await clinic.employ("E.S.", ("mail", "es@example.org"))
        async with records.begin() as unit:
            statuses: tuple[Status, ...] = ("held", "held", "rejected")
            for number, status in enumerate(statuses):
                await unit.quarantine.put(refusal(number, status))
        await clinic.arrive(clinic.measured(188, 112))
        async with records.read() as unit:
            at_once = await operating_figures(unit, clinic.clock())
        later = clinic.clock.turn(hours=1)
        async with records.read() as unit:
            found = await operating_figures(unit, later)
        metrics = Metrics()
        figures = RecordsFigures(records, metrics, clinic.clock)
        await figures.refresh()
        page = metrics.page("")[0].decode()
        await clinic.actions.acknowledge((await clinic.alert()).id, clinic.people[0])
        async with records.read() as unit:
            taken = await operating_figures(unit, later)
    assert found.quarantined == {"held": 2, "rejected": 1}
    assert (at_once.tasks.count, at_once.tasks.oldest) == (0, None)
    assert found.tasks.count == 1
    assert found.notifications.count == 1
    assert (found.unowned_reds.count, found.unowned_reds.oldest) == (1, later - timedelta(hours=1))
    assert taken.unowned_reds.count == 0
    assert "hearthline_unowned_red_alerts 1.0" in page
    assert "hearthline_unowned_red_oldest_seconds 3600.0" in page
    assert found.notifications.oldest == later - timedelta(hours=1)
    assert 'hearthline_quarantine_rows{status="held"} 2.0' in page
    assert 'hearthline_quarantine_rows{status="released"} 0.0' in page
    assert 'hearthline_due_overdue{what="task"} 1.0' in page
    assert 'hearthline_due_oldest_overdue_seconds{what="notification"} 3600.0' in page


async def test_a_schema_of_another_release_is_named_with_what_to_do(tmp_path: Path, records_engine: Engine) -> None:
    async with migrated_records(tmp_path, records_engine) as url:
        records = SqlRecords.open(url)
        try:
            probe = records_answer(records, newest_revision())
            assert await probe() is None
            await migrate(url, EARLIER)
            trouble = await probe()
        finally:
            await records.close()
    assert trouble is not None
    assert EARLIER in trouble.next_step
    assert newest_revision() in trouble.next_step
    assert "hearthline migrate" in trouble.next_step


async def test_nobody_who_takes_readings_is_noticed_soon_after_the_last_that_did(
    tmp_path: Path, records_engine: Engine
) -> None:
    async with temporary_records(tmp_path, records_engine) as records:
        clock = TurnedClock()
        probe = readings_taken(records, clock)
        assert await probe() is None, "they have to begin first"
        clock.turn(minutes=3)
        trouble = await probe()
        assert trouble is not None
        assert trouble.since is None
        marked = clock.now
        async with records.begin() as unit:
            await unit.silence.mark_intake(marked)
        clock.turn(seconds=90)
        assert await probe() is None
        clock.turn(seconds=1)
        trouble = await probe()
        assert trouble is not None
        assert trouble.since == marked
        assert "nobody takes readings" in trouble.next_step
    assert await readings_taken(AwayRecords(), clock)() is None, "another check says so"


async def test_a_store_that_is_away_is_named_by_its_setting() -> None:
    trouble = await records_answer(AwayRecords(), newest_revision())()
    assert trouble is not None
    assert "records_url" in trouble.next_step
    assert await readings_answer(MemoryReadings(), lambda: NOW)() is None
    away = await readings_answer(AwayReadings(), lambda: NOW)()
    assert away is not None
    assert "readings_url" in away.next_step
