"""Whose a reading is. The gateway is the topic's, the patient is the assignment's at the reading's effective time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hearthline_backend.ingest.batch import payload_of
from hearthline_backend.ingest.refusal import Reason, Refused
from hearthline_backend.storage.records.homes import Assignment, Sensor, owner
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.readings import Reading


@dataclass(frozen=True, slots=True)
class Ownership:
    """A snapshot of the gateways, meters and assignments that a group of messages speaks of."""

    organisations: Mapping[str, UUID]
    """Of each enrolled gateway, the senders' and the meters'."""
    sensors: Mapping[str, Sensor]
    assignments: Mapping[str, Sequence[Assignment]]

    @classmethod
    async def load(cls, unit: Unit, gateways: Collection[str], addresses: Collection[str]) -> "Ownership":
        """Read it in one go."""
        sensors = await unit.homes.sensors_at(addresses)
        organisations = await unit.homes.organisations_of({*gateways, *(one.gateway for one in sensors.values())})
        assignments: dict[str, list[Assignment]] = {}
        for one in await unit.homes.assignments(sensors_at=addresses):
            assignments.setdefault(one.sensor, []).append(one)
        return cls(organisations, sensors, assignments)

    def enrolled(self, gateway: str) -> bool:
        """Whether a gateway may send at all."""
        return gateway in self.organisations

    def patient_of(self, gateway: str, reading: Reading) -> Assignment | Refused:
        """The assignment a reading falls under, or why it has to wait for one.

        A neighbour's gateway may hear a meter too, so any gateway of the meter's organisation may send its readings;
        one of another organisation may not.
        """
        sensor = self.sensors.get(reading.sensor)
        if sensor is None or self.organisations[sensor.gateway] != self.organisations[gateway]:
            return _waits(
                Reason.UNKNOWN_SENSOR, "no meter with this address is registered; add it to the home", reading
            )
        found = owner(self.assignments.get(reading.sensor, ()), reading.user_slot, reading.effective_time)
        if found is None:
            message = (
                "the meter was nobody's when this was measured; assign it from that time on, or discard the reading"
            )
            return _waits(Reason.NOT_ASSIGNED, message, reading)
        return found


def _waits(reason: Reason, message: str, reading: Reading) -> Refused:
    return Refused(reason, message, payload_of(reading), (reading.id,))
