"""The embedded readings file: its tables, and a row to a reading and back. No connection, no thread.

``readings.sqlite3`` may be read by anyone with plain SQL (it is in WAL mode, so while it is written, too):

======================  ============================================================================================
``readings``            one row a reading, clustered by ``(patient, time_us, kind, id)``
``.patient``, ``.id``   16-byte BLOB: the UUID's bytes, so ``WHERE id = x'…32 hex digits…'`` or ``uuid.bytes``
``.time_us``            effective time, microseconds since 1970-01-01 UTC
``.kind``               name in the table of kinds
``.gateway``            who sent it first
``.stored_us``          the backend's clock when it was stored, microseconds since 1970-01-01 UTC
``.body``               the reading as JSON, as :class:`hearthline_protocol.readings.Reading` writes it
``reading_ids``         the register of identity: ``id`` to ``(patient, time_us, kind)`` of the one row it names
``latest``              ``(patient, kind)`` to ``(time_us, id)`` of the newest reading that shows in "last value"
======================  ============================================================================================
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading
from hearthline_protocol.readings import Reading

VERSION: Final = 1
"""Kept in the file's ``user_version``."""

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS readings (
        patient BLOB NOT NULL, time_us INTEGER NOT NULL, kind TEXT NOT NULL, id BLOB NOT NULL,
        gateway TEXT NOT NULL, stored_us INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (patient, time_us, kind, id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS reading_ids (
        id BLOB PRIMARY KEY, patient BLOB NOT NULL, time_us INTEGER NOT NULL, kind TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS latest (
        patient BLOB NOT NULL, kind TEXT NOT NULL, time_us INTEGER NOT NULL, id BLOB NOT NULL,
        PRIMARY KEY (patient, kind)) WITHOUT ROWID""",
    f"PRAGMA user_version = {VERSION}",
)
ADD_READING: Final = (
    "INSERT INTO readings (patient, time_us, kind, id, gateway, stored_us, body) VALUES (?,?,?,?,?,?,?)"
)
ADD_ID: Final = "INSERT INTO reading_ids (id, patient, time_us, kind) VALUES (?,?,?,?)"
ADD_LATEST: Final = """INSERT INTO latest (patient, kind, time_us, id) VALUES (?,?,?,?)
    ON CONFLICT (patient, kind) DO UPDATE SET time_us = excluded.time_us, id = excluded.id
    WHERE (excluded.time_us, excluded.id) > (latest.time_us, latest.id)"""
GET: Final = """SELECT r.patient, r.gateway, r.stored_us, r.body FROM reading_ids AS i
    JOIN readings AS r USING (patient, time_us, kind, id) WHERE i.id = ?"""
WINDOW: Final = """SELECT patient, gateway, stored_us, body FROM readings
    WHERE patient = ? AND time_us >= ? AND time_us < ? AND kind = ? ORDER BY time_us, id"""
LATEST: Final = """SELECT r.patient, r.gateway, r.stored_us, r.body FROM latest AS l
    JOIN readings AS r USING (patient, time_us, kind, id) WHERE l.patient IN ({marks})"""

Row = tuple[bytes, str, int, str]
"""What every query gives: patient, gateway, stored_us, body."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Since 1970-01-01 UTC, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def shows_as_latest(reading: Reading) -> bool:
    """Whether a reading may be a patient's "last value": it has one, it is the patient's, and it is not synthetic."""
    return reading.quality.judged and bool(reading.values) and not reading.synthetic


def reading_of(row: Row) -> PatientReading:
    """The reading in a row."""
    patient, gateway, stored_us, body = row
    stored = _EPOCH + timedelta(microseconds=stored_us)
    return PatientReading(UUID(bytes=patient), gateway, Reading.model_validate_json(body), stored)


def row_of(one: PatientReading) -> tuple[bytes, int, str, bytes, str, int, str]:
    """The row of a reading, in the order of :data:`ADD_READING`."""
    reading = one.reading
    key = (one.patient_id.bytes, microseconds(reading.effective_time), reading.kind, reading.id.bytes)
    return (*key, one.gateway, microseconds(one.stored_time), reading.model_dump_json())


def first_of_each(rows: Sequence[PatientReading]) -> dict[bytes, PatientReading]:
    """By id; where an id comes twice the first one counts."""
    found: dict[bytes, PatientReading] = {}
    for one in rows:
        found.setdefault(one.reading.id.bytes, one)
    return found
