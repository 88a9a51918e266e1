"""Whose each meter is, remembered between groups: most readings come from a meter that is one patient's and no other's.

What is remembered is true as long as the homes' revision is the same (``revisions``, counted by triggers); when it
grew, everything is forgotten and read again as it is needed. Anything out of the ordinary (a shared meter, a claim, no
assignment at that time) is left to :mod:`~hearthline_backend.ingest.ownership`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from hearthline_backend.quick_reading import QuickReading
from hearthline_backend.storage.records.homes import Assignment, owner
from hearthline_backend.storage.records.unit import Unit

_EVER: Final = datetime.min.replace(tzinfo=UTC)
MOST_METERS: Final = 200_000
"""Past this everything is forgotten, so that a memory of homes long gone does not grow for ever."""


@dataclass(frozen=True, slots=True)
class QuickOwner:
    """Whose a reading is; ``certain`` where the meter itself said so by its slot."""

    patient_id: UUID
    certain: bool


NOT_LEARNED: Final = QuickOwner(UUID(int=0), certain=False)
"""The answer where nothing is remembered of the gateway or the meter."""


class _Meter(NamedTuple):
    """``organisation`` is its id as a number, whose comparison costs a tenth of the id's own."""

    organisation: int | None
    history: Sequence[Assignment]
    only: QuickOwner | None
    """Set where one assignment without a slot and without an end is all there is: from ``since`` on."""
    since: datetime


class HomesMemory:
    """One per process. Ask :meth:`refresh` first, in the group's own snapshot."""

    def __init__(self) -> None:
        self._revision = -1
        self._organisations: dict[str, int | None] = {}
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

    @property
    def revision(self) -> int:
        """As of which revision of homes it knows what it knows."""
        return self._revision

    def owner(self, gateway: str, reading: QuickReading) -> QuickOwner | None:
        """Whose it is, where nothing speaks against it; None where the whole story has to be looked at;
        :data:`NOT_LEARNED` where :meth:`refresh` was not asked about this gateway and this meter."""
        meter = self._meters.get(reading.sensor)
        if meter is None or gateway not in self._organisations:
            return NOT_LEARNED
        organisation, history, only, since = meter
        if organisation is None or organisation != self._organisations[gateway]:
            return None
        if only is not None and reading.effective_time >= since:
            return only
        found = owner(history, reading.user_slot, reading.effective_time)
        if found is None or found.shared:
            return None
        return self._owner(found)

    def _owner(self, found: Assignment) -> QuickOwner:
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
            only = _only(history)
            plain = None if only is None else self._owner(only)
            self._meters[address] = _Meter(organisation, history, plain, _EVER if only is None else only.valid_from)

    async def _learn_gateways(self, unit: Unit, names: Collection[str]) -> None:
        if names:
            found = await unit.homes.organisations_of(names)
            self._organisations.update((name, found[name].int if name in found else None) for name in names)


def _only(history: Sequence[Assignment]) -> Assignment | None:
    if len(history) != 1:
        return None
    (one,) = history
    plain = one.user_slot is None and one.valid_until is None and not one.shared
    return one if plain else None
