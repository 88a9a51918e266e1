"""The statements over the tables of what was heard: ``frames``, ``bad_frames`` and ``sequences``. Each runs inside a
transaction that the writer opened."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hearthline_gateway.clock import COUNTED_UNTIL, NEVER_BEFORE
from hearthline_gateway.frame import BootMoment, Frame, MeterClock
from hearthline_gateway.outbox.rows import text
from hearthline_protocol.messages import BadFrames
from hearthline_protocol.readings import Reading

_MAX_BAD_FRAMES: Final = 500
"""Raw bytes of that many bad frames are kept; the counts go on."""
_MAX_REASONS: Final = 20
"""How many lines about one meter's bad frames a status carries."""

_COLUMNS: Final = (
    "id, sensor, characteristic, payload, received_time, model, first, alone,"
    " clock_ahead_s, clock_read_time, clock_set_ahead_s, clock_set_time, boot_id, since_boot_s"
)
_MEASUREMENT: Final = "2A18"
"""Glucose Measurement, whose circumstances come in a frame of their own."""
_FOLLOWED: Final = (
    "EXISTS (SELECT 1 FROM frames AS later WHERE later.sensor = frames.sensor AND later.id > frames.id"
    " AND later.context_of IS NOT frames.id)"
)
"""Whether something later came from the same meter; circumstances belong to their measurement."""


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame kept raw: with the frame of its circumstances where there is one, and with ``reading``, the JSON of the
    stream's window that the frame closed, where it is such."""

    id: int
    frame: Frame
    context: Frame | None = None
    reading: str | None = None

    @property
    def since_boot(self) -> BootMoment:
        """When it was heard, of one that waits for its date."""
        if self.frame.since_boot is None:
            raise ValueError("a frame that waits for its date says when it was heard after which boot")
        return self.frame.since_boot


def insert_frame(
    db: sqlite3.Connection,
    frame: Frame,
    state: str,
    *,
    waits: bool = False,
    reading: str | None = None,
    context_of: int | None = None,
) -> int:
    """Keep what was heard; returns the frame's id."""
    cursor = db.execute(
        "INSERT INTO frames (sensor, characteristic, payload, model, first, alone, received_time, clock_ahead_s,"
        " clock_read_time, clock_set_ahead_s, clock_set_time, boot_id, since_boot_s, state, waits, reading, context_of)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            frame.sensor,
            frame.characteristic,
            frame.payload,
            frame.model,
            frame.first,
            frame.alone,
            *_times(frame),
            None if frame.since_boot is None else frame.since_boot.boot_id,
            None if frame.since_boot is None else frame.since_boot.seconds,
            state,
            waits,
            reading,
            context_of,
        ),
    )
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("the inserted frame has no id")
    return cursor.lastrowid


def _times(frame: Frame) -> tuple[object, ...]:
    clock = frame.clock
    return (
        text(frame.received_time),
        clock.ahead_of_utc.total_seconds() if clock else None,
        text(clock.read_at) if clock else None,
        clock.set_ahead_of_utc.total_seconds() if clock and clock.set_ahead_of_utc is not None else None,
        text(clock.set_at) if clock and clock.set_at is not None else None,
    )


def raw_frames(db: sqlite3.Connection) -> tuple[KeptFrame, ...]:
    """Frames that were kept but not decoded, oldest first; those that wait for their date are left out. ``alone`` where
    nothing later came from the same meter."""
    rows = db.execute(
        f"SELECT {_COLUMNS}, reading, NOT {_FOLLOWED} FROM frames"  # noqa: S608 - constants above
        " WHERE state = 'raw' AND NOT waits AND context_of IS NULL ORDER BY id"
    ).fetchall()
    return tuple(_kept(db, row[:-1], alone=bool(row[-1])) for row in rows)


def waiting_frames(db: sqlite3.Connection) -> tuple[KeptFrame, ...]:
    """Frames that wait for their date, oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS}, reading FROM frames WHERE waits = 1 AND boot_id NOT NULL ORDER BY id"  # noqa: S608 - constants above
    ).fetchall()
    return tuple(_kept(db, row, alone=bool(row[7])) for row in rows)


def _kept(db: sqlite3.Connection, row: Sequence[Any], *, alone: bool) -> KeptFrame:
    context = db.execute(
        f"SELECT {_COLUMNS} FROM frames WHERE context_of = ? AND state = 'raw'",  # noqa: S608 - constants above
        (row[0],),
    ).fetchone()
    return KeptFrame(
        row[0], _frame(row, alone=alone), None if context is None else _frame(context, alone=False), row[-1]
    )


def _frame(row: Sequence[Any], *, alone: bool) -> Frame:
    _, sensor, characteristic, payload, received, model, first, _, *clock, boot_id, since_boot_s = row[:14]
    return Frame(
        sensor=sensor,
        characteristic=characteristic,
        payload=payload,
        received_time=datetime.fromisoformat(received),
        model=model,
        clock=_clock(*clock),
        first=bool(first),
        alone=bool(first) and alone,
        since_boot=None if boot_id is None else BootMoment(boot_id, since_boot_s),
    )


def _clock(
    ahead_s: float | None, read_time: str, set_ahead_s: float | None = None, set_time: str | None = None
) -> MeterClock | None:
    if ahead_s is None:
        return None
    return MeterClock(
        timedelta(seconds=ahead_s),
        datetime.fromisoformat(read_time),
        None if set_ahead_s is None else timedelta(seconds=set_ahead_s),
        None if set_time is None else datetime.fromisoformat(set_time),
    )


def finish_frame(db: sqlite3.Connection, frame_id: int, frame: Frame, *, added: bool) -> None:
    """A raw frame is decoded; one that brought nothing new is not kept. What it says of time is what is known now."""
    if added:
        db.execute(
            "UPDATE frames SET state = 'decoded', waits = 0, reading = NULL, alone = ?, received_time = ?,"
            " clock_ahead_s = ?, clock_read_time = ?, clock_set_ahead_s = ?, clock_set_time = ? WHERE id = ?",
            (frame.alone, *_times(frame), frame_id),
        )
        db.execute("UPDATE frames SET state = 'decoded' WHERE context_of = ?", (frame_id,))
    else:
        db.execute("DELETE FROM frames WHERE id = ? OR context_of = ?", (frame_id, frame_id))


def let_wait(db: sqlite3.Connection, frame_id: int, frame: Frame) -> None:
    """A raw frame has everything but its date."""
    db.execute("UPDATE frames SET waits = 1, alone = ? WHERE id = ?", (frame.alone, frame_id))


def waits_already(db: sqlite3.Connection, frame: Frame) -> bool:
    """Whether the same bytes of the same meter wait for their date."""
    found = db.execute(
        "SELECT 1 FROM frames WHERE waits = 1 AND sensor = ? AND characteristic = ? AND payload = ?",
        (frame.sensor, frame.characteristic, frame.payload),
    )
    return found.fetchone() is not None


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
        "UPDATE frames SET state = 'bad', waits = 0, error_type = ?, error = ? WHERE id = ?",
        (error_type, reason, frame_id),
    )
    db.execute(
        "DELETE FROM frames WHERE state = 'bad' AND id IN"
        " (SELECT id FROM frames WHERE state = 'bad' ORDER BY id DESC LIMIT -1 OFFSET ?)",
        (_MAX_BAD_FRAMES,),
    )


def bad_frames(db: sqlite3.Connection, sensors: Sequence[str]) -> dict[str, tuple[BadFrames, ...]]:
    """What could not be decoded from each of these meters, most recent first."""
    marks = ", ".join("?" * len(sensors))
    rows = db.execute(
        "SELECT sensor, characteristic, length, reason, count FROM bad_frames"  # noqa: S608 - only marks
        f" WHERE sensor IN ({marks}) ORDER BY last_time DESC",
        list(sensors),
    )
    found: dict[str, list[BadFrames]] = {}
    for sensor, characteristic, length, reason, count in rows:
        said = found.setdefault(sensor, [])
        if len(said) < _MAX_REASONS:
            said.append(BadFrames(characteristic=characteristic, length=length, reason=reason, count=count))
    return {sensor: tuple(said) for sensor, said in found.items()}


def last_heard(db: sqlite3.Connection, sensors: Sequence[str]) -> dict[str, datetime]:
    """When the newest kept frame of each of these meters was heard, where that has a date."""
    marks = ", ".join("?" * len(sensors))
    rows = db.execute(
        "SELECT sensor, received_time FROM frames WHERE id IN"  # noqa: S608 - only marks
        f" (SELECT max(id) FROM frames WHERE sensor IN ({marks}) GROUP BY sensor) AND received_time >= ?",
        [*sensors, text(COUNTED_UNTIL)],
    )
    return {sensor: datetime.fromisoformat(received) for sensor, received in rows}


def newest_dated(db: sqlite3.Connection) -> datetime | None:
    """When the newest frame was heard that was heard by a clock known to be right."""
    row = db.execute(
        "SELECT max(received_time) FROM frames WHERE boot_id IS NULL AND received_time >= ?", (text(NEVER_BEFORE),)
    ).fetchone()
    return None if row[0] is None else datetime.fromisoformat(row[0])


def measurement_of(db: sqlite3.Connection, context: Frame) -> tuple[int, bool] | None:
    """The newest kept glucose measurement (2A18) with the sequence number of this context (2A34), and whether it still
    waits for its date. In both the number is in the second and third byte."""
    row = db.execute(
        "SELECT id, waits FROM frames WHERE sensor = ? AND characteristic = ? AND substr(payload, 2, 2) = ?"
        " AND state <> 'bad' ORDER BY id DESC LIMIT 1",
        (context.sensor, _MEASUREMENT, context.payload[1:3]),
    ).fetchone()
    return None if row is None else (row[0], bool(row[1]))


def has_context(db: sqlite3.Connection, frame_id: int) -> bool:
    """Whether the circumstances of a frame are kept."""
    return db.execute("SELECT 1 FROM frames WHERE context_of = ?", (frame_id,)).fetchone() is not None


def note_sequences(db: sqlite3.Connection, frame: Frame, readings: Iterable[Reading]) -> None:
    """The numbered records of ``readings`` are complete here."""
    numbers = [reading.sequence for reading in readings if reading.sequence is not None]
    if numbers:
        _note_sequence(db, frame.sensor, frame.characteristic, max(numbers))


def note_completed_by(db: sqlite3.Connection, context: Frame) -> None:
    """The glucose record whose circumstances these are is complete here."""
    number = int.from_bytes(context.payload[1:3], "little")
    _note_sequence(db, context.sensor, _MEASUREMENT, number)


def _note_sequence(db: sqlite3.Connection, sensor: str, characteristic: str, number: int) -> None:
    db.execute(
        "INSERT INTO sequences VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
        (sensor, characteristic, number),
    )


def ask_from(db: sqlite3.Connection, sensor: str, characteristic: str, number: int) -> None:
    """A record is not complete here: whatever was told behind it, the meter is asked from it on."""
    key = (sensor, characteristic)
    db.execute("DELETE FROM sequences WHERE sensor = ? AND characteristic = ? AND ? < 1", (*key, number))
    db.execute("UPDATE sequences SET last = min(last, ?) WHERE sensor = ? AND characteristic = ?", (number - 1, *key))


def last_sequence(db: sqlite3.Connection, sensor: str, characteristic: str) -> int | None:
    """The highest number whose record is complete."""
    row = db.execute(
        "SELECT last FROM sequences WHERE sensor = ? AND characteristic = ?", (sensor, characteristic)
    ).fetchone()
    return None if row is None else int(row[0])


def forget_sequence(db: sqlite3.Connection, sensor: str, characteristic: str) -> None:
    """The meter numbers from the start again."""
    db.execute("DELETE FROM sequences WHERE sensor = ? AND characteristic = ?", (sensor, characteristic))
