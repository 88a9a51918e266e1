"""The alert policy, stage by stage: every decision carries its reasons in order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from hearthline_backend.alerting.call_texts import body, subject
from hearthline_backend.alerting.calling import contacts_for
from hearthline_backend.alerting.channels import Message
from hearthline_backend.alerting.policy import STAGES, Case, age, decide
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Happened
from hearthline_backend.storage.records.calls import Occasion, Task
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Contact, OnCall, Role, User
from hearthline_protocol.readings import Quality, TimeQuality
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW

PATIENT = Patient(uuid4(), uuid4(), "Ana", "Test", 1950, "Europe/Stockholm", NOW - timedelta(days=100))
NURSE = User(uuid4(), "nurse", "!", Role.CARE, "E.S.", "Nurse", uuid4(), PATIENT.team_id)

QUIET = (OnCall(NURSE, 0, NOW, None, quiet_until=NOW + timedelta(hours=7)),)


def case(**other: Any) -> Case:
    made = Case(
        what=Happened.RAISED,
        level=Level.RED,
        reading=pressure(186, 112),
        newer_exists=False,
        cleared=False,
        patient=PATIENT,
        on_call=(OnCall(NURSE, 0, NOW, None),),
        timing=DEFAULT,
        now=NOW,
    )
    return replace(made, **other)


def old(hours: float, **other: Any) -> Any:
    return pressure(186, 112, effective_time=NOW - timedelta(hours=hours), **other)


def test_a_new_red_passes_every_stage_in_order() -> None:
    decision = decide(case())
    assert (decision.call, decision.review) == (Level.RED, False)
    assert [one.stage for one in decision.answers] == [stage.__name__ for stage in STAGES]
    assert all(one.passes and one.reason for one in decision.answers)
    assert decision.as_json()["stages"][-1] == {
        "stage": "someone_on_call",
        "passes": True,
        "reason": "on_call",
        "detail": "E.S.",
    }


@pytest.mark.parametrize(
    ("change", "stage", "reason"),
    [
        ({"reading": pressure(quality=Quality.FAILED)}, "quality_counts", "failed"),
        ({"reading": pressure(synthetic=True)}, "not_synthetic", "synthetic"),
        ({"what": None}, "new_or_worse", "nothing_new"),
        ({"what": Happened.EASED}, "new_or_worse", "eased"),
        ({"level": Level.YELLOW, "cleared": True}, "not_over_already", "cleared_already"),
        ({"patient": replace(PATIENT, paused_until=NOW + timedelta(days=1))}, "patient_not_paused", "paused"),
        ({"level": Level.YELLOW, "reading": old(4.1)}, "within_page_age", "late"),
        ({"reading": old(12.1), "newer_exists": True}, "late_red", "newer_reading_exists"),
        ({"judged_before": True}, "not_judged_before", "another_reading_was_corrected"),
        ({"reading": old(12.1), "judged_before": True}, "late_red", "another_reading_was_corrected"),
        ({"level": Level.YELLOW, "on_call": QUIET}, "outside_quiet_hours", "quiet_hours"),
    ],
)
def test_the_first_stage_that_says_no_decides_and_says_why(change: dict[str, Any], stage: str, reason: str) -> None:
    decision = decide(case(**change))
    assert decision.call is None
    assert (decision.answers[-1].stage, decision.answers[-1].reason) == (stage, reason)


def test_what_was_judged_before_calls_later_where_it_is_a_fresh_red_and_never_where_it_is_yellow() -> None:
    assert decide(case(judged_before=True)).later is True
    assert decide(case(judged_before=True, reading=old(13))).review is True
    assert decide(case(judged_before=True, level=Level.YELLOW)).later is False
    assert decide(case()).later is False


def test_a_yellow_in_quiet_hours_is_called_when_they_end_and_a_red_is_never_quiet() -> None:
    decision = decide(case(level=Level.YELLOW, on_call=QUIET))
    assert decision.waits == (Task.CALL_AFTER_QUIET, NOW + timedelta(hours=7))
    assert decision.answers[-1].detail == f"until {NOW + timedelta(hours=7):%Y-%m-%dT%H:%M:%S+00:00}"
    red = decide(case(on_call=QUIET))
    assert (red.call, red.waits) == (Level.RED, None)
    assert ("outside_quiet_hours", "red_is_never_quiet") in [(one.stage, one.reason) for one in red.answers]
    assert decide(case(level=Level.YELLOW)).call is Level.YELLOW
    late = decide(case(reading=old(12.1), on_call=QUIET))
    assert (late.call, late.review) == (Level.YELLOW, True), "a late red is a red"


def test_a_red_on_pause_is_called_when_the_pause_ends_and_a_yellow_not() -> None:
    away = replace(PATIENT, paused_until=NOW + timedelta(days=1))
    assert decide(case(patient=away)).waits == (Task.CALL_AFTER_PAUSE, NOW + timedelta(days=1))
    assert decide(case(patient=away, level=Level.YELLOW)).waits is None


def test_a_late_red_without_a_newer_reading_calls_as_yellow_and_is_reviewed() -> None:
    decision = decide(case(reading=old(12.1)))
    assert (decision.call, decision.review) == (Level.YELLOW, True)
    assert decide(case(reading=old(11.9))).call is Level.RED


def test_a_red_that_has_cleared_still_calls() -> None:
    assert decide(case(cleared=True)).call is Level.RED


def test_a_pause_that_is_over_stops_nothing() -> None:
    assert decide(case(patient=replace(PATIENT, paused_until=NOW))).call is Level.RED


def test_the_age_of_a_live_reading_is_that_of_its_arrival_unless_its_clock_was_measured() -> None:
    for quality in (TimeQuality.ASSUMED, TimeQuality.RECEIVED, TimeQuality.UNKNOWN):
        assert age(old(30, live=True, time_quality=quality), NOW) == timedelta(0)
    for quality in (TimeQuality.SYNCED, TimeQuality.CORRECTED):
        assert age(old(30, live=True, time_quality=quality), NOW) == timedelta(hours=30)
    assert age(old(30, time_quality=TimeQuality.UNKNOWN), NOW) is None
    assert decide(case(reading=old(0, time_quality=TimeQuality.UNKNOWN))).review


def test_red_uses_every_contact_and_yellow_mail_or_what_there_is() -> None:
    mail = Contact(uuid4(), NURSE.id, "mail", "es@example.org", None, 0)
    hook = Contact(uuid4(), NURSE.id, "webhook", "https://example.org", None, 1)
    assert contacts_for(Level.RED, (mail, hook)) == (mail, hook)
    assert contacts_for(Level.YELLOW, (mail, hook)) == (mail,)
    assert contacts_for(Level.YELLOW, (hook,)) == (hook,)
    assert contacts_for(Level.RED, ()) == ()
    assert contacts_for(Level.RED, (mail, hook), "webhook") == (hook,)
    assert contacts_for(Level.RED, (mail,), "apprise") == (mail,), (
        "a channel that somebody has not is no reason not to call"
    )


@pytest.mark.parametrize("occasion", [one for one in Occasion if one is not Occasion.TRIAL])
@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("next_place", [None, 0, 1, 2, 3])
def test_every_text_says_the_level_first_works_without_its_link_and_marks_a_repeat(
    occasion: Occasion, level: Level, next_place: int | None
) -> None:
    message = Message(
        notification=uuid4(),
        alert=4417,
        level=level,
        occasion=occasion,
        repeat=False,
        link="https://care.example/alerts/4417",
        sent_at=NOW,
        address="es@example.org",
        secret=None,
        locale="en",
        time_zone="Europe/Stockholm",
        emergency_number="112",
        acknowledge_by=NOW,
        next_place=next_place,
    )
    assert subject(message) == f"Hearthline: {level.value} alert"
    first, link, emergency = body(message).strip().split("\n\n")
    assert first.startswith("Hearthline: ")
    assert level.value in first
    assert ({"red", "yellow"} - {level.value}).isdisjoint(first.split())
    assert "Acknowledge by 08:30, then " in first
    assert link == message.link
    assert emergency == "Not an emergency service. If a life is in danger, call 112."
    trial = replace(message, occasion=Occasion.TRIAL, acknowledge_by=None)
    assert subject(trial) == "Hearthline: a trial"
    assert "There is nothing to do." in body(trial)
    again = replace(message, repeat=True)
    assert subject(again).startswith("Repeat: Hearthline: ")
    assert body(again).startswith("Repeat: Hearthline: ")
