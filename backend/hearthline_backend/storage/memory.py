"""The readings port in memory, for tests and for looking at rules: the same promises, nothing durable."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading, StoreUnavailableError
from hearthline_backend.storage.readings_tables import shows_as_latest


class MemoryReadings:
    """Readings in a dict. ``available = False`` makes it behave like a store that is down."""

    def __init__(self) -> None:
        self._rows: dict[UUID, PatientReading] = {}
        self.available = True

    def __len__(self) -> int:
        return len(self._rows)

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """Keep every row whose id is new; returns those ids."""
        self._look()
        new: set[UUID] = set()
        for one in rows:
            if one.reading.id not in self._rows:
                self._rows[one.reading.id] = one
                new.add(one.reading.id)
        return frozenset(new)

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""
        self._look()
        return self._rows.get(reading_id)

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        self._look()
        found = [
            one
            for one in self._rows.values()
            if one.patient_id == patient_id and one.reading.kind == kind and start <= one.reading.effective_time < end
        ]
        return sorted(found, key=_order)

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        self._look()
        found: dict[UUID, dict[str, PatientReading]] = {}
        for one in sorted(self._rows.values(), key=_order):
            if one.patient_id in patients and shows_as_latest(one.reading):
                found.setdefault(one.patient_id, {})[one.reading.kind] = one
        return found

    async def close(self) -> None:
        """Forget everything."""
        self._rows.clear()

    def _look(self) -> None:
        if not self.available:
            raise StoreUnavailableError("readings are not available: switched off")


def _order(one: PatientReading) -> tuple[datetime, UUID]:
    return (one.reading.effective_time, one.reading.id)
