"""Readings of which nobody can say by itself whose they are: who they may be of, and who may say so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.ingest.batch import read_reading
from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.ingest.whose import likeliest, usual_weight, weight_of
from hearthline_backend.quick_reading import quick_reading
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.homes import Assignment, Sensor, sharers
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.readings import Reading


@dataclass(frozen=True, slots=True)
class Unclear:
    """A reading that waits for a person's word. ``candidates`` are those it may be of: who share the meter then, or,
    where it was nobody's then, who have or had it and who live where it is."""

    row: Kept
    reading_id: UUID
    body: bytes
    sensor: Sensor
    measured_at: datetime
    kind: str
    candidates: tuple[UUID, ...]

    @property
    def reason(self) -> Reason:
        """Why it waits: ``WHOSE`` or ``NOT_ASSIGNED``."""
        return Reason(self.row.reason)

    def reading(self) -> Reading:
        """The whole reading; whoever shows its value writes the access log."""
        return Reading.model_validate_json(self.body)


async def unclear_readings(unit: Unit, organisation: UUID | None = None) -> list[Unclear]:
    """What waits for a person's word in one organisation, or everywhere; the newest first."""
    gateways = None if organisation is None else [one.name for one in await unit.homes.gateways(organisation)]
    return await _told(unit, await unit.waiting.newest(gateways))


async def unclear_reading(unit: Unit, reading_id: UUID, *, lock: bool = False) -> Unclear | None:
    """One of them by the reading's id; None where it does not wait."""
    row = await unit.waiting.of_reading(reading_id, lock=lock)
    found = [] if row is None else await _told(unit, [row])
    return found[0] if found else None


def visible(unclear: Sequence[Unclear], patients: Collection[UUID]) -> list[Unclear]:
    """Those that may be of one of these patients."""
    return [one for one in unclear if not set(one.candidates).isdisjoint(patients)]


async def suggestion(readings: ReadingStore, one: Unclear, reading: Reading) -> UUID | None:
    """The candidate whose usual weight is near; None where there is none, and for whatever is no weight."""
    weight = weight_of(reading)
    if weight is None:
        return None
    usual = {patient: await usual_weight(readings, patient, one.measured_at) for patient in one.candidates}
    return likeliest(weight, usual)


async def _told(unit: Unit, rows: Sequence[Kept]) -> list[Unclear]:
    read = [(row, found) for row in rows if (found := _glance(row)) is not None]
    sensors = await unit.homes.sensors_at({one[0] for _, one in read})
    beside = await unit.homes.sensors({one.gateway for one in sensors.values()}) if sensors else []
    history: dict[str, list[Assignment]] = {}
    for one in await unit.homes.assignments(sensors_at=[sensor.address for sensor in beside]) if beside else ():
        history.setdefault(one.sensor, []).append(one)
    homes: dict[str, list[str]] = {}
    for sensor in beside:
        homes.setdefault(sensor.gateway, []).append(sensor.address)
    told: list[Unclear] = []
    for row, (address, slot, at, kind) in read:
        if row.reading_id is not None and row.payload is not None and address in sensors:
            people = _candidates(sensors[address], slot, at, history, homes)
            told.append(Unclear(row, row.reading_id, row.payload, sensors[address], at, kind, people))
    return told


def _glance(row: Kept) -> tuple[str, int | None, datetime, str] | None:
    """Meter, slot, time and kind, without what was measured."""
    if row.payload is None:
        return None
    quick = quick_reading(row.payload)
    if quick is not None:
        return quick.sensor, quick.user_slot, quick.effective_time, quick.kind
    found = read_reading(row.payload, row.received_at, arrived=row.received_at).readings
    return (found[0].sensor, found[0].user_slot, found[0].effective_time, found[0].kind) if found else None


def _candidates(
    sensor: Sensor,
    slot: int | None,
    at: datetime,
    history: Mapping[str, Sequence[Assignment]],
    homes: Mapping[str, Sequence[str]],
) -> tuple[UUID, ...]:
    own = history.get(sensor.address, ())
    sharing = sharers(own, slot, at)
    if sharing:
        return tuple(dict.fromkeys(one.patient_id for one in sharing))
    living = [one for address in homes.get(sensor.gateway, ()) for one in history.get(address, ())]
    return tuple(dict.fromkeys(one.patient_id for one in (*own, *living)))
