"""The clock is set forward and back while reds wait for somebody: no call is missing, late or doubled."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hearthline_backend.alerting.clock_set_back import ClockSetBack
from hearthline_backend.alerting.delivery import Retry
from hearthline_backend.storage.records.alerts import Happened
from hearthline_backend.storage.records.calls import NotificationState, Task
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.records import Engine
from tests.fixtures.timeline import Timeline, timeline

QUARTER = timedelta(minutes=15)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, records_engine) as made:
        yield made


@pytest.fixture
async def line(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Timeline]:
    async with timeline(tmp_path, records_engine) as made:
        for initials in ("AA", "BB", "CC"):
            await made.person(initials)
        await made.rota([("Mon 00:00", "AA")], [("Mon 00:00", "BB")], last_resort="CC")
        made.jobs = [ClockSetBack(made.clinic.records, clock=made.clinic.clock).run_due]
        yield made


async def test_set_forward_by_an_hour_what_waited_is_called_once_and_not_in_a_storm(line: Timeline) -> None:
    line.red("10:00")
    line.expect("AA", "10:00", "10:01")
    await line.live(line.moment("10:05"))
    line.clinic.clock.turn(hours=3)
    line.expect("BB", "13:05", "13:06")
    line.expect("CC", "13:20", "13:21", occasion="last_resort")
    line.expect("AA", "13:20", "13:21")
    line.acknowledge("13:21", "AA")
    await line.run("13:59")


async def test_set_back_by_three_hours_the_next_person_is_called_a_quarter_of_an_hour_later(line: Timeline) -> None:
    line.clinic.clock.now = line.moment("12:59")
    line.red("13:00")
    line.expect("AA", "13:00", "13:01")
    await line.live(line.moment("13:05"))
    line.clinic.clock.turn(hours=-3)
    line.expect("BB", "10:05", "10:21")
    line.expect("CC", "10:20", "10:36", occasion="last_resort")
    line.expect("AA", "10:20", "10:36")
    line.acknowledge("10:40", "AA")
    await line.run("10:59")
    line.expect("AA", "11:40", "11:41", occasion="comes_back")
    line.acknowledge("11:42", "AA")
    await line.run("11:50")


async def test_a_restart_after_the_clock_went_back_finds_what_is_planned_too_late(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    alert = await ward.alert()
    async with ward.records.begin() as unit:
        (claim, *_rest) = await unit.calls.claim({"mail": 1}, ward.clock.now, Retry().lease)
        await unit.calls.retry((await unit.calls.of_alert(alert.id))[1].notification.id, ward.clock.now + QUARTER)
    ward.clock.turn(hours=-5)
    assert await ClockSetBack(ward.records, clock=ward.clock).run_due() == 0
    async with ward.records.read() as unit:
        task = await unit.calls.pending(alert.id, Task.ESCALATE)
        leased = await unit.calls.notification(claim.notification.id)
        waiting = (await unit.calls.of_alert(alert.id))[1].notification
    assert task is not None
    assert task.due_at == ward.clock.now + QUARTER
    assert leased is not None
    assert leased.claimed_until == ward.clock.now + Retry().lease
    assert (waiting.state, waiting.due_at) == (NotificationState.DUE, ward.clock.now)


async def test_what_falls_due_at_a_time_of_day_stays_there(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112, ago_min=60 * 20))
    alert = await ward.alert()
    assert alert.review_by is not None
    watch = ClockSetBack(ward.records, clock=ward.clock)
    await watch.run_due()
    ward.clock.turn(hours=-2)
    await watch.run_due()
    async with ward.records.read() as unit:
        task = await unit.calls.pending(alert.id, Task.COME_BACK)
    assert task is not None
    assert task.due_at == alert.review_by


async def test_small_steps_back_of_time_synchronisation_change_nothing(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    watch = ClockSetBack(ward.records, clock=ward.clock)
    await watch.run_due()
    ward.clock.turn(seconds=-4)
    await watch.run_due()
    async with ward.records.read() as unit:
        task = await unit.calls.pending((await ward.alert()).id, Task.ESCALATE)
    assert task is not None
    assert task.due_at == ward.clock.now + QUARTER + timedelta(seconds=4)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_clock_does_the_next_call_is_never_more_than_a_wait_away(ward: Clinic, seed: int) -> None:
    chance = random.Random(seed)
    watch = ClockSetBack(ward.records, clock=ward.clock)
    await ward.arrive(ward.measured(186, 112))
    alert = await ward.alert()
    steps: list[int] = []
    forward, since, longest = 0, 0, 0
    for minute in range(240):
        if chance.random() < 0.1:
            jump = chance.choice([-180, -47, -11, 9, 44, 170])
            ward.clock.turn(minutes=jump)
            forward += jump > 0
            since = minute if jump < 0 else since
        await watch.run_due()
        while await ward.escalation.run_due():
            steps.append(minute)
            since = minute
        longest = max(longest, minute - since)
        ward.clock.turn(minutes=1)
    assert longest <= 15, "since the last call, or since the clock was last set back"
    assert len(steps) <= 240 // 15 + forward + 1, "a jump ahead brings one call forward, and no more"
    happened = [one for one in await ward.happened(alert) if one in (Happened.ESCALATED, Happened.STARTED_AGAIN)]
    assert happened == [Happened.ESCALATED, Happened.STARTED_AGAIN] * (len(steps) // 2) + (
        [Happened.ESCALATED] if len(steps) % 2 else []
    )
