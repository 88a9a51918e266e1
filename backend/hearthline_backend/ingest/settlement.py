"""Hops 7 to 9 for a group of parcels: whose readings they are, into the store, then one transaction in Records.

Every step may be repeated from the beginning after a crash or an outage and changes nothing the second time: the store
knows readings by id, the register of judged ids decides what is judged, quarantine counts what it has already.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from hearthline_backend.events import Event
from hearthline_backend.ingest.judging import Judging
from hearthline_backend.ingest.ownership import Owned, Ownership, unclear
from hearthline_backend.ingest.parcel import Parcel
from hearthline_backend.ingest.refusal import Reason, Refused
from hearthline_backend.ingest.whose import is_far, usual_weight, weight_of
from hearthline_backend.storage.ports import PatientReading, ReadingStore, Records
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.messages import Receipt, ReceiptStatus
from hearthline_protocol.readings import Reading

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Settled:
    """What is to be said once all of it is durable."""

    answers: list[tuple[Parcel, Receipt]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    stored: int = 0
    judged: int = 0
    refused: int = 0


class Settlement:
    """Settles parcels. Holds no state of its own."""

    def __init__(self, records: Records, readings: ReadingStore, judge: Judging, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._readings = readings
        self._judge = judge
        self._clock = clock

    async def settle(self, parcels: Sequence[Parcel]) -> Settled:
        """Make a group durable and judged. Raises ``StoreUnavailableError``; then nothing may be acknowledged."""
        now = self._clock()
        rows = await self._place(parcels, now)
        new = await self._readings.write(rows)
        settled = Settled(stored=len(new))
        async with self._records.begin() as unit:
            for parcel in parcels:
                promised = [one for one in parcel.refused if await _keep(unit, parcel, one)]
                settled.refused += len(parcel.refused)
                receipt = parcel.receipt(promised)
                if receipt is not None:
                    settled.answers.append((parcel, receipt))
                await _close(unit, parcel)
            await unit.homes.heard({parcel.gateway for parcel in parcels if parcel.kept is None}, now)
            settled.judged = await self._judged(unit, rows, new, now, settled.events)
        return settled

    async def _place(self, parcels: Sequence[Parcel], now: datetime) -> list[PatientReading]:
        """Sort each parcel's readings into those with a patient, returned, and those that have to wait."""
        readings = [reading for parcel in parcels for reading in parcel.content.readings]
        async with self._records.read() as unit:
            ownership = await Ownership.load(unit, {parcel.gateway for parcel in parcels}, readings)
        return [row for parcel in parcels for row in await self._placed(parcel, ownership, now)]

    async def _placed(self, parcel: Parcel, ownership: Ownership, now: datetime) -> list[PatientReading]:
        parcel.stored.clear()
        parcel.refused = list(parcel.content.refused)
        if not ownership.enrolled(parcel.gateway):
            if not any(one.whole for one in parcel.refused):
                parcel.refused = [_of_a_stranger(parcel)]
            return []
        rows: list[PatientReading] = []
        for reading in parcel.content.readings:
            found = ownership.patient_of(parcel.gateway, reading)
            if isinstance(found, Owned) and await self._is_a_guest_s(found, reading):
                found = unclear(reading)
            if isinstance(found, Refused):
                parcel.refused.append(found)
            else:
                rows.append(PatientReading(found.patient_id, parcel.gateway, reading, now))
                parcel.stored.append(reading.id)
        return rows

    async def _is_a_guest_s(self, found: Owned, reading: Reading) -> bool:
        weight = None if found.certain else weight_of(reading)
        if weight is None or await self._readings.get(reading.id) is not None:
            return False
        return is_far(weight, await usual_weight(self._readings, found.patient_id, reading.effective_time))

    async def _judged(
        self, unit: Unit, rows: Sequence[PatientReading], new: frozenset[UUID], now: datetime, events: list[Event]
    ) -> int:
        known = await unit.judgements.known({row.reading.id for row in rows})
        due: dict[UUID, PatientReading] = {}
        for row in rows:
            reading_id = row.reading.id
            if reading_id in known or reading_id in due:
                continue
            # A reading that was stored before is judged as it was stored: only the first one of an id counts.
            stored = row if reading_id in new else await self._readings.get(reading_id)
            if stored is not None:
                due[reading_id] = stored
        if not due:
            return 0
        changed = await self._judge.judge(unit, list(due.values()), now)
        patients = {row.patient_id for row in due.values()}
        teams = {patient.id: patient.team_id for patient in await unit.care.patients(ids=patients)}
        events.extend(Event("reading", now, patient_id=one, team_id=teams.get(one)) for one in sorted(patients))
        events.extend(
            Event("alert", now, patient_id=one.patient_id, team_id=one.team_id, alert_id=one.alert_id)
            for one in changed.alerts
        )
        return len(due)


def _of_a_stranger(parcel: Parcel) -> Refused:
    ids = [reading.id for reading in parcel.content.readings]
    ids += [one for refused in parcel.content.refused for one in refused.reading_ids]
    message = "no gateway of this name is enrolled; its readings are kept and taken when it is"
    return Refused(Reason.UNKNOWN_GATEWAY, message, parcel.payload, tuple(dict.fromkeys(ids)), whole=True)


async def _keep(unit: Unit, parcel: Parcel, refused: Refused) -> bool:
    """Into quarantine; whether the home may be told."""
    held = refused.reason.status is ReceiptStatus.HELD
    if parcel.kept is not None and _same(parcel, refused):
        if not held:
            await unit.quarantine.reject(parcel.kept.id)  # a technician had it tried again, in vain
        return False  # the home has been told
    kept_whole = await unit.quarantine.put(
        Refusal(
            gateway=parcel.gateway,
            status="held" if held else "rejected",
            reason=refused.reason.value,
            message=refused.message,
            payload=refused.payload,
            received_at=parcel.received_at,
            reading_id=refused.reading_ids[0] if refused.reading_ids and not refused.whole else None,
            batch=parcel.batch or None,
            whole_sha256=refused.whole_sha256,
            whole_bytes=refused.whole_bytes,
        )
    )
    if held and not kept_whole:
        log.warning("quarantine_quota_reached", gateway=parcel.gateway, reason=refused.reason.value)
    return kept_whole or not held


def _same(parcel: Parcel, refused: Refused) -> bool:
    return parcel.kept is not None and refused.reason.value == parcel.kept.reason and refused.payload == parcel.payload


async def _close(unit: Unit, parcel: Parcel) -> None:
    """End the row a parcel waited in, once what it held stands somewhere else."""
    if parcel.kept is None or any(_same(parcel, refused) for refused in parcel.refused):
        return
    message = f"taken: {len(parcel.stored)} stored, {len(parcel.refused)} kept under another reason"
    await unit.quarantine.close(parcel.kept.id, "released", message)
