"""What people change about readings: whose, when, entered in error. Each with its history; nothing is overwritten.

A correction is written down first, in its own transaction, and then done (see
:mod:`~hearthline_backend.correction_finishing`). Whatever ends the process in between, the row says what is left to do:
it is finished at the next start, or within seconds by whoever else runs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

import structlog

from hearthline_backend.correction_errors import (
    AlreadyClaimedError,
    BeingDoneError,
    ImpossibleTimeError,
    InErrorError,
    NoSuchReadingError,
    NotACandidateError,
    NothingToTakeBackError,
    NotWaitingError,
    ReasonMissingError,
)
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.events import Event, EventBus
from hearthline_backend.ingest.plausibility import AHEAD_OF_RECEIVED, EARLIEST
from hearthline_backend.storage.patient_reading import NOBODY, PatientReading, Place
from hearthline_backend.storage.ports import ReadingStore, Records, StoreUnavailableError
from hearthline_backend.storage.records.corrections import MAX_REASON, Correction, What
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.unclear_readings import Unclear, unclear_reading

log = structlog.get_logger(__name__)


class Actor(Protocol):
    """Who corrects, such as a user of Records. Only a member of the patient's team may."""

    @property
    def id(self) -> UUID:
        """The user."""

    @property
    def team_id(self) -> UUID | None:
        """The care team; None for everybody who is not in one."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of it. ``changed`` False: it was so already. ``pending``: it is written down and is done as soon as
    the stores answer, whatever happens."""

    reading_id: UUID
    what: What
    changed: bool = True
    pending: bool = False
    patient_id: UUID | None = None


class ReadingCorrections:
    """Corrects. ``retry`` settles a row of quarantine at once. ``actor`` None is the command line, which may do
    everything. Every act raises :class:`~hearthline_backend.correction_errors.CorrectionError` when it is refused."""

    def __init__(
        self,
        records: Records,
        readings: ReadingStore,
        finishing: CorrectionFinishing,
        events: EventBus,
        clock: Callable[[], datetime],
        retry: Callable[[int], Awaitable[object]] | None = None,
    ) -> None:
        self._records = records
        self._readings = readings
        self._finishing = finishing
        self._events = events
        self._clock = clock
        self._retry = retry

    # --- whose is it ---

    async def claim(self, reading_id: UUID, patient: UUID | None, actor: Actor | None) -> Corrected:
        """A waiting reading is this patient's, or with None a guest's. The same again changes nothing."""
        await self._finishing.finish_earlier(reading_id)
        now = self._clock()
        done = Corrected(reading_id, What.CLAIMED, patient_id=patient)
        async with self._records.begin() as unit:
            waiting = await unclear_reading(unit, reading_id, lock=True)
            claims = await unit.homes.claims([reading_id])
            await _may_claim(unit, reading_id, waiting, patient, actor)
            if reading_id in claims:
                if claims[reading_id] != patient:
                    raise await _claimed_already(unit, reading_id, now)
                done = replace(done, changed=False)
            elif waiting is None:
                raise NotWaitingError(reading_id)
            else:
                await _alone(unit, reading_id)
                await unit.homes.claim(reading_id, patient, None if actor is None else actor.id, now)
                await unit.corrections.add(_claimed(waiting, patient, actor, now))
        self._events.publish(Event("inbox", now))
        return done if waiting is None else replace(done, pending=not await self._settled(waiting.row))

    async def take_back(self, reading_id: UUID, actor: Actor | None, reason: str = "") -> Corrected:
        """Nobody has said whose it is: the reading leaves the patient's series and waits again."""
        await self._finishing.finish_earlier(reading_id)
        now = self._clock()
        async with self._records.begin() as unit:
            claims = await unit.homes.claims([reading_id])
            history = (await unit.corrections.of_readings([reading_id])).get(reading_id, ())
            last = next((one for one in reversed(history) if one.what in (What.CLAIMED, What.UNCLAIMED)), None)
            if reading_id not in claims:
                if last is not None and last.what is What.UNCLAIMED and await _mine(unit, last.patient_before, actor):
                    return Corrected(reading_id, What.UNCLAIMED, changed=False, pending=last.finished_at is None)
                raise NothingToTakeBackError(reading_id)
            patient = claims[reading_id]
            await _may_take_back(unit, reading_id, patient, actor, last)
            await _alone(unit, reading_id)
            row = await self._readings.get(reading_id)
            if row is not None and row.patient_id not in (patient, NOBODY):
                raise NothingToTakeBackError(reading_id)
            number = await unit.corrections.add(
                Correction(
                    id=0,
                    reading_id=reading_id,
                    kind=None if row is None else row.kind,
                    what=What.UNCLAIMED,
                    at=now,
                    reason=reason[:MAX_REASON],
                    patient_before=patient,
                    patient_after=NOBODY,
                    effective_before=None if row is None else row.effective_time,
                    effective_after=None if row is None else row.effective_time,
                    aside_before=row is not None and row.aside,
                    aside_after=True,
                    by=None if actor is None else actor.id,
                )
            )
            await unit.homes.unclaim(reading_id)
        pending = not await self._finishing.finished(number)
        return Corrected(reading_id, What.UNCLAIMED, pending=pending, patient_id=patient)

    # --- whose, when, in error ---

    async def reassign(self, reading_id: UUID, patient: UUID, actor: Actor | None, reason: str) -> Corrected:
        """It is another patient's: both are judged anew, one without it and one with it."""

        async def place(unit: Unit, row: PatientReading) -> Place:
            if row.aside:
                raise InErrorError(reading_id)
            if not await _mine(unit, patient, actor):
                raise NotACandidateError(reading_id)
            return Place(patient, row.effective_time)

        return await self._change(reading_id, What.MOVED, place, actor, reason)

    async def redate(self, reading_id: UUID, at: datetime, actor: Actor | None, reason: str) -> Corrected:
        """It was measured at another moment."""
        if not EARLIEST <= at <= self._clock() + AHEAD_OF_RECEIVED:
            raise ImpossibleTimeError(reading_id)

        async def place(_unit: Unit, row: PatientReading) -> Place:
            if row.aside:
                raise InErrorError(reading_id)
            return Place(row.patient_id, at)

        return await self._change(reading_id, What.DATED, place, actor, reason)

    async def enter_in_error(self, reading_id: UUID, actor: Actor | None, reason: str) -> Corrected:
        """It counts no longer: in no chart, no last value, no rule. It stays, with its reason."""

        async def place(_unit: Unit, row: PatientReading) -> Place:
            return Place(row.patient_id, row.effective_time, aside=True)

        return await self._change(reading_id, What.ENTERED_IN_ERROR, place, actor, reason)

    async def restore(self, reading_id: UUID, actor: Actor | None, reason: str) -> Corrected:
        """It was right after all: it counts again, and is judged as if it had just come."""

        async def place(_unit: Unit, row: PatientReading) -> Place:
            return Place(row.patient_id, row.effective_time)

        return await self._change(reading_id, What.RESTORED, place, actor, reason)

    async def _change(
        self,
        reading_id: UUID,
        what: What,
        place: Callable[[Unit, PatientReading], Awaitable[Place]],
        actor: Actor | None,
        reason: str,
    ) -> Corrected:
        words = " ".join(reason.split())
        if not words or len(words) > MAX_REASON:
            raise ReasonMissingError(reading_id)
        await self._finishing.finish_earlier(reading_id)
        now = self._clock()
        async with self._records.begin() as unit:
            row = await self._readings.get(reading_id)
            if row is None or row.patient_id == NOBODY or not await _mine(unit, row.patient_id, actor):
                raise NoSuchReadingError(reading_id)
            await unit.alerts.lock_patients([row.patient_id])
            await _alone(unit, reading_id)
            row = await self._readings.get(reading_id) or row
            after = await place(unit, row)
            done = Corrected(reading_id, what, patient_id=after.patient_id)
            if (row.patient_id, row.effective_time, row.aside) == (after.patient_id, after.effective_time, after.aside):
                return replace(done, changed=False)
            number = await unit.corrections.add(_noted(row, what, after, words, actor, now))
            if what is What.MOVED and reading_id in await unit.homes.claims([reading_id]):
                await unit.homes.claim(reading_id, after.patient_id, None if actor is None else actor.id, now)
        return replace(done, pending=not await self._finishing.finished(number))

    async def _settled(self, row: Kept) -> bool:
        if self._retry is None:
            return False
        try:
            await self._retry(row.id)
        except StoreUnavailableError as error:
            log.warning("claim_has_to_wait", row=row.id, reason=str(error))
            return False
        return True


async def _mine(unit: Unit, patient_id: UUID | None, actor: Actor | None) -> bool:
    patient = None if patient_id is None else await unit.care.patient(patient_id)
    if patient is None:
        return False
    return actor is None or (actor.team_id is not None and patient.team_id == actor.team_id)


async def _may_claim(
    unit: Unit, reading_id: UUID, waiting: Unclear | None, patient: UUID | None, actor: Actor | None
) -> None:
    """A person speaks for the own team's patients, and of a guest only where no other team may know better."""
    if actor is None:
        if patient is not None and await unit.care.patient(patient) is None:
            raise NotACandidateError(reading_id)
        return
    if patient is not None:
        if not await _mine(unit, patient, actor) or (waiting is not None and patient not in waiting.candidates):
            raise NotACandidateError(reading_id)
    elif waiting is not None:
        people = await unit.care.patients(ids=waiting.candidates)
        if not people or any(one.team_id != actor.team_id for one in people):
            raise NotWaitingError(reading_id)


async def _may_take_back(
    unit: Unit, reading_id: UUID, patient: UUID | None, actor: Actor | None, last: Correction | None
) -> None:
    """Whoever is in the patient's team; for a guest's reading, in the team of who said so."""
    if patient is not None:
        mine = await _mine(unit, patient, actor)
    else:
        by = None if last is None or last.by is None else await unit.people.user(last.by)
        mine = actor is None or (by is not None and actor.team_id is not None and by.team_id == actor.team_id)
    if not mine:
        raise NothingToTakeBackError(reading_id)


async def _alone(unit: Unit, reading_id: UUID) -> None:
    if await unit.corrections.pending(reading_id):
        raise BeingDoneError(reading_id)


async def _claimed_already(unit: Unit, reading_id: UUID, now: datetime) -> AlreadyClaimedError:
    history = (await unit.corrections.of_readings([reading_id])).get(reading_id, ())
    last = next((one for one in reversed(history) if one.what is What.CLAIMED), None)
    return AlreadyClaimedError(reading_id, (last.initials or "") if last else "", last.at if last else now)


def _claimed(waiting: Unclear, patient: UUID | None, actor: Actor | None, now: datetime) -> Correction:
    return Correction(
        id=0,
        reading_id=waiting.reading_id,
        kind=waiting.kind,
        what=What.CLAIMED,
        at=now,
        reason="",
        patient_before=NOBODY,
        patient_after=patient,
        effective_before=waiting.measured_at,
        effective_after=waiting.measured_at,
        aside_before=True,
        aside_after=patient is None,
        by=None if actor is None else actor.id,
        finished_at=now,  # the claim itself is the row that says what is left to do
    )


def _noted(
    row: PatientReading, what: What, after: Place, reason: str, actor: Actor | None, now: datetime
) -> Correction:
    return Correction(
        id=0,
        reading_id=row.id,
        kind=row.kind,
        what=what,
        at=now,
        reason=reason,
        patient_before=row.patient_id,
        patient_after=after.patient_id,
        effective_before=row.effective_time,
        effective_after=after.effective_time,
        aside_before=row.aside,
        aside_after=after.aside,
        by=None if actor is None else actor.id,
    )
