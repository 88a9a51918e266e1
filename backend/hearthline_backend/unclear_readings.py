"""Readings of which nobody can say by itself whose they are, and the word of the person who can."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from hearthline_backend.administration import AdministrationError
from hearthline_backend.ingest.batch import read_reading
from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.ingest.whose import likeliest, usual_weight, weight_of
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.homes import sharers
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.readings import Reading


@dataclass(frozen=True, slots=True)
class Unclear:
    """A reading that waits for a person's word. ``likeliest`` is the patient whose usual weight is near, if any."""

    number: int
    gateway: str
    sensor: str
    measured_at: datetime
    likeliest: UUID | None


async def unclear_readings(unit: Unit, readings: ReadingStore) -> list[Unclear]:
    """Every reading of which nobody can say by itself whose it is, oldest first."""
    found = []
    for row, reading in await _unclear(unit):
        history = await unit.homes.assignments(sensors_at=[reading.sensor])
        people = {one.patient_id for one in sharers(history, reading.user_slot, reading.effective_time)}
        usual = {one: await usual_weight(readings, one, reading.effective_time) for one in people}
        weight = weight_of(reading)
        likely = None if weight is None else likeliest(weight, usual)
        found.append(Unclear(row.id, row.gateway, reading.sensor, reading.effective_time, likely))
    return found


async def claim(unit: Unit, number: int, patient: UUID | None) -> None:
    """Say whose an unclear reading is; None for a guest's."""
    reading = next((reading for row, reading in await _unclear(unit) if row.id == number), None)
    if reading is None:
        raise AdministrationError(f"no reading {number} waits for this; hearthline whose list shows those that do")
    if patient is not None and await unit.care.patient(patient) is None:
        raise AdministrationError("no patient has this id; hearthline patient list shows them")
    await unit.homes.claim(reading.id, patient, None, datetime.now(UTC))


async def _unclear(unit: Unit) -> list[tuple[Kept, Reading]]:
    found: list[tuple[Kept, Reading]] = []
    last = 0
    while rows := await unit.quarantine.held(after=last):
        last = rows[-1].id
        for row in rows:
            if row.reason == Reason.WHOSE.value and row.payload is not None:
                found += [(row, reading) for reading in read_reading(row.payload, row.received_at).readings]
    return found
