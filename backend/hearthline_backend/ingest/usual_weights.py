"""What patients usually weigh, remembered for an hour: whether a weighing is probably a guest's (see ``whose``)."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.ingest.whose import is_far, usual_weight
from hearthline_backend.storage.ports import ReadingStore

KEPT_FOR: Final = timedelta(hours=1)
HOLDS_AROUND: Final = timedelta(days=1)
"""A usual weight as of one moment is taken for weighings this near to it."""
MOST_PATIENTS: Final = 100_000


class UsualWeights:
    """One per process. A median of sixty days does not move within the hour that another process's readings wait."""

    def __init__(self, readings: ReadingStore) -> None:
        self._readings = readings
        self._known: dict[UUID, tuple[datetime, datetime, float | None]] = {}

    async def far(self, patient_id: UUID, weight_kg: float, at: datetime, now: datetime) -> bool:
        """Whether a weight is probably not this patient's. ``at`` is when it was measured."""
        known = self._known.get(patient_id)
        if known is None or now - known[0] > KEPT_FOR or abs(at - known[1]) > HOLDS_AROUND:
            if len(self._known) >= MOST_PATIENTS:
                self._known.clear()
            known = (now, at, await usual_weight(self._readings, patient_id, at))
            self._known[patient_id] = known
        return is_far(weight_kg, known[2])
