"""An alert goes from hand to hand: given, given back, opened again, taken back; several taken at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_backend.alerting.action_errors import (
    AlertActionError,
    AlertOverError,
    AlreadyTakenError,
    NobodyHasItError,
    NotAColleagueError,
    NothingToUndoError,
    NotOverError,
    NotYourTeamError,
)
from hearthline_backend.domain.rules import Level
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


async def due(ward: Clinic, alert: Alert) -> list[tuple[str, str, str]]:
    return [(who, channel, why) for who, channel, why, state in await ward.told(alert) if state == "due"]


async def test_who_is_given_a_red_is_told_and_the_calls_of_others_stop(ward: Clinic) -> None:
    alert, (giver, colleague) = await red(ward), ward.people
    done = await ward.actions.assign(alert.id, giver, colleague.id, seen=None)
    assert (done.alert.state, done.alert.owner_id) == (AlertState.ACKNOWLEDGED, colleague.id)
    assert await due(ward, alert) == [("K.L.", "mail", "assigned"), ("K.L.", "webhook", "assigned")]
    last = [event for event in await ward.events_of(alert) if event.what is Happened.ASSIGNED]
    assert [(event.initials, event.detail["to"], event.at) for event in last] == [
        ("E.S.", str(colleague.id), ward.clock.now)
    ]


async def test_a_red_given_to_somebody_who_does_not_answer_comes_back(ward: Clinic) -> None:
    alert = await red(ward)
    done = await ward.actions.assign(alert.id, ward.people[0], ward.people[1].id, seen=None)
    assert done.comes_back_at == ward.clock.now + timedelta(minutes=15)
    assert await after(ward, minutes=15) == 1
    assert (await ward.alert()).state is AlertState.OPEN
    assert await after(ward, minutes=15) == 1
    assert ("E.S.", "mail", "escalated") in await due(ward, alert)


async def test_who_acknowledges_what_was_given_to_them_has_an_hour(ward: Clinic) -> None:
    alert = await red(ward)
    await ward.actions.assign(alert.id, ward.people[0], ward.people[1].id, seen=None)
    ward.clock.turn(minutes=5)
    done = await ward.actions.acknowledge(alert.id, ward.people[1])
    assert done.comes_back_at == ward.clock.now + timedelta(minutes=60)
    again = await ward.actions.acknowledge(alert.id, ward.people[1])
    assert (again.comes_back_at, again.alert) == (done.comes_back_at, done.alert)
    assert (await ward.happened(alert)).count(Happened.ACKNOWLEDGED) == 1
    assert await due(ward, alert) == []


async def test_a_yellow_given_to_a_colleague_is_one_mail_and_no_deadline(ward: Clinic) -> None:
    alert = await yellow(ward)
    done = await ward.actions.assign(alert.id, ward.people[0], ward.people[1].id, seen=None)
    assert done.comes_back_at is None
    assert await due(ward, alert) == [("K.L.", "mail", "assigned")]


async def test_what_somebody_took_meanwhile_is_not_given_away_by_an_older_view(ward: Clinic) -> None:
    alert, (taker, giver) = await red(ward), ward.people
    await ward.actions.acknowledge(alert.id, taker)
    with pytest.raises(AlreadyTakenError, match=r"E\.S\."):
        await ward.actions.assign(alert.id, giver, giver.id, seen=None)
    done = await ward.actions.assign(alert.id, giver, giver.id, seen=taker.id)
    assert done.alert.owner_id == giver.id
    assert await due(ward, alert) == []
    assert done.comes_back_at == ward.clock.now + timedelta(minutes=60)


async def test_only_a_colleague_of_the_team_can_be_given_an_alert(ward: Clinic) -> None:
    alert = await red(ward)
    gone = await ward.employ("G.O.", ("mail", "go@example.org"), on_call=False)
    async with ward.records.begin() as unit:
        await unit.people.add_user(replace(gone, id=(away := uuid4()), login="away", active=False))
        await unit.people.add_user(replace(gone, id=(patient := uuid4()), login="sick", team_id=None))
    for who in (away, patient, uuid4()):
        with pytest.raises(NotAColleagueError):
            await ward.actions.assign(alert.id, ward.people[0], who, seen=None)
    assert await ward.alert() == alert
    assert (await ward.actions.assign(alert.id, ward.people[0], gone.id, seen=None)).alert.owner_id == gone.id


async def test_a_red_given_back_calls_the_next_on_call_at_once(ward: Clinic) -> None:
    alert = await red(ward)
    with pytest.raises(NobodyHasItError):
        await ward.actions.unassign(alert.id, ward.people[0])
    await ward.actions.acknowledge(alert.id, ward.people[0])
    ward.clock.turn(minutes=9)
    done = await ward.actions.unassign(alert.id, ward.people[0])
    assert (done.alert.state, done.alert.owner_id, done.alert.owned_at) == (AlertState.OPEN, None, None)
    assert await due(ward, alert) == [("K.L.", "mail", "escalated"), ("K.L.", "webhook", "escalated")]
    assert await after(ward, minutes=15) == 1
    assert ("E.S.", "mail", "escalated") in await due(ward, alert)


async def test_a_yellow_given_back_waits_in_the_list(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.acknowledge(alert.id, ward.people[0])
    await ward.actions.unassign(alert.id, ward.people[1])
    assert (await ward.alert()).state is AlertState.OPEN
    assert await due(ward, alert) == []


async def test_what_was_resolved_too_early_is_opened_again_by_whoever_then_has_it(ward: Clinic) -> None:
    alert = await red(ward)
    with pytest.raises(NotOverError):
        await ward.actions.reopen(alert.id, ward.people[0])
    await ward.actions.resolve(alert.id, ward.people[0], Outcome.FALSE_ALARM, "Cuff over a sleeve.")
    ward.clock.turn(hours=2)
    done = await ward.actions.reopen(alert.id, ward.people[1], "It was high on the other arm, too.")
    assert (done.alert.state, done.alert.owner_id) == (AlertState.ACKNOWLEDGED, ward.people[1].id)
    assert (done.alert.outcome, done.alert.resolved_at) == (None, None)
    assert done.comes_back_at == ward.clock.now + timedelta(minutes=60)
    event = (await ward.events_of(alert))[-1]
    assert (event.what, event.note) == (Happened.OPENED_AGAIN, "It was high on the other arm, too.")
    assert event.detail["before"]["outcome"] == "false_alarm"
    await ward.actions.resolve(alert.id, ward.people[1], Outcome.TRUE, "Treatment changed.")
    assert (await ward.alert()).outcome is Outcome.TRUE


async def test_what_later_data_withdrew_stays_withdrawn(ward: Clinic) -> None:
    alert = await red(ward)
    async with ward.records.begin() as unit:
        await unit.alerts.save(replace(alert, state=AlertState.WITHDRAWN))
    with pytest.raises(NotOverError):
        await ward.actions.reopen(alert.id, ward.people[0])


@pytest.mark.parametrize("act", ["assign", "unassign", "resolve", "reopen", "snooze"])
async def test_every_act_can_be_taken_back_for_ten_seconds_as_if_it_had_not_been(ward: Clinic, act: str) -> None:
    alert, (mine, colleague) = await red(ward), ward.people
    if act == "unassign":
        await ward.actions.acknowledge(alert.id, mine)
    if act == "reopen":
        await ward.actions.resolve(alert.id, colleague, Outcome.KNOWN, "known")
    before, called = await ward.alert(), await due(ward, alert)
    async with ward.records.read() as unit:
        planned = [await unit.calls.pending(alert.id, what) for what in Task]
    acts = {
        "assign": lambda: ward.actions.assign(alert.id, mine, colleague.id, seen=None),
        "unassign": lambda: ward.actions.unassign(alert.id, mine),
        "resolve": lambda: ward.actions.resolve(alert.id, mine, Outcome.TRUE, "note"),
        "reopen": lambda: ward.actions.reopen(alert.id, mine),
        "snooze": lambda: ward.actions.snooze(alert.id, mine, ward.clock.now + timedelta(hours=4), "note"),
    }
    done = await acts[act]()
    assert done.undo_until == ward.clock.now + timedelta(seconds=10)
    assert done.alert != before
    ward.clock.turn(seconds=9)
    with pytest.raises(NothingToUndoError):
        await ward.actions.undo(alert.id, colleague)
    assert (await ward.actions.undo(alert.id, mine)).alert == before == await ward.alert()
    assert await due(ward, alert) == called
    async with ward.records.read() as unit:
        again = [await unit.calls.pending(alert.id, what) for what in Task]
        assert await unit.snoozes.in_force([ward.patient], ward.clock.now) == {}
    assert [(one.what, one.due_at, one.payload) for one in again if one is not None] == [
        (one.what, one.due_at, one.payload) for one in planned if one is not None
    ]
    assert (await ward.happened(alert))[-1] is Happened.UNDONE
    with pytest.raises(NothingToUndoError):
        await ward.actions.undo(alert.id, mine)

    await acts[act]()
    ward.clock.turn(seconds=10.1)
    with pytest.raises(NothingToUndoError):
        await ward.actions.undo(alert.id, mine)


async def test_what_has_changed_meanwhile_is_not_taken_back(ward: Clinic) -> None:
    alert = await yellow(ward)
    await ward.actions.acknowledge(alert.id, ward.people[0])
    ward.clock.turn(seconds=3)
    await ward.arrive(ward.measured(190, 112))
    assert (await ward.alert()).state is AlertState.OPEN
    with pytest.raises(NothingToUndoError):
        await ward.actions.undo(alert.id, ward.people[0])


async def test_several_are_taken_in_one_go_each_with_its_own_entry(ward: Clinic) -> None:
    pressure = await red(ward)
    fast = ward.measured().values["pulse"].model_copy(update={"value": 140})
    await ward.arrive(ward.measured(values=ward.measured(187, 112).values | {"pulse": fast}))
    pulse = next(one for one in await ward.alerts() if one.rule_id == "hypertension.pulse_high")
    await ward.actions.acknowledge(pulse.id, ward.people[1])
    together = await ward.actions.acknowledge_many([pulse.id, pressure.id, pressure.id, 99_999], ward.people[0])
    assert [one.alert.id for one in together.done] == [pressure.id]
    assert {(type(one).__name__, one.alert_id) for one in together.refused} == {
        ("AlreadyTakenError", pulse.id),
        ("AlertNotFoundError", 99_999),
    }
    assert (await ward.happened(pressure)).count(Happened.ACKNOWLEDGED) == 1
    back = await ward.actions.undo_many([one.alert.id for one in together.done], ward.people[0])
    assert [one.alert.state for one in back.done] == [AlertState.OPEN]
    assert await ward.told(pulse) != []
    async with ward.records.read() as unit:
        kept = await unit.alerts.get(pulse.id)
    assert kept is not None
    assert kept.owner_id == ward.people[1].id


async def test_only_the_own_team_may_hand_alerts_on(ward: Clinic) -> None:
    alert = await red(ward)
    stranger = replace(ward.people[0], id=uuid4(), team_id=uuid4())
    for act in (
        ward.actions.assign(alert.id, stranger, ward.people[0].id, seen=None),
        ward.actions.unassign(alert.id, stranger),
        ward.actions.reopen(alert.id, stranger),
        ward.actions.undo(alert.id, stranger),
        ward.actions.snooze(alert.id, stranger, ward.clock.now + timedelta(hours=1), "note"),
    ):
        with pytest.raises(NotYourTeamError):
            await act
    together = await ward.actions.acknowledge_many([alert.id], stranger)
    assert [type(one) for one in together.refused] == [NotYourTeamError]
    assert await ward.alert() == alert


async def test_of_one_who_acknowledges_and_one_who_gives_it_away_at_once_neither_is_lost(ward: Clinic) -> None:
    for _round in range(6):
        alert = (await ward.alerts() or [await red(ward)])[-1]
        taker, giver = ward.people
        taken, given = await asyncio.gather(
            ward.actions.acknowledge(alert.id, taker),
            ward.actions.assign(alert.id, giver, giver.id, seen=None),
            return_exceptions=True,
        )
        refused = [one for one in (taken, given) if isinstance(one, AlertActionError)]
        assert [type(one) for one in refused] == [AlreadyTakenError]
        now = (await ward.alerts())[-1]
        assert now.owner_id == (giver.id if isinstance(taken, AlertActionError) else taker.id)
        ward.clock.turn(seconds=1)
        await ward.actions.undo(alert.id, giver if now.owner_id == giver.id else taker)
    events = await ward.happened(await ward.alert())
    assert events.count(Happened.ACKNOWLEDGED) + events.count(Happened.ASSIGNED) == 6


async def test_of_many_acts_at_once_every_one_is_either_done_or_refused(ward: Clinic) -> None:
    alert, (one, other) = await red(ward), ward.people
    acts = ward.actions
    until = ward.clock.now + timedelta(hours=1)
    results = await asyncio.gather(
        acts.acknowledge(alert.id, one),
        acts.assign(alert.id, other, one.id, seen=None),
        acts.snooze(alert.id, other, until, "note"),
        acts.resolve(alert.id, one, Outcome.TRUE, "note"),
        acts.acknowledge_many([alert.id], other),
        acts.unassign(alert.id, one),
        return_exceptions=True,
    )
    assert all(isinstance(found, AlertActionError) or not isinstance(found, BaseException) for found in results)
    over = await ward.alert()
    assert (over.state, over.level) == (AlertState.RESOLVED, Level.RED)
    with pytest.raises(AlertOverError):
        await acts.assign(alert.id, one, other.id, seen=None)
