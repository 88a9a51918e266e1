"""Making the embedded readings file, and bringing one of an older release up to date: one transaction, or nothing."""

import sqlite3
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Final

import structlog

from hearthline_backend.errors import HearthlineError
from hearthline_backend.quick_reading import quick_reading
from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.buckets import shows_as_latest
from hearthline_backend.storage.series_runs import runs_of
from hearthline_protocol.readings import Reading

_log = structlog.get_logger(__name__)

_FROM_1: Final = (
    "ALTER TABLE readings RENAME TO readings_1",
    "DROP TABLE latest",
    *tables.TABLES,
    # Numbered in the order of patient and time: what is read together lies together.
    """INSERT INTO readings (number, id, patient, time_us, kind, standing, gateway, stored_us, body)
        SELECT row_number() OVER (ORDER BY patient, time_us, kind, id), id, patient, time_us, kind,
            standing_of_body(body), gateway, stored_us, body FROM readings_1 ORDER BY patient, time_us, kind, id""",
    """INSERT INTO latest (patient, kind, time_us, id, number)
        SELECT patient, kind, time_us, id, number FROM readings WHERE standing = 2 ORDER BY number
        ON CONFLICT (patient, kind) DO UPDATE
        SET time_us = excluded.time_us, id = excluded.id, number = excluded.number""",
    "DROP TABLE readings_1",
    "DROP TABLE reading_ids",
)
_SERIES_OF_1: Final = "SELECT patient, time_us, id, number, standing, kind FROM readings ORDER BY number"
_FROM_2: Final = ("ALTER TABLE series RENAME TO series_2", tables.SERIES)
_SERIES_OF_2: Final = """SELECT patient, time_us, id, number, standing, kind FROM series_2
    ORDER BY patient, time_us, kind, id"""
_ADD_RUN: Final = tables.ADD_RUNS.format(rows="(?,?,?,?,?,?)")
_AT_ONCE: Final = 2400
"""Readings of a patient that are made into runs together."""


class ReadingsTooNewError(HearthlineError):
    """The file was written by a newer release."""

    def __init__(self, path: Path, found: int) -> None:
        super().__init__(
            f"{path} is at version {found} and this release knows up to {tables.VERSION}. "
            "Start the release that wrote it, or restore the backup made before its upgrade."
        )


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Leave the file at this release's version. Raises :class:`ReadingsTooNewError`."""
    if _version(connection) == tables.VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    found = _version(connection)  # another process may just have done it
    if found > tables.VERSION:
        raise ReadingsTooNewError(path, found)
    if found < tables.VERSION:
        if found > 0:
            _log.info("readings are upgraded before anything else, minutes where there are millions", version=found)
        _FROM[found](connection)
        connection.execute(f"PRAGMA user_version = {tables.VERSION}")
    connection.execute("COMMIT")
    if found not in {0, tables.VERSION}:
        _log.info("readings are upgraded", version=tables.VERSION)


def _make(connection: sqlite3.Connection) -> None:
    for statement in tables.TABLES:
        connection.execute(statement)
    _add_shelves(connection)


def _from_1(connection: sqlite3.Connection) -> None:
    connection.create_function("standing_of_body", 1, _standing_of_body, deterministic=True)
    for statement in _FROM_1:
        connection.execute(statement)
    _into_runs(connection, _SERIES_OF_1)
    _add_shelves(connection)


def _from_2(connection: sqlite3.Connection) -> None:
    for statement in _FROM_2:
        connection.execute(statement)
    _into_runs(connection, _SERIES_OF_2)
    connection.execute("DROP TABLE series_2")


_FROM: Final = {0: _make, 1: _from_1, 2: _from_2}


def _add_shelves(connection: sqlite3.Connection) -> None:
    """All of them filled up to the newest reading there is."""
    newest = connection.execute("SELECT coalesce(max(number), 0) FROM readings").fetchone()[0]
    connection.executemany(tables.ADD_SHELF, [(shelf, newest) for shelf in range(tables.SHELVES)])


def _into_runs(connection: sqlite3.Connection, query: str) -> None:
    """Fill ``series`` with what the query gives, a patient after the other."""
    for patient, theirs in groupby(connection.execute(query), itemgetter(0)):
        while entries := sorted(one[1:] for one in islice(theirs, _AT_ONCE)):
            connection.executemany(_ADD_RUN, runs_of(patient, entries))


def _version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _standing_of_body(body: str) -> int:
    said = body.encode()
    content = quick_reading(said) or Reading.model_validate_json(said)
    return tables.SHOWN if shows_as_latest(content) else tables.IN_SERIES
