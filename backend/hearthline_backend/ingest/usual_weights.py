"""Whether a weighing is probably a guest's: far from what the patient usually weighs, and not like last time either.

Most weighings are like the last one, which is remembered, or asked for in one go for a whole group. Only for the others
the last sixty days are read (see ``whose``). Who gains fast, as with fluid, is near the last weighing each time: such a
weight must not wait for a person's word.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from hearthline_backend.ingest.whose import KIND, USUAL_SPAN, is_far, usual_of
from hearthline_backend.storage.ports import ReadingStore, Span
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
        weighed = await self._learn({one.patient_id for one in unknown}, now)
        doubtful = [one for one in unknown if one.patient_id in weighed and not self._like_last_time(one, now)]
        far = await self._far_from_usual(doubtful) if doubtful else frozenset()
        for one in unknown:
            if one.reading_id not in far:
                self._last[one.patient_id.int] = (one.weight_kg, now)
        return far

    def _like_last_time(self, one: Weighing, now: datetime) -> bool:
        last = self._last.get(one.patient_id.int)
        if last is None or now - last[1] > KEPT_FOR or abs(one.weight_kg - last[0]) > LIKE_LAST_TIME_KG:
            return False
        self._last[one.patient_id.int] = (one.weight_kg, last[1])
        return True

    async def _learn(self, patients: set[UUID], now: datetime) -> Collection[UUID]:
        """Remember their last weighings. Answers with those who were ever weighed: of all others nothing is usual."""
        if len(self._last) + len(patients) > MOST_PATIENTS:
            self._last.clear()
        weighed: list[UUID] = []
        for patient, newest in (await self._readings.latest(patients)).items():
            if KIND not in newest:
                continue
            weighed.append(patient)
            content = newest[KIND].content
            value = None if content.quality is not Quality.VALID else content.values.get("weight")
            if value is not None and value.value is not None:
                self._last[patient.int] = (value.value, now)
        return weighed

    async def _far_from_usual(self, weighings: Sequence[Weighing]) -> frozenset[UUID]:
        spans = [Span(one.patient_id, KIND, one.at - USUAL_SPAN, one.at) for one in weighings]
        windows = await self._readings.windows(spans)
        return frozenset(
            one.reading_id
            for one, rows in zip(weighings, windows, strict=True)
            if is_far(one.weight_kg, usual_of(rows))
        )
