"""Brings a backup back, onto whatever stores this machine's settings name.

Everything is put together and looked at beside the stores first: Records in a SQLite file of their own, at the backup's
schema, then brought to this release's; readings, where the store is a file, in a file of their own. Only then do they
take their places, readings first and Records last, whole or not at all: a restore that was cut short leaves Records
empty, and is done again from the beginning.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from hearthline_backend.backup.archive import DamagedBackupError, parts, verify
from hearthline_backend.backup.manifest import Manifest
from hearthline_backend.backup.places import Places
from hearthline_backend.backup.reading_lines import ReadingsSum, reading_of
from hearthline_backend.backup.taking import OF_THE_READINGS, Progress
from hearthline_backend.errors import HearthlineError
from hearthline_backend.settings import Settings
from hearthline_backend.storage.migrate import known_revisions, migrate
from hearthline_backend.storage.occupied import holds_points
from hearthline_backend.storage.patient_reading import PatientReading
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.record_filling import NotEmptyError, StoredIds, filling
from hearthline_backend.storage.record_rows import TableShape, shapes, snapshot, sqlite_url, tables_with_rows
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.quarantine import Quarantine, Refusal
from hearthline_backend.storage.sqlite_files import install, left_alone

OpenReadings = Callable[[Settings], AbstractAsyncContextManager[ReadingStore]]

UNDER_WAY: Final = timedelta(days=1)
"""What was stored so shortly before the snapshot, or after it, and is not judged was on its way, however long a store
was away meanwhile. What is older and not judged was imported, and stays as it is."""
REHEARSAL: Final = "rehearsal"
"""The channel of every contact of a copy that is not live. No process has it, and there is no address to go back to."""
_A_PAGE: Final = 5000
_NO_QUOTA: Final = 1 << 62


class NotRestoredError(HearthlineError):
    """The restore ended before anything took its place. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back. ``held`` readings were on their way when the backup was made and are taken by the backend
    at its start. Of ``without_reading`` judged ids the reading is gone: their patient was erased."""

    manifest: Manifest
    rows: int
    readings: int
    held: int
    without_reading: int


async def restore(
    path: Path, settings: Settings, open_readings: OpenReadings, say: Progress, *, live: bool = True
) -> Restored:
    """Check all of ``path``, then bring it back. Raises :class:`HearthlineError`; nothing is overwritten, ever. Of a
    copy that is not ``live`` nobody can be called, whatever is due in it: see :data:`REHEARSAL`."""
    manifest = check(path, say)
    return await Restore(path, manifest, Places.of(settings), open_readings, say, live=live).run()


def check(path: Path, say: Progress) -> Manifest:
    """Read a backup from end to end. Raises :class:`HearthlineError` where this release cannot restore it."""
    say("checking the backup")
    manifest = verify(path)
    if manifest.schema_revision not in known_revisions():
        raise HearthlineError(
            f"{path} was made by release {manifest.release} and its records are at schema {manifest.schema_revision}, "
            "which this release does not know. Restore it with that release, or a newer one."
        )
    return manifest


class Restore:
    """One backup onto one machine."""

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        places: Places,
        open_readings: OpenReadings,
        say: Progress,
        *,
        live: bool = True,
    ) -> None:
        self._path = path
        self._manifest = manifest
        self._places = places
        self._open_readings = open_readings
        self._say = say
        self._live = live
        self._staged = sqlite_url(places.started_records)
        self._shapes = {
            one.name: TableShape(one.name, tuple((column.name, column.type) for column in one.columns))
            for one in manifest.tables
        }

    async def run(self) -> Restored:
        """All of it. May be repeated after it was cut short."""
        await self._records_must_be_empty()
        await self._readings_file_must_be_empty()
        again = self._places.begin(self._manifest.id)
        self._places.clear()
        await self._put_records_together()
        if self._places.records_file is None:
            await migrate(self._places.settings.records_address)
        under_way: list[PatientReading] = []
        async with self._open_readings(self._places.while_restoring) as readings:
            if not again and await holds_points(self._places.settings):
                self._places.end()
                raise _occupied("the store of readings at readings_url")
            written = await self._put_readings_together(readings, under_way)
            without = await self._look_again(readings, written)
        await self._hold(under_way)
        await self._take_places()
        self._places.end()
        rows = sum(table.rows for table in self._manifest.tables)
        return Restored(self._manifest, rows, written.count, len(under_way), without)

    async def _records_must_be_empty(self) -> None:
        file, url = self._places.records_file, self._places.settings.records_address
        if file is not None and not file.exists():
            return
        if await tables_with_rows(url, but=OF_THE_READINGS):
            raise _occupied(f"the records {'at records_url' if file is None else f'in {file}'}")
        if file is not None:
            left_alone(file)

    async def _readings_file_must_be_empty(self) -> None:
        file = self._places.readings_file
        if file is None or not file.exists():
            return
        async with self._open_readings(self._places.settings) as readings:
            found = await readings.patients()
        if found and not self._places.begun(self._manifest.id):
            raise _occupied(f"the readings in {file}")
        left_alone(file)

    async def _put_records_together(self) -> None:
        self._places.started_records.touch(mode=0o600)
        await migrate(self._staged, self._manifest.schema_revision)
        async with filling(self._staged) as records:
            for shape in self._shapes.values():
                await records.clear(shape)
            for name, lines in parts(self._path, self._manifest, "records"):
                shape = self._shapes[name.split("/")[1]]
                await records.add(shape, lines)
                self._say(f"records: {shape.name}")
            for table in self._manifest.tables:
                if (count := await records.count(self._shapes[table.name])) != table.rows:
                    raise DamagedBackupError(self._path, f"{table.name} has {count} rows and should have {table.rows}")
        await migrate(self._staged)
        if not self._live:
            await self._reach_nobody()

    async def _reach_nobody(self) -> None:
        records = SqlRecords.open(self._staged)
        try:
            async with records.begin() as unit:
                await unit.people.forget_addresses(REHEARSAL)
        finally:
            await records.close()

    async def _put_readings_together(self, readings: ReadingStore, under_way: list[PatientReading]) -> ReadingsSum:
        written = ReadingsSum()
        async with StoredIds.beside(self._staged) as seen:
            for prefix in ("changed", "readings"):  # of one that stands in both, or twice, the first one counts
                for _, lines in parts(self._path, self._manifest, prefix):
                    rows = {one.id: one for one in reversed(self._read(lines))}
                    new = await seen.add(rows)
                    on_their_way = await self._not_judged([rows[one] for one in new])
                    under_way.extend(one for one in rows.values() if one.id in on_their_way)
                    await self._write(readings, [rows[one] for one in rows if one in new - on_their_way], written)
        return written

    def _read(self, lines: list[bytes]) -> list[PatientReading]:
        try:
            return [reading_of(line) for line in lines]
        except msgspec.MsgspecError:
            raise DamagedBackupError(self._path, "it holds a line that is no reading") from None

    async def _not_judged(self, rows: list[PatientReading]) -> frozenset[UUID]:
        since = self._manifest.made_at - UNDER_WAY
        young = {one.id for one in rows if one.stored_time >= since}
        if not young:
            return frozenset()
        records = SqlRecords.open(self._staged)
        try:
            async with records.read() as unit:
                return frozenset(young) - await unit.judgements.known(young)
        finally:
            await records.close()

    async def _write(self, readings: ReadingStore, rows: list[PatientReading], written: ReadingsSum) -> None:
        for start in range(0, len(rows), _A_PAGE):
            await readings.write(rows[start : start + _A_PAGE])
        for one in rows:
            written.add(one)
        self._say(f"readings: {written.count} written")

    async def _look_again(self, readings: ReadingStore, written: ReadingsSum) -> int:
        """What the store gives back must be what went in; how many judged ids have no reading."""
        found = ReadingsSum()
        async with StoredIds.beside(self._staged) as ids:
            for patient in await readings.patients():
                after = None
                while page := await readings.everything(patient, after, _A_PAGE):
                    for one in page:
                        found.add(one)
                    await ids.add([one.id for one in page])
                    after = (page[-1].effective_time, page[-1].id)
                    self._say(f"readings: {found.count} of {written.count} read back")
            if found != written:
                raise NotRestoredError(
                    f"{written.count} readings were written and the store gives back {found.count}, or others; nothing "
                    "is in use yet. Look at the store's own log and disk, and run the same command again."
                )
            return await ids.judged_but_not_stored()

    async def _hold(self, under_way: list[PatientReading]) -> None:
        """Have the backend take them as if they came now."""
        if not under_way:
            return
        records = SqlRecords.open(self._staged)
        try:
            async with records.begin() as unit:
                quarantine = Quarantine(unit.connection, _NO_QUOTA, _NO_QUOTA)
                for one in under_way:
                    await quarantine.put(
                        Refusal(
                            gateway=one.gateway,
                            status="held",
                            reason="not_processed",
                            message="it was on its way when the backup was made that was restored",
                            payload=one.body,
                            received_at=one.stored_time,
                            reading_id=one.id,
                        )
                    )
        finally:
            await records.close()

    async def _take_places(self) -> None:
        started, place = self._places.started_readings, self._places.readings_file
        if started is not None and place is not None:
            install(started, place)
        if self._places.records_file is not None:
            install(self._places.started_records, self._places.records_file)
        else:
            await self._fill_server()

    async def _fill_server(self) -> None:
        try:
            async with (
                filling(self._places.settings.records_address, leave_out=OF_THE_READINGS) as target,
                snapshot(self._staged) as source,
            ):
                for shape in shapes(leave_out=OF_THE_READINGS):
                    await target.clear(shape)
                    count = 0
                    async for lines in source.lines(shape):
                        await target.add(shape, lines)
                        count += len(lines)
                    await target.number_on(shape)
                    if await target.count(shape) != count:
                        raise NotRestoredError(
                            f"{shape.name}: the database does not hold the {count} rows it was given; nothing is in "
                            "use yet. Look at the database's log and run the same command again."
                        )
                    self._say(f"records: {shape.name}, {count} rows")
        except NotEmptyError:
            raise _occupied("the records at records_url") from None


def _occupied(what: str) -> NotRestoredError:
    return NotRestoredError(
        f"{what} hold something already, and a restore never overwrites. Give it empty stores: another data_dir, "
        "database or bucket. Nothing was changed."
    )
