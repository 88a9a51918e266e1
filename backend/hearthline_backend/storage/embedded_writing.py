"""What changes the embedded readings file, each a function of a connection: one transaction, one sync."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.ports import PatientReading, Place

_MARKS_A_QUERY: Final = 500
_EMPTY_LOG_MS: Final = 250
_BUSY_MS: Final = 10_000


def write(connection: sqlite3.Connection, rows: Sequence[PatientReading]) -> frozenset[UUID]:
    """Add the rows whose ids are new; returns those ids."""
    asked = tables.entries(rows)
    connection.execute("BEGIN IMMEDIATE")  # from here on nobody else adds an id
    if _add_identities(connection, asked.values()) < len(asked):  # somebody sent again
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        for key in _known(connection, [one.id for one in asked.values()]):
            del asked[UUID(bytes=key)]
        _add_identities(connection, asked.values())
    _add(connection, list(asked.values()))
    connection.execute("COMMIT")
    return frozenset(asked)


def _add_identities(connection: sqlite3.Connection, new: Collection[tables.Entry]) -> int:
    rows = sorted((one.id, one.patient, one.time_us) for one in new)
    return connection.executemany(tables.ADD_IDENTITY, rows).rowcount if rows else 0


def _known(connection: sqlite3.Connection, ids: list[bytes]) -> list[bytes]:
    return [key for query, part in in_parts(tables.KNOWN, ids) for (key,) in connection.execute(query, part)]


def _add(connection: sqlite3.Connection, new: list[tables.Entry]) -> None:
    (first,) = connection.execute(tables.NEXT_BODY).fetchone()
    numbered = list(enumerate(new, first))
    connection.executemany(tables.ADD_BODY, [(said, one.gateway, one.stored_us, one.body) for said, one in numbered])
    places = sorted((one.patient, one.time_us, one.kind, one.id, one.standing, said) for said, one in numbered)
    connection.executemany(tables.ADD_PLACE, places)
    newest = {  # by time, so that the last one of a patient and kind stays
        (patient, kind): (patient, kind, time_us, key)
        for patient, time_us, kind, key, standing, _ in places
        if standing == tables.SHOWN
    }
    connection.executemany(tables.ADD_LATEST, newest.values())


def move(connection: sqlite3.Connection, places: Mapping[UUID, Place]) -> frozenset[UUID]:
    """Put readings at their places; returns the ids that are known."""
    connection.execute("BEGIN IMMEDIATE")
    known: set[UUID] = set()
    touched: set[tuple[bytes, str]] = set()
    wanted = [one.bytes for one in places]
    for row in [row for query, part in in_parts(tables.PLACES, wanted) for row in connection.execute(query, part)]:
        patient, time_us, kind, key, standing, said, gateway, stored_us, body = row
        reading_id = UUID(bytes=key)
        known.add(reading_id)
        (one,) = tables.readings_of([(patient, time_us, gateway, stored_us, body, standing)])
        moved = one.moved(places[reading_id])
        there = (moved.patient_id.bytes, tables.microseconds(moved.effective_time), kind, key)
        stands = tables.standing_of(moved)
        if (*there, stands) == (patient, time_us, kind, key, standing):
            continue
        connection.execute(tables.REMOVE_PLACE, (patient, time_us, kind, key))
        connection.execute(tables.MOVE_IDENTITY, (*there[:2], key))
        connection.execute(tables.ADD_PLACE, (*there, stands, said))
        touched |= {(patient, kind), (there[0], kind)}
    for pair in sorted(touched):
        connection.execute(tables.REMOVE_LATEST, pair)
        connection.execute(tables.FIND_LATEST, pair)
    connection.execute("COMMIT")
    return frozenset(known)


def erase(connection: sqlite3.Connection, patient: bytes) -> int:
    """Forget everything of a patient; returns how many readings there were.

    The pages are overwritten, and so is the log, unless somebody is reading from it: then it is by the next writes.
    """
    connection.execute("BEGIN IMMEDIATE")
    *_, gone = (connection.execute(statement, (patient,)).rowcount for statement in tables.ERASE)
    connection.execute("COMMIT")
    if gone:
        connection.execute(f"PRAGMA busy_timeout={_EMPTY_LOG_MS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return gone


def in_parts(query: str, values: Iterable[bytes]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """The query with its ``{marks}`` filled in, and the values that belong to them, a bounded number at a time."""
    everything = tuple(values)
    for start in range(0, len(everything), _MARKS_A_QUERY):
        part = everything[start : start + _MARKS_A_QUERY]
        yield query.format(marks=",".join("?" * len(part))), part
