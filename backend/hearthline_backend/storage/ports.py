"""What the backend needs from its stores. One contract suite runs on every engine of a port."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import msgspec

from hearthline_backend.storage.patient_reading import PatientReading, Place

if TYPE_CHECKING:
    from hearthline_backend.storage.records.quiet_register import Look, QuietGroup
    from hearthline_backend.storage.records.unit import Unit


__all__ = [
    "Bucket",
    "PatientReading",
    "Place",
    "QuietRegister",
    "ReadingStore",
    "Records",
    "Span",
    "StoreBusyError",
    "StoreUnavailableError",
    "Summary",
    "Width",
]


class StoreUnavailableError(Exception):
    """The store cannot take or give anything now. Nothing may be acknowledged; try again later."""


class StoreBusyError(StoreUnavailableError):
    """Somebody else was in the way (a deadlock, a lock held for long): nothing was done, and the same again may work
    at once. That is no outage, unless it goes on."""


class Width(StrEnum):
    """How wide a bucket is. Days and weeks (from Monday) are those of the zone that is asked for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class Summary(msgspec.Struct, frozen=True, gc=False):
    """One field in one bucket, in the field's unit."""

    minimum: float
    mean: float
    maximum: float
    count: int


class Bucket(msgspec.Struct, frozen=True):
    """``start`` is where it begins, in UTC. Only numbers that were measured count: no failed, synthetic or other
    people's reading, and no value that only says lower or higher than the meter can process."""

    start: datetime
    fields: Mapping[str, Summary]


@dataclass(frozen=True, slots=True)
class Span:
    """What one patient has of a kind, ``start <= effective_time < end``."""

    patient_id: UUID
    kind: str
    start: datetime
    end: datetime


class ReadingStore(Protocol):
    """Time series of readings. Identity is the id alone: the same id again changes nothing, whatever its times.

    Every method raises :class:`StoreUnavailableError` when the store cannot do it now. A reading that stands aside (see
    :class:`~hearthline_backend.storage.patient_reading.Place`) is only in ``get``, ``get_many`` and ``everything``.
    """

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """Make all rows durable; returns the ids that were new. Of an id that comes twice the first row counts."""

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""

    async def get_many(self, reading_ids: Collection[UUID]) -> Mapping[UUID, PatientReading]:
        """Those of these readings that are there."""

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""

    async def windows(self, wanted: Sequence[Span]) -> list[list[PatientReading]]:
        """Many windows at once, each as :meth:`window` answers it, in the order in which they are asked for."""

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading that carries a value, by effective time, per patient and kind. Never synthetic ones."""

    async def buckets(
        self, patient_id: UUID, kind: str, start: datetime, end: datetime, width: Width, zone: tzinfo
    ) -> list[Bucket]:
        """What was measured with ``start <= effective_time < end``, summed up, oldest first; empty ones are left out.
        The first and the last bucket hold only what lies between ``start`` and ``end``."""

    async def move(self, places: Mapping[UUID, Place]) -> frozenset[UUID]:
        """Put readings where they belong now; returns the ids that are known. The same again changes nothing, and one
        that a crash interrupted is complete after it is repeated: at no moment is a reading lost, or found twice."""

    async def erase(self, patient_id: UUID) -> int:
        """Forget everything of a patient, ids too; returns how many readings there were."""

    async def patients(self) -> list[UUID]:
        """Everybody of whom there is a reading, in order."""

    async def everything(
        self, patient_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 5000
    ) -> list[PatientReading]:
        """Readings of one patient, every kind and those that stand aside, by effective time, then id: the first
        ``limit`` after ``after``."""

    async def close(self) -> None:
        """Give everything back."""


class QuietRegister(Protocol):
    """The short way through Records for readings of which nothing follows."""

    async def look(self, asked: Collection[UUID]) -> "Look":
        """Of one moment; ``asked`` are the readings of which a person may have spoken."""

    async def add(self, group: "QuietGroup", heard: Collection[str], now: datetime) -> frozenset[int] | None:
        """Register the group, and note that these gateways were heard: durable when this returns. Answers with the
        positions of those rows that were left out, since an alert is near; None where nothing at all was written, since
        plans or patients are not as they were remembered."""


class Records(Protocol):
    """Everything that is not a time series, one unit of work at a time."""

    @property
    def quiet(self) -> QuietRegister | None:
        """The short way for readings of which nothing follows; None where this engine has none."""

    def begin(self) -> AbstractAsyncContextManager["Unit"]:
        """A unit that writes: commits when the block ends, rolls back when it raises."""

    def read(self) -> AbstractAsyncContextManager["Unit"]:
        """A unit that only reads, one consistent snapshot."""

    async def close(self) -> None:
        """Give everything back."""
