"""The readings port on SQLite: its own file, write-ahead log, full sync, one writer thread and two reader threads.

The standard library's driver in our own threads: a batch is one hop, its rows are encoded off the event loop, and no
two batches can mix. With the same statements aiosqlite takes the same time: that of the disk's sync (measured).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from hearthline_backend.storage import embedded_reading as reading
from hearthline_backend.storage import embedded_writing as writing
from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.embedded_checkpoints import Checkpoints
from hearthline_backend.storage.embedded_threads import SqliteThreads
from hearthline_backend.storage.embedded_upgrade import ReadingsTooNewError, prepare
from hearthline_backend.storage.ports import Bucket, PatientReading, Place, Width

__all__ = ["EmbeddedReadings", "ReadingsTooNewError"]

_READERS: Final = 2
_WRITER_CACHE_MB: Final = 128
_READER_CACHE_MB: Final = 32


class EmbeddedReadings:
    """Readings in one SQLite file, see :mod:`~hearthline_backend.storage.readings_tables` for its columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = SqliteThreads(path, "readings-writer", 1, _WRITER_CACHE_MB)
        self._reader = SqliteThreads(path, "readings-reader", _READERS, _READER_CACHE_MB)
        self._checkpoints = Checkpoints(path, self._writer)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open, or create; a file of an older release is upgraded in place.

        Raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError` or :class:`ReadingsTooNewError`.
        """
        store = cls(path)
        try:
            await store._writer.call(prepare, path)
        except BaseException:
            await store.close()
            raise
        return store

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """All rows in one transaction, synced to disk before it returns; the ids that were new."""
        new = await self._writer.call(writing.write, rows) if rows else frozenset()
        self._checkpoints.written(len(new))
        return new

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""
        return (await self.get_many((reading_id,))).get(reading_id)

    async def get_many(self, reading_ids: Collection[UUID]) -> Mapping[UUID, PatientReading]:
        """Those of these readings that are there."""
        found = await self._reader.call(reading.select_in, tables.GET, [one.bytes for one in reading_ids])
        return {one.id: one for one in found}

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        return await self._reader.call(reading.select, tables.WINDOW, _stretch(patient_id, kind, start, end))

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        found: dict[UUID, dict[str, PatientReading]] = {}
        for one in await self._reader.call(reading.select_in, tables.LATEST, [one.bytes for one in patients]):
            found.setdefault(one.patient_id, {})[one.kind] = one
        return found

    async def buckets(
        self, patient_id: UUID, kind: str, start: datetime, end: datetime, width: Width, zone: tzinfo
    ) -> list[Bucket]:
        """What was measured with ``start <= effective_time < end``, summed up, oldest first."""
        return await self._reader.call(reading.buckets, _stretch(patient_id, kind, start, end), width, zone)

    async def move(self, places: Mapping[UUID, Place]) -> frozenset[UUID]:
        """Put readings where they belong now, in one transaction; returns the ids that are known."""
        return await self._writer.call(writing.move, places) if places else frozenset()

    async def erase(self, patient_id: UUID) -> int:
        """Forget everything of a patient, in one transaction; returns how many readings there were."""
        return await self._writer.call(writing.erase, patient_id.bytes)

    async def patients(self) -> list[UUID]:
        """Everybody of whom there is a reading, in order."""
        return await self._reader.call(reading.patients)

    async def everything(
        self, patient_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 5000
    ) -> list[PatientReading]:
        """Readings of one patient, by effective time, then id: the first ``limit`` after ``after``."""
        time_us, last = (tables.EARLIEST_US, b"") if after is None else (tables.microseconds(after[0]), after[1].bytes)
        arguments = (patient_id.bytes, time_us, time_us, last, limit)
        return await self._reader.call(reading.select, tables.EVERYTHING, arguments)

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self._checkpoints.close()
        await self._reader.close()
        await self._writer.close()


def _stretch(patient_id: UUID, kind: str, start: datetime, end: datetime) -> tuple[bytes, int, int, str]:
    return (patient_id.bytes, tables.microseconds(start), tables.microseconds(end), kind)
