"""Stored readings as rules see them: of some kinds, in order, without what is synthetic."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.observation import Observation
from hearthline_backend.storage.ports import PatientReading, ReadingStore


async def stored_observations(
    readings: ReadingStore, patient_id: UUID, kinds: Iterable[str], start: datetime, end: datetime
) -> list[Observation]:
    """What was measured with ``start <= effective_time < end``, in the order in which rules look at it. Raises
    ``StoreUnavailableError``."""
    return observed(await stored_rows(readings, patient_id, kinds, start, end))


async def stored_rows(
    readings: ReadingStore, patient_id: UUID, kinds: Iterable[str], start: datetime, end: datetime
) -> list[PatientReading]:
    """The same as it is stored, kind by kind; what it means to rules is told by :func:`observed`."""
    return [row for kind in sorted(set(kinds)) for row in await readings.window(patient_id, kind, start, end)]


def observed(rows: Iterable[PatientReading]) -> list[Observation]:
    """Rows as rules see them, in their order."""
    found = (Observation.of(row.content, row.effective_time) for row in rows if not row.content.synthetic)
    return sorted(found, key=lambda one: one.order)
