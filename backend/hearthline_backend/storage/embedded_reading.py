"""What the embedded readings file is asked, each a function of a connection."""

import sqlite3
from collections.abc import Iterable
from datetime import tzinfo
from uuid import UUID

from hearthline_backend.storage import readings_tables as tables
from hearthline_backend.storage.buckets import numbers_in, summed_up
from hearthline_backend.storage.embedded_writing import in_parts
from hearthline_backend.storage.ports import Bucket, PatientReading, Width


def select(connection: sqlite3.Connection, query: str, arguments: tuple[object, ...]) -> list[PatientReading]:
    """The readings that one query gives."""
    return tables.readings_of(connection.execute(query, arguments))


def select_in(connection: sqlite3.Connection, query: str, wanted: Iterable[bytes]) -> list[PatientReading]:
    """The readings that a query with ``IN ({marks})`` gives for all of ``wanted``, at one moment."""
    connection.execute("BEGIN")
    found = [one for filled, part in in_parts(query, wanted) for one in select(connection, filled, part)]
    connection.execute("COMMIT")
    return found


def buckets(connection: sqlite3.Connection, arguments: tuple[object, ...], width: Width, zone: tzinfo) -> list[Bucket]:
    """A window summed up. Its bodies are read for their numbers alone."""
    rows = connection.execute(tables.NUMBERS, arguments)
    return summed_up(((tables.instant(time_us), numbers_in(body)) for time_us, body in rows), width, zone)


def patients(connection: sqlite3.Connection) -> list[UUID]:
    """Everybody of whom there is a reading, in order."""
    return [UUID(bytes=one) for (one,) in connection.execute(tables.PATIENTS)]
