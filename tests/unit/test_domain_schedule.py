"""Slots in the patient's own time: what is missing now, and the word for a patient."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.schedule import (
    Missing,
    PatientStatus,
    missing,
    next_opening,
    openings,
    review_deadline,
    status,
)
from hearthline_backend.domain.templates import build_plan

ZONE = "Europe/Stockholm"
ENROLLED = datetime(2026, 10, 1, tzinfo=UTC)
PLAN = build_plan(
    patient_id=UUID(int=1), version=1, valid_from=ENROLLED, conditions=["hypertension"], reason="template"
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Local winter time in November 2026, as UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


def missing_at(now: datetime, last: datetime | None, plan: Plan = PLAN, **other: Any) -> tuple[Missing, ...]:
    latest = {} if last is None else {"blood_pressure": last}
    return missing(plan, ZONE, latest, now, **({"expected_from": ENROLLED} | other))


@pytest.mark.parametrize(
    ("now", "last", "missed"),
    [
        (at(20, 10, 59), at(19, 19), 0),  # the slot has closed, an hour of grace runs
        (at(20, 11), at(19, 19), 1),
        (at(20, 11), at(20, 2), 0),  # early counts for the next slot
        (at(20, 11), at(20, 10, 30), 0),
        (at(21, 12), at(19, 19), 3),
        (at(20, 22, 30), at(20, 7), 0),
        (at(20, 23), at(20, 7), 1),
    ],
)
def test_a_slot_is_missed_after_its_grace(now: datetime, last: datetime, missed: int) -> None:
    found = missing_at(now, last)
    assert sum(one.slots_missed for one in found) == missed


def test_what_is_missing_says_since_when() -> None:
    (found,) = missing_at(at(21, 12), at(19, 19))
    assert (found.kind, found.last, found.slot_closed, found.slots_missed) == (
        "blood_pressure",
        at(19, 19),
        at(21, 10),
        3,
    )
    assert found.begins == found.slots[0].closes == at(20, 10)


def test_nothing_is_missing_before_enrolment_or_during_a_pause() -> None:
    assert missing_at(at(21, 12), None, expected_from=at(21, 7)) == ()
    assert missing_at(at(21, 12), None, expected_from=at(20, 17))[0].slots_missed == 2
    pause = Pause(PauseKind.AWAY, at(19, 0), at(22, 0))
    assert missing_at(at(21, 12), at(1, 9), pauses=(pause,)) == ()
    over = replace(pause, until=at(21, 0))
    assert missing_at(at(21, 12), at(1, 9), pauses=(over,))[0].slots_missed == 1


def test_the_time_of_a_pause_that_was_ended_early_is_never_missing() -> None:
    ended = Pause(PauseKind.HOSPITAL, at(10, 0), at(30, 0), ended_at=at(21, 0))
    assert missing_at(at(21, 10, 59), at(1, 9), pauses=(ended,)) == ()
    (found,) = missing_at(at(21, 12), at(1, 9), pauses=(ended,))
    assert (found.slots_missed, found.begins) == (1, at(21, 10))
    planned = Pause(PauseKind.AWAY, at(22, 0), at(30, 0))  # not begun: what is missing before it is
    assert missing_at(at(21, 12), at(1, 9), pauses=(ended, planned)) == (found,)


def test_slots_follow_the_clock_on_the_wall_through_the_end_of_summer_time() -> None:
    found = openings(PLAN, "blood_pressure", ZONE, datetime(2026, 10, 24).date(), datetime(2026, 10, 25).date())  # noqa: DTZ001  # local days
    assert [one.opens.hour for one in found] == [4, 16, 5, 17]


def test_the_next_slot_is_the_one_that_closes_next() -> None:
    found = next_opening(PLAN, ZONE, at(20, 9))
    assert found is not None
    assert (found.opens, found.closes) == (at(20, 6), at(20, 10))
    found = next_opening(PLAN, ZONE, at(20, 23))
    assert found is not None
    assert found.opens == at(21, 6)
    nothing = Plan(UUID(int=1), 1, ENROLLED, (), (), (), "none")
    assert next_opening(nothing, ZONE, at(20, 9)) is None
    assert missing_at(at(20, 9), None, nothing) == ()


def test_one_slot_a_day_counts_from_the_day_before() -> None:
    weekly = Plan(UUID(int=1), 1, ENROLLED, (), (), (Slot("body_weight", "morning", time(6), time(10)),), "weight")
    found = missing(weekly, ZONE, {"body_weight": at(19, 10, 30)}, at(20, 12), expected_from=ENROLLED)
    assert found == ()


def test_red_outranks_yellow_outranks_silence() -> None:
    silent = missing_at(at(21, 12), None)
    assert status([Level.YELLOW, Level.RED], silent) is PatientStatus.RED
    assert status([Level.YELLOW], silent) is PatientStatus.YELLOW
    assert status([], silent) is PatientStatus.NO_DATA
    assert status([], ()) is PatientStatus.GREEN


def test_a_review_is_due_at_nine_and_leaves_an_hour() -> None:
    assert review_deadline(at(22, 1, 52), ZONE) == at(22, 9)
    assert review_deadline(at(22, 8), ZONE) == at(22, 9)
    assert review_deadline(at(22, 8, 1), ZONE) == at(23, 9)
