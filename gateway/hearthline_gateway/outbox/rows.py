"""The statements over the outbox's ``readings`` and ``facts``. Each runs in a transaction that the writer opened."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hearthline_gateway.clock import COUNTED_UNTIL
from hearthline_protocol.messages import OutboxStatus, Receipt, ReceiptStatus
from hearthline_protocol.readings import Reading

_HEARD_STEP: Final = timedelta(days=1)
"""``heard_time`` moves in steps of a day, so that a replay does not rewrite every row each time."""

_MAY_BECOME: Final[dict[ReceiptStatus, tuple[str, ...]]] = {
    ReceiptStatus.HELD: ("pending",),
    ReceiptStatus.REJECTED: ("pending", "held"),
    ReceiptStatus.STORED: ("pending", "held", "rejected"),
}
"""From which states a receipt moves a row; a late answer never takes ``stored`` back."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A reading that has no receipt yet: its place in the order of arrival, and whether it was seen measured."""

    seq: int
    live: bool


@dataclass(frozen=True, slots=True)
class Sendable:
    """A pending reading with the JSON to send, and the oldest version of the contract that can say it."""

    seq: int
    id: str
    reading: str
    schema: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What a receipt did: rows that left ``pending``, how many of its ids are not ours, rows of an unparsable batch
    that must be sent one by one to find the one at fault, and rows that it says are ``stored``, whatever they were."""

    settled: tuple[int, ...] = ()
    unknown: int = 0
    split: tuple[int, ...] = ()
    stored: tuple[int, ...] = ()


def text(moment: datetime) -> str:
    """UTC, fixed width: sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def known(db: sqlite3.Connection, readings: Iterable[Reading]) -> set[str]:
    """Which of the readings the outbox already has, by id."""
    ids = [str(reading.id) for reading in readings]
    marks = ", ".join("?" * len(ids))
    return {row[0] for row in db.execute(f"SELECT id FROM readings WHERE id IN ({marks})", ids)}  # noqa: S608 - only marks


def insert_readings(
    db: sqlite3.Connection, frame_id: int, readings: Iterable[Reading], now: datetime
) -> tuple[Pending, ...]:
    """Add what is new; an id that is there already adds nothing."""
    added: list[Pending] = []
    for reading in readings:
        cursor = db.execute(
            "INSERT INTO readings (id, frame_id, reading, live, schema_needed, heard_time, added_time)"
            " SELECT ?, ?, ?, ?, ?, ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM readings WHERE id = ?)",  # no number is skipped
            (
                str(reading.id),
                frame_id,
                reading.model_dump_json(exclude_defaults=True),
                reading.live,
                reading.schema_needed,
                text(now),
                text(now),
                str(reading.id),
            ),
        )
        if cursor.rowcount and cursor.lastrowid is not None:
            added.append(Pending(cursor.lastrowid, reading.live))
    return tuple(added)


def complete_unsent(
    db: sqlite3.Connection, frame_id: int, completed: Callable[[Reading], Reading]
) -> tuple[Reading, ...] | None:
    """Exchange the readings of a frame for what ``completed`` makes of them; None where one was sent already."""
    found = db.execute("SELECT seq, reading, state, attempts FROM readings WHERE frame_id = ?", (frame_id,)).fetchall()
    if not found or any(state != "pending" or attempts for _, _, state, attempts in found):
        return None
    readings = tuple(completed(Reading.model_validate_json(said)) for _, said, _, _ in found)
    for (seq, *_), reading in zip(found, readings, strict=True):
        db.execute(
            "UPDATE readings SET reading = ?, schema_needed = ? WHERE seq = ?",
            (reading.model_dump_json(exclude_defaults=True), reading.schema_needed, seq),
        )
    return readings


def heard_again(db: sqlite3.Connection, ids: Iterable[str], now: datetime) -> None:
    """Note that the meter still holds these, so that their ids are not forgotten while it replays them."""
    db.executemany(
        "UPDATE readings SET heard_time = ? WHERE id = ? AND heard_time < ?",
        [(text(now), known_id, text(now - _HEARD_STEP)) for known_id in ids],
    )


def pending(db: sqlite3.Connection, live_since: datetime) -> tuple[Pending, ...]:
    """Everything without a receipt, in order of arrival; what was added before ``live_since`` is backlog by now."""
    rows = db.execute(
        "SELECT seq, live AND added_time >= ? FROM readings WHERE state = 'pending' ORDER BY seq", (text(live_since),)
    )
    return tuple(Pending(row[0], bool(row[1])) for row in rows)


def load(db: sqlite3.Connection, seqs: Sequence[int]) -> tuple[Sendable, ...]:
    """The still pending ones of these rows, in the order asked for."""
    marks = ", ".join("?" * len(seqs))
    rows = db.execute(
        f"SELECT seq, id, reading, schema_needed FROM readings WHERE state = 'pending' AND seq IN ({marks})",  # noqa: S608 - only marks
        list(seqs),
    )
    found = {row[0]: Sendable(*row) for row in rows}
    return tuple(found[seq] for seq in seqs if seq in found)


def mark_sent(db: sqlite3.Connection, batch: str, seqs: Iterable[int], now: datetime) -> None:
    """Note the batch that these rows travel in now."""
    db.executemany(
        "UPDATE readings SET attempts = attempts + 1, batch = ?, sent_time = ? WHERE seq = ? AND state = 'pending'",
        [(batch, text(now), seq) for seq in seqs],
    )


def apply_receipt(db: sqlite3.Connection, receipt: Receipt, now: datetime) -> Applied:
    """Do what the backend's answer says, whichever batch it names. ``stored`` is final; a held or rejected reading may
    still become stored later."""
    settled: list[int] = []
    stored: list[int] = []
    unknown = 0
    for entry in receipt.readings:
        row = db.execute("SELECT seq, state FROM readings WHERE id = ?", (str(entry.id),)).fetchone()
        if row is None:
            unknown += 1
            continue
        if row[1] == "pending":
            settled.append(row[0])
        if entry.status is ReceiptStatus.STORED:
            stored.append(row[0])
        _settle(db, row[0], entry.status, entry.reason, now)
    split: tuple[int, ...] = ()
    if receipt.status is not None:
        rest = [
            row[0]
            for row in db.execute("SELECT seq FROM readings WHERE batch = ? AND state = 'pending'", (receipt.batch,))
        ]
        if receipt.status is ReceiptStatus.REJECTED and len(rest) > 1:
            split = tuple(rest)
        else:
            for seq in rest:
                _settle(db, seq, receipt.status, receipt.reason, now)
            settled += rest
            stored += rest if receipt.status is ReceiptStatus.STORED else ()
    set_fact(db, "last_receipt", text(now))
    return Applied(tuple(settled), unknown, split, tuple(stored))


def _settle(db: sqlite3.Connection, seq: int, status: ReceiptStatus, reason: str | None, now: datetime) -> None:
    earlier = _MAY_BECOME[status]
    marks = ", ".join("?" * len(earlier))
    db.execute(
        f"UPDATE readings SET state = ?, reason = ?, receipt_time = ? WHERE seq = ? AND state IN ({marks})",  # noqa: S608 - only marks
        (status.value, reason, text(now), seq, *earlier),
    )


def set_fact(db: sqlite3.Connection, name: str, value: str) -> None:
    """Write a single value by its name."""
    db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def add_to_fact(db: sqlite3.Connection, name: str, count: int) -> None:
    """Count something up by ``count``."""
    if count:
        set_fact(db, name, str(int(fact(db, name) or "0") + count))


def fact(db: sqlite3.Connection, name: str) -> str | None:
    """A single value by its name; None when it was never written."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def status(db: sqlite3.Connection) -> OutboxStatus:
    """How much waits, as the gateway's status says it. What has no date yet is left out of the times."""
    pending_count, oldest = db.execute(
        "SELECT count(*), min(added_time) FILTER (WHERE added_time >= ?) FROM readings WHERE state = 'pending'",
        (text(COUNTED_UNTIL),),
    ).fetchone()
    rejected: int = db.execute("SELECT count(*) FROM readings WHERE state = 'rejected'").fetchone()[0]
    waiting = 0
    if db.execute("PRAGMA user_version").fetchone()[0] > 1:  # else looked at before the new release ran
        waiting = db.execute("SELECT count(*) FROM frames WHERE waits = 1").fetchone()[0]
    last = fact(db, "last_receipt")
    return OutboxStatus(
        pending=pending_count,
        rejected=rejected,
        oldest_pending=None if oldest is None else datetime.fromisoformat(oldest),
        last_receipt=None if last is None or last < text(COUNTED_UNTIL) else datetime.fromisoformat(last),
        waiting_for_time=waiting,
        given_up=sum(int(fact(db, name) or 0) for name in ("dropped_for_age", "dropped_for_space")),
    )


_COUNTED_TIMES: Final = (
    ("readings", "added_time", ""),
    ("readings", "heard_time", ""),
    ("readings", "sent_time", ""),
    ("readings", "receipt_time", ""),
    ("frames", "received_time", " AND state <> 'raw'"),
    ("bad_frames", "last_time", ""),
    ("facts", "value", " AND name = 'last_receipt'"),
)


def date_counted(db: sqlite3.Connection, now: datetime) -> None:
    """The time is known: what happened while it was not counts as of now, so that nothing is taken for decades old."""
    for table, column, condition in _COUNTED_TIMES:
        db.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} < ?{condition}",  # noqa: S608 - constants above
            (text(now), text(COUNTED_UNTIL)),
        )


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Readings by state."""
    return {row[0]: row[1] for row in db.execute("SELECT state, count(*) FROM readings GROUP BY state ORDER BY state")}
