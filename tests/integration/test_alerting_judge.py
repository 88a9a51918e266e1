"""From readings to alerts, on real Records: once, in any order, with the reason of every decision."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hearthline_backend.domain.episodes import episodes
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Task
from hearthline_protocol.readings import Quality, TimeQuality
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.records import Engine

HIGH = "hypertension.pressure_high"


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, records_engine) as made:
        yield made


async def test_a_red_opens_one_alert_and_calls_the_first_on_call_by_every_contact(ward: Clinic) -> None:
    reading = ward.measured(186, 112)
    judged = await ward.arrive(reading)

    alert = await ward.alert()
    assert (alert.level, alert.state, alert.rule_id) == (Level.RED, AlertState.OPEN, HIGH)
    assert alert.episode == alert.worst_reading == reading.id
    assert await ward.told(alert) == [("E.S.", "mail", "raised", "due"), ("E.S.", "webhook", "raised", "due")]
    assert await ward.happened(alert) == [Happened.RAISED, Happened.CALLED]
    assert judged.called
    assert [one.alert_id for one in judged.alerts] == [alert.id]
    async with ward.records.read() as unit:
        task = await unit.calls.pending(alert.id, Task.ESCALATE)
    assert task is not None
    assert task.due_at == ward.clock.now + timedelta(minutes=15)


async def test_every_judged_reading_is_explained(ward: Clinic) -> None:
    reading = ward.measured(186, 112)
    await ward.arrive(reading)
    async with ward.records.read() as unit:
        row = await unit.judgements.get(reading.id)
    assert row is not None
    by_rule = {one["rule"]: one for one in row.explanation["evaluations"]}
    assert by_rule[HIGH]["fired"] is True
    assert by_rule[HIGH]["version"] == 1
    assert by_rule[HIGH]["readings"] == [str(reading.id)]
    assert by_rule["hypertension.pressure_low"]["reason"] == "within_limits"
    (call,) = row.explanation["calls"]
    assert call["call"] == "red"
    assert [stage["stage"] for stage in call["stages"]][-1] == "someone_on_call"


async def test_judging_again_or_at_the_same_time_changes_nothing(ward: Clinic) -> None:
    rows = [PatientReading(ward.patient, "home-0001", ward.measured(186, 112), ward.clock.now)]
    await ward.readings.write(rows)
    results = await asyncio.gather(*(ward.judge_again(rows) for _ in range(8)))
    results.append(await ward.judge_again(rows + rows))

    assert [len(one.alerts) for one in results].count(1) == 1
    alert = await ward.alert()
    assert await ward.happened(alert) == [Happened.RAISED, Happened.CALLED]
    assert len(await ward.told(alert)) == 2


async def test_a_crash_before_the_commit_leaves_nothing_and_the_next_try_everything(ward: Clinic) -> None:
    rows = [PatientReading(ward.patient, "home-0001", ward.measured(186, 112), ward.clock.now)]
    await ward.readings.write(rows)

    async def killed_before_the_commit() -> None:
        async with ward.records.begin() as unit:
            await ward.judge.judge(unit, rows, ward.clock.now)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await killed_before_the_commit()
    assert await ward.alerts() == ()
    await ward.judge_again(rows)
    assert len(await ward.told(await ward.alert())) == 2


async def test_a_second_red_grows_the_alert_and_calls_nobody_again(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    ward.clock.turn(minutes=5)
    second = ward.measured(192, 114)
    judged = await ward.arrive(second)
    alert = await ward.alert()
    assert (judged.alerts, judged.called) == ((), False)
    assert alert.worst_reading == second.id
    assert len(await ward.told(alert)) == 2


async def test_two_yellows_of_three_call_once_by_mail(ward: Clinic) -> None:
    await ward.arrive(ward.measured(164, 92))
    assert await ward.alerts() == ()
    ward.clock.turn(hours=1)
    await ward.arrive(ward.measured(166, 92))
    alert = await ward.alert()
    assert alert.level is Level.YELLOW
    assert await ward.told(alert) == [("E.S.", "mail", "raised", "due")]
    async with ward.records.read() as unit:
        assert await unit.calls.next_tasks([alert.id]) == {}


async def test_a_yellow_that_becomes_red_worsens_one_alert_even_when_somebody_has_it(ward: Clinic) -> None:
    await ward.arrive(ward.measured(164, 92, ago_min=30), ward.measured(166, 92, ago_min=20))
    await ward.actions.acknowledge((await ward.alert()).id, ward.people[1])
    ward.clock.turn(hours=2)
    await ward.arrive(ward.measured(188, 100))
    alert = await ward.alert()
    assert (alert.level, alert.state, alert.owner_id) == (Level.RED, AlertState.OPEN, None)
    assert (await ward.told(alert))[-2:] == [
        ("E.S.", "mail", "worsened", "due"),
        ("E.S.", "webhook", "worsened", "due"),
    ]


async def test_a_red_within_limits_again_stays_until_a_person_resolves_it(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    ward.clock.turn(minutes=10)
    await ward.arrive(ward.measured(140, 80))
    alert = await ward.alert()
    assert alert.cleared
    assert alert.latched
    assert alert.state is AlertState.OPEN


async def test_a_yellow_within_limits_again_closes_by_itself_and_a_flapping_one_reopens(ward: Clinic) -> None:
    await ward.arrive(ward.measured(164, 92, ago_min=30), ward.measured(166, 92, ago_min=20))
    ward.clock.turn(hours=1)
    await ward.arrive(ward.measured(140, 80))
    alert = await ward.alert()
    assert (alert.state, alert.outcome) == (AlertState.RESOLVED, Outcome.CLEARED)
    assert [state for *_rest, state in await ward.told(alert)] == ["cancelled"]

    ward.clock.turn(hours=1)
    await ward.arrive(ward.measured(165, 92))
    alert = await ward.alert()
    assert alert.state is AlertState.OPEN
    assert len(await ward.told(alert)) == 1


async def test_a_resolved_red_comes_again_with_a_new_red(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    await ward.actions.resolve((await ward.alert()).id, ward.people[0], Outcome.TRUE, "tablet taken")
    ward.clock.turn(hours=8)
    await ward.arrive(ward.measured(190, 112))
    alert = await ward.alert()
    assert (alert.state, alert.outcome) == (AlertState.OPEN, None)
    assert (await ward.told(alert))[-1] == ("E.S.", "webhook", "reopened", "due")


async def test_a_late_red_with_a_newer_reading_is_a_review_and_calls_nobody(ward: Clinic) -> None:
    await ward.arrive(ward.measured(140, 80))
    await ward.arrive(ward.measured(186, 112, ago_min=19 * 60))
    alert = await ward.alert()
    assert alert.review
    assert alert.shown_level is Level.YELLOW
    assert alert.review_by is not None
    assert alert.review_by.isoformat() == "2026-11-22T08:00:00+00:00"
    assert await ward.told(alert) == []


async def test_a_late_red_that_is_the_newest_calls_as_yellow_and_a_live_one_after_it_as_red(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112, ago_min=19 * 60))
    alert = await ward.alert()
    assert alert.review
    assert await ward.told(alert) == [("E.S.", "mail", "raised", "due")]

    ward.clock.turn(minutes=5)
    await ward.arrive(ward.measured(188, 112))
    alert = await ward.alert()
    assert not alert.review
    assert (await ward.told(alert))[-1] == ("E.S.", "webhook", "worsened", "due")


async def test_a_live_reading_is_live_whatever_an_unmeasured_clock_says(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112, ago_min=3 * 24 * 60, live=True, time_quality=TimeQuality.ASSUMED))
    alert = await ward.alert()
    assert not alert.review
    assert len(await ward.told(alert)) == 2


async def test_a_reading_of_unknown_time_is_reviewed(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112, time_quality=TimeQuality.UNKNOWN))
    assert (await ward.alert()).review


async def test_a_pause_stops_calls_but_not_the_alert(ward: Clinic) -> None:
    async with ward.records.begin() as unit:
        now = ward.clock.now
        await unit.pauses.begin(ward.patient, Pause(PauseKind.HOSPITAL, now, now + timedelta(days=1)), now=now)
    reading = ward.measured(186, 112)
    await ward.arrive(reading)
    assert await ward.told(await ward.alert()) == []
    async with ward.records.read() as unit:
        row = await unit.judgements.get(reading.id)
    assert row is not None
    assert row.explanation["calls"][0]["stages"][-1]["reason"] == "paused"


@pytest.mark.parametrize("quality", [Quality.FAILED, Quality.NOT_PATIENT])
async def test_what_is_no_measurement_of_the_patient_never_counts(ward: Clinic, quality: Quality) -> None:
    await ward.arrive(ward.measured(186, 112, quality=quality))
    assert await ward.alerts() == ()


async def test_synthetic_readings_are_registered_and_never_judged(ward: Clinic) -> None:
    reading = ward.measured(186, 112, synthetic=True)
    await ward.arrive(reading)
    assert await ward.alerts() == ()
    async with ward.records.read() as unit:
        row = await unit.judgements.get(reading.id)
    assert row is not None
    assert row.explanation["reason"] == "synthetic"


async def test_nobody_on_call_is_said_and_looked_at_again(ward: Clinic) -> None:
    async with ward.records.begin() as unit:
        await unit.connection.exec_driver_sql("DELETE FROM on_call")
    await ward.arrive(ward.measured(186, 112))
    alert = await ward.alert()
    last_resort = [Happened.LAST_RESORT, Happened.CALLED, Happened.CALLED]
    assert await ward.happened(alert) == [Happened.RAISED, Happened.NOBODY_ON_CALL, *last_resort]
    assert {one[:3] for one in await ward.told(alert)} == {
        (initials, channel, "last_resort") for initials in ("E.S.", "K.L.") for channel in ("mail", "webhook")
    }, "the whole team, where it has named nobody"
    ward.clock.turn(minutes=1)
    assert await ward.escalation.run_due() == 1
    assert await ward.happened(alert) == [Happened.RAISED, Happened.NOBODY_ON_CALL, *last_resort]
    late = await ward.employ("N.N.", ("mail", "nn@example.org"))
    ward.clock.turn(minutes=1)
    await ward.escalation.run_due()
    assert (await ward.told(alert))[-1] == (late.initials, "mail", "raised", "due")


async def test_a_late_reading_that_joins_two_episodes_keeps_the_earliest_alert(ward: Clinic) -> None:
    first, last = ward.measured(186, 112, ago_min=10 * 24 * 60), ward.measured(188, 112)
    await ward.arrive(first)
    await ward.arrive(last)
    assert len(await ward.alerts()) == 2
    await ward.arrive(ward.measured(184, 112, ago_min=5 * 24 * 60))
    earliest, later = await ward.alerts()
    assert later.state is AlertState.WITHDRAWN
    assert earliest.state is AlertState.OPEN
    assert earliest.last_effective_time == last.effective_time
    assert Happened.MERGED in await ward.happened(earliest)
    assert Happened.MERGED in await ward.happened(later)


async def test_a_late_reading_between_two_splits_and_is_noted_once(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112, ago_min=5 * 24 * 60))
    await ward.arrive(ward.measured(188, 112))
    assert len(await ward.alerts()) == 1
    await ward.arrive(ward.measured(130, 80, ago_min=3 * 24 * 60))
    await ward.arrive(ward.measured(131, 80, ago_min=2 * 24 * 60))
    alert = await ward.alert()
    assert (await ward.happened(alert)).count(Happened.SPLIT) == 1


async def test_later_data_withdraws_an_alert_and_never_deletes_it(ward: Clinic) -> None:
    await ward.arrive(ward.measured(164, 92, ago_min=180))
    await ward.arrive(ward.measured(165, 92))
    alert = await ward.alert()
    await ward.arrive(ward.measured(140, 80, ago_min=120), ward.measured(141, 80, ago_min=60))
    alert = await ward.alert()
    assert alert.state is AlertState.WITHDRAWN
    assert (await ward.happened(alert))[-1] is Happened.WITHDRAWN
    assert [state for *_rest, state in await ward.told(alert)] == ["cancelled"]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_the_order_of_arrival_the_same_readings_are_in_live_or_past_alerts(
    ward: Clinic, seed: int
) -> None:
    chance = random.Random(seed)
    readings = [
        ward.measured(chance.choice([130, 150, 162, 171, 184, 195]), 84, ago_min=minutes)
        for minutes in sorted(chance.sample(range(30 * 24 * 60), 24))
    ]
    shuffled = readings + chance.sample(readings, 5)
    chance.shuffle(shuffled)
    while shuffled:
        size = chance.randint(1, 4)
        await ward.arrive(*shuffled[:size])
        shuffled = shuffled[size:]

    async with ward.records.read() as unit:
        history = await unit.care.plan_history(ward.patient)
        alerts = [one for one in await ward.alerts() if one.state is not AlertState.WITHDRAWN]
        linked = await unit.alerts.readings_of([one.id for one in alerts])
    expected = episodes([Observation.of(one) for one in readings], history, HIGH)
    for episode in expected:
        holders = [one for one in alerts if not linked[one.id].isdisjoint(episode.readings)]
        assert holders, episode
        assert max(one.level.rank for one in holders) >= episode.level.rank
        assert any(one.state.live for one in holders) or episode.level is Level.YELLOW
