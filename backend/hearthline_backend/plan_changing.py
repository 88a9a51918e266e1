"""Changing one patient's plan: a new version from now on, by a member of the patient's care team.

Nothing that was judged is judged anew: the new version holds from the moment it is written, and where the newest
reading was already judged ahead of that, from right after it. Workers learn of it before they judge the next reading,
since the revision of ``care`` grows with every version.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.domain.plan_wish import MAX_REASON, PlanWish, before_the_first, next_plan, taken_back
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import RuleError
from hearthline_backend.events import Event, EventBus
from hearthline_backend.plan_errors import (
    NothingChangedError,
    NothingToTakeBackError,
    NotTheirPatientError,
    PlanMovedOnError,
    PlanReasonError,
    PlanRefusedError,
)
from hearthline_backend.storage.ports import ReadingStore, Records
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.unit import Unit

CHANGED: Final = "plan_change"
"""What the access log calls a change of the plan."""
_LEAST: Final = timedelta(microseconds=1)
_AHEAD: Final = timedelta(minutes=10)
"""A reading is never dated further ahead of its arrival than this; one that is does not hold a plan up."""


class PlanChanging:
    """Writes versions. Every act raises :class:`~hearthline_backend.plan_errors.PlanChangeError` when it is refused."""

    def __init__(
        self, records: Records, readings: ReadingStore, events: EventBus, clock: Callable[[], datetime]
    ) -> None:
        self._records = records
        self._readings = readings
        self._events = events
        self._clock = clock

    async def change(self, patient_id: UUID, wish: PlanWish, *, based_on: int, reason: str, actor: User) -> Plan:
        """The next version, as wished. ``based_on`` is the version that the person looked at, 0 where there is none."""
        words = _words(reason)
        newest = await self._newest_reading(patient_id)

        def make(history: tuple[Plan, ...], at: datetime) -> Plan:
            before = history[-1]
            try:
                made = next_plan(before, wish, at=at, author=name_of(actor), reason=words)
            except RuleError as error:
                raise PlanRefusedError(str(error)) from error
            if (made.rules, PlanWish.of(made)) == (before.rules, PlanWish.of(before)):
                raise NothingChangedError(before.version)
            return made

        return await self._write(patient_id, based_on, make, newest, actor)

    async def take_back(self, patient_id: UUID, version: int, *, reason: str, actor: User) -> Plan:
        """Undo the newest version: what the one before it said is said again, as a further version."""
        words = _words(reason)
        newest = await self._newest_reading(patient_id)

        def make(history: tuple[Plan, ...], at: datetime) -> Plan:
            if len(history) < 2:
                raise NothingToTakeBackError(version)
            return taken_back(history[-1], history[-2], at=at, author=name_of(actor), reason=words)

        return await self._write(patient_id, version, make, newest, actor)

    async def _write(
        self,
        patient_id: UUID,
        based_on: int,
        make: Callable[[tuple[Plan, ...], datetime], Plan],
        newest: datetime | None,
        actor: User,
    ) -> Plan:
        async with self._records.begin() as unit:
            team = await _team_of(unit, patient_id, actor)
            # A judge that runs now has the old version for all that it looks at, and the next one has the new.
            await unit.alerts.lock_patients([patient_id])
            history = await unit.care.plan_history(patient_id)
            now = self._clock()
            history = history or (before_the_first(patient_id, now),)
            before = history[-1]
            if before.version != based_on:
                raise PlanMovedOnError(based_on, before.version, before.author, before.valid_from)
            start = max(now, before.valid_from)
            if newest is not None and newest >= start and newest - now <= _AHEAD:
                start = newest + _LEAST
            made = make(history, start)
            await unit.care.add_plan(made, created_at=now, author_id=actor.id)
            await unit.people.log_access(actor.id, patient_id, CHANGED, now)
        self._events.publish(Event("plan", now, patient_id, team))
        return made

    async def _newest_reading(self, patient_id: UUID) -> datetime | None:
        latest = (await self._readings.latest([patient_id])).get(patient_id, {})
        return max((one.effective_time for one in latest.values()), default=None)


def name_of(actor: User) -> str:
    """Title and initials, as plans name their authors."""
    return f"{actor.title} {actor.initials}"


def may_change(actor: User, team_id: UUID) -> bool:
    """Who is in the care team of the patient."""
    return actor.role is Role.CARE and actor.team_id == team_id


async def _team_of(unit: Unit, patient_id: UUID, actor: User) -> UUID:
    patient = await unit.care.patient(patient_id)
    if patient is None or not may_change(actor, patient.team_id):
        raise NotTheirPatientError(patient_id)
    return patient.team_id


def _words(reason: str) -> str:
    words = " ".join(reason.split())
    if not words or len(words) > MAX_REASON:
        raise PlanReasonError(MAX_REASON)
    return words
