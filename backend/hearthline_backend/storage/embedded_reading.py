"""What the embedded readings file is asked, each a function of a connection: series and tail as of one moment."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import tzinfo
from typing import Any, NamedTuple
from uuid import UUID

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.buckets import numbers_in, summed_up
from hearthline_backend.storage.embedded_tail import Tail, View
from hearthline_backend.storage.embedded_writing import in_parts
from hearthline_backend.storage.ports import Bucket, PatientReading, Width
from hearthline_backend.storage.readings_tables import Entry
from hearthline_backend.storage.series_runs import entries_in, entries_of


class Stretch(NamedTuple):
    """One patient and kind with ``start_us <= time_us < end_us``."""

    patient: bytes
    start_us: int
    end_us: int
    kind: str

    def entries(self, connection: sqlite3.Connection, view: View, lowest: int) -> list[Entry]:
        """Those with this standing or a higher one, oldest first, then by id."""
        start, end, kind = self.start_us, self.end_us, self.kind
        runs = connection.execute(tables.RUNS, (self.patient, start, end))
        found = [one for packed in runs for one in entries_of(kind, *packed)]
        found += [one[1:] for one in view.of(self.patient) if one[5] == kind]
        found = [one for one in found if start <= one[0] < end and one[3] >= lowest]
        found.sort()
        return found


def window(connection: sqlite3.Connection, tail: Tail, asked: Stretch, patient_id: UUID) -> list[PatientReading]:
    """Readings of a stretch, oldest first, then by id."""
    with tail.view(connection) as view:
        rows = _by_number(connection, tables.BY_NUMBER, asked.entries(connection, view, tables.IN_SERIES))
    return [tables.reading_of(row, patient_id) for row in rows]


def windows(
    connection: sqlite3.Connection, tail: Tail, wanted: Sequence[tuple[Stretch, UUID]]
) -> list[list[PatientReading]]:
    """Many stretches of patients, each as :func:`window`, in one visit to the thread."""
    return [window(connection, tail, asked, patient_id) for asked, patient_id in wanted]


def buckets(connection: sqlite3.Connection, tail: Tail, asked: Stretch, width: Width, zone: tzinfo) -> list[Bucket]:
    """A stretch summed up. The bodies are read for their numbers alone."""
    with tail.view(connection) as view:
        rows = _by_number(connection, tables.BODIES, asked.entries(connection, view, tables.SHOWN))
    return summed_up(((tables.instant(at), numbers_in(body)) for at, _, body in rows), width, zone)


def latest(
    connection: sqlite3.Connection, tail: Tail, patients: Collection[UUID]
) -> Mapping[UUID, Mapping[str, PatientReading]]:
    """The newest reading with a value of the patient, per patient and kind."""
    people = {one.bytes: one for one in patients}
    newest: dict[tuple[bytes, str], tuple[int, bytes, int]] = {}
    with tail.view(connection) as view:
        for patient, kind, *which in _by(connection, tables.LATEST, people):
            newest[patient, kind] = (which[0], which[1], which[2])
        for whose in people:
            for patient, time_us, key, number, standing, kind in view.of(whose):
                there = newest.get((patient, kind))
                if standing == tables.SHOWN and (there is None or there < (time_us, key, number)):
                    newest[patient, kind] = (time_us, key, number)
        rows = {row[1]: row for row in _by_number(connection, tables.BY_NUMBER, newest.values())}
    found: dict[UUID, dict[str, PatientReading]] = {}
    for (patient, kind), (_, key, _) in newest.items():
        found.setdefault(people[patient], {})[kind] = tables.reading_of(rows[key], people[patient])
    return found


def by_ids(connection: sqlite3.Connection, wanted: Collection[UUID]) -> Mapping[UUID, PatientReading]:
    """Those of these readings that are there."""
    ids = {one.bytes: one for one in wanted}
    connection.execute("BEGIN")
    found = {ids[row[1]]: tables.reading_of(row) for row in _by(connection, tables.BY_ID, ids)}
    connection.execute("COMMIT")
    return found


def everything(
    connection: sqlite3.Connection, tail: Tail, patient_id: UUID, after: tuple[int, bytes], limit: int
) -> list[PatientReading]:
    """Readings of one patient, by time, then id: the first ``limit`` after ``after``."""
    patient = patient_id.bytes
    with tail.view(connection) as view:
        found = [one[1:] for one in view.of(patient) if one[1:3] > after]
        last: int | None = None
        with closing(connection.execute(tables.RUNS_FROM, (patient, after[0]))) as runs:
            for first_us, *packed in runs:
                if last is not None and first_us > last:
                    break  # runs are in order of their first readings: nothing that is asked for comes any more
                found += [one for one in entries_in(*packed) if one[:2] > after]
                if last is None and len(found) >= limit:
                    last = sorted(found)[limit - 1][0]
        rows = _by_number(connection, tables.BY_NUMBER, sorted(found)[:limit])
    return [tables.reading_of(row, patient_id) for row in rows]


def patients(connection: sqlite3.Connection, tail: Tail) -> list[UUID]:
    """Everybody of whom there is a reading, in order."""
    with tail.view(connection) as view:
        people = {patient for (patient,) in connection.execute(tables.PATIENTS)} | view.patients()
    return [UUID(bytes=one) for one in sorted(people)]


def _by_number(connection: sqlite3.Connection, query: str, wanted: Iterable[Sequence[Any]]) -> list[Any]:
    """The rows of entries, or of what begins like them, by time, then id."""
    rows = connection.execute(query, (tables.as_json([one[2] for one in wanted]),)).fetchall()
    rows.sort()
    return rows


def _by(connection: sqlite3.Connection, query: str, wanted: Iterable[bytes | int]) -> list[Any]:
    return [row for filled, part in in_parts(query, wanted) for row in connection.execute(filled, part)]
