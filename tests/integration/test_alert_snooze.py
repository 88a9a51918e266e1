"""Snoozed: this rule, this direction, this patient, until then. Worse comes through; at the end it comes back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hearthline_backend.alerting.action_errors import (
    AlreadyTakenError,
    NoteRequiredError,
    NotYourTeamError,
    SnoozeOverError,
    SnoozeTimeError,
)
from hearthline_backend.alerting.snooze_ends import SnoozeEnds
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.snoozes import Snooze
from tests.fixtures.clinic import START, Clinic, clinic
from tests.fixtures.records import Engine


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, records_engine) as made:
        yield made


async def red(ward: Clinic) -> Alert:
    await ward.arrive(ward.measured(186, 112))
    return (await ward.alerts())[-1]


async def yellow(ward: Clinic) -> Alert:
    await ward.arrive(ward.measured(164, 92, ago_min=30), ward.measured(166, 92))
    return (await ward.alerts())[-1]


async def back_in_range(ward: Clinic) -> None:
    for _ in range(3):
        ward.clock.turn(minutes=31)
        await ward.arrive(ward.measured(120, 78))


async def ends(ward: Clinic, **turn: float) -> int:
    ward.clock.turn(**turn)
    return await SnoozeEnds(ward.records, clock=ward.clock, events=ward.events).run_due()


async def in_force(ward: Clinic) -> tuple[Snooze, ...]:
    async with ward.records.read() as unit:
        return (await unit.snoozes.in_force([ward.patient], ward.clock.now)).get(ward.patient, ())


async def due(ward: Clinic, alert: Alert) -> list[tuple[str, str, str]]:
    return [(who, channel, why) for who, channel, why, state in await ward.told(alert) if state == "due"]


async def last_policy(ward: Clinic, alert: Alert) -> dict[str, Any]:
    stories = [one.detail["policy"] for one in await ward.events_of(alert) if "policy" in one.detail]
    found: dict[str, Any] = stories[-1]["stages"][-1]
    return found


async def test_a_snoozed_alert_is_quiet_until_its_time_and_then_calls_again(ward: Clinic) -> None:
    alert = await yellow(ward)
    until = ward.clock.now + timedelta(hours=20)
    done = await ward.actions.snooze(alert.id, ward.people[1], until)
    assert (done.alert.state, done.alert.owner_id, done.comes_back_at) == (
        AlertState.ACKNOWLEDGED,
        ward.people[1].id,
        until,
    )
    assert await due(ward, alert) == []
    (snooze,) = await in_force(ward)
    assert (snooze.direction, snooze.level, snooze.alert_id, snooze.initials) == (
        "above",
        Level.YELLOW,
        alert.id,
        "K.L.",
    )
    assert await ends(ward, hours=19, minutes=59) == 0
    assert await ends(ward, minutes=1) == 1
    back = await ward.alert()
    assert (back.state, back.owner_id) == (AlertState.OPEN, None)
    assert await due(ward, alert) == [("E.S.", "mail", "snooze_over")]
    assert (await ward.happened(alert))[-2:] == [Happened.CAME_BACK, Happened.CALLED]
    assert await in_force(ward) == ()
    assert await ends(ward, hours=1) == 0


async def test_a_yellow_that_is_back_in_range_does_not_come_back(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(hours=8))
    await back_in_range(ward)
    assert (await ward.alert()).state is AlertState.RESOLVED
    assert await ends(ward, hours=8) == 1
    assert (await ward.alert()).state is AlertState.RESOLVED
    assert await due(ward, alert) == []


async def test_a_new_alert_of_a_snoozed_rule_calls_nobody_says_why_and_comes_back(ward: Clinic) -> None:
    first = await yellow(ward)
    await ward.actions.snooze(first.id, ward.people[0], ward.clock.now + timedelta(days=8))
    await back_in_range(ward)
    ward.clock.turn(days=4)
    second = await yellow(ward)
    assert second.id != first.id
    assert second.state is AlertState.OPEN
    assert await ward.told(second) == []
    stage = await last_policy(ward, second)
    assert (stage["stage"], stage["passes"], stage["reason"]) == ("not_snoozed", False, "snoozed")
    assert await ends(ward, days=4) == 1
    assert await due(ward, second) == [("E.S.", "mail", "snooze_over")]
    assert (await ward.happened(first))[-1] is Happened.CLOSED


async def test_what_closed_by_itself_and_is_past_its_limit_again_comes_back_too(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(hours=8))
    await back_in_range(ward)
    ward.clock.turn(minutes=31)
    again = await yellow(ward)
    assert (again.id, again.state) == (alert.id, AlertState.OPEN)
    assert await due(ward, alert) == []
    assert await ends(ward, hours=8) == 1
    assert await due(ward, alert) == [("E.S.", "mail", "snooze_over")]


async def test_a_red_breaks_through_a_yellow_snooze_and_is_left_alone_at_its_end(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.snooze(alert.id, ward.people[1], ward.clock.now + timedelta(hours=8))
    ward.clock.turn(minutes=10)
    await ward.arrive(ward.measured(190, 112))
    worse = await ward.alert()
    assert (worse.state, worse.owner_id, worse.level) == (AlertState.OPEN, None, Level.RED)
    called = await due(ward, alert)
    assert called == [("E.S.", "mail", "worsened"), ("E.S.", "webhook", "worsened")]
    assert (await last_policy(ward, alert))["reason"] == "on_call"
    assert await ends(ward, hours=8) == 1
    assert await ward.alert() == worse
    assert await due(ward, alert) == called


async def test_a_red_is_snoozed_with_words_only_and_comes_back_even_when_its_value_has_cleared(ward: Clinic) -> None:
    alert = await red(ward)
    until = ward.clock.now + timedelta(hours=4)
    with pytest.raises(NoteRequiredError):
        await ward.actions.snooze(alert.id, ward.people[0], until, " ")
    await ward.actions.snooze(alert.id, ward.people[0], until, "Doctor informed, new dose at noon.")
    assert await ward.escalation.run_due() == 0
    await back_in_range(ward)
    assert (await ward.alert()).latched
    assert await ward.escalation.run_due() == 0
    assert await ends(ward, hours=4) == 1
    assert (await ward.alert()).state is AlertState.OPEN
    assert await due(ward, alert) == [("E.S.", "mail", "snooze_over"), ("E.S.", "webhook", "snooze_over")]
    ward.clock.turn(minutes=15)
    assert await ward.escalation.run_due() == 1
    assert ("K.L.", "mail", "escalated") in await due(ward, alert)


async def test_only_this_rule_of_this_patient_is_quiet(ward: Clinic) -> None:
    pressure = await yellow(ward)
    await ward.actions.snooze(pressure.id, ward.people[0], ward.clock.now + timedelta(hours=8))
    ward.clock.turn(minutes=1)
    fast = ward.measured().values["pulse"].model_copy(update={"value": 140})
    await ward.arrive(ward.measured(values=ward.measured(166, 92).values | {"pulse": fast}))
    pulse = next(one for one in await ward.alerts() if one.rule_id == "hypertension.pulse_high")
    assert await due(ward, pulse) != []
    other = uuid4()
    async with ward.records.begin() as unit:
        await unit.care.add_patient(Patient(other, ward.team, "Bo", "Test", 1951, "Europe/Stockholm", START))
        (plan,) = await unit.care.plan_history(ward.patient)
        await unit.care.add_plan(
            type(plan)(other, 1, plan.valid_from, plan.conditions, plan.rules, plan.slots, plan.reason),
            created_at=START,
        )
    mine, ward.patient = ward.patient, other
    assert await due(ward, await yellow(ward)) != []
    ward.patient = mine
    assert (await ward.happened(pressure))[-1] is Happened.SNOOZED


@pytest.mark.parametrize("wrong", [{"days": 14, "seconds": 1}, {"seconds": 0}, {"hours": -1}])
async def test_a_snooze_ends_within_fourteen_days(ward: Clinic, wrong: dict[str, float]) -> None:
    alert = await yellow(ward)
    with pytest.raises(SnoozeTimeError):
        await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(**wrong))
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(days=14))
    assert len(await in_force(ward)) == 1


async def test_what_somebody_has_is_snoozed_by_nobody_else_and_a_new_time_replaces_the_old_one(ward: Clinic) -> None:
    alert, (one, other) = await yellow(ward), ward.people
    await ward.actions.acknowledge(alert.id, one)
    with pytest.raises(AlreadyTakenError):
        await ward.actions.snooze(alert.id, other, ward.clock.now + timedelta(hours=1))
    await ward.actions.snooze(alert.id, one, ward.clock.now + timedelta(hours=1))
    ward.clock.turn(minutes=1)
    later = ward.clock.now + timedelta(hours=9)
    await ward.actions.snooze(alert.id, other, later)
    (snooze,) = await in_force(ward)
    assert (snooze.until, snooze.made_by) == (later, other.id)
    ward.clock.turn(seconds=5)
    await ward.actions.undo(alert.id, other)
    (snooze,) = await in_force(ward)
    assert snooze.made_by == one.id
    assert (await ward.alert()).owner_id == one.id


async def test_who_takes_a_snoozed_alert_keeps_it_when_the_snooze_ends(ward: Clinic) -> None:
    alert, (one, other) = await yellow(ward), ward.people
    await ward.actions.snooze(alert.id, one, ward.clock.now + timedelta(hours=1))
    taken = await ward.actions.acknowledge(alert.id, other)
    assert await ends(ward, hours=1) == 1
    assert await ward.alert() == taken.alert
    assert await due(ward, alert) == []


async def test_somebody_ends_a_snooze_and_what_it_held_back_calls(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(days=3))
    (snooze,) = await in_force(ward)
    stranger = replace(ward.people[1], id=uuid4(), team_id=uuid4())
    for number, who in ((snooze.id, stranger), (snooze.id + 1, ward.people[1])):
        with pytest.raises(NotYourTeamError):
            await ward.actions.end_snooze(number, who)
    ward.clock.turn(hours=5)
    (back,) = await ward.actions.end_snooze(snooze.id, ward.people[1])
    assert (back.id, back.state) == (alert.id, AlertState.OPEN)
    assert await due(ward, alert) == [("E.S.", "mail", "snooze_over")]
    ended = [event for event in await ward.events_of(alert) if event.what is Happened.SNOOZE_ENDED]
    assert [(event.initials, event.at) for event in ended] == [("K.L.", ward.clock.now)]
    with pytest.raises(SnoozeOverError):
        await ward.actions.end_snooze(snooze.id, ward.people[1])
    assert await ends(ward, days=3) == 0


async def test_while_a_patient_is_away_a_snooze_waits_for_the_return(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(hours=1))
    home = ward.clock.now + timedelta(days=2)
    async with ward.records.begin() as unit:
        now = ward.clock.now
        await unit.pauses.begin(ward.patient, Pause(PauseKind.HOSPITAL, now, home), now=now)
    assert await ends(ward, hours=1) == 0
    assert await due(ward, alert) == []
    assert await ends(ward, days=1, hours=23) == 1
    assert await due(ward, alert) == [("E.S.", "mail", "snooze_over")]


async def test_a_late_red_under_review_is_put_off_as_yellow_and_a_live_red_comes_through(ward: Clinic) -> None:
    await ward.arrive(ward.measured(140, 80))
    await ward.arrive(ward.measured(186, 112, ago_min=19 * 60))
    alert = await ward.alert()
    assert alert.review
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(days=1))
    assert (await in_force(ward))[0].level is Level.YELLOW
    await ward.arrive(ward.measured(191, 112))
    called = [(one.id, await due(ward, one)) for one in await ward.alerts()]
    assert any(len(rows) == 2 for _id, rows in called)


async def test_of_several_that_end_it_at_once_one_does(ward: Clinic) -> None:
    alert = await red(ward)
    await ward.actions.snooze(alert.id, ward.people[0], ward.clock.now + timedelta(hours=1), "note")
    (snooze,) = await in_force(ward)
    ward.clock.turn(hours=1)
    jobs = [SnoozeEnds(ward.records, clock=ward.clock, events=ward.events) for _ in range(4)]
    results = await asyncio.gather(
        *(job.run_due() for job in jobs),
        ward.actions.end_snooze(snooze.id, ward.people[1]),
        ward.arrive(ward.measured(188, 112)),
        return_exceptions=True,
    )
    failed = [one for one in results if isinstance(one, BaseException)]
    assert all(isinstance(one, SnoozeOverError) for one in failed)
    assert (await ward.happened(alert)).count(Happened.CAME_BACK) == 1
    assert len(await due(ward, alert)) == 2
