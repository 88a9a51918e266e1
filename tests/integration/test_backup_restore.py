"""A backup out of one machine's stores into another's: everything arrives, on whatever engines, or nothing changes."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import MetaData, func, select

from hearthline_backend.backup.archive import BackupWriter, DamagedBackupError, _members
from hearthline_backend.backup.manifest import Manifest
from hearthline_backend.backup.restoring import REHEARSAL, NotRestoredError, Restored, check, restore
from hearthline_backend.backup.taking import LEFT_OUT, take_backup
from hearthline_backend.errors import HearthlineError
from hearthline_backend.settings import RESTORE_MARK, Settings, SettingsError
from hearthline_backend.storage.every_table import metadata
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.opening import readings_of
from hearthline_backend.storage.patient_reading import PatientReading, Place
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.record_rows import connected, tables_with_rows
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.judgements import Judgement
from hearthline_backend.storage.schema import alerts, contacts, corrections, sessions
from hearthline_backend.storage.sqlite_files import InUseError
from tests.fixtures.filled_records import FILLED_BY_MIGRATIONS, content, fill
from tests.fixtures.influxd import INFLUXD_PATIENCE, TOKEN, InfluxBucket, empty_bucket
from tests.fixtures.postgresql import empty_database, migrated_database
from tests.fixtures.readings import PATIENT, of_patient, pressure
from tests.fixtures.records import NOW, Engine, Household, migrated_records, records_url, seed

pytestmark = INFLUXD_PATIENCE

OTHER = UUID(int=77)
LONG_AGO = NOW - timedelta(days=30)
"""Stored then and not judged: imported."""


def silent(_text: str) -> None:
    """No progress."""


def settings_of(folder: Path, url: str | None = None, bucket: InfluxBucket | None = None) -> Settings:
    if bucket is None:
        return Settings(profile="demo", data_dir=folder, records_url=url)
    folder.mkdir(exist_ok=True)
    token = folder / "token"
    token.write_text(TOKEN)
    return Settings(
        profile="demo", data_dir=folder, records_url=url, readings_url=bucket.url, influxdb_token_file=token
    )


async def backed_up(path: Path, settings: Settings, meanwhile: "Meanwhile | None" = None) -> Manifest:
    """Takes a backup of what the settings name."""
    async with readings_of(settings) as store:
        readings: ReadingStore = store if meanwhile is None else During(store, meanwhile)
        with path.open("wb") as file:
            stream: Any = file
            return await take_backup(stream, settings.records_address, readings, {}, compressed=False, say=silent)


Meanwhile = Callable[[ReadingStore], Awaitable[None]]


class During:
    """A store in which something happens after the snapshot of Records and after the first patient was copied."""

    def __init__(self, store: ReadingStore, meanwhile: Meanwhile) -> None:
        self._store = store
        self._meanwhile: Meanwhile | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def everything(self, *arguments: Any) -> list[PatientReading]:
        """The page; then, once, what happens meanwhile."""
        page = await self._store.everything(*arguments)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile(self._store)
        return page


async def readings_in(settings: Settings) -> dict[UUID, tuple[UUID, Any, bool, bytes]]:
    """Every reading of the store, with where it stands."""
    async with readings_of(settings) as store:
        rows = [one for patient in await store.patients() for one in await store.everything(patient)]
    return {one.id: (one.patient_id, one.effective_time, one.aside, one.body) for one in rows}


async def store_some(settings: Settings) -> list[PatientReading]:
    """Readings of two people: plain ones, one that was dated anew, one that stands aside."""
    rows = [
        of_patient(pressure(120 + number, effective_time=NOW - timedelta(hours=number)), patient, stored=LONG_AGO)
        for number in range(20)
        for patient in (PATIENT, OTHER)
    ]
    async with readings_of(settings) as store:
        await store.write(rows)
        await store.move(
            {
                rows[0].id: Place(PATIENT, NOW - timedelta(days=400)),
                rows[1].id: Place(OTHER, rows[1].effective_time, aside=True),
            }
        )
    return rows


async def judge(url: str, *rows: PatientReading) -> None:
    records = SqlRecords.open(url)
    async with records.begin() as unit:
        await unit.judgements.add(
            [Judgement(one.id, one.patient_id, one.kind, one.effective_time, NOW, {}) for one in rows]
        )
    await records.close()


@asynccontextmanager
async def database(folder: Path, engine: Engine) -> AsyncIterator[str]:
    """Somewhere for Records, with nothing in it."""
    if engine == "sqlite":
        yield records_url(folder / "elsewhere.sqlite3")
        return
    async with empty_database() as url:
        yield url


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
async def test_every_table_and_reading_arrives(tmp_path: Path, records_engine: Engine, target: Engine) -> None:
    async with migrated_records(tmp_path / "old", records_engine) as source_url:
        source = settings_of(tmp_path / "old", source_url)
        source.make_data_dir()
        await fill(source_url)
        await store_some(source)
        manifest = await backed_up(tmp_path / "backup.tar", source)
        assert manifest.readings == 40
        assert {one.name for one in manifest.tables} == set(metadata.tables) - LEFT_OUT
        before, readings = await content(source_url), await readings_in(source)
    async with database(tmp_path, target) as url:
        new = settings_of(tmp_path / "new", url)
        done = await restore(tmp_path / "backup.tar", new, readings_of, silent)
        assert done == Restored(manifest, sum(one.rows for one in manifest.tables), 40, 0, done.without_reading)
        after = await content(url)
        for name, rows in before.items():
            assert after[name] == ([] if name in LEFT_OUT else rows), name
        assert await readings_in(new) == readings
        assert sorted(path.name for path in new.data_dir.iterdir()) == ["readings.sqlite3"]
        await _next_numbers_follow(url)


async def test_of_a_rehearsal_nobody_can_be_called(tmp_path: Path) -> None:
    async with migrated_records(tmp_path / "old", "sqlite") as url:
        source = settings_of(tmp_path / "old", url)
        source.make_data_dir()
        await fill(url)
        await backed_up(tmp_path / "backup.tar", source)
        live = len((await content(url))["contacts"])
    new = settings_of(tmp_path / "new")
    await restore(tmp_path / "backup.tar", new, readings_of, silent, live=False)
    records = SqlRecords.open(new.records_address)
    async with records.read() as unit:
        rows = (await unit.connection.execute(select(contacts))).all()
    await records.close()
    assert len(rows) == live > 0
    assert {(one.channel, one.address, one.secret) for one in rows} == {(REHEARSAL, "", None)}


@pytest.mark.parametrize("beside", ["sqlite", "postgresql"])
async def test_from_a_file_into_influxdb_and_back(tmp_path: Path, beside: Engine) -> None:
    old, _, rows = await _household(tmp_path)
    async with readings_of(old) as store:
        dated = Place(rows[0].patient_id, NOW - timedelta(days=400))
        await store.move({rows[0].id: dated, rows[1].id: Place(OTHER, rows[1].effective_time, aside=True)})
    await backed_up(tmp_path / "there.tar", old)
    readings = await readings_in(old)
    async with empty_bucket() as bucket, database(tmp_path, beside) as url:
        large = settings_of(tmp_path / "large", url, bucket)
        done = await restore(tmp_path / "there.tar", large, readings_of, silent)
        assert (done.readings, done.held, done.without_reading) == (12, 0, 0)
        assert await readings_in(large) == readings
        async with readings_of(large) as store:
            assert await store.write(rows) == frozenset(), "a repeat changes nothing"
            assert set(await store.get_many([one.id for one in rows])) == {one.id for one in rows}
        with pytest.raises(NotRestoredError, match="never overwrites"):
            await restore(tmp_path / "there.tar", large, readings_of, silent)
        other = settings_of(tmp_path / "other", records_url(tmp_path / "other.sqlite3"), bucket)
        with pytest.raises(NotRestoredError, match="readings at readings_url"):
            await restore(tmp_path / "there.tar", other, readings_of, silent)
        assert not (other.data_dir / RESTORE_MARK).exists()
        await backed_up(tmp_path / "back.tar", large)
    back = settings_of(tmp_path / "back")
    await restore(tmp_path / "back.tar", back, readings_of, silent)
    assert await readings_in(back) == readings
    assert (await content(back.records_address))["judged"] == (await content(old.records_address))["judged"]


async def test_a_restore_into_influxdb_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    path = await _small_backup(tmp_path)

    @asynccontextmanager
    async def breaks(settings: Settings) -> AsyncIterator[ReadingStore]:
        async with readings_of(settings) as store:
            yield store
            raise asyncio.CancelledError

    async with empty_bucket() as bucket, database(tmp_path, "postgresql") as url:
        new = settings_of(tmp_path / "new", url, bucket)
        with pytest.raises(asyncio.CancelledError):
            await restore(path, new, breaks, silent)
        assert (await restore(path, new, readings_of, silent)).readings == 12
        assert len(await readings_in(new)) == 12
        assert await tables_with_rows(url, but={"reading_places"})


async def _next_numbers_follow(url: str) -> None:
    """A new row must not meet a number that is taken."""
    async with connected(url) as connection, connection.begin():
        highest = await connection.scalar(select(func.max(alerts.c.id)))
        row = dict((await connection.execute(select(alerts).limit(1))).one()._mapping)
        values = {name: value for name, value in row.items() if name != "id"} | {"episode": uuid4()}
        made = await connection.execute(alerts.insert().values(values))
        assert highest is not None
        assert made.inserted_primary_key is not None
        assert made.inserted_primary_key[0] == highest + 1


def test_what_is_filled_by_migrations_is_known() -> None:
    assert set(metadata.tables) >= FILLED_BY_MIGRATIONS


async def test_an_older_schema_is_brought_to_this_release_s(tmp_path: Path) -> None:
    old = settings_of(tmp_path / "old")
    old.make_data_dir()
    await migrate(old.records_address)
    await store_some(old)
    manifest = await backed_up(tmp_path / "backup.tar", old)
    known = await _columns_at("0003", tmp_path)
    kept = tuple(
        one.model_copy(update={"columns": tuple(column for column in one.columns if column.name in known[one.name])})
        for one in manifest.tables
        if one.name in known
    )
    path = await _rewritten(tmp_path, manifest.model_copy(update={"schema_revision": "0003", "tables": kept}), manifest)
    new = settings_of(tmp_path / "new")
    await restore(path, new, readings_of, silent)
    assert set(await content(new.records_address)) == set(metadata.tables) - FILLED_BY_MIGRATIONS
    assert len(await readings_in(new)) == 40


async def _columns_at(revision: str, folder: Path) -> dict[str, set[str]]:
    """Tables of an older schema with their columns."""
    url = records_url(folder / "older.sqlite3")
    await migrate(url, revision)
    async with connected(url) as connection:
        found = MetaData()
        await connection.run_sync(found.reflect)
    return {one.name: {column.name for column in one.columns} for one in found.sorted_tables}


async def _rewritten(folder: Path, manifest: Manifest, written: Manifest) -> Path:
    """The same parts under another manifest, as another release would have written them."""
    names = {one.name: [column.name for column in one.columns] for one in manifest.tables}
    whole = {one.name: [column.name for column in one.columns] for one in written.tables}
    stream = io.BytesIO()
    writer = BackupWriter(stream, compressed=True)
    for name, whole_lines in _members(folder / "backup.tar"):
        table, lines = name.split("/")[1] if name.startswith("records/") else "", whole_lines
        if table in names:
            places = [whole[table].index(column) for column in names[table]]
            rows = [json.loads(line) for line in whole_lines.splitlines()]
            lines = b"".join(json.dumps([row[place] for place in places]).encode() + b"\n" for row in rows)
        if table in names or name.startswith(("readings/", "changed/")):
            writer.part(name, lines, lines.count(b"\n"))
    writer.finish(manifest.model_copy(update={"parts": tuple(writer.parts)}))
    path = folder / "rewritten.tar.gz"
    path.write_bytes(stream.getvalue())
    return path


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    old = settings_of(tmp_path / "old")
    old.make_data_dir()
    await migrate(old.records_address)
    manifest = await backed_up(tmp_path / "backup.tar", old)
    path = await _rewritten(tmp_path, manifest.model_copy(update={"schema_revision": "9999"}), manifest)
    with pytest.raises(HearthlineError, match="schema 9999, which this release does not know"):
        await restore(path, settings_of(tmp_path / "new"), readings_of, silent)
    assert not (tmp_path / "new").exists()


# --- what happens while the backup is taken ----------------------------------------------------------------------


async def _household(tmp_path: Path) -> tuple[Settings, Household, list[PatientReading]]:
    """Two patients of one home, six judged readings each; the first page that is copied is the first patient's."""
    household = Household(patient=UUID(int=1))
    old = settings_of(tmp_path / "old")
    old.make_data_dir()
    await migrate(old.records_address)
    records = SqlRecords.open(old.records_address)
    async with records.begin() as unit:
        await seed(unit, household)
        await seed(
            unit,
            Household(
                organisation=household.organisation,
                team=household.team,
                patient=OTHER,
                gateway="home-0002",
                sensor="C0:00:00:00:00:02",
            ),
        )
    await records.close()
    rows = [
        of_patient(pressure(120 + number, effective_time=NOW - timedelta(hours=number)), patient)
        for number in range(6)
        for patient in (household.patient, OTHER)
    ]
    async with readings_of(old) as store:
        await store.write(rows)
    await judge(old.records_address, *rows)
    return old, household, rows


async def test_a_reading_that_came_meanwhile_waits_for_the_backend_and_is_judged(tmp_path: Path) -> None:
    old, _, rows = await _household(tmp_path)
    late = of_patient(pressure(190), OTHER, stored=datetime.now(UTC))

    async def meanwhile(store: ReadingStore) -> None:
        await store.write([late])
        await judge(old.records_address, late)

    manifest = await backed_up(tmp_path / "backup.tar", old, meanwhile)
    assert manifest.readings == len(rows) + 1
    new = settings_of(tmp_path / "new")
    done = await restore(tmp_path / "backup.tar", new, readings_of, silent)
    assert (done.readings, done.held, done.without_reading) == (len(rows), 1, 0)
    assert late.id not in await readings_in(new)
    records = SqlRecords.open(new.records_address)
    async with records.read() as unit:
        (kept,) = await unit.quarantine.held()
        assert await unit.judgements.known([late.id]) == frozenset()
    await records.close()
    assert (kept.gateway, kept.reading_id, kept.payload) == (late.gateway, late.id, late.body)


@pytest.mark.parametrize("written_before", [False, True])
async def test_a_reading_that_was_moved_meanwhile_is_where_it_stood(tmp_path: Path, written_before: bool) -> None:
    """From a patient who is copied late to one who was copied already, and the other way round; its correction is
    written before the snapshot, or after it."""
    old, household, rows = await _household(tmp_path)
    first, last = rows[0], rows[1]
    assert (first.patient_id, last.patient_id) == (household.patient, OTHER)

    moves = ((first, OTHER), (last, household.patient))
    if written_before:
        for one, to in moves:
            await _correct(old, one, to)

    async def meanwhile(store: ReadingStore) -> None:
        for one, to in moves:
            if not written_before:
                await _correct(old, one, to)
            await store.move({one.id: Place(to, one.effective_time - timedelta(minutes=1))})

    await backed_up(tmp_path / "backup.tar", old, meanwhile)
    new = settings_of(tmp_path / "new")
    done = await restore(tmp_path / "backup.tar", new, readings_of, silent)
    assert (done.readings, done.held, done.without_reading) == (len(rows), 0, 0)
    found = await readings_in(new)
    assert {one.id: found[one.id][:2] for one in rows} == {one.id: (one.patient_id, one.effective_time) for one in rows}


async def test_a_reading_that_was_copied_twice_is_restored_once(tmp_path: Path) -> None:
    """As when a claim from before the snapshot is done while the readings are copied."""
    old, _, rows = await _household(tmp_path)

    async def meanwhile(store: ReadingStore) -> None:
        await store.move({rows[0].id: Place(OTHER, rows[0].effective_time)})

    manifest = await backed_up(tmp_path / "backup.tar", old, meanwhile)
    assert manifest.readings == len(rows) + 1
    done = await restore(tmp_path / "backup.tar", settings_of(tmp_path / "new"), readings_of, silent)
    assert (done.readings, done.without_reading) == (len(rows), 0)


async def _correct(settings: Settings, one: PatientReading, to: UUID) -> None:
    values: Mapping[str, Any] = {
        "reading_id": one.id,
        "what": "moved",
        "patient_before": one.patient_id,
        "patient_after": to,
        "effective_before": one.effective_time,
        "effective_after": one.effective_time - timedelta(minutes=1),
        "at": NOW,
        "reason": "test",
    }
    async with connected(settings.records_address) as connection, connection.begin():
        await connection.execute(corrections.insert().values(**values))


# --- what a restore never does -----------------------------------------------------------------------------------


async def _small_backup(tmp_path: Path) -> Path:
    old, _, _ = await _household(tmp_path)
    await backed_up(tmp_path / "backup.tar", old)
    return tmp_path / "backup.tar"


async def test_stores_that_hold_something_are_left_as_they_are(tmp_path: Path) -> None:
    path = await _small_backup(tmp_path)
    old = settings_of(tmp_path / "old")
    before = await content(old.records_address), await readings_in(old)
    with pytest.raises(NotRestoredError, match="never overwrites"):
        await restore(path, old, readings_of, silent)
    assert (await content(old.records_address), await readings_in(old)) == before
    only_readings = settings_of(tmp_path / "readings")
    only_readings.make_data_dir()
    await store_some(only_readings)
    with pytest.raises(NotRestoredError, match="the readings in"):
        await restore(path, only_readings, readings_of, silent)
    assert len(await readings_in(only_readings)) == 40
    assert not (only_readings.data_dir / RESTORE_MARK).exists()


async def test_a_database_with_rows_is_left_as_it_is(tmp_path: Path) -> None:
    path = await _small_backup(tmp_path)
    async with migrated_database() as url:
        await fill(url)
        before = await content(url)
        with pytest.raises(NotRestoredError, match="records at records_url"):
            await restore(path, settings_of(tmp_path / "new", url), readings_of, silent)
        assert await content(url) == before


async def test_an_empty_store_that_somebody_has_open_is_refused(tmp_path: Path) -> None:
    path = await _small_backup(tmp_path)
    new = settings_of(tmp_path / "new")
    new.make_data_dir()
    await migrate(new.records_address)
    records = SqlRecords.open(new.records_address)
    async with records.read() as unit:
        await unit.homes.gateways()
    with pytest.raises(InUseError, match="stop the backend"):
        await restore(path, new, readings_of, silent)
    await records.close()
    assert (await restore(path, new, readings_of, silent)).readings == 12


async def test_a_damaged_backup_changes_nothing(tmp_path: Path) -> None:
    path = await _small_backup(tmp_path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole.replace(b"systolic", b"sYstolic"), b""):
        path.write_bytes(damaged)
        with pytest.raises(DamagedBackupError, match="Nothing was changed"):
            check(path, silent)
        with pytest.raises(DamagedBackupError, match="Nothing was changed"):
            await restore(path, settings_of(tmp_path / "new"), readings_of, silent)
        assert not (tmp_path / "new").exists()


async def test_a_restore_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    path = await _small_backup(tmp_path)
    new = settings_of(tmp_path / "new")

    @asynccontextmanager
    async def breaks(settings: Settings) -> AsyncIterator[ReadingStore]:
        async with readings_of(settings) as store:
            yield store
            raise asyncio.CancelledError  # as Ctrl-C does, after everything was written

    with pytest.raises(asyncio.CancelledError):
        await restore(path, new, breaks, silent)
    assert not new.readings_file.exists()
    with pytest.raises(SettingsError, match="not finished; run `hearthline restore` again"):
        new.make_data_dir()
    other = path.with_name("other.tar")
    await backed_up(other, settings_of(tmp_path / "old"))
    with pytest.raises(HearthlineError, match="restore of another backup"):
        await restore(other, new, readings_of, silent)
    assert (await restore(path, new, readings_of, silent)).readings == 12
    new.make_data_dir()
    assert len(await readings_in(new)) == 12
    assert await tables_with_rows(new.records_address)


async def test_nobody_stays_signed_in(tmp_path: Path) -> None:
    async with migrated_records(tmp_path / "old") as url:
        await fill(url)
        await backed_up(tmp_path / "backup.tar", settings_of(tmp_path / "old", url))
    new = settings_of(tmp_path / "new")
    await restore(tmp_path / "backup.tar", new, readings_of, silent)
    async with connected(new.records_address) as connection:
        assert await connection.scalar(select(func.count()).select_from(sessions)) == 0


async def test_records_of_another_release_are_not_backed_up(tmp_path: Path) -> None:
    old = settings_of(tmp_path / "old")
    old.make_data_dir()
    with pytest.raises(HearthlineError, match="no records to back up"):
        await backed_up(tmp_path / "backup.tar", old)
    await migrate(old.records_address, "0003")
    with pytest.raises(HearthlineError, match="schema 0003 and this release speaks"):
        await backed_up(tmp_path / "backup.tar", old)
