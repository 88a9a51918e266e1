"""What is expected when: whether data is missing now, and the one word that sums up a patient."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.local_time import first_instant
from hearthline_backend.domain.pauses import Pause
from hearthline_backend.domain.plans import Plan, Slot, in_force
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
    slots since then. ``slots`` are these, the oldest first; ``begins`` is when the first of all closed, however long
    ago, which tells one silence from another."""

    kind: str
    last: datetime | None
    slot_closed: datetime
    slots_missed: int
    slots: tuple["Opening", ...] = ()
    begins: datetime | None = None


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
    before = first_instant(start - timedelta(days=1), slots[-1].closes, tz) if slots else None
    for day in days:
        for slot in slots:
            opens, closes = first_instant(day, slot.opens, tz), first_instant(day, slot.closes, tz)
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
    pauses: Iterable[Pause] = (),
    history: tuple[Plan, ...] = (),
) -> tuple[Missing, ...]:
    """The kinds whose last due slot has no reading.

    ``latest`` is the effective time of the newest reading with a value, by kind. Nothing is missing during a pause, nor
    for a slot that opened before ``expected_from`` (enrolment) or before a pause was over, nor for one that the plan in
    force as it opened did not have: ``history`` has every version, and is only ``plan`` where it is empty.
    """
    begun = [one for one in pauses if one.begins_at <= now]
    if any(one.covers(now) for one in begun):
        return ()
    start = max((expected_from, *(one.ends for one in begun)))
    kinds = dict.fromkeys(slot.kind for slot in plan.slots)
    look = _Look(plan, zone, now, start, history)
    found = (_missing_of(look, kind, latest.get(kind)) for kind in kinds)
    return tuple(one for one in found if one is not None)


def next_look(plan: Plan, zone: str, now: datetime) -> datetime | None:
    """When the next slot of any kind has closed and its grace is over; None in a plan that expects nothing."""
    tz = ZoneInfo(zone)
    today = now.astimezone(tz).date()
    closing = {slot.closes for slot in plan.slots}
    days = [today + timedelta(days=number) for number in (-1, 0, 1)]
    return min(
        (at for day in days for one in closing if (at := first_instant(day, one, tz) + GRACE) > now), default=None
    )


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
    while (deadline := first_instant(day, time(hour), tz)) < now + at_least:
        day += timedelta(days=1)
    return deadline


@dataclass(frozen=True, slots=True)
class _Look:
    """What is the same for every kind of a plan."""

    plan: Plan
    zone: str
    now: datetime
    start: datetime
    history: tuple[Plan, ...]

    def due(self, kind: str, start: date, end: date) -> list[Opening]:
        """Slots on these local days that were expected and whose grace is over."""
        return [
            one
            for one in openings(self.plan, kind, self.zone, start, end)
            if one.closes + GRACE <= self.now and one.opens >= self.start and self._planned(one)
        ]

    def _planned(self, one: Opening) -> bool:
        if not self.history:
            return True
        then = in_force(self.history, one.opens)
        return then is not None and one.slot in then.slots


def _missing_of(look: _Look, kind: str, last: datetime | None) -> Missing | None:
    today = look.now.astimezone(ZoneInfo(look.zone)).date()
    due = look.due(kind, today - timedelta(days=_DAYS_BACK), today)
    missed = tuple(one for one in due if last is None or last < one.counts_from)
    if not missed:
        return None
    return Missing(kind, last, missed[-1].closes, len(missed), missed, _begins(look, kind, last, missed[0]))


def _begins(look: _Look, kind: str, last: datetime | None, known: Opening) -> datetime:
    """When the first slot without a reading closed, also where that is longer ago than slots are counted."""
    first = (look.start if last is None else max(look.start, last)).astimezone(ZoneInfo(look.zone)).date()
    due = look.due(kind, first - timedelta(days=1), first + timedelta(days=2))
    return min((one.closes for one in due if last is None or last < one.counts_from), default=known.closes)
