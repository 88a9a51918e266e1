"""Why nobody was called: what ``hearthline why`` says of a reading, whatever kept the policy from calling."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.replay.why import as_json, explain
from hearthline_backend.web.language import Language, speaking
from hearthline_backend.web.views.policy_words import nobody_called
from hearthline_protocol.readings import Quality, Reading
from tests.fixtures.clinic import Clinic, clinic

HIGH = "hypertension.pressure_high"


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path) as made:
        yield made


async def why(ward: Clinic, at: datetime | None = None) -> dict[str, Any]:
    async with ward.records.read() as unit:
        patient = await unit.care.patient(ward.patient)
        assert patient is not None
        history = await unit.care.plan_history(ward.patient)
        found = await explain(unit, ward.readings, patient, history, ward.clock.now if at is None else at)
    return as_json(patient, found)


def decided(found: dict[str, Any], reading: Reading) -> str:
    """The reason of the last stage that said no, or "called"."""
    (call,) = [one for one in found["calls"] if one["reading"] == str(reading.id)]
    assert call["rule"] == HIGH
    said_no = [one["reason"] for one in call["stages"] if not one["passes"]]
    assert (call["call"] is None) is bool(said_no)
    return said_no[-1] if said_no else "called"


def of_high(found: dict[str, Any]) -> dict[str, Any]:
    (one,) = [each for each in found["evaluations"] if each["rule"] == HIGH]
    return dict(one)


async def test_who_was_called_for_is_told_with_every_rule_that_looked(ward: Clinic) -> None:
    red = ward.measured(186, 112)
    await ward.arrive(red)
    found = await why(ward)
    assert found.keys() == {"patient", "evaluations", "calls", "nobody", "waits"}
    high = of_high(found)
    assert high.keys() >= {"rule", "version", "readings", "fired", "reason"}
    assert (high["version"], high["readings"], high["fired"], high["reason"]) == (1, [str(red.id)], True, "fired")
    assert {one["rule"] for one in found["evaluations"] if not one["fired"]} == {
        f"hypertension.{name}" for name in ("pressure_low", "pulse_high", "pulse_low", "pressure_average")
    }
    assert decided(found, red) == "called"
    assert found["nobody"] == []


async def test_before_the_first_reading_and_before_the_plan_there_is_nothing_or_no_plan(ward: Clinic) -> None:
    before = ward.measured(186, 112, ago_min=60 * 24 * 101)
    await ward.arrive(before, ward.measured(186, 112))
    assert (await why(ward, before.effective_time - timedelta(seconds=1)))["evaluations"] == []
    found = await why(ward, before.effective_time + timedelta(hours=3))
    assert (of_high(found)["fired"], of_high(found)["reason"], of_high(found)["version"]) == (False, "no_plan", None)
    assert found["calls"] == []
    assert found["nobody"] == [{"reading": str(before.id), "kind": "blood_pressure", "reason": "no_alert_changed"}]


async def test_a_late_red_with_a_newer_reading_is_a_task_and_says_so_as_the_view_does(ward: Clinic) -> None:
    late = ward.measured(186, 112, ago_min=60 * 13)
    await ward.arrive(ward.measured(124, 78))
    await ward.arrive(late)
    found = await why(ward, late.effective_time)
    assert decided(found, late) == "newer_reading_exists"
    await _as_the_view(ward, found)
    assert of_high(await why(ward))["reason"] == "within_limits", "of the newest reading it is another story"


async def test_a_late_yellow_calls_nobody(ward: Clinic) -> None:
    first, second = ward.measured(164, 92, ago_min=60 * 7), ward.measured(166, 92, ago_min=60 * 6)
    await ward.arrive(first, second)
    assert decided(await why(ward), second) == "late"
    assert of_high(await why(ward, first.effective_time))["reason"] == "not_often_enough"


async def test_a_snoozed_yellow_calls_nobody_and_worse_comes_through(ward: Clinic) -> None:
    await ward.arrive(ward.measured(164, 92, ago_min=30), ward.measured(166, 92))
    await ward.actions.snooze((await ward.alert()).id, ward.people[0], ward.clock.now + timedelta(days=3))
    for _ in range(3):
        ward.clock.turn(minutes=31)
        await ward.arrive(ward.measured(120, 78))
    ward.clock.turn(minutes=31)
    await ward.arrive(ward.measured(164, 92, ago_min=15), back := ward.measured(167, 92))
    assert decided(await why(ward), back) == "returned", "soon after, it is the same alert"
    ward.clock.turn(hours=1)
    await ward.arrive(*(ward.measured(120, 78, ago_min=number) for number in range(3)))
    ward.clock.turn(hours=25)
    await ward.arrive(ward.measured(164, 92, ago_min=15), anew := ward.measured(167, 92))
    found = await why(ward)
    assert decided(found, anew) == "snoozed"
    await _as_the_view(ward, found)
    ward.clock.turn(minutes=30)
    await ward.arrive(worse := ward.measured(190, 92))
    assert decided(await why(ward), worse) == "called"


async def test_a_patient_in_hospital_is_not_called_for(ward: Clinic) -> None:
    async with ward.records.begin() as unit:
        until = ward.clock.now + timedelta(days=1)
        await unit.pauses.begin(ward.patient, Pause(PauseKind.HOSPITAL, ward.clock.now, until), now=ward.clock.now)
    await ward.arrive(red := ward.measured(186, 112))
    found = await why(ward)
    assert decided(found, red) == "paused"
    await _as_the_view(ward, found)


@pytest.mark.parametrize("quality", [Quality.FAILED, Quality.NOT_PATIENT])
async def test_what_is_no_measurement_of_the_patient_says_that_it_was_not_judged(
    ward: Clinic, quality: Quality
) -> None:
    values = {} if quality is Quality.FAILED else ward.measured(199, 130).values
    await ward.arrive(ward.measured(quality=quality, values=values))
    found = await why(ward)
    assert {one["reason"] for one in found["evaluations"]} == {"quality_not_judged"}
    assert [one["reason"] for one in found["nobody"]] == ["no_alert_changed"]


async def test_more_of_the_same_says_that_its_alert_goes_on(ward: Clinic) -> None:
    await ward.arrive(ward.measured(186, 112))
    ward.clock.turn(minutes=10)
    await ward.arrive(more := ward.measured(187, 112))
    assert (await why(ward))["nobody"] == [
        {"reading": str(more.id), "kind": "blood_pressure", "reason": "an_alert_goes_on"}
    ]


async def _as_the_view(ward: Clinic, found: dict[str, Any]) -> None:
    """The alert's own history, from which the view tells it, says the same as the register."""
    alert = max(await ward.alerts(), key=lambda one: one.id)
    kept = [one.detail["policy"] for one in await ward.events_of(alert) if "policy" in one.detail]
    (call,) = found["calls"]
    assert [{key: call[key] for key in ("call", "review", "stages")}] == kept
    with speaking(Language.of("en", "Europe/Stockholm")):
        assert nobody_called(kept[0], ward.clock.now).startswith("Nobody was called: ")
