"""Whose values what stands in quarantine may hold: whoever opens it leaves an entry with each of them."""

import json
from typing import Final
from uuid import UUID

from hearthline_backend.quick_reading import quick_reading
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.storage.records.unit import Unit

LOOK: Final = "quarantine"
"""What the patient's access log calls it."""
_LOOKED_AT: Final = ("sensor", "characteristic")


def device_of(row: Kept) -> tuple[str, str]:
    """Address of the meter and characteristic of the reading that a row holds; empty where it does not tell."""
    if row.payload is None or row.reading_id is None:
        return "", ""
    quick = quick_reading(row.payload)
    if quick is not None:
        return quick.sensor, quick.characteristic
    try:
        said = json.loads(row.payload)
    except ValueError:
        return "", ""
    found = [said.get(name, "") if isinstance(said, dict) else "" for name in _LOOKED_AT]
    address, characteristic = (
        one if isinstance(one, str) and len(one) <= 17 and one.isascii() else "" for one in found
    )
    return address, characteristic


async def concerned(unit: Unit, row: Kept) -> list[UUID]:
    """Everybody who has or had the meter, or any meter of the home where the row does not say which one it was."""
    address, _characteristic = device_of(row)
    sensors = [address] if address else [one.address for one in await unit.homes.sensors([row.gateway])]
    return sorted({each.patient_id for each in await unit.homes.assignments(sensors_at=sensors)})
