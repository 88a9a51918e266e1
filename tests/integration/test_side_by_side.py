"""Several processes on one PostgreSQL: nobody waits in a ring, nothing is done twice, no one's word is overwritten."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from hearthline_backend.storage.records.alerts import Happened
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment
from hearthline_backend.storage.records.quarantine import Refusal
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.postgresql import migrated_database
from tests.fixtures.records import CUFF, NOW, Household, seed

ROUNDS: Final = 40
PATIENTS: Final = 60
AT_ONCE: Final = 4
WITHIN_S: Final = 60


@pytest.fixture
async def processes() -> AsyncIterator[Sequence[SqlRecords]]:
    """Records as several processes have them, each with connections of its own."""
    async with migrated_database() as url, AsyncExitStack() as stack:
        opened = [SqlRecords.open(url) for _ in range(AT_ONCE)]
        for one in opened:
            stack.push_async_callback(one.close)
        yield opened


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, "postgresql") as made:
        yield made


async def _ward_of(records: SqlRecords) -> list[UUID]:
    home = Household()
    async with records.begin() as unit:
        await seed(unit, home)
        ids = [uuid4() for _ in range(PATIENTS)]
        for one in ids:
            await unit.care.add_patient(Patient(one, home.team, "Ana", "Test", 1950, "Europe/Madrid", home.since))
    return ids


async def test_judges_of_overlapping_patients_never_meet_and_never_wait_in_a_ring(
    processes: Sequence[SqlRecords],
) -> None:
    patients = await _ward_of(processes[0])
    held: Counter[UUID] = Counter()
    most = 0

    async def judge(records: SqlRecords, seed_number: int) -> None:
        nonlocal most
        chance = random.Random(seed_number)
        for _ in range(ROUNDS):
            group = chance.sample(patients, chance.randint(1, PATIENTS))  # shuffled, and some of them everybody's
            async with records.begin() as unit:
                await unit.alerts.lock_patients(group)
                held.update(group)
                most = max(most, *(held[one] for one in group))
                await unit.homes.gateways()  # a round trip, so that the others have their turn
                held.subtract(group)

    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(judge(records, number) for number, records in enumerate(processes)))
    assert most == 1


async def test_who_looks_at_a_patient_does_not_wait_for_the_judge(processes: Sequence[SqlRecords]) -> None:
    home = Household()
    async with processes[0].begin() as unit:
        await seed(unit, home)
    async with processes[0].begin() as judging:
        await judging.alerts.lock_patients([home.patient])
        async with asyncio.timeout(5), processes[1].begin() as looking:
            await looking.people.log_access(home.nurse, home.patient, "patient", NOW)


async def test_the_same_refused_by_all_at_once_is_one_row_that_counts_them_all(processes: Sequence[SqlRecords]) -> None:
    readings = [None, uuid4()]

    async def refuse(records: SqlRecords, order: int) -> None:
        for _ in range(5):
            async with records.begin() as unit:
                for one in readings[::order]:
                    refusal = Refusal("home-0001", "rejected", "not_json", "text", b"x", NOW, one, "batch")
                    assert await unit.quarantine.put(refusal)

    await asyncio.gather(*(refuse(records, (-1) ** number) for number, records in enumerate(processes)))
    async with processes[0].read() as unit:
        rows = await unit.quarantine.listed()
    assert {(row.reading_id, row.count) for row in rows} == {(one, 5 * AT_ONCE) for one in readings}
    assert len(rows) == 2


async def test_a_gateway_heard_by_two_is_noted_without_waiting(processes: Sequence[SqlRecords]) -> None:
    home = Household()
    async with processes[0].begin() as unit:
        await seed(unit, home)
    later = NOW + timedelta(minutes=1)
    async with processes[0].begin() as first:
        await first.homes.heard({home.gateway}, NOW)
        async with asyncio.timeout(5), processes[1].begin() as second:
            await second.homes.heard({home.gateway, "nobody"}, later)
    async with processes[0].read() as unit:
        gateway = await unit.homes.gateway(home.gateway)
    assert gateway is not None
    assert gateway.heard_at == NOW


async def test_two_who_assign_a_meter_at_once_leave_one_owner(processes: Sequence[SqlRecords]) -> None:
    home = Household()
    async with processes[0].begin() as unit:
        await seed(unit, home, assignment=False)

    async def assign(records: SqlRecords, minute: int) -> None:
        async with records.begin() as unit:
            at = NOW + timedelta(minutes=minute)
            await unit.homes.assign(Assignment(uuid4(), CUFF, home.patient, at))

    for minute in range(5):
        await asyncio.gather(*(assign(records, minute) for records in processes))
    async with processes[0].read() as unit:
        found = await unit.homes.assignments(sensors_at=[CUFF])
    assert len(found) == 5 * AT_ONCE
    assert sum(1 for one in found if one.valid_until is None) == 1


async def test_a_person_s_word_on_a_reading_is_the_last_one_of_those_said_at_once(
    processes: Sequence[SqlRecords],
) -> None:
    home, reading = Household(), uuid4()
    async with processes[0].begin() as unit:
        await seed(unit, home)

    async def claim(records: SqlRecords, patient: UUID | None) -> None:
        async with records.begin() as unit:
            await unit.homes.claim(reading, patient, home.nurse, NOW)

    await asyncio.gather(*(claim(records, home.patient) for records in processes))
    await claim(processes[0], None)
    async with processes[1].read() as unit:
        assert await unit.homes.claims([reading]) == {reading: None}


async def test_who_takes_an_alert_while_it_is_judged_keeps_it(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    alert, nurse = await ward.alert(), ward.people[0]
    ward.clock.turn(minutes=5)
    async with ward.records.begin() as judging:
        await judging.alerts.lock_patients([ward.patient])
        found = await judging.alerts.touching([ward.patient], ward.clock.now - timedelta(days=1), ward.clock.now)
        taking = asyncio.create_task(ward.actions.acknowledge(alert.id, nurse))
        await _until_somebody_waits(ward)
        (judged,) = found[ward.patient]
        await judging.alerts.save(judged)
        assert not taking.done()
    await asyncio.wait_for(taking, 10)
    after = await ward.alert()
    assert (after.state.value, after.owner_id) == ("acknowledged", nurse.id)


async def test_what_is_being_changed_escalates_a_moment_later(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    alert = await ward.alert()
    ward.clock.turn(minutes=20)
    async with ward.records.begin() as judging:
        await judging.alerts.lock([alert.id])
        assert await asyncio.wait_for(ward.escalation.run_due(), 10) == 0
        await judging.calls.call_off(alert.id, ward.clock.now, "not needed")  # would wait in a ring
    assert await ward.escalation.run_due() == 0
    assert Happened.ESCALATED not in await ward.happened(alert)


async def test_two_who_escalate_do_each_thing_once(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    ward.clock.turn(minutes=20)
    done = await asyncio.gather(*(ward.escalation.run_due() for _ in range(AT_ONCE)))
    while sum(done) < 1:
        done.append(await ward.escalation.run_due())
    assert sum(done) == 1
    assert (await ward.happened(await ward.alert())).count(Happened.ESCALATED) == 1


async def test_each_call_is_claimed_by_one(ward: Clinic) -> None:
    for _ in range(3):
        await ward.arrive(ward.measured(186, 112))
        ward.clock.turn(hours=30)
    async with ward.records.read() as unit:
        due = [one.notification.id for alert in await ward.alerts() for one in await unit.calls.of_alert(alert.id)]
    everybody = asyncio.Barrier(AT_ONCE)

    async def claim() -> list[UUID]:
        async with ward.records.begin() as unit:
            await everybody.wait()
            claims = await unit.calls.claim({"mail": 2, "webhook": 1}, ward.clock.now, timedelta(minutes=1))
            await everybody.wait()
        return [one.notification.id for one in claims]

    claimed = [one for part in await asyncio.gather(*(claim() for _ in range(AT_ONCE))) for one in part]
    assert len(claimed) == len(set(claimed)) == len(due)
    assert set(claimed) == set(due)


async def _until_somebody_waits(ward: Clinic) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while True:
            async with ward.records.read() as looking:  # one look a transaction: within one it stays the same
                if (await looking.connection.exec_driver_sql(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.01)
