"""What the backend needs from its stores. One contract suite runs on every engine of a port."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from hearthline_protocol.readings import Reading

if TYPE_CHECKING:
    from hearthline_backend.storage.records.unit import Unit


class StoreUnavailableError(Exception):
    """The store cannot take or give anything now. Nothing may be acknowledged; try again later."""


@dataclass(frozen=True, slots=True)
class PatientReading:
    """A reading with its patient: what a time series is made of. ``stored_time`` is the backend's clock."""

    patient_id: UUID
    gateway: str
    reading: Reading
    stored_time: datetime


class ReadingStore(Protocol):
    """Time series of readings. Identity is the id alone: the same id again changes nothing, whatever its times."""

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """Make all rows durable; returns the ids that were new. Raises :class:`StoreUnavailableError`."""

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading that carries a value, by effective time, per patient and kind. Never synthetic ones."""

    async def close(self) -> None:
        """Give everything back."""


class Records(Protocol):
    """Everything that is not a time series, one unit of work at a time."""

    def begin(self) -> AbstractAsyncContextManager["Unit"]:
        """A unit that writes: commits when the block ends, rolls back when it raises."""

    def read(self) -> AbstractAsyncContextManager["Unit"]:
        """A unit that only reads, one consistent snapshot."""

    async def close(self) -> None:
        """Give everything back."""
