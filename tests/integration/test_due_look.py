"""One look says which queues are due, as each of them says of itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_backend.due import Job
from hearthline_backend.due_look import DueLook
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.due_rows import Queue
from hearthline_backend.storage.records.synthetic import ALERT, ERASURE
from hearthline_backend.storage.records.unit import Unit
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.records import Engine


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, records_engine) as made:
        yield made


async def each_by_itself(unit: Unit, ward: Clinic) -> set[Queue]:
    firsts = {
        Queue.TASKS: await unit.calls.next_task_at(),
        Queue.SNOOZES: await unit.snoozes.next_due_at(),
        Queue.PATIENTS: await unit.silence.next_patient_at(),
        Queue.HOMES: await unit.silence.next_home_at(),
        Queue.DIGESTS: await unit.silence.next_digest_at(),
        Queue.REPORTS: await unit.reports.next_due_at(),
        Queue.NOTIFICATIONS: await unit.calls.next_notification_at(ward.clock.now),
        Queue.SYNTHETIC_ALERTS: await unit.synthetic.next_at(ALERT),
        Queue.SYNTHETIC_ERASURES: await unit.synthetic.next_at(ERASURE),
    }
    assert set(firsts) == set(Queue)
    return {queue for queue, first in firsts.items() if first is not None and first <= ward.clock.now}


async def test_the_look_sees_what_each_queue_says_of_itself(ward: Clinic) -> None:
    seen: list[frozenset[Queue]] = []

    async def look() -> None:
        async with ward.records.read() as unit:
            seen.append(await unit.due_rows.due_queues(ward.clock.now))
            assert seen[-1] == await each_by_itself(unit, ward)

    await look()
    await ward.arrive(ward.measured(186, 112))
    await look()
    later = ward.clock.now + timedelta(hours=1)
    async with ward.records.begin() as unit:
        await unit.silence.look_at(ward.patient, later)
        await unit.silence.digest_at(ward.team, later)
        await unit.synthetic.plan_alert(uuid4(), "home-1", ward.clock.now)
        await unit.synthetic.plan_erasure(uuid4(), later)
    await look()
    ward.clock.turn(hours=2)
    await look()
    assert Queue.NOTIFICATIONS in seen[1]
    assert Queue.NOTIFICATIONS not in seen[0]
    assert Queue.SYNTHETIC_ALERTS in seen[2]
    assert not {Queue.PATIENTS, Queue.DIGESTS, Queue.SYNTHETIC_ERASURES} & seen[2]
    assert {Queue.TASKS, Queue.PATIENTS, Queue.DIGESTS, Queue.SYNTHETIC_ERASURES} <= seen[3]


async def test_a_job_runs_where_its_queue_is_due_or_an_earlier_one_did_something(ward: Clinic) -> None:
    ran: list[str] = []

    def job(name: str, done: int) -> Job:
        async def run() -> int:
            ran.append(name)
            return done

        return run

    look = DueLook(ward.records, clock=lambda: ward.clock.now)
    jobs = [
        look.look,
        look.only(Queue.SNOOZES, job("snoozes", 1)),
        look.only(Queue.NOTIFICATIONS, job("notifications", 1)),
        look.only(Queue.SYNTHETIC_ERASURES, job("erasures", 0)),
    ]
    for one in jobs:
        await one()
    assert not ran
    await ward.arrive(ward.measured(186, 112))
    for one in jobs:
        await one()
    assert ran == ["notifications", "erasures"]


async def test_while_records_is_away_nothing_else_is_tried(ward: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    look = DueLook(ward.records, clock=lambda: ward.clock.now)

    async def never() -> int:
        raise AssertionError("it was tried")

    def away() -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(ward.records, "read", away)
    with pytest.raises(StoreUnavailableError):
        await look.look()
    assert await look.only(Queue.TASKS, never)() == 0
