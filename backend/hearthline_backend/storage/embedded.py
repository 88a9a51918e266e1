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
from hearthline_backend.storage.embedded_tail import Tail
from hearthline_backend.storage.embedded_threads import SqliteThreads
from hearthline_backend.storage.embedded_upgrade import ReadingsTooNewError, prepare
from hearthline_backend.storage.embedded_upkeep import Upkeep
from hearthline_backend.storage.ports import Bucket, PatientReading, Place, Span, Width

__all__ = ["EmbeddedReadings", "ReadingsTooNewError"]

_READERS: Final = 2
_WRITER_CACHE_MB: Final = 32
"""More of it makes writing slower: after a commit that moved pages SQLite often looks through all it remembers, because
it moves them by way of a number far above the last (up to a tenth of a reading's time at 128 MB, measured)."""
_READER_CACHE_MB: Final = 32


class EmbeddedReadings:
    """Readings in one SQLite file, see :mod:`~hearthline_backend.storage.readings_tables` for its columns."""

    def __init__(self, path: Path, tail: Tail | None = None) -> None:
        self._tail = tail or Tail()
        self._writer = SqliteThreads(path, "readings-writer", 1, _WRITER_CACHE_MB)
        self._reader = SqliteThreads(path, "readings-reader", _READERS, _READER_CACHE_MB)
        self._upkeep = Upkeep(path, self._writer, self._tail)

    @classmethod
    async def open(cls, path: Path, tail: Tail | None = None) -> Self:
        """Open, or create; a file of an older release is upgraded in place. ``tail`` where it should keep other bounds
        than the usual ones.

        Raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError` or :class:`ReadingsTooNewError`.
        """
        store = cls(path, tail)
        try:
            await store._writer.call(prepare, path)
        except BaseException:
            await store.close()
            raise
        return store

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """All rows in one transaction, synced to disk before it returns; the ids that were new."""
        if not rows:
            return frozenset()
        new = await self._writer.call(writing.write, self._tail, rows)
        self._upkeep.written(len(new))
        return new

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""
        return (await self.get_many((reading_id,))).get(reading_id)

    async def get_many(self, reading_ids: Collection[UUID]) -> Mapping[UUID, PatientReading]:
        """Those of these readings that are there."""
        return await self._reader.call(reading.by_ids, reading_ids)

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        asked = _stretch(patient_id, kind, start, end)
        return await self._reader.call(reading.window, self._tail, asked, patient_id)

    async def windows(self, wanted: Sequence[Span]) -> list[list[PatientReading]]:
        """Many windows, in the order in which they are asked for."""
        asked = [(_stretch(one.patient_id, one.kind, one.start, one.end), one.patient_id) for one in wanted]
        return await self._reader.call(reading.windows, self._tail, asked)

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        return await self._reader.call(reading.latest, self._tail, patients)

    async def buckets(
        self, patient_id: UUID, kind: str, start: datetime, end: datetime, width: Width, zone: tzinfo
    ) -> list[Bucket]:
        """What was measured with ``start <= effective_time < end``, summed up, oldest first."""
        asked = _stretch(patient_id, kind, start, end)
        return await self._reader.call(reading.buckets, self._tail, asked, width, zone)

    async def move(self, places: Mapping[UUID, Place]) -> frozenset[UUID]:
        """Put readings where they belong now, in one transaction; returns the ids that are known."""
        return await self._writer.call(writing.move, self._tail, places) if places else frozenset()

    async def erase(self, patient_id: UUID) -> int:
        """Forget everything of a patient, in one transaction; returns how many readings there were."""
        return await self._writer.call(writing.erase, self._tail, patient_id.bytes)

    async def patients(self) -> list[UUID]:
        """Everybody of whom there is a reading, in order."""
        return await self._reader.call(reading.patients, self._tail)

    async def everything(
        self, patient_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 5000
    ) -> list[PatientReading]:
        """Readings of one patient, by effective time, then id: the first ``limit`` after ``after``."""
        start = (tables.EARLIEST_US, b"") if after is None else (tables.microseconds(after[0]), after[1].bytes)
        return await self._reader.call(reading.everything, self._tail, patient_id, start, limit)

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self._upkeep.close()
        await self._reader.close()
        await self._writer.close()


def _stretch(patient_id: UUID, kind: str, start: datetime, end: datetime) -> reading.Stretch:
    return reading.Stretch(patient_id.bytes, tables.microseconds(start), tables.microseconds(end), kind)
