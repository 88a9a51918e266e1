"""Organisations, teams, patients, plans, gateways, meters and assignments, written and read back."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.plans import Slot
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.storage.ports import Records, StoreUnavailableError
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment, owner
from hearthline_backend.storage.records.judgements import Judgement
from hearthline_backend.storage.schema import plans
from tests.fixtures.records import CUFF, NOW, Engine, Household, pressure_rule, records_url, seed, temporary_records

DAY = timedelta(days=1)


@pytest.fixture
async def records(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Records]:
    async with temporary_records(tmp_path, records_engine) as opened:
        yield opened


async def test_a_household_comes_back_as_it_was_written(records: Records) -> None:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)
    async with records.read() as unit:
        patient = await unit.care.patient(home.patient)
        assert patient is not None
        assert (patient.team_id, patient.enrolled_at) == (home.team, home.since)
        assert await unit.care.patients(team_id=home.team) == await unit.care.patients(ids=[home.patient]) == [patient]
        assert [one.id for one in await unit.care.teams(home.organisation)] == [home.team]
        assert await unit.care.plan_history(home.patient) == (home.plan,)
        assert await unit.care.plan_history(uuid4()) == ()
        (gateway,) = await unit.homes.gateways(home.organisation)
        assert (gateway.name, gateway.status, gateway.heard_at) == (home.gateway, None, None)
        assert [one.address for one in await unit.homes.sensors([home.gateway])] == [home.sensor]
        assert [one.patient_id for one in await unit.homes.assignments(patients=[home.patient])] == [home.patient]


async def test_every_version_of_a_plan_is_kept_with_its_author(records: Records) -> None:
    home = Household()
    second = replace(
        home.plan,
        version=2,
        valid_from=NOW,
        rules=(pressure_rule(red=190),),
        slots=(Slot("blood_pressure", "morning", time(6), time(10, 30)),),
        author="Nurse T.U.",
        reason="usual values are high",
    )
    async with records.begin() as unit:
        await seed(unit, home)
        await unit.care.add_plan(second, created_at=NOW, author_id=home.nurse)
    async with records.read() as unit:
        assert await unit.care.plan_history(home.patient) == (home.plan, second)


async def test_a_plan_from_the_templates_survives_json(records: Records) -> None:
    home = Household()
    plan = build_plan(
        patient_id=home.patient, version=2, valid_from=NOW, conditions=("hypertension",), reason="from the template"
    )
    async with records.begin() as unit:
        await seed(unit, home)
        await unit.care.add_plan(plan, created_at=NOW)
    async with records.read() as unit:
        assert (await unit.care.plan_history(home.patient))[-1] == plan


async def test_a_plan_that_means_nothing_is_not_read_as_one(records: Records) -> None:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)
        await unit.connection.execute(plans.update().values(content={"rules": [{"id": "x"}], "slots": []}))
    async with records.read() as unit:
        with pytest.raises(ValidationError):
            await unit.care.plan_history(home.patient)


async def test_a_pause_begins_and_ends(records: Records) -> None:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)
        await unit.pauses.begin(home.patient, Pause(PauseKind.HOSPITAL, NOW, NOW + DAY), now=NOW, note="a new hip")
        paused = await unit.care.patient(home.patient)
        assert await unit.pauses.end(home.patient, now=NOW + DAY / 2)
        back = await unit.care.patient(home.patient)
    assert paused is not None
    assert back is not None
    assert (paused.paused_until, paused.pause_reason) == (NOW + DAY, "a new hip")
    assert (back.paused_until, back.pause_reason) == (None, None)


async def test_a_new_assignment_ends_the_one_before_and_no_other(records: Records) -> None:
    one = Household()
    other = replace(one, patient=UUID(int=2), gateway="home-0002")
    async with records.begin() as unit:
        await seed(unit, one)
        await seed(unit, other, gateway=False)
        await unit.homes.assign(Assignment(uuid4(), CUFF, other.patient, NOW, user_slot=2))
        await unit.homes.assign(Assignment(uuid4(), CUFF, other.patient, NOW))
        history = await unit.homes.assignments(sensors_at=[CUFF])

    def whose(slot: int | None, ahead: timedelta) -> UUID | None:
        found = owner(history, slot, NOW + ahead)
        return None if found is None else found.patient_id

    assert [one_of.valid_until for one_of in history] == [NOW, None, None]
    assert whose(None, -timedelta(microseconds=1)) == one.patient
    assert whose(2, -timedelta(microseconds=1)) == one.patient
    assert whose(None, timedelta(0)) == other.patient
    assert whose(2, DAY) == other.patient
    assert whose(None, one.since - NOW - DAY) is None


async def test_a_judgement_keeps_its_first_row(records: Records) -> None:
    home = Household()
    ids = [uuid4() for _ in range(1200)]
    rows = [Judgement(one, home.patient, "blood_pressure", NOW, NOW, {"n": 1}) for one in ids]
    async with records.begin() as unit:
        await seed(unit, home)
        await unit.judgements.add(rows)
        await unit.judgements.add([replace(rows[0], explanation={"n": 2}), replace(rows[0], reading_id=UUID(int=7))])
        await unit.judgements.add([])
    async with records.read() as unit:
        assert await unit.judgements.known([*ids, uuid4()]) == set(ids)
        assert await unit.judgements.get(ids[0]) == rows[0]
        assert await unit.judgements.get(uuid4()) is None


async def _seed_twice(records: Records, home: Household) -> None:
    async with records.begin() as unit:
        await seed(unit, home)
        await seed(unit, home)


async def test_a_unit_that_raises_leaves_nothing(records: Records) -> None:
    home = Household()
    with pytest.raises(IntegrityError):
        await _seed_twice(records, home)
    async with records.read() as unit:
        assert await unit.care.organisations() == []
        assert await unit.homes.gateways() == []
        assert await unit.homes.sensors() == []
        assert await unit.homes.assignments() == []


async def test_records_that_are_not_there_are_unavailable(tmp_path: Path) -> None:
    records = SqlRecords.open(records_url(tmp_path / "nowhere" / "records.sqlite3"))
    with pytest.raises(StoreUnavailableError):
        async with records.read() as unit:
            await unit.care.organisations()
    await records.close()
    for thread in threading.enumerate():  # the driver does not wait for the thread of a connection that failed
        if thread.name.endswith("(_connection_worker_thread)"):
            await asyncio.to_thread(thread.join, 10)
