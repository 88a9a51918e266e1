"""Whose each meter is, remembered between groups: most readings come from a meter that is one patient's and no other's.

What is remembered is true as long as the homes' revision is the same (``revisions``, counted by triggers); when it
grew, everything is forgotten and read again as it is needed. Anything out of the ordinary (a shared meter, a claim, no
assignment at that time) is left to :mod:`~hearthline_backend.ingest.ownership`.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hearthline_backend.quick_reading import QuickReading
from hearthline_backend.storage.records.homes import Assignment, owner
from hearthline_backend.storage.records.unit import Unit

MOST_METERS: Final = 200_000
"""Past this everything is forgotten, so that a memory of homes long gone does not grow for ever."""


@dataclass(frozen=True, slots=True)
class _Meter:
    organisation: UUID | None
    history: Sequence[Assignment]
    only: Assignment | None
    """Set where one assignment without a slot and without an end is all there is."""


@dataclass(frozen=True, slots=True)
class QuickOwner:
    """Whose a reading is; ``certain`` where the meter itself said so by its slot."""

    patient_id: UUID
    certain: bool


class HomesMemory:
    """One per process. Ask :meth:`refresh` first, in the group's own snapshot."""

    def __init__(self) -> None:
        self._revision = -1
        self._organisations: dict[str, UUID | None] = {}
        self._meters: dict[str, _Meter] = {}
        self._owners: dict[UUID, QuickOwner] = {}

    async def refresh(self, unit: Unit, gateways: Collection[str], addresses: Collection[str]) -> None:
        """Know everything there is to know of these now."""
        revision = await unit.revisions.number("homes")
        if revision != self._revision or len(self._meters) > MOST_METERS:
            self._organisations.clear()
            self._meters.clear()
            self._owners.clear()
            self._revision = revision
        await self._learn_meters(unit, [one for one in addresses if one not in self._meters])
        await self._learn_gateways(unit, [one for one in gateways if one not in self._organisations])

    def holds(self, revision: int, gateways: Set[str], addresses: Set[str]) -> bool:
        """Whether it knows everything there is to know of these at this revision."""
        known = revision == self._revision and addresses <= self._meters.keys()
        return known and gateways <= self._organisations.keys()

    def owner(self, gateway: str, reading: QuickReading) -> QuickOwner | None:
        """Whose it is, where nothing speaks against it; None where the whole story has to be looked at."""
        meter = self._meters.get(reading.sensor)
        organisation = self._organisations.get(gateway)
        if meter is None or organisation is None or meter.organisation != organisation:
            return None
        found = meter.only
        if found is None or reading.effective_time < found.valid_from:
            found = owner(meter.history, reading.user_slot, reading.effective_time)
            if found is None or found.shared:
                return None
        if found.user_slot is not None:
            return QuickOwner(found.patient_id, certain=True)
        known = self._owners.get(found.patient_id)
        if known is None:
            known = self._owners[found.patient_id] = QuickOwner(found.patient_id, certain=False)
        return known

    async def _learn_meters(self, unit: Unit, addresses: list[str]) -> None:
        if not addresses:
            return
        sensors = await unit.homes.sensors_at(addresses)
        await self._learn_gateways(unit, [one.gateway for one in sensors.values()])
        histories: dict[str, list[Assignment]] = {}
        for one in await unit.homes.assignments(sensors_at=addresses):
            histories.setdefault(one.sensor, []).append(one)
        for address in addresses:
            sensor = sensors.get(address)
            organisation = None if sensor is None else self._organisations.get(sensor.gateway)
            history = histories.get(address, [])
            self._meters[address] = _Meter(organisation, history, _only(history))

    async def _learn_gateways(self, unit: Unit, names: Collection[str]) -> None:
        if names:
            found = await unit.homes.organisations_of(names)
            self._organisations.update((name, found.get(name)) for name in names)


def _only(history: Sequence[Assignment]) -> Assignment | None:
    if len(history) != 1:
        return None
    (one,) = history
    plain = one.user_slot is None and one.valid_until is None and not one.shared
    return one if plain else None
