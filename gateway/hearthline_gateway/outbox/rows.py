"""The statements over the outbox's tables. Each runs inside a transaction that the writer opened."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hearthline_gateway.frame import Frame, MeterClock
from hearthline_protocol.messages import BadFrames, OutboxStatus, Receipt, ReceiptStatus
from hearthline_protocol.readings import Reading

_MAX_BAD_FRAMES: Final = 500
"""Raw bytes of that many bad frames are kept; the counts go on."""
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
    """A pending reading with the JSON to send."""

    seq: int
    id: str
    reading: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What a receipt did: rows that left ``pending``, how many of its ids are not ours, and rows of an unparsable batch
    that must be sent one by one to find the one at fault."""

    settled: tuple[int, ...] = ()
    unknown: int = 0
    split: tuple[int, ...] = ()


def text(moment: datetime) -> str:
    """UTC, fixed width: sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def insert_frame(db: sqlite3.Connection, frame: Frame, state: str) -> int:
    """Keep what was heard; returns the frame's id."""
    clock = frame.clock
    cursor = db.execute(
        "INSERT INTO frames (sensor, characteristic, payload, received_time, model, clock_ahead_s, clock_read_time,"
        " clock_set_ahead_s, clock_set_time, first, alone, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            frame.sensor,
            frame.characteristic,
            frame.payload,
            text(frame.received_time),
            frame.model,
            clock.ahead_of_utc.total_seconds() if clock else None,
            text(clock.read_at) if clock else None,
            clock.set_ahead_of_utc.total_seconds() if clock and clock.set_ahead_of_utc is not None else None,
            text(clock.set_at) if clock and clock.set_at is not None else None,
            frame.first,
            frame.alone,
            state,
        ),
    )
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("the inserted frame has no id")
    return cursor.lastrowid


def raw_frames(db: sqlite3.Connection) -> tuple[tuple[int, Frame], ...]:
    """Frames that were kept but not decoded, oldest first. ``alone`` where nothing later came from the same meter."""
    rows = db.execute(
        "SELECT id, sensor, characteristic, payload, received_time, model, first, NOT"
        " EXISTS (SELECT 1 FROM frames AS later WHERE later.sensor = frames.sensor AND later.id > frames.id),"
        " clock_ahead_s, clock_read_time, clock_set_ahead_s, clock_set_time FROM frames WHERE state = 'raw' ORDER BY id"
    )
    return tuple((row[0], _frame(row)) for row in rows)


def _frame(row: Sequence[object]) -> Frame:
    _, sensor, characteristic, payload, received, model, first, alone, *clock = row
    return Frame(
        sensor=str(sensor),
        characteristic=str(characteristic),
        payload=payload if isinstance(payload, bytes) else b"",
        received_time=datetime.fromisoformat(str(received)),
        model=None if model is None else str(model),
        clock=_clock(*clock),
        first=bool(first),
        alone=bool(first) and bool(alone),
    )


def _clock(ahead_s: object, read_time: object, set_ahead_s: object, set_time: object) -> MeterClock | None:
    if ahead_s is None:
        return None
    return MeterClock(
        timedelta(seconds=float(str(ahead_s))),
        datetime.fromisoformat(str(read_time)),
        None if set_ahead_s is None else timedelta(seconds=float(str(set_ahead_s))),
        None if set_time is None else datetime.fromisoformat(str(set_time)),
    )


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
            "INSERT OR IGNORE INTO readings (id, frame_id, reading, live, heard_time, added_time)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (str(reading.id), frame_id, reading.model_dump_json(), reading.live, text(now), text(now)),
        )
        if cursor.rowcount and cursor.lastrowid is not None:
            added.append(Pending(cursor.lastrowid, reading.live))
    return tuple(added)


def heard_again(db: sqlite3.Connection, ids: Iterable[str], now: datetime) -> None:
    """Note that the meter still holds these, so that their ids are not forgotten while it replays them."""
    db.executemany(
        "UPDATE readings SET heard_time = ? WHERE id = ? AND heard_time < ?",
        [(text(now), known_id, text(now - _HEARD_STEP)) for known_id in ids],
    )


def finish_frame(db: sqlite3.Connection, frame_id: int, *, alone: bool, added: bool) -> None:
    """A raw frame is decoded; one that brought nothing new is not kept."""
    if added:
        db.execute("UPDATE frames SET state = 'decoded', alone = ? WHERE id = ?", (alone, frame_id))
    else:
        db.execute("DELETE FROM frames WHERE id = ?", (frame_id,))


def mark_bad(db: sqlite3.Connection, frame_id: int, frame: Frame, error_type: str, reason: str) -> None:
    """Keep the frame with its reason and count it; the same bytes replayed are counted and not kept again."""
    db.execute(
        "INSERT INTO bad_frames (sensor, characteristic, length, reason, count, last_time) VALUES (?, ?, ?, ?, 1, ?)"
        " ON CONFLICT DO UPDATE SET count = count + 1, last_time = excluded.last_time",
        (frame.sensor, frame.characteristic, len(frame.payload), reason, text(frame.received_time)),
    )
    again = db.execute(
        "SELECT 1 FROM frames WHERE state = 'bad' AND sensor = ? AND characteristic = ? AND payload = ?",
        (frame.sensor, frame.characteristic, frame.payload),
    ).fetchone()
    if again is not None:
        db.execute("DELETE FROM frames WHERE id = ?", (frame_id,))
        return
    db.execute(
        "UPDATE frames SET state = 'bad', error_type = ?, error = ? WHERE id = ?", (error_type, reason, frame_id)
    )
    db.execute(
        "DELETE FROM frames WHERE state = 'bad' AND id IN"
        " (SELECT id FROM frames WHERE state = 'bad' ORDER BY id DESC LIMIT -1 OFFSET ?)",
        (_MAX_BAD_FRAMES,),
    )


def bad_frames(db: sqlite3.Connection, sensor: str, limit: int) -> tuple[BadFrames, ...]:
    """What could not be decoded from one meter, most recent first."""
    rows = db.execute(
        "SELECT characteristic, length, reason, count FROM bad_frames WHERE sensor = ? ORDER BY last_time DESC LIMIT ?",
        (sensor, limit),
    )
    return tuple(BadFrames(characteristic=row[0], length=row[1], reason=row[2], count=row[3]) for row in rows)


def last_heard(db: sqlite3.Connection, sensor: str) -> datetime | None:
    """When the newest kept frame of a meter was heard."""
    row = db.execute("SELECT received_time FROM frames WHERE sensor = ? ORDER BY id DESC LIMIT 1", (sensor,)).fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def pending(db: sqlite3.Connection) -> tuple[Pending, ...]:
    """Everything without a receipt, in order of arrival."""
    rows = db.execute("SELECT seq, live FROM readings WHERE state = 'pending' ORDER BY seq")
    return tuple(Pending(row[0], bool(row[1])) for row in rows)


def load(db: sqlite3.Connection, seqs: Sequence[int]) -> tuple[Sendable, ...]:
    """The still pending ones of these rows, in the order asked for."""
    marks = ", ".join("?" * len(seqs))
    rows = db.execute(
        f"SELECT seq, id, reading FROM readings WHERE state = 'pending' AND seq IN ({marks})",  # noqa: S608 - only marks
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
    unknown = 0
    for entry in receipt.readings:
        row = db.execute("SELECT seq, state FROM readings WHERE id = ?", (str(entry.id),)).fetchone()
        if row is None:
            unknown += 1
            continue
        if row[1] == "pending":
            settled.append(row[0])
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
    _set_fact(db, "last_receipt", text(now))
    return Applied(tuple(settled), unknown, split)


def _settle(db: sqlite3.Connection, seq: int, status: ReceiptStatus, reason: str | None, now: datetime) -> None:
    earlier = _MAY_BECOME[status]
    marks = ", ".join("?" * len(earlier))
    db.execute(
        f"UPDATE readings SET state = ?, reason = ?, receipt_time = ? WHERE seq = ? AND state IN ({marks})",  # noqa: S608 - only marks
        (status.value, reason, text(now), seq, *earlier),
    )


def _set_fact(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def add_to_fact(db: sqlite3.Connection, name: str, count: int) -> None:
    """Count something up by ``count``."""
    if count:
        _set_fact(db, name, str(int(fact(db, name) or "0") + count))


def fact(db: sqlite3.Connection, name: str) -> str | None:
    """A single value by its name; None when it was never written."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def status(db: sqlite3.Connection) -> OutboxStatus:
    """How much waits, as the gateway's status says it."""
    pending_count, oldest = db.execute(
        "SELECT count(*), min(added_time) FROM readings WHERE state = 'pending'"
    ).fetchone()
    rejected: int = db.execute("SELECT count(*) FROM readings WHERE state = 'rejected'").fetchone()[0]
    last = fact(db, "last_receipt")
    return OutboxStatus(
        pending=pending_count,
        rejected=rejected,
        oldest_pending=None if oldest is None else datetime.fromisoformat(oldest),
        last_receipt=None if last is None else datetime.fromisoformat(last),
    )


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """Readings by state."""
    return {row[0]: row[1] for row in db.execute("SELECT state, count(*) FROM readings GROUP BY state ORDER BY state")}
