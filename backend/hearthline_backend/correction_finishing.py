"""Does what a correction says: its second step, as often as it takes. Doing it twice changes nothing.

Store and records cannot commit together. The reading is moved first, under the patients' lock; its judgement, what
follows from it, and the word that it is done are one transaction after it. Cut off in between, all of it is repeated.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import structlog
from pydantic_core import to_jsonable_python

from hearthline_backend.alerting.judge import Judge, Judged
from hearthline_backend.events import Event, EventBus
from hearthline_backend.ingest.batch import payload_of
from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.storage.patient_reading import NOBODY, PatientReading, Place
from hearthline_backend.storage.ports import ReadingStore, Records, StoreUnavailableError
from hearthline_backend.storage.records.corrections import Correction, What
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.readings import Reading

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 5.0
"""How often we look for what was written down and not done, by whatever process."""
SETTLING: Final = timedelta(seconds=60)
"""A settlement under way when a claim was taken back has ended by then."""
AT_ONCE: Final = 100
BACK_MESSAGE: Final = "somebody took back whose this is; it waits again for a person's word"


class CorrectionFinishing:
    """Finishes corrections; any process may, and they do not get into each other's way. ``wake`` has what is due looked
    at."""

    def __init__(
        self,
        records: Records,
        readings: ReadingStore,
        judge: Judge,
        events: EventBus,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._readings = readings
        self._judge = judge
        self._events = events
        self._clock = clock
        self._wake = wake

    async def run(self, every_s: float = LOOK_EVERY_S) -> None:
        """Finish what was written down and not done, now and then, for ever; an outage only postpones it."""
        while True:
            try:
                await self.finish_pending()
            except StoreUnavailableError as error:
                log.info("corrections_have_to_wait", reason=str(error))
            await asyncio.sleep(every_s)

    async def finish_pending(self) -> int:
        """Do what was written down and is not done yet; returns how many were. Raises ``StoreUnavailableError``."""
        async with self._records.read() as unit:
            waiting = await unit.corrections.pending(limit=AT_ONCE)
        done = 0
        for one in waiting:
            try:
                done += await self.finish(one.id)
            except StoreUnavailableError:
                raise
            except Exception:  # one defect must not keep the others from being done; it is tried again
                log.exception("correction_failed", correction=one.id)
        return done

    async def finish_earlier(self, reading_id: UUID) -> None:
        """The same for one reading, before it is corrected again."""
        async with self._records.read() as unit:
            earlier = await unit.corrections.pending(reading_id)
        for one in earlier:
            await self.finish(one.id)

    async def finished(self, number: int) -> bool:
        """Finish one now, if that can be; else it is finished later by itself."""
        try:
            return await self.finish(number)
        except StoreUnavailableError as error:
            log.warning("correction_has_to_wait", correction=number, reason=str(error))
            return False

    async def finish(self, number: int) -> bool:
        """Do it, unless it is done; False where it is too early. Raises ``StoreUnavailableError``."""
        now = self._clock()
        judged: list[Judged] = []
        await self._move_first(number)
        async with self._records.begin() as unit:
            one = await unit.corrections.get(number)
            if one is None or one.finished_at is not None:
                return True
            await unit.alerts.lock_patients(one.patients)
            one = await unit.corrections.get(number, lock=True)
            if one is None or one.finished_at is not None:
                return True
            row = await self._readings.get(one.reading_id)
            judgement = None
            if not await _spoken_of_again(unit, one):
                if one.what is What.UNCLAIMED and not await self._wait_again(unit, one, row, now):
                    return False
                judgement = None if row is None else await self._apply(unit, one, row, judged, now)
            await unit.corrections.finish(number, now, judgement)
            teams = {patient.id: patient.team_id for patient in await unit.care.patients(ids=one.patients)}
        log.info("reading_corrected", correction=number, what=one.what.value)
        self._tell(teams, judged, now)
        return True

    async def _move_first(self, number: int) -> None:
        """Move the reading before the transaction: a store that keeps its register in Records writes there itself, and
        inside a transaction of SQLite's one writer it would wait for us for ever. The correction stands written down,
        so that whatever happens next it is completed."""
        async with self._records.read() as unit:
            one = await unit.corrections.get(number)
            if one is None or one.finished_at is not None or await _spoken_of_again(unit, one):
                return
        row = await self._readings.get(one.reading_id)
        if row is not None:
            await self._readings.move({row.id: _after(one, row)})

    async def _apply(
        self, unit: Unit, one: Correction, row: PatientReading, judged: list[Judged], now: datetime
    ) -> dict[str, Any] | None:
        """Move it, take back what was judged, judge what is left and what is new. Returns what was taken back."""
        before = Place(one.patient_before or NOBODY, one.effective_before or row.effective_time, one.aside_before)
        after = _after(one, row)
        if Place(row.patient_id, row.effective_time, row.aside) != after:  # it moved meanwhile, or came just now
            await self._readings.move({row.id: after})
        taken = await unit.judgements.take_back([row.id])
        if before.patient_id != NOBODY and not before.aside:
            judged.append(await self._judge.rejudge(unit, [row.moved(before)], now))
        if after.patient_id != NOBODY and not after.aside:
            judged.append(await self._judge.judge(unit, [row.moved(after)], now))
        return to_jsonable_python(taken[0]) if taken else None

    async def _wait_again(self, unit: Unit, one: Correction, row: PatientReading | None, now: datetime) -> bool:
        """Put a reading back into the inbox. False while a settlement may still be under way that began before."""
        guest = await unit.waiting.guest_s(one.reading_id)
        apart = guest is not None and guest.payload is not None and guest.status == "rejected"
        if row is None and not apart:
            return now - one.at > SETTLING  # it waits as it did, or is just being taken: then it is moved out again
        if guest is not None and apart:
            await unit.quarantine.close(guest.id, "released", BACK_MESSAGE)
        last = await unit.waiting.waited(one.reading_id)
        if row is not None:
            gateway, payload = row.gateway, payload_of(Reading.model_validate_json(row.body))
        else:
            gateway, payload = (guest.gateway, guest.payload or b"") if guest is not None else ("", b"")
        refusal = Refusal(
            gateway=gateway,
            status="held",
            reason=Reason.WHOSE.value if last is None else last.reason,
            message=BACK_MESSAGE,
            payload=payload,
            received_at=now if last is None else last.received_at,
            reading_id=one.reading_id,
        )
        await unit.waiting.wait_again(refusal, sha256(payload).hexdigest())
        return True

    def _tell(self, teams: Mapping[UUID, UUID], judged: Sequence[Judged], now: datetime) -> None:
        for patient, team in teams.items():
            self._events.publish(Event("reading", now, patient_id=patient, team_id=team))
        for one in (alert for each in judged for alert in each.alerts):
            self._events.publish(Event("alert", now, one.patient_id, one.team_id, alert_id=one.alert_id))
        self._events.publish(Event("inbox", now))
        self._wake()


def _after(one: Correction, row: PatientReading) -> Place:
    return Place(one.patient_after or NOBODY, one.effective_after or row.effective_time, one.aside_after)


async def _spoken_of_again(unit: Unit, one: Correction) -> bool:
    """Whether a claim that was taken back has been followed by another one: then the reading is no longer ours."""
    return one.what is What.UNCLAIMED and one.reading_id in await unit.homes.claims([one.reading_id])
