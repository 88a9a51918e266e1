"""What is expected when: whether data is missing now, and the one word that sums up a patient."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import Level

GRACE: Final = timedelta(hours=1)
"""How long after a slot has closed a reading may still come before it counts as missing."""

_DAYS_BACK: Final = 30
"""Missed slots are counted this far back; a longer silence is said by its age."""


class PatientStatus(StrEnum):
    """One word a patient, in the order of the worklist."""

    RED = "red"
    YELLOW = "yellow"
    NO_DATA = "no_data"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Missing:
    """No reading of ``kind`` in its last slot. ``last`` is the newest reading there is; ``slots_missed`` counts the
    slots since then."""

    kind: str
    last: datetime | None
    slot_closed: datetime
    slots_missed: int


@dataclass(frozen=True, slots=True)
class Opening:
    """One slot on one day, in UTC. A reading counts for it from ``counts_from``, where the slot before it closed."""

    slot: Slot
    opens: datetime
    closes: datetime
    counts_from: datetime


def openings(plan: Plan, kind: str, zone: str, start: date, end: date) -> list[Opening]:
    """Every slot of ``kind`` on the local days ``start`` to ``end``, both included, oldest first."""
    tz = ZoneInfo(zone)
    slots = sorted((slot for slot in plan.slots if slot.kind == kind), key=lambda slot: slot.opens)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    found: list[Opening] = []
    before = _instant(start - timedelta(days=1), slots[-1].closes, tz) if slots else None
    for day in days:
        for slot in slots:
            opens, closes = _instant(day, slot.opens, tz), _instant(day, slot.closes, tz)
            found.append(Opening(slot, opens, closes, before if before is not None else opens))
            before = closes
    return found


def next_opening(plan: Plan, zone: str, now: datetime) -> Opening | None:
    """The slot that closes next, of any kind; None in a plan that expects nothing."""
    today = now.astimezone(ZoneInfo(zone)).date()
    kinds = {slot.kind for slot in plan.slots}
    ahead = [one for kind in kinds for one in openings(plan, kind, zone, today, today + timedelta(days=1))]
    return min((one for one in ahead if one.closes > now), key=lambda one: (one.closes, one.slot.kind), default=None)


def missing(
    plan: Plan,
    zone: str,
    latest: Mapping[str, datetime],
    now: datetime,
    *,
    expected_from: datetime,
    paused_until: datetime | None = None,
) -> tuple[Missing, ...]:
    """The kinds whose last due slot has no reading.

    ``latest`` is the effective time of the newest reading with a value, by kind. Nothing is missing during a pause, nor
    for a slot that opened before ``expected_from`` (enrolment, or the end of the last pause).
    """
    if paused_until is not None and paused_until > now:
        return ()
    start = expected_from if paused_until is None else max(expected_from, paused_until)
    kinds = dict.fromkeys(slot.kind for slot in plan.slots)
    found = (_missing_of(plan, zone, kind, latest.get(kind), now, start) for kind in kinds)
    return tuple(one for one in found if one is not None)


def status(levels: Iterable[Level], missing_now: tuple[Missing, ...]) -> PatientStatus:
    """The patient's status from the shown levels of open alerts and from what is missing. Red outranks all."""
    present = set(levels)
    if Level.RED in present:
        return PatientStatus.RED
    if Level.YELLOW in present:
        return PatientStatus.YELLOW
    return PatientStatus.NO_DATA if missing_now else PatientStatus.GREEN


def review_deadline(now: datetime, zone: str, *, hour: int = 9, at_least: timedelta = timedelta(hours=1)) -> datetime:
    """When a late red has to be looked at: the next local morning that leaves time to do it."""
    tz = ZoneInfo(zone)
    day = now.astimezone(tz).date()
    while (deadline := _instant(day, time(hour), tz)) < now + at_least:
        day += timedelta(days=1)
    return deadline


def _missing_of(
    plan: Plan, zone: str, kind: str, last: datetime | None, now: datetime, start: datetime
) -> Missing | None:
    today = now.astimezone(ZoneInfo(zone)).date()
    due = [
        one
        for one in openings(plan, kind, zone, today - timedelta(days=_DAYS_BACK), today)
        if one.closes + GRACE <= now and one.opens >= start
    ]
    missed = [one for one in due if last is None or last < one.counts_from]
    return Missing(kind, last, missed[-1].closes, len(missed)) if missed else None


def _instant(day: date, local: time, tz: ZoneInfo) -> datetime:
    return datetime.combine(day, local, tzinfo=tz).astimezone(UTC)
