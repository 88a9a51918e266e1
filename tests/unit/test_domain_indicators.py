"""Indicators against figures worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from hearthline_backend.domain.indicators import AlertFact, PatientFact, ReportFact, Share, indicators
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.web.routes.indicators import as_csv

START = datetime(2026, 11, 2, tzinfo=UTC)
END = START + timedelta(days=7)
PLAN = Plan(
    patient_id=UUID(int=1),
    version=1,
    valid_from=START - timedelta(days=30),
    conditions=(),
    rules=(),
    slots=(
        Slot("blood_pressure", "morning", time(6), time(9)),
        Slot("blood_pressure", "evening", time(17), time(20)),
        Slot("body_weight", "morning", time(6), time(9)),
    ),
    reason="a test's",
)


def at(day: int, hour: float) -> datetime:
    return START + timedelta(days=day, hours=hour)


def patient(pressures: list[datetime], weights: list[datetime], since: datetime = START) -> PatientFact:
    return PatientFact(since, "UTC", (PLAN,), {"blood_pressure": pressures, "body_weight": weights})


def test_a_week_of_one_patient_by_hand() -> None:
    # 7 days of 3 slots: 21. Pressure on 7 mornings and 2 evenings, weight on days 0 to 2: 12 of 21. Days 0 to 2 whole.
    pressures = [at(day, 7) for day in range(7)] + [at(0, 18), at(1, 20.5)]
    found = indicators([], [], [patient(pressures, [at(day, 8) for day in range(3)])], START, END, "UTC")
    assert found.adherence == Share(12, 21)
    assert found.completeness == Share(3, 7)
    assert (found.patient_weeks, found.alerts_per_patient_week) == (1.0, 0.0)


def test_a_patient_enrolled_in_the_middle_counts_from_then() -> None:
    found = indicators([], [], [patient([], [], since=at(5, 0))], START, END, "UTC")
    assert found.adherence == Share(0, 6)
    assert found.patient_weeks == pytest.approx(2 / 7)


def test_time_on_pause_is_not_expected_also_where_it_ended_early() -> None:
    # Day 1, 08:00 to day 3, 12:00, planned until day 6: days 1 and 2 and the mornings of day 3, 8 of 21 slots, are out.
    pause = Pause(PauseKind.HOSPITAL, at(1, 8), at(6, 0), ended_at=at(3, 12))
    other = Pause(PauseKind.AWAY, at(2, 0), at(3, 0))  # within the first, and counted once
    found = indicators([], [], [replace(patient([at(0, 7), at(4, 7)], []), pauses=(pause, other))], START, END, "UTC")
    assert found.adherence == Share(2, 13)
    assert found.completeness == Share(0, 5)
    assert found.patient_weeks == pytest.approx((7 * 24 - 52) / (7 * 24))
    assert (
        indicators([], [], [replace(patient([], []), pauses=(pause,))], at(2, 0), at(3, 0), "UTC").adherence.whole == 0
    )


def test_alerts_by_hand() -> None:
    alerts = [
        AlertFact(at(0, 7), at(0, 7.1), None, true=True),  # 360 s, in time
        AlertFact(at(0, 7.5), at(0, 8), at(0, 7.75), true=False),  # 1800 s, after the next person was called
        AlertFact(at(1, 7), at(1, 7.2), None, true=True),  # 720 s, in time
        AlertFact(at(2, 22), None, at(2, 22.25)),  # nobody
    ]
    found = indicators(alerts, [], [patient([], []), patient([], [])], START, END, "Europe/Stockholm")
    assert found.alerts_per_patient_week == 2.0
    assert (found.in_time, found.true) == (Share(2, 4), Share(2, 3))
    assert found.median_s == pytest.approx(720)
    assert [(one.hour, one.alerts, one.acknowledged) for one in found.hours] == [(8, 3, 3), (23, 1, 0)]
    assert found.hours[1].median_s is None


def test_reports_by_hand() -> None:
    reports = [
        ReportFact(at(0, 7), at(0, 11), at(0, 8)),  # 3600 s, in time
        ReportFact(at(1, 7), at(1, 11), at(1, 11)),  # 14400 s, at the last moment
        ReportFact(at(2, 20), at(3, 9), at(3, 9.5)),  # 48600 s, over a night, late
        ReportFact(at(4, 7), at(4, 11)),  # nobody, and its time is over
        ReportFact(at(6, 22), at(7, 2)),  # nobody, with time left: not decided
    ]
    found = indicators([], reports, [patient([], []), patient([], [])], START, END, "UTC")
    assert (found.reports, found.reports_per_patient_week) == (5, 2.5)
    assert found.reports_in_time == Share(2, 4)
    assert found.reports_median_s == pytest.approx(14400)
    lines = as_csv(found, "A team").splitlines()
    assert "A team,reports_per_patient_week,,5,2.0000,2.5000" in lines
    assert "A team,reports_in_time,,2,4,0.5000" in lines
    assert "A team,median_s_to_confirm_report,,,,14400.0000" in lines


def test_nothing_gives_no_share() -> None:
    found = indicators([], [], [], START, END, "UTC")
    assert found.alerts_per_patient_week is None
    assert {found.in_time.value, found.true.value, found.adherence.value, found.completeness.value} == {None}
    assert (found.reports_per_patient_week, found.reports_in_time.value, found.reports_median_s) == (None, None, None)
    assert as_csv(found, "A team").splitlines()[1:3] == [
        "A team,alerts_per_patient_week,,0,0.0000,",
        "A team,reports_per_patient_week,,0,0.0000,",
    ]
