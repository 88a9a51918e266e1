"""Whose the readings of a group are, in one pass over what is remembered: those that are plain, and the parcels in
which one is not, to be looked at one by one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hearthline_backend.ingest.homes_memory import NOT_LEARNED, HomesMemory
from hearthline_backend.ingest.parcel import Parcel
from hearthline_backend.ingest.usual_weights import Weighing
from hearthline_backend.ingest.whose import KIND as WEIGHT
from hearthline_backend.storage.ports import PatientReading

_NONE: Final[Collection[UUID]] = ()


@dataclass(slots=True)
class PlainOwners:
    """``rows`` are the readings of ``parcels``, with their patients. ``weights`` are the ids of those that a person may
    have spoken of, ``weighings`` those among them of which a guest may be the one who stood on the scale."""

    rows: list[PatientReading] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    slow: list[Parcel] = field(default_factory=list)
    weights: list[UUID] = field(default_factory=list)
    weighings: list[Weighing] = field(default_factory=list)
    learned: bool = True
    """False where too little was remembered to say."""


def plain_owners(
    parcels: Sequence[Parcel], homes: HomesMemory, now: datetime, doubtful: Collection[UUID] = _NONE
) -> PlainOwners:
    """Sort them. ``doubtful`` are readings that are not plain, whatever is remembered."""
    found = PlainOwners()
    rows, quick = found.rows, PatientReading.quick
    owner = homes.owner
    for parcel in parcels:
        if parcel.quick is None:
            found.slow.append(parcel)
            continue
        gateway, before = parcel.gateway, len(rows)
        for reading, body in parcel.quick:
            whose = owner(gateway, reading)
            if whose is NOT_LEARNED:
                found.learned = False
                return found
            if reading.kind == WEIGHT:
                found.weights.append(reading.id)
            if whose is None or reading.synthetic or (doubtful and reading.id in doubtful):
                break
            patient_id = whose.patient_id
            if reading.kind == WEIGHT and not whose.certain:
                weight = reading.values["weight"].value
                if weight is None:
                    break
                found.weighings.append(Weighing(patient_id, reading.id, weight, reading.effective_time))
            rows.append(quick(patient_id, gateway, body, now, reading))
        else:
            found.parcels.append(parcel)
            continue
        del rows[before:]
        found.slow.append(parcel)
    return found
