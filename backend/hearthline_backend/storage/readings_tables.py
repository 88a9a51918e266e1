"""The embedded readings file: its tables, and a row to a reading and back. No connection, no thread.

``readings.sqlite3`` may be read by anyone with plain SQL (it is in WAL mode, so while it is written, too):

======================  ============================================================================================
``readings``            a view, one row a reading, with everything below; find by ``patient`` and ``time_us``, or ``id``
``series``              where a reading stands, clustered by ``(patient, time_us, kind, id)``
``.patient``, ``.id``   16-byte BLOB: the UUID's bytes, so ``WHERE id = x'…32 hex digits…'`` or ``uuid.bytes``
``.time_us``            effective time, microseconds since 1970-01-01 UTC
``.kind``               name in the table of kinds
``.standing``           2 in its series, and it may be the last value; 1 in its series (it failed, is not the patient's
                        or is synthetic); 0 aside: in no series. The view says ``aside`` 1 or 0 instead
``.said``               its row in ``bodies``
``bodies``              what was said, in the order of arrival; a correction moves the row in ``series``, not this one
``.gateway``            who sent it first
``.stored_us``          the backend's clock when it was stored, microseconds since 1970-01-01 UTC
``.body``               the reading as JSON, byte for byte as it came
``identities``          the register of identity: ``id`` to ``(patient, time_us)`` of the one row that it names
``latest``              ``(patient, kind)`` to ``(time_us, id)`` of the newest reading that may be the last value
======================  ============================================================================================

The bodies are apart because a group brings readings of many patients: their small rows in ``series`` change a fraction
of the pages that the bodies among them would, and pages written are what a reading costs here (measured: half).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from hearthline_backend.storage.buckets import shows_as_latest
from hearthline_backend.storage.ports import PatientReading

VERSION: Final = 2
"""Kept in the file's ``user_version``."""

_LATEST_TABLE: Final = """CREATE TABLE IF NOT EXISTS latest (
    patient BLOB NOT NULL, kind TEXT NOT NULL, time_us INTEGER NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY (patient, kind)) WITHOUT ROWID"""
TABLES: Final = (
    """CREATE TABLE series (
        patient BLOB NOT NULL, time_us INTEGER NOT NULL, kind TEXT NOT NULL, id BLOB NOT NULL,
        standing INTEGER NOT NULL, said INTEGER NOT NULL,
        PRIMARY KEY (patient, time_us, kind, id)) WITHOUT ROWID""",
    """CREATE TABLE bodies (
        said INTEGER PRIMARY KEY, gateway TEXT NOT NULL, stored_us INTEGER NOT NULL, body TEXT NOT NULL)""",
    """CREATE TABLE identities (
        id BLOB PRIMARY KEY, patient BLOB NOT NULL, time_us INTEGER NOT NULL) WITHOUT ROWID""",
    _LATEST_TABLE,
)
VIEW: Final = """CREATE VIEW readings AS
    SELECT s.patient, s.time_us, s.kind, s.id, b.gateway, b.stored_us, b.body, s.standing = 0 AS aside
    FROM identities AS i JOIN series AS s ON s.patient = i.patient AND s.time_us = i.time_us AND s.id = i.id
    JOIN bodies AS b ON b.said = s.said"""

ASIDE: Final = 0
IN_SERIES: Final = 1
SHOWN: Final = 2

NEXT_BODY: Final = "SELECT coalesce(max(said), 0) + 1 FROM bodies"
ADD_IDENTITY: Final = "INSERT OR IGNORE INTO identities (id, patient, time_us) VALUES (?,?,?)"
ADD_BODY: Final = "INSERT INTO bodies (said, gateway, stored_us, body) VALUES (?,?,?,?)"
ADD_PLACE: Final = "INSERT INTO series (patient, time_us, kind, id, standing, said) VALUES (?,?,?,?,?,?)"
ADD_LATEST: Final = """INSERT INTO latest (patient, kind, time_us, id) VALUES (?,?,?,?)
    ON CONFLICT (patient, kind) DO UPDATE SET time_us = excluded.time_us, id = excluded.id
    WHERE (excluded.time_us, excluded.id) > (latest.time_us, latest.id)"""
KNOWN: Final = "SELECT id FROM identities WHERE id IN ({marks})"

_SERIES: Final = """SELECT s.patient, s.time_us, b.gateway, b.stored_us, CAST(b.body AS BLOB), s.standing
    FROM series AS s CROSS JOIN bodies AS b ON b.said = s.said"""
WINDOW: Final = f"""{_SERIES} WHERE s.patient = ? AND s.time_us >= ? AND s.time_us < ? AND s.kind = ?
    AND s.standing > 0 ORDER BY s.time_us, s.id"""
EVERYTHING: Final = f"""{_SERIES} WHERE s.patient = ? AND s.time_us >= ? AND (s.time_us > ? OR s.id > ?)
    ORDER BY s.time_us, s.id LIMIT ?"""
GET: Final = """SELECT s.patient, s.time_us, b.gateway, b.stored_us, CAST(b.body AS BLOB), s.standing
    FROM identities AS i CROSS JOIN series AS s ON s.patient = i.patient AND s.time_us = i.time_us AND s.id = i.id
    CROSS JOIN bodies AS b ON b.said = s.said WHERE i.id IN ({marks})"""
LATEST: Final = """SELECT s.patient, s.time_us, b.gateway, b.stored_us, CAST(b.body AS BLOB), s.standing
    FROM latest AS l CROSS JOIN series AS s USING (patient, time_us, kind, id)
    CROSS JOIN bodies AS b ON b.said = s.said WHERE l.patient IN ({marks})"""
NUMBERS: Final = """SELECT s.time_us, CAST(b.body AS BLOB) FROM series AS s CROSS JOIN bodies AS b ON b.said = s.said
    WHERE s.patient = ? AND s.time_us >= ? AND s.time_us < ? AND s.kind = ? AND s.standing = 2
    ORDER BY s.time_us, s.id"""
PATIENTS: Final = """WITH RECURSIVE everybody (patient) AS (
    SELECT min(patient) FROM series UNION ALL
    SELECT (SELECT min(patient) FROM series WHERE patient > everybody.patient) FROM everybody
        WHERE everybody.patient IS NOT NULL)
    SELECT patient FROM everybody WHERE patient IS NOT NULL"""

PLACES: Final = """SELECT s.patient, s.time_us, s.kind, s.id, s.standing, s.said, b.gateway, b.stored_us,
    CAST(b.body AS BLOB) FROM identities AS i
    CROSS JOIN series AS s ON s.patient = i.patient AND s.time_us = i.time_us AND s.id = i.id
    CROSS JOIN bodies AS b ON b.said = s.said WHERE i.id IN ({marks})"""
REMOVE_PLACE: Final = "DELETE FROM series WHERE patient = ? AND time_us = ? AND kind = ? AND id = ?"
MOVE_IDENTITY: Final = "UPDATE identities SET patient = ?, time_us = ? WHERE id = ?"
REMOVE_LATEST: Final = "DELETE FROM latest WHERE patient = ? AND kind = ?"
FIND_LATEST: Final = """INSERT INTO latest (patient, kind, time_us, id) SELECT patient, kind, time_us, id FROM series
    WHERE patient = ? AND kind = ? AND standing = 2 ORDER BY time_us DESC, id DESC LIMIT 1"""
ERASE: Final = (
    "DELETE FROM bodies WHERE said IN (SELECT said FROM series WHERE patient = ?)",
    "DELETE FROM identities WHERE id IN (SELECT id FROM series WHERE patient = ?)",
    "DELETE FROM latest WHERE patient = ?",
    "DELETE FROM series WHERE patient = ?",
)

Row = tuple[bytes, int, str, int, bytes, int]
"""What the queries for readings give: patient, time_us, gateway, stored_us, body, standing."""

EARLIEST_US: Final = -(1 << 63)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Entry(NamedTuple):
    """A reading as the tables take it."""

    id: bytes
    patient: bytes
    time_us: int
    kind: str
    standing: int
    gateway: str
    stored_us: int
    body: str


def microseconds(moment: datetime) -> int:
    """Since 1970-01-01 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(time_us: int) -> datetime:
    """The moment so many microseconds after 1970-01-01 UTC."""
    return _EPOCH + timedelta(microseconds=time_us)


def standing_of(one: PatientReading) -> int:
    """How a reading stands in its series: see the table above."""
    if one.aside:
        return ASIDE
    return SHOWN if shows_as_latest(one.content) else IN_SERIES


def entries(rows: Sequence[PatientReading]) -> dict[UUID, Entry]:
    """By id; where an id comes twice the first one counts."""
    found: dict[UUID, Entry] = {}
    for one in rows:
        reading_id = one.id
        if reading_id not in found:
            found[reading_id] = Entry(
                reading_id.bytes,
                one.patient_id.bytes,
                microseconds(one.effective_time),
                one.kind,
                standing_of(one),
                one.gateway,
                microseconds(one.stored_time),
                one.body.decode(),
            )
    return found


def readings_of(rows: Iterable[Row]) -> list[PatientReading]:
    """The readings in rows, not taken apart yet."""
    people: dict[bytes, UUID] = {}
    found: list[PatientReading] = []
    for patient, time_us, gateway, stored_us, body, standing in rows:
        whose = people.get(patient)
        if whose is None:
            whose = people[patient] = UUID(bytes=patient)
        at, aside = instant(time_us), standing == ASIDE
        found.append(PatientReading.kept(whose, gateway, body, instant(stored_us), effective_time=at, aside=aside))
    return found
