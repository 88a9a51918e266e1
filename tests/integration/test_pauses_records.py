"""Pauses in Records: rows stay, a change is an end and a beginning, and who was on pause before keeps it."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.records.engine import SqlRecords, open_engine
from hearthline_backend.storage.records.people import Role, User
from tests.fixtures.records import NOW, Engine, Household, migrated_records, seed, temporary_records

DAY = timedelta(days=1)
NURSE, DOCTOR = UUID(int=71), UUID(int=72)


async def test_a_change_ends_one_and_begins_another_and_an_early_end_is_kept(
    tmp_path: Path, records_engine: Engine
) -> None:
    home = Household()
    async with temporary_records(tmp_path, records_engine) as records, records.begin() as unit:
        await seed(unit, home)
        for key, login in ((NURSE, "nurse"), (DOCTOR, "doctor")):
            await unit.people.add_user(User(key, login, "!", Role.CARE, "E.S.", "Nurse", home.organisation, home.team))
        first = Pause(PauseKind.HOSPITAL, NOW - 2 * DAY, NOW + 9 * DAY)
        second = Pause(PauseKind.AWAY, NOW + DAY, NOW + 20 * DAY)
        await unit.pauses.begin(home.patient, first, now=NOW, note="ward 12", by=NURSE)
        assert (await unit.pauses.in_force([home.patient], NOW))[home.patient].pause == first
        await unit.pauses.begin(home.patient, second, now=NOW + DAY, by=DOCTOR)
        assert await unit.pauses.end(home.patient, now=NOW + 3 * DAY, by=NURSE)
        assert not await unit.pauses.end(home.patient, now=NOW + 3 * DAY, by=NURSE), "there is none any more"
        newer, older = await unit.pauses.history(home.patient)
        assert (older.note, older.made_by, older.ended_by, older.pause.ends) == ("ward 12", NURSE, DOCTOR, NOW + DAY)
        assert (newer.made_by, newer.ended_by, newer.pause.ends) == (DOCTOR, NURSE, NOW + 3 * DAY)
        assert newer.pause.until == NOW + 20 * DAY
        assert await unit.pauses.of([home.patient]) == {home.patient: [older.pause, newer.pause]}
        assert await unit.pauses.of([home.patient], since=NOW + 10 * DAY) == {home.patient: [newer.pause]}
        assert await unit.pauses.in_force([home.patient], NOW + 4 * DAY) == {}
        assert await unit.pauses.of([]) == {}
        patient = await unit.care.patient(home.patient)
        assert patient is not None
        assert patient.paused_until is None


async def test_who_is_on_pause_when_the_history_begins_keeps_the_pause(tmp_path: Path, records_engine: Engine) -> None:
    home, until = Household(), NOW + 5 * DAY
    async with migrated_records(tmp_path, records_engine) as url:
        records = SqlRecords.open(url)
        async with records.begin() as unit:
            await seed(unit, home)
            await unit.pauses.begin(home.patient, Pause(PauseKind.AWAY, NOW, until), now=NOW, note="at the sea")
        await records.close()
        await migrate(url, "0012")
        engine = open_engine(url)
        async with engine.connect() as connection:
            kept = (await connection.execute(text("SELECT paused_until FROM patients"))).scalar_one()
        await engine.dispose()
        assert kept is not None
        await migrate(url)
        records = SqlRecords.open(url)
        async with records.read() as unit:
            (pause,) = await unit.pauses.history(home.patient)
            patient = await unit.care.patient(home.patient)
        await records.close()
    assert patient is not None
    assert (pause.pause, pause.note) == (Pause(PauseKind.OTHER, patient.enrolled_at, until), "at the sea")
    assert pause.made_by is None
