"""Whether a weighing is probably a guest's: far from what the patient usually weighs, and not like last time either.

Most weighings are like the last one, which is remembered, or asked for in one go for a whole group. Only for the others
the last sixty days are read (see ``whose``). Who gains fast, as with fluid, is near the last weighing each time: such a
weight must not wait for a person's word.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from hearthline_backend.ingest.whose import KIND, is_far, usual_weight
from hearthline_backend.storage.ports import ReadingStore
from hearthline_protocol.readings import Quality

LIKE_LAST_TIME_KG: Final = 3.0
"""Nearer than this to the last weighing a weight is the same person's."""
KEPT_FOR: Final = timedelta(hours=24)
"""How long a last weighing is taken from memory; another process may have written newer ones."""
MOST_PATIENTS: Final = 100_000


class Weighing(Struct, frozen=True, gc=False):
    """One weight of a scale that cannot tell people apart. ``at`` is when it was measured."""

    patient_id: UUID
    reading_id: UUID
    weight_kg: float
    at: datetime


class UsualWeights:
    """One per process."""

    def __init__(self, readings: ReadingStore) -> None:
        self._readings = readings
        self._last: dict[int, tuple[float, datetime]] = {}

    async def far(self, weighings: Sequence[Weighing], now: datetime) -> frozenset[UUID]:
        """Those that are probably not the patient's."""
        unknown = [one for one in weighings if not self._like_last_time(one, now)]
        if not unknown:
            return frozenset()
        await self._learn({one.patient_id for one in unknown}, now)
        doubtful = [one for one in unknown if not self._like_last_time(one, now)]
        return frozenset([one.reading_id for one in doubtful if await self._is_far(one)])

    def _like_last_time(self, one: Weighing, now: datetime) -> bool:
        last = self._last.get(one.patient_id.int)
        if last is None or now - last[1] > KEPT_FOR or abs(one.weight_kg - last[0]) > LIKE_LAST_TIME_KG:
            return False
        self._last[one.patient_id.int] = (one.weight_kg, last[1])
        return True

    async def _learn(self, patients: set[UUID], now: datetime) -> None:
        if len(self._last) + len(patients) > MOST_PATIENTS:
            self._last.clear()
        for patient, newest in (await self._readings.latest(patients)).items():
            content = newest[KIND].content if KIND in newest else None
            value = None if content is None or content.quality is not Quality.VALID else content.values.get("weight")
            if value is not None and value.value is not None:
                self._last[patient.int] = (value.value, now)

    async def _is_far(self, one: Weighing) -> bool:
        return is_far(one.weight_kg, await usual_weight(self._readings, one.patient_id, one.at))
