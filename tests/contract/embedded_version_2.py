"""An embedded readings file as version 2 wrote it: a row of ``series`` for each reading."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import microseconds, standing_of

_TABLES: Final = """
CREATE TABLE readings (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, patient BLOB NOT NULL, time_us INTEGER NOT NULL,
    kind TEXT NOT NULL, standing INTEGER NOT NULL, gateway TEXT NOT NULL, stored_us INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE series (
    patient BLOB NOT NULL, time_us INTEGER NOT NULL, kind TEXT NOT NULL, id BLOB NOT NULL,
    standing INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (patient, time_us, kind, id)) WITHOUT ROWID;
CREATE TABLE latest (
    patient BLOB NOT NULL, kind TEXT NOT NULL, time_us INTEGER NOT NULL, id BLOB NOT NULL,
    number INTEGER NOT NULL, PRIMARY KEY (patient, kind)) WITHOUT ROWID;
CREATE TABLE shelves (shelf INTEGER PRIMARY KEY, up_to INTEGER NOT NULL);
PRAGMA user_version = 2;
PRAGMA journal_mode = WAL;
"""
_FILLED: Final = "SELECT patient, time_us, kind, id, standing, number FROM readings WHERE number <= ?"
_LATEST: Final = """INSERT INTO latest SELECT patient, kind, time_us, id, number FROM series WHERE standing = 2
    ORDER BY time_us, id
    ON CONFLICT DO UPDATE SET time_us = excluded.time_us, id = excluded.id, number = excluded.number"""


def write_version_2(path: Path, rows: Sequence[PatientReading], filled: int) -> None:
    """Make the file, with these readings in it; ``series`` and ``latest`` hold the first ``filled``."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_TABLES)
        for number, one in enumerate(rows, 1):
            place = (one.patient_id.bytes, microseconds(one.effective_time), one.kind, standing_of(one))
            whole = (number, one.id.bytes, *place, one.gateway, microseconds(one.stored_time), one.body.decode())
            connection.execute("INSERT INTO readings VALUES (?,?,?,?,?,?,?,?,?)", whole)
        connection.execute(f"INSERT INTO series {_FILLED}", (filled,))
        connection.execute(_LATEST)
        connection.executemany("INSERT INTO shelves VALUES (?, ?)", [(shelf, filled) for shelf in range(16)])
        connection.commit()


def rows_of_version_2(path: Path) -> tuple[int, int]:
    """How many readings a program of version 2 finds, and in its series; it refuses a file of any other version."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        query = (
            "SELECT count(*), count(series.number) FROM readings LEFT JOIN series USING (patient, time_us, kind, id)"
        )
        there, placed = connection.execute(query).fetchone()
        return int(there), int(placed)
