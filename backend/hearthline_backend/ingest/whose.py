"""Whose weight is it? A scale without slots cannot say, and a guest steps on it too. A person decides; we only suggest.

A weight far from what is usual for the person whose scale it is does not enter their record by itself: it would move
their trend and call their nurse. The bounds lie well outside what fluid does to a heart patient within days (the rules
look for 1.4 to 2 kg), so that no true alarm waits here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading, ReadingStore
from hearthline_protocol.readings import Quality, Reading

KIND: Final = "body_weight"
USUAL_SPAN: Final = timedelta(days=60)
"""What is usual is the median of this long before the weighing."""
LEAST_WEIGHINGS: Final = 3
"""With fewer nothing is usual yet."""
FAR_KG: Final = 8.0
FAR_SHARE: Final = 0.12
"""Farther from the usual than both the kilograms and the share of it: probably somebody else."""
NEAR_KG: Final = 5.0
"""Nearer than this a weighing may be suggested to be somebody's."""


def weight_of(reading: Reading) -> float | None:
    """The kilograms of a weighing that says them."""
    value = reading.values.get("weight")
    if reading.kind != KIND or reading.quality not in (Quality.VALID, Quality.QUESTIONABLE) or value is None:
        return None
    return value.value


async def usual_weight(readings: ReadingStore, patient_id: UUID, at: datetime) -> float | None:
    """What a patient usually weighed in the time before ``at``; None where too little is known."""
    return usual_of(await readings.window(patient_id, KIND, at - USUAL_SPAN, at))


def usual_of(rows: Sequence[PatientReading]) -> float | None:
    """The same, of the weighings of that time."""
    weights = [weight for row in rows if (weight := weight_of(row.reading)) is not None]
    return median(weights) if len(weights) >= LEAST_WEIGHINGS else None


def is_far(weight_kg: float, usual_kg: float | None) -> bool:
    """Whether a weight is probably not this person's. Where nothing is usual yet, nothing is far."""
    return usual_kg is not None and abs(weight_kg - usual_kg) > max(FAR_KG, FAR_SHARE * usual_kg)


def likeliest(weight_kg: float, usual_kg: Mapping[UUID, float | None]) -> UUID | None:
    """The one whose usual weight is nearest and near; None: perhaps a guest. Two who are equally near are not told
    apart."""
    known = sorted((abs(weight_kg - usual), one) for one, usual in usual_kg.items() if usual is not None)
    near = [found for found in known if found[0] <= NEAR_KG]
    if not near or (len(near) > 1 and near[0][0] == near[1][0]):
        return None
    return near[0][1]
