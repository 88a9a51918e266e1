"""Takes a backup. Why in this order: see the package."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final
from uuid import UUID, uuid4

from hearthline_backend.backup.archive import BackupWriter, Lines, Stream
from hearthline_backend.backup.manifest import Column, Manifest, TableContent
from hearthline_backend.backup.reading_lines import line_of
from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.migrate import known_revisions
from hearthline_backend.storage.patient_reading import NOBODY, PatientReading, Place
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.record_rows import Snapshot, StoodBefore, TableShape, shapes, snapshot, stood_before

Progress = Callable[[str], None]

OF_THE_READINGS: Final = frozenset(("reading_places", "reading_claims", "reading_bucket"))
"""Tables that belong to a store of readings, which writes them again."""
LEFT_OUT: Final = OF_THE_READINGS | {"sessions", "sign_in_attempts"}
"""Tables of Records that a backup does not hold, see the package."""
_A_PAGE: Final = 5000
_IDS_A_LOOK: Final = 500


async def take_backup(
    stream: Stream,
    records_url: str,
    readings: ReadingStore,
    settings: dict[str, Any],
    *,
    compressed: bool,
    say: Progress,
) -> Manifest:
    """Write everything into ``stream``. ``settings`` must hold no secret. Raises :class:`HearthlineError`, and
    ``StoreUnavailableError`` where a store went away meanwhile: what was written is of no use then."""
    writer = BackupWriter(stream, compressed=compressed)
    async with snapshot(records_url) as view:
        made_at = datetime.now(UTC)
        revision = _known_revision(view.revision)
        moving, corrected = await view.being_moved(), await view.last_correction()
        tables = [await _table(writer, view, shape, say) for shape in shapes(leave_out=LEFT_OUT)]
    count = await _readings(writer, readings, say)
    changed = await _changed(writer, readings, [*moving, *await stood_before(records_url, corrected)])
    manifest = Manifest(
        id=uuid4(),
        made_at=made_at,
        release=version("hearthline"),
        schema_revision=revision,
        tables=tuple(tables),
        readings=count,
        changed=changed,
        settings=settings,
        parts=tuple(writer.parts),
    )
    writer.finish(manifest)
    return manifest


def _known_revision(found: str | None) -> str:
    newest = known_revisions()[0]
    if found == newest:
        return newest
    if found is None:
        raise HearthlineError("there are no records to back up; check records_url and data_dir")
    raise HearthlineError(
        f"the records are at schema {found} and this release speaks {newest}. "
        "Take the backup with the release that runs; only then upgrade."
    )


async def _table(writer: BackupWriter, view: Snapshot, shape: TableShape, say: Progress) -> TableContent:
    lines = Lines(writer, f"records/{shape.name}")
    async for some in view.lines(shape):
        for line in some:
            lines.add(line)
        say(f"records: {shape.name}, {lines.seen} rows")
    lines.flush()
    columns = tuple(Column(name=name, type=kind) for name, kind in shape.columns)
    return TableContent(name=shape.name, columns=columns, rows=lines.rows)


async def _readings(writer: BackupWriter, readings: ReadingStore, say: Progress) -> int:
    lines = Lines(writer, "readings")
    patients = await readings.patients()
    for number, patient in enumerate(patients, 1):
        after: tuple[datetime, UUID] | None = None
        while page := await readings.everything(patient, after, _A_PAGE):
            for one in page:
                lines.add(line_of(one))
            after = (page[-1].effective_time, page[-1].id)
            say(f"readings: {lines.seen}, patient {number} of {len(patients)}")
    lines.flush()
    return lines.rows


async def _changed(writer: BackupWriter, readings: ReadingStore, moved: list[StoodBefore]) -> int:
    """Those that were moved while the readings were copied, once more, where they stood at the snapshot."""
    lines = Lines(writer, "changed")
    before = {one.reading_id: one for one in reversed(moved)}  # of several corrections the first one tells
    ids = list(before)
    for start in range(0, len(ids), _IDS_A_LOOK):
        found = await readings.get_many(ids[start : start + _IDS_A_LOOK])
        for reading_id, now in found.items():
            lines.add(line_of(_as_before(now, before[reading_id])))
    lines.flush()
    return lines.rows


def _as_before(now: PatientReading, before: StoodBefore) -> PatientReading:
    patient = before.patient_id or NOBODY
    return now.moved(Place(patient, before.effective_time or now.effective_time, before.aside))
