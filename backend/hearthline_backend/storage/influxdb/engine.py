"""The readings port on InfluxDB 2, with the register of places in Records.

No method may be called inside a unit that writes to Records: most of them write there themselves, and SQLite has one
writer. Those that read may be called anywhere.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Self
from uuid import UUID

from hearthline_backend.storage.influxdb.bucket import claim_bucket, prepare_bucket
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.contents import Contents
from hearthline_backend.storage.influxdb.moving import Moving
from hearthline_backend.storage.influxdb.points import NEVER_APART_NS, Points
from hearthline_backend.storage.influxdb.register import Register
from hearthline_backend.storage.influxdb.series import Series
from hearthline_backend.storage.influxdb.writing import Writing
from hearthline_backend.storage.ports import Bucket, PatientReading, Place, Records, Span, Width
from hearthline_backend.storage.readings_tables import microseconds


class InfluxReadings:
    """Takes what it is given: the connection is closed with it, Records are not."""

    def __init__(self, records: Records, connection: InfluxConnection) -> None:
        self._records = records
        self._connection = connection
        self._points = Points(connection)
        self._contents = Contents()
        self._writing = Writing(records, self._points)
        self._moving = Moving(records, self._points, self._writing)
        self._series = Series(records, self._points, self._contents)

    @classmethod
    async def open(cls, records: Records, connection: InfluxConnection, *, forget_other_bucket: bool = False) -> Self:
        """Make the bucket where it is missing, and see that the register is this bucket's. Raises
        :class:`~hearthline_backend.storage.influxdb.bucket.BucketError` or ``StoreUnavailableError``."""
        store = cls(records, connection)
        try:
            bucket_id = await prepare_bucket(connection)
            async with records.read() as unit:
                known = await Register(unit.connection).bucket()
            if known != bucket_id:
                async with records.begin() as unit:
                    await claim_bucket(Register(unit.connection), bucket_id, forget=forget_other_bucket)
        except BaseException:
            await connection.close()
            raise
        return store

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """All rows durable; the ids that were new, see :meth:`.writing.Writing.write`."""
        new = await self._writing.write(rows)
        self._contents.remember(rows if len(new) == len(rows) else [one for one in rows if one.id in new])
        return new

    async def get(self, reading_id: UUID) -> PatientReading | None:
        """One reading by its id."""
        return (await self.get_many((reading_id,))).get(reading_id)

    async def get_many(self, reading_ids: Collection[UUID]) -> Mapping[UUID, PatientReading]:
        """Those of these readings that are there."""
        return await self._series.find(reading_ids)

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        return await self._series.window(patient_id, kind, start, end)

    async def windows(self, wanted: Sequence[Span]) -> list[list[PatientReading]]:
        """Many windows, in the order in which they are asked for."""
        return await self._series.windows(wanted)

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        return await self._series.latest(patients)

    async def buckets(
        self, patient_id: UUID, kind: str, start: datetime, end: datetime, width: Width, zone: tzinfo
    ) -> list[Bucket]:
        """What was measured with ``start <= effective_time < end``, summed up, oldest first."""
        return await self._series.buckets(patient_id, kind, start, end, width, zone)

    async def move(self, places: Mapping[UUID, Place]) -> frozenset[UUID]:
        """Put readings where they belong now; returns the ids that are known."""
        return await self._moving.move(places) if places else frozenset()

    async def erase(self, patient_id: UUID) -> int:
        """Forget everything of a patient; returns how many readings there were."""
        self._contents.forget()
        return await self._moving.erase(patient_id)

    async def patients(self) -> list[UUID]:
        """Everybody of whom there is a reading, in order."""
        async with self._records.read() as unit:
            return await Register(unit.connection).patients()

    async def everything(
        self, patient_id: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 5000
    ) -> list[PatientReading]:
        """Readings of one patient, by effective time, then id: the first ``limit`` after ``after``."""
        found: list[PatientReading] = []
        last = None if after is None else (microseconds(after[0]), after[1])
        while len(found) < limit:
            async with self._records.read() as unit:
                page = await Register(unit.connection).page(patient_id, last, limit - len(found))
            if not page:
                break
            there = await self._points.at(dict(page), apart_ns=NEVER_APART_NS)
            found += [there[one] for one, _ in page if one in there]  # what is claimed and not written is no reading
            last = (page[-1][1].time_us, page[-1][0])
        return found

    async def close(self) -> None:
        """Finish what is under way and give the connections back."""
        try:
            await self._writing.close()
        finally:
            await self._connection.close()
