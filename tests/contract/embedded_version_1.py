"""An embedded readings file as version 1 wrote it."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import microseconds

_TABLES: Final = """
CREATE TABLE readings (
    patient BLOB NOT NULL, time_us INTEGER NOT NULL, kind TEXT NOT NULL, id BLOB NOT NULL,
    gateway TEXT NOT NULL, stored_us INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (patient, time_us, kind, id)) WITHOUT ROWID;
CREATE TABLE reading_ids (
    id BLOB PRIMARY KEY, patient BLOB NOT NULL, time_us INTEGER NOT NULL, kind TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE latest (
    patient BLOB NOT NULL, kind TEXT NOT NULL, time_us INTEGER NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY (patient, kind)) WITHOUT ROWID;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""


def write_version_1(path: Path, rows: Sequence[PatientReading]) -> None:
    """Make the file, with these readings in it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_TABLES)
        for one in rows:
            patient, at = one.patient_id.bytes, microseconds(one.effective_time)
            whole = (patient, at, one.kind, one.id.bytes, one.gateway, microseconds(one.stored_time))
            connection.execute("INSERT INTO readings VALUES (?,?,?,?,?,?,?)", (*whole, one.reading.model_dump_json()))
            connection.execute("INSERT INTO reading_ids VALUES (?,?,?,?)", (one.id.bytes, patient, at, one.kind))
            if one.reading.quality.judged and not one.reading.synthetic:
                connection.execute(
                    "INSERT INTO latest VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET time_us = excluded.time_us, "
                    "id = excluded.id WHERE (excluded.time_us, excluded.id) > (latest.time_us, latest.id)",
                    (patient, one.kind, at, one.id.bytes),
                )
        connection.commit()


def rows_of_version_1(path: Path) -> int:
    """How many readings a program of version 1 finds; it refuses a file of any other version."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        (count,) = connection.execute("SELECT count(*) FROM readings JOIN reading_ids USING (id)").fetchone()
        return int(count)
