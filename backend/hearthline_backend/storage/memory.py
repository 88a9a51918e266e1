"""The readings port in memory, for tests and for looking at rules: the same promises, nothing durable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from hearthline_backend.storage.buckets import numbers_of, shows_as_latest, summed_up
from hearthline_backend.storage.ports import Bucket, PatientReading, Place, Span, StoreUnavailableError, Width


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
            if one.id not in self._rows:
                self._rows[one.id] = one
                new.add(one.id)
        return frozenset(new)

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""
        self._look()
        return self._rows.get(reading_id)

    async def get_many(self, reading_ids: Collection[UUID]) -> Mapping[UUID, PatientReading]:
        """Those of these readings that are there."""
        self._look()
        return {one: self._rows[one] for one in reading_ids if one in self._rows}

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        self._look()
        return [
            one
            for one in self._of(patient_id)
            if not one.aside and one.kind == kind and start <= one.effective_time < end
        ]

    async def windows(self, wanted: Sequence[Span]) -> list[list[PatientReading]]:
        """Many windows, in the order in which they are asked for."""
        return [await self.window(one.patient_id, one.kind, one.start, one.end) for one in wanted]

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        self._look()
        found: dict[UUID, dict[str, PatientReading]] = {}
        for one in _in_order(self._rows.values()):
            if one.patient_id in patients and not one.aside and shows_as_latest(one.content):
                found.setdefault(one.patient_id, {})[one.kind] = one
        return found

    async def buckets(
        self, patient_id: UUID, kind: str, start: datetime, end: datetime, width: Width, zone: tzinfo
    ) -> list[Bucket]:
        """What was measured with ``start <= effective_time < end``, summed up, oldest first."""
        rows = await self.window(patient_id, kind, start, end)
        return summed_up(((one.effective_time, numbers_of(one.content)) for one in rows), width, zone)

    async def move(self, places: Mapping[UUID, Place]) -> frozenset[UUID]:
        """Put readings where they belong now; returns the ids that are known."""
        self._look()
        known = places.keys() & self._rows.keys()
        for one in known:
            place = replace(places[one], effective_time=places[one].effective_time.astimezone(UTC))
            self._rows[one] = self._rows[one].moved(place)
        return frozenset(known)

    async def erase(self, patient_id: UUID) -> int:
        """Forget everything of a patient; returns how many readings there were."""
        self._look()
        gone = [one.id for one in self._of(patient_id)]
        for one in gone:
            del self._rows[one]
        return len(gone)

    async def patients(self) -> list[UUID]:
        """Everybody of whom there is a reading, in order."""
        self._look()
        return sorted({one.patient_id for one in self._rows.values()})

    async def everything(
        self, patient_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 5000
    ) -> list[PatientReading]:
        """Readings of one patient, by effective time, then id: the first ``limit`` after ``after``."""
        self._look()
        return [one for one in self._of(patient_id) if after is None or _order(one) > after][:limit]

    async def close(self) -> None:
        """Forget everything."""
        self._rows.clear()

    def _of(self, patient_id: UUID) -> list[PatientReading]:
        return _in_order(one for one in self._rows.values() if one.patient_id == patient_id)

    def _look(self) -> None:
        if not self.available:
            raise StoreUnavailableError("readings are not available: switched off")


def _in_order(rows: Iterable[PatientReading]) -> list[PatientReading]:
    return sorted(rows, key=_order)


def _order(one: PatientReading) -> tuple[datetime, UUID]:
    return (one.effective_time, one.id)
