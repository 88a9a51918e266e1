"""The outbox file: its tables, and how an older file becomes a newer one.

``frames`` holds what was heard and ``readings`` what it meant. Other programs may read both, read-only, with SQL; their
columns stay as they are, later versions only add some. Times are UTC as ISO text of fixed width, so they sort as text.

``frames``: one row per frame worth keeping.
    id, sensor (identity address), characteristic (16-bit UUID, upper-case hex), payload (the bytes), received_time,
    model, clock_ahead_s (how far the meter's clock was ahead of UTC, null when not measured), clock_read_time,
    clock_set_ahead_s and clock_set_time (the same after the gateway set it, null when it did not),
    first and alone (0 or 1, its place in its connection), state: ``raw`` (not decoded yet), ``decoded`` or ``bad``,
    error_type and error (why it is bad). Since version 2: boot_id and since_boot_s (set where it was heard while this
    machine did not know the time: how long after which boot), waits (1 until such a frame has its date), reading (the
    JSON of a stream's window that waits so), context_of (the id of the frame whose circumstances this one tells).
``readings``: one row per reading, ``frame_id`` naming the frame it came from.
    seq (order of arrival), id (text of the UUID, unique), reading (the JSON that is sent), live (0 or 1), state:
    ``pending``, ``stored``, ``held`` or ``rejected``, reason, attempts (how often sent), batch (id of the last batch it
    was sent in), sent_time, receipt_time, heard_time (when it was last heard, to the day), added_time. Since version 2:
    schema_needed (the oldest version of the contract that can say it).
``bad_frames``: how many frames could not be decoded, by sensor, characteristic, length and reason.
``sequences`` (since version 2): last, the highest number of a record that is complete here, by sensor and
    characteristic, of meters that number their records.
``facts``: single values by name: ``last_receipt`` (time), ``dropped_for_space`` and ``dropped_for_age`` (counts of
    readings given up without a receipt), ``contexts_not_joined`` (circumstances told too late for their measurement),
    ``time_known`` (the last moment at which this machine certainly knew the time), ``boot`` (the id of the boot in
    which it did, and when that was).

A moment in 1970 is no date: it is so long after the boot of a machine that did not know the time. Those of ``raw``
frames stay so until their date is known; the others are dated when this machine next knows the time.

A continuous stream (an oximeter's) keeps one frame per stable window, the last one that entered it.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hearthline_gateway.durable_file import give_to_owner
from hearthline_gateway.errors import GatewayError

_V1: Final = """
CREATE TABLE frames (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    sensor          TEXT NOT NULL,
    characteristic  TEXT NOT NULL,
    payload         BLOB NOT NULL,
    received_time   TEXT NOT NULL,
    model           TEXT,
    clock_ahead_s   REAL,
    clock_read_time TEXT,
    clock_set_ahead_s REAL,
    clock_set_time  TEXT,
    first           INTEGER NOT NULL,
    alone           INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('raw', 'decoded', 'bad')),
    error_type      TEXT,
    error           TEXT
) STRICT;
CREATE INDEX frames_sensor ON frames (sensor, id);
CREATE INDEX frames_open ON frames (state, sensor, characteristic) WHERE state <> 'decoded';
CREATE TABLE readings (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    frame_id     INTEGER NOT NULL REFERENCES frames (id),
    reading      TEXT NOT NULL,
    live         INTEGER NOT NULL,
    state        TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'stored', 'held', 'rejected')),
    reason       TEXT,
    attempts     INTEGER NOT NULL DEFAULT 0,
    batch        TEXT,
    sent_time    TEXT,
    receipt_time TEXT,
    heard_time   TEXT NOT NULL,
    added_time   TEXT NOT NULL
) STRICT;
CREATE INDEX readings_frame ON readings (frame_id);
CREATE INDEX readings_pending ON readings (seq) WHERE state = 'pending';
CREATE INDEX readings_batch ON readings (batch) WHERE state = 'pending';
CREATE TABLE bad_frames (
    sensor         TEXT NOT NULL,
    characteristic TEXT NOT NULL,
    length         INTEGER NOT NULL,
    reason         TEXT NOT NULL,
    count          INTEGER NOT NULL,
    last_time      TEXT NOT NULL,
    PRIMARY KEY (sensor, characteristic, length, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_V2: Final = """
ALTER TABLE frames ADD COLUMN boot_id TEXT;
ALTER TABLE frames ADD COLUMN since_boot_s REAL;
ALTER TABLE frames ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE frames ADD COLUMN reading TEXT;
ALTER TABLE frames ADD COLUMN context_of INTEGER;
CREATE INDEX frames_waiting ON frames (id) WHERE waits = 1;
CREATE INDEX frames_context ON frames (context_of) WHERE context_of IS NOT NULL;
ALTER TABLE readings ADD COLUMN schema_needed INTEGER NOT NULL DEFAULT 1;
CREATE TABLE sequences (
    sensor         TEXT NOT NULL,
    characteristic TEXT NOT NULL,
    last           INTEGER NOT NULL,
    PRIMARY KEY (sensor, characteristic)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: Final[tuple[str, ...]] = (_V1, _V2)
"""Step n makes a file of version n into one of version n+1; a new file takes them all."""


class OutboxError(GatewayError):
    """The outbox file cannot be used; the message says why and what to do."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file for its one writer: every commit is on the disk before it is believed."""
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _make(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise OutboxError(
            f"the outbox {path} cannot be opened: {error}. Let the gateway's user write there, or set gateway.data_dir"
        ) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 5000")
        migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise OutboxError(
            f"the outbox {path} cannot be read: {error}. Keep a copy for support, then move it away"
        ) from error
    except OutboxError:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """Readings are nobody else's business, and the gateway's also where an administrator came first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(descriptor, path.parent)
    finally:
        os.close(descriptor)


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring the file to the newest version, each step in one transaction; a newer file than ours is refused."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise OutboxError(
            f"the outbox {path} has version {version}, this gateway knows {len(migrations)}: "
            "install the newer hearthline again, its readings are safe in the file"
        )
    for number, script in enumerate(migrations[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
