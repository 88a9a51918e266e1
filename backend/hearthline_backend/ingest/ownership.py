"""Whose a reading is. The gateway is the topic's, the patient is the assignment's at the reading's effective time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hearthline_backend.ingest.batch import payload_of
from hearthline_backend.ingest.refusal import Reason, Refused
from hearthline_backend.ingest.whose import KIND
from hearthline_backend.storage.records.homes import Assignment, Sensor, sharers
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.readings import Reading


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose it is; ``certain`` where the meter itself or a person said so."""

    patient_id: UUID
    certain: bool


@dataclass(frozen=True, slots=True)
class Ownership:
    """A snapshot of the gateways, meters and assignments that a group of messages speaks of."""

    organisations: Mapping[str, UUID]
    """Of each enrolled gateway, the senders' and the meters'."""
    sensors: Mapping[str, Sensor]
    assignments: Mapping[str, Sequence[Assignment]]
    claims: Mapping[UUID, UUID | None]
    """What people said of single readings: the patient, or None for a guest."""

    @classmethod
    async def load(cls, unit: Unit, gateways: Collection[str], readings: Sequence[Reading]) -> "Ownership":
        """Read it in one go."""
        addresses = {reading.sensor for reading in readings}
        sensors = await unit.homes.sensors_at(addresses)
        organisations = await unit.homes.organisations_of({*gateways, *(one.gateway for one in sensors.values())})
        assignments: dict[str, list[Assignment]] = {}
        for one in await unit.homes.assignments(sensors_at=addresses):
            assignments.setdefault(one.sensor, []).append(one)
        uncertain = {
            reading.id for reading in readings if _may_be_claimed(reading, assignments.get(reading.sensor, ()))
        }
        claims = await unit.homes.claims(uncertain) if uncertain else {}
        return cls(organisations, sensors, assignments, claims)

    def enrolled(self, gateway: str) -> bool:
        """Whether a gateway may send at all."""
        return gateway in self.organisations

    def patient_of(self, gateway: str, reading: Reading) -> Owned | Refused:
        """Whose a reading is, or why it has to wait.

        A neighbour's gateway may hear a meter too, so any gateway of the meter's organisation may send its readings;
        one of another organisation may not.
        """
        sensor = self.sensors.get(reading.sensor)
        if sensor is None or self.organisations[sensor.gateway] != self.organisations[gateway]:
            return _waits(
                Reason.UNKNOWN_SENSOR, "no meter with this address is registered; add it to the home", reading
            )
        if reading.id in self.claims:
            patient = self.claims[reading.id]
            if patient is None:
                return _waits(Reason.GUEST, "a person said that a guest measured this: it is kept apart", reading)
            return Owned(patient, certain=True)
        found = sharers(self.assignments.get(reading.sensor, ()), reading.user_slot, reading.effective_time)
        if not found:
            message = (
                "the meter was nobody's when this was measured; assign it from that time on, or discard the reading"
            )
            return _waits(Reason.NOT_ASSIGNED, message, reading)
        if len({one.patient_id for one in found}) > 1:
            return unclear(reading)
        return Owned(found[0].patient_id, certain=found[0].user_slot is not None)


def unclear(reading: Reading) -> Refused:
    """People share the meter, or the weight is not like its owner's: a person has to say whose it is."""
    message = "it is not clear whose this is; say it with: hearthline whose take, or hearthline whose guest"
    return _waits(Reason.WHOSE, message, reading)


def _may_be_claimed(reading: Reading, history: Sequence[Assignment]) -> bool:
    """Whether a person may have been asked about it: the meter alone does not say whose it is."""
    asked = reading.kind == KIND or any(one.shared for one in history)
    return asked or not sharers(history, reading.user_slot, reading.effective_time)


def _waits(reason: Reason, message: str, reading: Reading) -> Refused:
    return Refused(reason, message, payload_of(reading), (reading.id,))
