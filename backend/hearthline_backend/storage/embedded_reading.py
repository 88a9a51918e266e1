"""What the embedded readings file is asked, each a function of a connection: series and tail as of one moment."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple
from uuid import UUID

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.buckets import numbers_in, summed_up
from hearthline_backend.storage.embedded_tail import Tail, View
from hearthline_backend.storage.embedded_writing import in_parts
from hearthline_backend.storage.ports import Bucket, PatientReading, Width


class Stretch(NamedTuple):
    """One patient and kind with ``start_us <= time_us < end_us``."""

    patient: bytes
    start_us: int
    end_us: int
    kind: str

    def tail(self, view: View, lowest: int) -> list[int]:
        """The numbers of what is not in ``series`` yet, with this standing or a higher one."""
        return [
            number
            for _, time_us, kind, _, standing, number in view.of(self.patient)
            if standing >= lowest and kind == self.kind and self.start_us <= time_us < self.end_us
        ]


def window(connection: sqlite3.Connection, tail: Tail, asked: Stretch, patient_id: UUID) -> list[PatientReading]:
    """Readings of a stretch, oldest first, then by id."""
    with tail.view(connection) as view:
        rows = connection.execute(tables.WINDOW, asked).fetchall()
        rows += _by(connection, tables.BY_NUMBER, asked.tail(view, tables.IN_SERIES))
    return [tables.reading_of(row, patient_id) for row in sorted(rows)]


def windows(
    connection: sqlite3.Connection, tail: Tail, wanted: Sequence[tuple[Stretch, UUID]]
) -> list[list[PatientReading]]:
    """Many stretches of patients, each as :func:`window`, in one visit to the thread."""
    return [window(connection, tail, asked, patient_id) for asked, patient_id in wanted]


def buckets(connection: sqlite3.Connection, tail: Tail, asked: Stretch, width: Width, zone: tzinfo) -> list[Bucket]:
    """A stretch summed up. The bodies are read for their numbers alone."""
    with tail.view(connection) as view:
        rows = connection.execute(tables.BODIES, asked).fetchall()
        rows += _by(connection, tables.BODIES_BY_NUMBER, asked.tail(view, tables.SHOWN))
    return summed_up(((tables.instant(at), numbers_in(body)) for at, _, body in sorted(rows)), width, zone)


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
            for patient, time_us, kind, key, standing, number in view.of(whose):
                there = newest.get((patient, kind))
                if standing == tables.SHOWN and (there is None or there < (time_us, key, number)):
                    newest[patient, kind] = (time_us, key, number)
        rows = {row[1]: row for row in _by(connection, tables.BY_NUMBER, [one[2] for one in newest.values()])}
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
    patient, (time_us, key) = patient_id.bytes, after
    with tail.view(connection) as view:
        rows = connection.execute(tables.EVERYTHING, (patient, time_us, time_us, key, limit)).fetchall()
        rest = sorted((one[1], one[3], one[5]) for one in view.of(patient) if (one[1], one[3]) > after)[:limit]
        rows += _by(connection, tables.BY_NUMBER, [number for _, _, number in rest])
    return [tables.reading_of(row, patient_id) for row in sorted(rows)[:limit]]


def patients(connection: sqlite3.Connection, tail: Tail) -> list[UUID]:
    """Everybody of whom there is a reading, in order."""
    with tail.view(connection) as view:
        people = {patient for (patient,) in connection.execute(tables.PATIENTS)} | view.patients()
    return [UUID(bytes=one) for one in sorted(people)]


def _by(connection: sqlite3.Connection, query: str, wanted: Iterable[bytes | int]) -> list[Any]:
    return [row for filled, part in in_parts(query, wanted) for row in connection.execute(filled, part)]
