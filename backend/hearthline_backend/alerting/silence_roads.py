"""The roads on which a missing reading should have come: the patient's meters of its kind, and their homes."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from hearthline_backend.alerting.silence_evidence import home_evidence, sensor_and_kind
from hearthline_backend.domain.schedule import Missing
from hearthline_backend.domain.silence import DEVICES_FOR, Absence, Evidence, Finding, HomeEvidence, first_broken_hop
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.unit import Unit

_HELD: Final = 100


@dataclass(frozen=True, slots=True)
class Road:
    """Where it broke: over all homes, and for each home by itself."""

    finding: Finding
    by_home: tuple[tuple[HomeEvidence, Finding], ...]


@dataclass(slots=True)
class Roads:
    """Meters and homes of some patients, read once."""

    now: datetime
    assignments: list[Assignment] = field(default_factory=list)
    sensors: dict[str, Sensor] = field(default_factory=dict)
    gateways: dict[str, Gateway] = field(default_factory=dict)

    @classmethod
    async def load(cls, unit: Unit, patient_ids: Collection[UUID], now: datetime) -> Self:
        """Everything that these patients' findings rest on."""
        if not patient_ids:
            return cls(now)
        held = await unit.homes.assignments(patients=patient_ids)
        current = [one for one in held if one.valid_until is None or one.valid_until > now]
        sensors = await unit.homes.sensors_at({one.sensor for one in current})
        gateways = await unit.homes.gateways_named({one.gateway for one in sensors.values()})
        return cls(now, current, sensors, gateways)

    async def road(self, unit: Unit, patient_id: UUID, gone: Missing, absences: tuple[Absence, ...] = ()) -> Road:
        """The finding about one missing measurement. ``absences``: when nothing could come from any home."""
        homes = self.homes(patient_id, gone.kind)
        counts_from = gone.slots[-1].counts_from
        held = await _held(unit, homes, gone.kind, counts_from)
        whole = Evidence(counts_from, gone.slot_closed, self.now, homes, held=held, absences=absences)
        single = [(one, replace(whole, homes=(one,))) for one in homes]
        return Road(first_broken_hop(whole), tuple((one, first_broken_hop(evidence)) for one, evidence in single))

    def homes(self, patient_id: UUID, kind: str) -> tuple[HomeEvidence, ...]:
        """The homes with a meter of the patient that measures this kind, each with these meters alone."""
        device = DEVICES_FOR.get(kind)
        addresses = dict.fromkeys(one.sensor for one in self.assignments if one.patient_id == patient_id)
        by_home: dict[str, list[Sensor]] = {}
        for address in addresses:
            sensor = self.sensors.get(address)
            if sensor is not None and sensor.device == device:
                by_home.setdefault(sensor.gateway, []).append(sensor)
        return tuple(
            home_evidence(self.gateways[name], sensors) for name, sensors in by_home.items() if name in self.gateways
        )


async def _held(unit: Unit, homes: tuple[HomeEvidence, ...], kind: str, since: datetime) -> bool:
    """Whether a reading of these meters waits in quarantine for a person to say whose it is."""
    meters = {meter.address for home in homes for meter in home.meters}
    if not meters:
        return False
    rows = await unit.waiting.newest([home.gateway for home in homes], limit=_HELD)
    return any(
        row.received_at >= since and row.payload is not None and _is_of(sensor_and_kind(row.payload), meters, kind)
        for row in rows
    )


def _is_of(found: tuple[str, str] | None, meters: Collection[str], kind: str) -> bool:
    return found is not None and found[0] in meters and found[1] == kind
