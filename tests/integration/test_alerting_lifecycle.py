"""An alert and its people as a time line: send at t, expect at t. The clock is turned by hand, nothing sleeps."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_backend.alerting.action_errors import (
    AlertNotFoundError,
    AlertOverError,
    AlreadyTakenError,
    NotAnOutcomeError,
    NoteRequiredError,
    NothingToUndoError,
    NotYourTeamError,
)
from hearthline_backend.due import Due
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Task
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.records import Engine


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, records_engine) as made:
        yield made


async def red(ward: Clinic) -> Alert:
    await ward.arrive(ward.measured(186, 112))
    return await ward.alert()


async def yellow(ward: Clinic) -> Alert:
    await ward.arrive(ward.measured(164, 92, ago_min=30), ward.measured(166, 92))
    return await ward.alert()


async def after(ward: Clinic, **turn: float) -> int:
    ward.clock.turn(**turn)
    return await ward.escalation.run_due()


async def test_a_red_goes_from_person_to_person_until_somebody_acknowledges(ward: Clinic) -> None:
    alert = await red(ward)
    assert await after(ward, minutes=14) == 0
    assert await after(ward, minutes=1) == 1
    assert {one[:3] for one in (await ward.told(alert))[2:]} == {
        ("K.L.", "mail", "escalated"),
        ("K.L.", "webhook", "escalated"),
    }
    assert await after(ward, minutes=15) == 1
    assert [one[0] for one in await ward.told(alert)] == ["E.S."] * 2 + ["K.L."] * 2 + ["E.S."] * 2
    assert (await ward.happened(alert)) == [
        Happened.RAISED,
        Happened.CALLED,
        Happened.ESCALATED,
        Happened.CALLED,
        Happened.STARTED_AGAIN,
        Happened.CALLED,
    ]
    await ward.actions.acknowledge(alert.id, ward.people[1])
    assert await after(ward, minutes=15) == 0
    assert len(await ward.told(alert)) == 6


async def test_acknowledging_stops_calls_names_the_owner_and_tells_when_it_comes_back(ward: Clinic) -> None:
    alert = await red(ward)
    ward.clock.turn(minutes=2)
    done = await ward.actions.acknowledge(alert.id, ward.people[1])
    assert done.comes_back_at == ward.clock.now + timedelta(minutes=60)
    assert done.undo_until == ward.clock.now + timedelta(seconds=10)
    async with ward.records.read() as unit:
        (row,) = await unit.alerts.open_of_team(ward.team)
    assert (row.alert.state, row.alert.owned_at) == (AlertState.ACKNOWLEDGED, ward.clock.now)
    assert (row.owner_initials, row.owner_title) == ("K.L.", "Nurse")
    assert {state for *_rest, state in await ward.told(alert)} == {"cancelled"}


async def test_acknowledging_twice_is_once_and_a_second_person_hears_who_has_it(ward: Clinic) -> None:
    alert = await red(ward)
    first = await ward.actions.acknowledge(alert.id, ward.people[0])
    ward.clock.turn(minutes=3)
    again = await ward.actions.acknowledge(alert.id, ward.people[0])
    assert (again.alert, again.comes_back_at) == (first.alert, first.comes_back_at)
    assert again.undo_until is None
    with pytest.raises(AlreadyTakenError, match=r"E\.S\.") as refused:
        await ward.actions.acknowledge(alert.id, ward.people[1])
    assert refused.value.since == first.alert.owned_at
    assert (await ward.happened(alert)).count(Happened.ACKNOWLEDGED) == 1


async def test_of_two_who_acknowledge_at_once_one_gets_it(ward: Clinic) -> None:
    alert = await red(ward)
    results = await asyncio.gather(
        *(ward.actions.acknowledge(alert.id, person) for person in ward.people * 3), return_exceptions=True
    )
    assert sum(isinstance(one, AlreadyTakenError) for one in results) == 3
    assert (await ward.happened(alert)).count(Happened.ACKNOWLEDGED) == 1


async def test_undo_puts_calls_and_deadlines_back_for_ten_seconds(ward: Clinic) -> None:
    alert = await red(ward)
    ward.clock.turn(minutes=3)
    await ward.actions.acknowledge(alert.id, ward.people[0])
    ward.clock.turn(seconds=10)
    with pytest.raises(NothingToUndoError):
        await ward.actions.undo(alert.id, ward.people[1])
    done = await ward.actions.undo(alert.id, ward.people[0])
    assert (done.alert.state, done.alert.owner_id) == (AlertState.OPEN, None)
    assert {state for *_rest, state in await ward.told(alert)} == {"due"}
    async with ward.records.read() as unit:
        task = await unit.calls.pending(alert.id, Task.ESCALATE)
        assert await unit.calls.pending(alert.id, Task.COME_BACK) is None
    assert task is not None
    assert task.due_at == alert.opened_at + timedelta(minutes=15)

    await ward.actions.acknowledge(alert.id, ward.people[0])
    ward.clock.turn(seconds=10.1)
    with pytest.raises(NothingToUndoError):
        await ward.actions.undo(alert.id, ward.people[0])


async def test_an_acknowledged_red_comes_back_first_to_who_had_it(ward: Clinic) -> None:
    alert = await red(ward)
    await ward.actions.acknowledge(alert.id, ward.people[1])
    assert await after(ward, minutes=59) == 0
    assert await after(ward, minutes=1) == 1
    alert = await ward.alert()
    assert (alert.state, alert.owner_id) == (AlertState.OPEN, None)
    told = [one for one in await ward.told(alert) if one[3] == "due"]
    assert told == [("K.L.", "mail", "comes_back", "due"), ("K.L.", "webhook", "comes_back", "due")]
    assert await after(ward, minutes=15) == 1
    assert ("E.S.", "mail", "escalated", "due") in await ward.told(alert)


async def test_a_yellow_that_is_acknowledged_does_not_come_back(ward: Clinic) -> None:
    alert = await yellow(ward)
    assert (await ward.actions.acknowledge(alert.id, ward.people[0])).comes_back_at is None
    assert await after(ward, hours=24) == 0


async def test_a_review_that_nobody_did_is_called_at_its_deadline_and_each_day_after(ward: Clinic) -> None:
    await ward.arrive(ward.measured(140, 80))
    await ward.arrive(ward.measured(186, 112, ago_min=19 * 60))
    alert = await ward.alert()
    assert await ward.told(alert) == []
    assert await after(ward, hours=6) == 1
    assert await ward.told(alert) == [("E.S.", "mail", "comes_back", "due")]
    assert await after(ward, hours=24) == 1
    await ward.actions.resolve(alert.id, ward.people[0], Outcome.KNOWN, "seen at the ward round")
    assert await after(ward, hours=24) == 0


async def test_resolving_ends_everything_and_says_how(ward: Clinic) -> None:
    alert = await red(ward)
    await ward.actions.acknowledge(alert.id, ward.people[0])
    ward.clock.turn(minutes=22)
    await ward.actions.resolve(alert.id, ward.people[1], Outcome.TRUE, "  Evening tablet forgotten.  ")
    over = await ward.alert()
    assert (over.state, over.outcome, over.resolved_at) == (AlertState.RESOLVED, Outcome.TRUE, ward.clock.now)
    assert await after(ward, hours=2) == 0
    last = (await ward.events_of(over))[-1]
    assert (last.what, last.note, last.initials) == (Happened.RESOLVED, "Evening tablet forgotten.", "K.L.")
    with pytest.raises(AlertOverError):
        await ward.actions.acknowledge(alert.id, ward.people[0])
    with pytest.raises(AlertOverError):
        await ward.actions.resolve(alert.id, ward.people[0], Outcome.TRUE, "again")

    ward.clock.turn(days=3)
    await ward.arrive(ward.measured(130, 80))
    ward.clock.turn(days=3)
    await ward.arrive(ward.measured(190, 112))
    newest = (await ward.alerts())[-1]
    async with ward.records.read() as unit:
        (past,) = await unit.alerts.similar(newest, ward.clock.now - timedelta(days=90))
    assert (past.alert.id, past.note, past.resolved_by) == (alert.id, "Evening tablet forgotten.", "K.L.")


async def test_a_red_never_ends_without_words_and_only_with_an_outcome_for_people(ward: Clinic) -> None:
    alert = await red(ward)
    with pytest.raises(NoteRequiredError):
        await ward.actions.resolve(alert.id, ward.people[0], Outcome.FALSE_ALARM, "  ")
    with pytest.raises(NotAnOutcomeError):
        await ward.actions.resolve(alert.id, ward.people[0], Outcome.CLEARED, "done")
    assert (await ward.alert()).state is AlertState.OPEN


async def test_a_yellow_ends_without_words_unless_it_was_something_else(ward: Clinic) -> None:
    alert = await yellow(ward)
    with pytest.raises(NoteRequiredError):
        await ward.actions.resolve(alert.id, ward.people[0], Outcome.OTHER)
    await ward.actions.resolve(alert.id, ward.people[0], Outcome.KNOWN)
    assert (await ward.alert()).outcome is Outcome.KNOWN


async def test_notes_are_added_to_the_history_and_change_nothing(ward: Clinic) -> None:
    alert = await red(ward)
    await ward.actions.add_note(alert.id, ward.people[0], "Called, no answer yet.")
    assert await ward.alert() == alert
    assert (await ward.events_of(alert))[-1].note == "Called, no answer yet."
    with pytest.raises(NoteRequiredError):
        await ward.actions.add_note(alert.id, ward.people[0], " ")


async def test_only_the_patients_own_team_may_act(ward: Clinic) -> None:
    alert = await red(ward)
    stranger = replace(ward.people[0], id=uuid4(), team_id=uuid4())
    technician = replace(ward.people[0], id=uuid4(), team_id=None)
    for who in (stranger, technician):
        with pytest.raises(NotYourTeamError):
            await ward.actions.acknowledge(alert.id, who)
        with pytest.raises(NotYourTeamError):
            await ward.actions.resolve(alert.id, who, Outcome.TRUE, "note")
        with pytest.raises(NotYourTeamError):
            await ward.actions.add_note(alert.id, who, "note")
    with pytest.raises(AlertNotFoundError):
        await ward.actions.acknowledge(alert.id + 1, ward.people[0])
    assert await ward.alert() == alert


async def test_every_act_is_a_live_event_after_its_commit(ward: Clinic) -> None:
    alert = await red(ward)
    async with ward.events.subscribe() as live:
        await ward.actions.acknowledge(alert.id, ward.people[0])
        event = await asyncio.wait_for(anext(live), 5)
        assert (event.kind, event.alert_id, event.team_id) == ("alert", alert.id, ward.team)
        await after(ward, minutes=60)
        assert (await asyncio.wait_for(anext(live), 5)).alert_id == alert.id


async def test_acting_on_one_alert_never_touches_another(ward: Clinic) -> None:
    pressure = await red(ward)
    readings = ward.measured(187, 112).values | {
        "pulse": ward.measured().values["pulse"].model_copy(update={"value": 140})
    }
    await ward.arrive(ward.measured(values=readings))
    pulse = next(one for one in await ward.alerts() if one.rule_id == "hypertension.pulse_high")
    await ward.actions.acknowledge(pressure.id, ward.people[0])
    assert {state for *_rest, state in await ward.told(pulse)} == {"due"}
    async with ward.records.read() as unit:
        assert await unit.calls.pending(pulse.id, Task.ESCALATE) is not None


async def test_who_was_told_is_what_was_really_sent(ward: Clinic) -> None:
    alert = await red(ward)
    async with ward.records.begin() as unit:
        (claim,) = await unit.calls.claim({"mail": 10}, ward.clock.now, timedelta(minutes=1))
        assert await unit.calls.claim({"mail": 10}, ward.clock.now, timedelta(minutes=1)) == []
        await unit.calls.sent(claim.notification.id, ward.clock.now)
    async with ward.records.read() as unit:
        (told,) = await unit.calls.of_patient(ward.patient, 10)
        called = await unit.calls.first_called([alert.id])
    assert (told.initials, told.channel, told.notification.alert_id) == ("E.S.", "mail", alert.id)
    assert called[alert.id].initials == "E.S."


async def test_the_tick_wakes_does_what_is_due_in_order_and_outlives_a_store_that_is_away() -> None:
    calls: list[str] = []
    done = asyncio.Event()

    async def away() -> int:
        calls.append("away")
        raise StoreUnavailableError("not now")

    async def broken() -> int:
        calls.append("broken")
        raise RuntimeError("a defect")

    async def busy() -> int:
        calls.append("busy")
        if calls.count("busy") == 3:
            done.set()
        return 3 - calls.count("busy")

    due = Due(tick_s=3600)
    due.start([away, broken, busy])
    await asyncio.wait_for(done.wait(), 5)
    assert calls == ["away", "broken", "busy"] * 3
    done.clear()
    calls.clear()
    calls += ["busy", "busy"]
    due.wake()
    await asyncio.wait_for(done.wait(), 5)
    await due.stop()


async def test_the_tick_comes_by_itself() -> None:
    ticks = asyncio.Semaphore(0)

    async def job() -> int:
        ticks.release()
        return 0

    due = Due(tick_s=0.05)
    due.start([job])
    for _ in range(3):
        await asyncio.wait_for(ticks.acquire(), 5)
    await due.stop()
