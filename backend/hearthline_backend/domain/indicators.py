"""How well alerts and homes serve: a team's figures over a span, from plain facts. Pure.

A share without anything to share is None, never 0 or 1. Synthetic readings are no facts of these, and
nothing is expected on pause.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.pauses import Pause, paused_time
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.schedule import GRACE, Opening, openings

_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AlertFact:
    """One alert. ``acknowledged_at`` is the first time that somebody took it, ``escalated_at`` the first time that the
    next person was called; ``true`` is what a person said in the end, None where nobody said."""

    opened_at: datetime
    acknowledged_at: datetime | None = None
    escalated_at: datetime | None = None
    true: bool | None = None


@dataclass(frozen=True, slots=True)
class ReportFact:
    """One extraordinary report: when it was made, until when somebody had to confirm it, and when somebody did."""

    made_at: datetime
    confirm_by: datetime
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PatientFact:
    """One patient. Measurements are expected from ``expected_from`` on, but not on ``pauses``; ``measured`` has the
    effective times by kind."""

    expected_from: datetime
    zone: str
    history: tuple[Plan, ...]
    measured: Mapping[str, Sequence[datetime]]
    pauses: Sequence[Pause] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """Between 0 and 1; None of nothing."""
        return None if self.whole == 0 else self.part / self.whole


@dataclass(frozen=True, slots=True)
class HourRow:
    """Alerts raised in one local hour of the day, 0 to 23. ``median_s`` is to their acknowledgement, in seconds; None
    where none was acknowledged."""

    hour: int
    alerts: int
    acknowledged: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Indicators:
    """``in_time``: acknowledged before the next person had to be called, of all. ``true``: true alerts, of those of
    which a person said how they ended. ``adherence``: slots measured, of slots expected. ``completeness``: days of a
    patient with every expected kind, of days with any expected. ``reports_in_time``: reports confirmed by their time,
    of those that were confirmed or whose time is over; ``reports_median_s``: from making to confirming, in seconds,
    quiet hours included."""

    patient_weeks: float
    alerts: int
    in_time: Share
    true: Share
    median_s: float | None
    hours: tuple[HourRow, ...]
    adherence: Share
    completeness: Share
    reports: int
    reports_in_time: Share
    reports_median_s: float | None

    @property
    def alerts_per_patient_week(self) -> float | None:
        """None where nobody was watched."""
        return None if self.patient_weeks == 0 else self.alerts / self.patient_weeks

    @property
    def reports_per_patient_week(self) -> float | None:
        """None where nobody was watched."""
        return None if self.patient_weeks == 0 else self.reports / self.patient_weeks


def indicators(
    alerts: Collection[AlertFact],
    reports: Collection[ReportFact],
    patients: Collection[PatientFact],
    start: datetime,
    end: datetime,
    zone: str,
) -> Indicators:
    """The figures of the span from ``start`` to ``end``; hours are those of ``zone``."""
    weeks = sum(_watched(one, start, end) / _WEEK for one in patients)
    slots = [_slots(one, start, end) for one in patients]
    days = [_days(found, ZoneInfo(one.zone)) for one, found in zip(patients, slots, strict=True)]
    said = [one.true for one in alerts if one.true is not None]
    waits = [_wait_s(one) for one in alerts if one.acknowledged_at is not None]
    decided = [one for one in reports if one.confirmed_at is not None or one.confirm_by <= end]
    read = [(one.confirmed_at - one.made_at).total_seconds() for one in reports if one.confirmed_at is not None]
    return Indicators(
        patient_weeks=weeks,
        alerts=len(alerts),
        in_time=Share(sum(map(_in_time, alerts)), len(alerts)),
        true=Share(sum(said), len(said)),
        median_s=median(waits) if waits else None,
        hours=_hours(alerts, ZoneInfo(zone)),
        adherence=Share(sum(measured for one in slots for _, measured in one), sum(map(len, slots))),
        completeness=Share(sum(part for part, _ in days), sum(whole for _, whole in days)),
        reports=len(reports),
        reports_in_time=Share(sum(map(_confirmed_in_time, decided)), len(decided)),
        reports_median_s=median(read) if read else None,
    )


def _watched(patient: PatientFact, start: datetime, end: datetime) -> timedelta:
    begin = max(start, patient.expected_from)
    return max(end - begin - paused_time(patient.pauses, begin, end), timedelta(0))


def _in_time(alert: AlertFact) -> bool:
    taken, escalated = alert.acknowledged_at, alert.escalated_at
    return taken is not None and (escalated is None or taken < escalated)


def _confirmed_in_time(report: ReportFact) -> bool:
    return report.confirmed_at is not None and report.confirmed_at <= report.confirm_by


def _wait_s(alert: AlertFact) -> float:
    taken = alert.acknowledged_at or alert.opened_at
    return (taken - alert.opened_at).total_seconds()


def _hours(alerts: Collection[AlertFact], zone: ZoneInfo) -> tuple[HourRow, ...]:
    by_hour: dict[int, list[AlertFact]] = defaultdict(list)
    for one in alerts:
        by_hour[one.opened_at.astimezone(zone).hour].append(one)
    return tuple(_hour(hour, found) for hour, found in sorted(by_hour.items()))


def _hour(hour: int, alerts: Sequence[AlertFact]) -> HourRow:
    waits = [_wait_s(one) for one in alerts if one.acknowledged_at is not None]
    return HourRow(hour, len(alerts), len(waits), median(waits) if waits else None)


def _slots(patient: PatientFact, start: datetime, end: datetime) -> list[tuple[Opening, bool]]:
    """Every slot that was expected and is over, and whether it was measured."""
    zone = ZoneInfo(patient.zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    found = []
    for plan in patient.history:
        for kind in dict.fromkeys(slot.kind for slot in plan.slots):
            for one in openings(plan, kind, patient.zone, first, last):
                over = max(start, patient.expected_from) <= one.opens and one.closes + GRACE <= end
                paused = any(pause.touches(one.opens, one.closes) for pause in patient.pauses)
                if over and not paused and in_force(patient.history, one.opens) is plan:
                    found.append((one, _measured(one, patient.measured.get(kind, ()))))
    return found


def _measured(opening: Opening, times: Sequence[datetime]) -> bool:
    return any(opening.counts_from < at <= opening.closes + GRACE for at in times)


def _days(slots: Sequence[tuple[Opening, bool]], zone: ZoneInfo) -> tuple[int, int]:
    """Complete days and all days: a kind counts for a day when one of its slots was measured."""
    kinds: dict[date, dict[str, bool]] = defaultdict(dict)
    for one, measured in slots:
        of_day = kinds[one.opens.astimezone(zone).date()]
        of_day[one.slot.kind] = of_day.get(one.slot.kind, False) or measured
    return sum(all(of_day.values()) for of_day in kinds.values()), len(kinds)
