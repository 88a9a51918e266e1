"""Making the embedded readings file, and bringing one of an older release up to date: one transaction, or nothing."""

import sqlite3
from pathlib import Path
from typing import Final

from hearthline_backend.errors import HearthlineError
from hearthline_backend.quick_reading import quick_reading
from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.buckets import shows_as_latest
from hearthline_protocol.readings import Reading

_FROM_1: Final = (
    "ALTER TABLE readings RENAME TO readings_1",
    "DROP TABLE latest",
    *tables.TABLES,
    # Numbered in the order of patient and time: what is read together lies together.
    """INSERT INTO readings (number, id, patient, time_us, kind, standing, gateway, stored_us, body)
        SELECT row_number() OVER (ORDER BY patient, time_us, kind, id), id, patient, time_us, kind,
            standing_of_body(body), gateway, stored_us, body FROM readings_1 ORDER BY patient, time_us, kind, id""",
    """INSERT INTO series (patient, time_us, kind, id, standing, number)
        SELECT patient, time_us, kind, id, standing, number FROM readings ORDER BY number""",
    """INSERT INTO latest (patient, kind, time_us, id, number)
        SELECT patient, kind, time_us, id, number FROM series WHERE standing = 2 ORDER BY patient, time_us, id
        ON CONFLICT (patient, kind) DO UPDATE
        SET time_us = excluded.time_us, id = excluded.id, number = excluded.number""",
    "DROP TABLE readings_1",
    "DROP TABLE reading_ids",
)


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
        connection.create_function("standing_of_body", 1, _standing_of_body, deterministic=True)
        for statement in tables.TABLES if found == 0 else _FROM_1:
            connection.execute(statement)
        newest = connection.execute("SELECT coalesce(max(number), 0) FROM readings").fetchone()[0]
        connection.executemany(tables.ADD_SHELF, [(shelf, newest) for shelf in range(tables.SHELVES)])
        connection.execute(f"PRAGMA user_version = {tables.VERSION}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _standing_of_body(body: str) -> int:
    said = body.encode()
    content = quick_reading(said) or Reading.model_validate_json(said)
    return tables.SHOWN if shows_as_latest(content) else tables.IN_SERIES
