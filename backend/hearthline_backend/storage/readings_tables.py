"""The embedded readings file: its tables, and a row to a reading and back. No connection, no thread.

``readings.sqlite3`` may be read by anyone with plain SQL (it is in WAL mode, so while it is written, too):

======================  ============================================================================================
``readings``            one row a reading, in the order of arrival: everything there is
``.number``             counts up as they arrive; one that was erased is not used again
``.id``, ``.patient``   16-byte BLOB: the UUID's bytes, so ``WHERE id = x'…32 hex digits…'`` or ``uuid.bytes``
``.time_us``            effective time, microseconds since 1970-01-01 UTC
``.kind``               name in the table of kinds
``.standing``           2 in its series, and it may be the last value; 1 in its series (it failed, is not the patient's
                        or is synthetic); 0 aside: in no series
``.gateway``            who sent it first
``.stored_us``          the backend's clock when it was stored, microseconds since 1970-01-01 UTC
``.body``               the reading as JSON, byte for byte as it came: a correction moves a reading, and leaves this
``series``              where readings stand: a row is a run of up to 24 of one patient
``.last_us``            the effective time of its last reading, ``.number`` that one's; ``.first_us`` that of its first
``.kinds``              those of its readings, with commas between them
``.readings``           34 bytes each, in order of time, then id: time_us (8 bytes, signed, big-endian), id (16), number
                        (8, as the time), standing (1), kind (1: its place in ``.kinds``, from 0)
``latest``              ``(patient, kind)`` to ``(time_us, id, number)`` of the newest that may be the last value
``shelves``             how far ``series`` and ``latest`` are filled: a patient is on the shelf of the last byte of the
                        id modulo 16, and its readings with a number above ``.up_to`` are in ``readings`` alone so far
======================  ============================================================================================

Readings of many patients arrive together, and stand far apart in ``series``: filled in at once, nearly each would
change a page of its own, and pages written are what a reading costs here. A shelf is filled in when several of each
patient have come, as runs (:mod:`.series_runs`). Until then :mod:`.embedded_tail` knows them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.storage.buckets import shows_as_latest
from hearthline_backend.storage.ports import PatientReading

VERSION: Final = 3
"""Kept in the file's ``user_version``."""
SHELVES: Final = 16

SERIES: Final = """CREATE TABLE series (
    patient BLOB NOT NULL, last_us INTEGER NOT NULL, number INTEGER NOT NULL, first_us INTEGER NOT NULL,
    kinds TEXT NOT NULL, readings BLOB NOT NULL, PRIMARY KEY (patient, last_us, number)) WITHOUT ROWID"""
TABLES: Final = (
    """CREATE TABLE readings (
        number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, patient BLOB NOT NULL, time_us INTEGER NOT NULL,
        kind TEXT NOT NULL, standing INTEGER NOT NULL, gateway TEXT NOT NULL, stored_us INTEGER NOT NULL,
        body TEXT NOT NULL)""",
    SERIES,
    """CREATE TABLE latest (
        patient BLOB NOT NULL, kind TEXT NOT NULL, time_us INTEGER NOT NULL, id BLOB NOT NULL,
        number INTEGER NOT NULL, PRIMARY KEY (patient, kind)) WITHOUT ROWID""",
    "CREATE TABLE shelves (shelf INTEGER PRIMARY KEY, up_to INTEGER NOT NULL)",
)
ADD_SHELF: Final = "INSERT INTO shelves (shelf, up_to) VALUES (?,?)"

ASIDE: Final = 0
IN_SERIES: Final = 1
SHOWN: Final = 2

NEWEST: Final = """SELECT max(coalesce((SELECT max(number) FROM readings), 0), (SELECT max(up_to) FROM shelves))"""
UP_TO: Final = "SELECT up_to FROM shelves ORDER BY shelf"
ARRIVED: Final = "SELECT patient, time_us, id, number, standing, kind FROM readings WHERE number > ? ORDER BY number"

ADD_READINGS: Final = """INSERT OR IGNORE INTO readings
    (number, id, patient, time_us, kind, standing, gateway, stored_us, body) VALUES {rows}"""
KNOWN: Final = "SELECT id FROM readings WHERE id IN ({marks})"
ADD_RUNS: Final = "INSERT INTO series (patient, last_us, number, first_us, kinds, readings) VALUES {rows}"
ADD_LATEST: Final = """INSERT INTO latest (patient, kind, time_us, id, number) VALUES {rows}
    ON CONFLICT (patient, kind) DO UPDATE SET time_us = excluded.time_us, id = excluded.id, number = excluded.number
    WHERE (excluded.time_us, excluded.id) > (latest.time_us, latest.id)"""
FILLED: Final = "UPDATE shelves SET up_to = ? WHERE shelf = ?"

# Only these words of our own are put into statements.
_ROW: Final = "r.time_us, r.id, r.patient, r.gateway, r.stored_us, CAST(r.body AS BLOB), r.standing"
BY_NUMBER: Final = f"SELECT {_ROW} FROM json_each(?) AS one CROSS JOIN readings AS r ON r.number = one.value"  # noqa: S608
BODIES: Final = """SELECT r.time_us, r.id, CAST(r.body AS BLOB)
    FROM json_each(?) AS one CROSS JOIN readings AS r ON r.number = one.value"""
BY_ID: Final = f"SELECT {_ROW} FROM readings AS r WHERE r.id IN ({{marks}})"  # noqa: S608
LATEST: Final = "SELECT patient, kind, time_us, id, number FROM latest WHERE patient IN ({marks})"
RUNS: Final = "SELECT kinds, readings FROM series WHERE patient = ? AND last_us >= ? AND first_us < ?"
RUNS_FROM: Final = """SELECT first_us, kinds, readings FROM series WHERE patient = ? AND last_us >= ?
    ORDER BY first_us"""
PATIENTS: Final = """WITH RECURSIVE everybody (patient) AS (
    SELECT min(patient) FROM series UNION ALL
    SELECT (SELECT min(patient) FROM series WHERE patient > everybody.patient) FROM everybody
        WHERE everybody.patient IS NOT NULL)
    SELECT patient FROM everybody WHERE patient IS NOT NULL"""

PLACES: Final = f"SELECT r.number, r.kind, {_ROW} FROM readings AS r WHERE r.id IN ({{marks}})"  # noqa: S608
MOVE: Final = "UPDATE readings SET patient = ?, time_us = ?, standing = ? WHERE number = ?"
RUNS_AT: Final = """SELECT last_us, number, kinds, readings FROM series
    WHERE patient = ? AND last_us >= ? AND first_us <= ?"""
REMOVE_RUN: Final = "DELETE FROM series WHERE patient = ? AND last_us = ? AND number = ?"
NEWEST_RUNS: Final = "SELECT last_us, kinds, readings FROM series WHERE patient = ? ORDER BY last_us DESC"
REMOVE_LATEST: Final = "DELETE FROM latest WHERE patient = ? AND kind = ?"
ALL_RUNS: Final = "SELECT kinds, readings FROM series WHERE patient = ?"
ERASE_READINGS: Final = "DELETE FROM readings WHERE number IN (SELECT value FROM json_each(?))"
ERASE: Final = ("DELETE FROM latest WHERE patient = ?", "DELETE FROM series WHERE patient = ?")

Row = tuple[int, bytes, bytes, str, int, bytes, int]
"""What the queries for readings give: time_us, id, patient, gateway, stored_us, body, standing. So they sort."""
Entry = tuple[int, bytes, int, int, str]
"""A reading in a run: time_us, id, number, standing, kind. So they sort."""
Standing = tuple[bytes, int, bytes, int, int, str]
"""Where a reading stands: its patient, then what its entry will be."""
Run = tuple[bytes, int, int, int, str, bytes]
"""A row of ``series``: patient, last_us, number, first_us, kinds, readings."""

EARLIEST_US: Final = -(1 << 63)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def shelf_of(patient: bytes) -> int:
    """The shelf that a patient is on."""
    return patient[-1] % SHELVES


def as_json(numbers: Iterable[int]) -> str:
    """What ``json_each`` takes apart: one value for the driver to hand over, however many there are."""
    return f"[{','.join(map(str, numbers))}]"


def microseconds(moment: datetime) -> int:
    """Since 1970-01-01 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(time_us: int) -> datetime:
    """The moment so many microseconds after 1970-01-01 UTC."""
    return _EPOCH + time_us * _MICROSECOND  # a third of what a timedelta made of it takes


def standing_of(one: PatientReading) -> int:
    """How a reading stands in its series: see the table above."""
    if one.aside:
        return ASIDE
    return SHOWN if shows_as_latest(one.content) else IN_SERIES


def first_of_each(rows: Sequence[PatientReading]) -> dict[bytes, PatientReading]:
    """By the bytes of their ids; where an id comes twice the first one counts."""
    keys = [one.content.id.int.to_bytes(16) for one in rows]
    found = dict(zip(keys, rows, strict=True))
    if len(found) < len(keys):
        found = dict(zip(reversed(keys), reversed(rows), strict=True))
        return {key: found[key] for key in dict.fromkeys(keys)}
    return found


def numbered(new: Mapping[bytes, PatientReading], newest: int) -> tuple[list[int | str | bytes], list[Standing]]:
    """What ``ADD_READINGS`` takes, and how they will stand, with the numbers that follow ``newest``."""
    values: list[int | str | bytes] = []
    standings: list[Standing] = []
    stored_time, stored_us, number = _EPOCH, 0, newest
    for key, one in new.items():
        number += 1
        content, stored = one.content, one.stored_time
        if stored is not stored_time:  # a group has one for all
            stored_time, stored_us = stored, microseconds(stored)
        patient, kind = one.patient_id.int.to_bytes(16), content.kind
        time_us = (one.effective_time - _EPOCH) // _MICROSECOND
        standing = ASIDE if one.aside else SHOWN if shows_as_latest(content) else IN_SERIES
        values += (number, key, patient, time_us, kind, standing, one.gateway, stored_us, one.body.decode())
        standings.append((patient, time_us, key, number, standing, kind))
    return values, standings


def reading_of(row: Row, patient_id: UUID | None = None) -> PatientReading:
    """The reading in a row, not taken apart yet; ``patient_id`` where it is known to be the row's."""
    time_us, _, patient, gateway, stored_us, body, standing = row
    return PatientReading.kept(
        patient_id or UUID(bytes=patient),
        gateway,
        body,
        instant(stored_us),
        effective_time=instant(time_us),
        aside=standing == ASIDE,
    )
