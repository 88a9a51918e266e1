"""What a damaged outbox file still holds, carried over into a new one.

The file and its journal are read page by page. A reading counts as readable only if its text still is a reading with
the id of its row. One that is gone is not lost where its frame is left: that frame is carried over as not decoded yet,
and decoding it again gives the same reading with the same id. Numbers of rows stay, since the uplink knows them. What
is left behind on purpose is ``sequences``: a meter that numbers its records is asked for all of them again, and so
gives back what it still has.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hearthline_gateway.outbox.journal import Journal, read_journal
from hearthline_gateway.outbox.leaf_pages import Row, Value, rows
from hearthline_protocol.readings import Reading

_PAGE_SIZE: Final = 4096
_READING_STATES: Final = frozenset({"stored", "rejected", "held", "pending"})
_FRAME_STATES: Final = frozenset({"decoded", "bad", "raw"})
_SENSOR: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_CHARACTERISTIC: Final = re.compile(r"[0-9A-F]{4}")
_FACT: Final = re.compile(r"[a-z][a-z_]{2,60}")
_FRAME_STARTS_AS: Final = "raw"
_FEWEST_COLUMNS: Final = 13
_GAP: Final = 100_000
"""Left free behind the highest number seen, where the numbers given last are not known any more."""

Cells = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Salvaged:
    """``readings`` were carried over; of ``frames`` the reading is gone and is decoded again; ``lost`` readings are
    gone for good, None when nobody can tell how many."""

    readings: int
    frames: int
    lost: int | None


def salvage(damaged: Path, db: sqlite3.Connection) -> Salvaged:
    """Copy what is readable in ``damaged`` into the new and empty ``db``, in one transaction. Raises ``sqlite3.Error``
    when ``db`` cannot be written, and ``OSError`` when ``damaged`` cannot be opened."""
    journal = read_journal(damaged.with_name(f"{damaged.name}-wal"))
    carrier = _Carrier(db)
    db.execute("BEGIN IMMEDIATE")
    db.execute("PRAGMA defer_foreign_keys = ON")  # a reading may stand in the file before its frame
    for row in _rows(damaged, journal):
        carrier.take(row)
    result = carrier.finish(countable=journal.complete)
    db.execute("COMMIT")
    return result


def _rows(damaged: Path, journal: Journal) -> Iterator[Row]:
    with damaged.open("rb") as file:
        size = _page_size(os.pread(file.fileno(), 100, 0))

        def page(number: int) -> bytes | None:
            return journal.pages.get(number) or _read(file.fileno(), size, number)

        last = max(damaged.stat().st_size // size, *journal.pages, 1)
        for number in range(1, last + 1):
            content = page(number)
            if content is not None:
                yield from rows(content, number, page)
        for number, content in journal.spare:
            yield from rows(content, number, page)


def _read(file: int, size: int, number: int) -> bytes | None:
    try:
        content = os.pread(file, size, (number - 1) * size)
    except OSError:  # a bad block of the disk: the pages beside it are still worth reading
        return None
    return content if len(content) == size else None


def _page_size(head: bytes) -> int:
    size = int.from_bytes(head[16:18])
    return size if head.startswith(b"SQLite format 3\0") and size in (512, 1024, 2048, 4096, 8192) else _PAGE_SIZE


class _Carrier:
    """Sorts rows into the new file's tables by what they look like."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._columns = {
            table: tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))
            for table in ("readings", "frames", "bad_frames")
        }
        self._facts: dict[str, str] = {}
        self._sequences: dict[str, int] = {}

    def take(self, row: Row) -> None:
        """Carry one row over; one that looks like none of ours is left."""
        values, columns = row.values, self._columns
        if row.rowid is None:
            if len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], str):
                self._take_fact(values[0], values[1])
            elif len(values) == len(columns["bad_frames"]) and _is_meter(values[0], values[1]):
                self._insert("bad_frames", dict(zip(columns["bad_frames"], values, strict=True)))
        elif len(values) == 2 and values[0] in ("readings", "frames") and isinstance(values[1], int):
            self._sequences[values[0]] = max(values[1], self._sequences.get(values[0], 0))
        elif len(values) >= _FEWEST_COLUMNS and values[0] is None:
            self._take_numbered(row.rowid, values)

    def _take_fact(self, name: str, value: str) -> None:
        if _FACT.fullmatch(name):  # of two versions of a page the later count, or time, is the greater
            self._facts[name] = max(self._facts.get(name, ""), value, key=lambda text: (len(text), text))

    def _take_numbered(self, number: int, values: tuple[Value, ...]) -> None:
        reading: Cells = dict(zip(self._columns["readings"], values, strict=False))
        frame: Cells = dict(zip(self._columns["frames"], values, strict=False))
        if _is_reading(reading):
            if not self._insert("readings", reading | {"seq": number}) and reading["state"] != "pending":
                self._db.execute(  # what was taken first was a page that an earlier version of the row left behind
                    "UPDATE readings SET state = ?, reason = ?, receipt_time = ? WHERE seq = ? AND state = 'pending'",
                    (reading["state"], reading["reason"], reading["receipt_time"], number),
                )
        elif (
            _is_frame(frame)
            and not self._insert("frames", frame | {"id": number})
            and frame["state"] != _FRAME_STARTS_AS
        ):
            self._db.execute(
                "UPDATE frames SET state = ? WHERE id = ? AND state = ?", (frame["state"], number, _FRAME_STARTS_AS)
            )

    def _insert(self, table: str, cells: Cells) -> bool:
        names, marks = ", ".join(cells), ", ".join("?" * len(cells))
        try:
            return bool(
                self._db.execute(
                    f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our schema's names
                    list(cells.values()),
                ).rowcount
            )
        except sqlite3.IntegrityError:  # a value of another type than its column: garbage that looked like a row
            return False

    def finish(self, *, countable: bool) -> Salvaged:
        """Mend what hangs together, and count; ``countable`` says whether the last number given can be trusted."""
        for reading, frame_id, added in self._db.execute(
            "SELECT reading, frame_id, added_time FROM readings WHERE frame_id NOT IN (SELECT id FROM frames)"
        ).fetchall():
            self._insert("frames", _stand_in(Reading.model_validate_json(reading), frame_id, added))
        again = self._db.execute(
            "UPDATE frames SET state = 'raw' WHERE state = 'decoded' AND payload <> x'' AND context_of IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM readings WHERE readings.frame_id = frames.id)"
        ).rowcount
        self._db.execute(
            "UPDATE frames SET state = 'raw' WHERE context_of IN (SELECT id FROM frames WHERE state = 'raw')"
        )
        self._repeat_frames_beside_gaps()
        kept: int = self._db.execute("SELECT count(*) FROM readings").fetchone()[0]
        result = Salvaged(kept, again, self._lost(kept + again) if countable else None)
        self._number_on(kept)
        for name, value in self._facts.items():
            self._insert("facts", {"name": name, "value": value})
        return result

    def _repeat_frames_beside_gaps(self) -> None:
        """A frame may have brought several readings of which one is gone: it is decoded again as a frame of its own,
        which goes when it brings nothing new."""
        copied = ", ".join(name for name in self._columns["frames"] if name not in ("id", "state"))
        self._db.execute(
            f"INSERT INTO frames ({copied}, state) SELECT {copied}, 'raw' FROM frames"  # noqa: S608 - our schema's names
            " WHERE payload <> x'' AND id IN (SELECT frame_id FROM readings AS one WHERE state = 'pending' AND NOT"
            " (EXISTS (SELECT 1 FROM readings WHERE seq = one.seq - 1)"
            " AND EXISTS (SELECT 1 FROM readings WHERE seq = one.seq + 1)))"
        )

    def _lost(self, found: int) -> int | None:
        """Every reading ever added is here, was let go of by the retention policy, or is lost."""
        last = self._sequences.get("readings")
        if last is None:
            return None
        base, rows_then, pruned = (int(self._facts.get(name, 0)) for name in ("seq_base", "rows_base", "rows_pruned"))
        return max(0, last - base + rows_then - pruned - found)

    def _number_on(self, kept: int) -> None:
        for table in ("readings", "frames"):
            seen = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
            last = max(self._sequences.get(table, _GAP), 0 if seen is None else seen[0])
            if table not in self._sequences and seen is not None:
                last += _GAP
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            self._db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))
            if table == "readings":
                self._facts |= {"seq_base": str(last), "rows_base": str(kept), "rows_pruned": "0"}


def _is_meter(sensor: Value, characteristic: Value) -> bool:
    return (
        isinstance(sensor, str)
        and isinstance(characteristic, str)
        and _SENSOR.fullmatch(sensor) is not None
        and _CHARACTERISTIC.fullmatch(characteristic) is not None
    )


def _is_frame(cells: Cells) -> bool:
    return (
        _is_meter(cells.get("sensor"), cells.get("characteristic"))
        and isinstance(cells.get("payload"), bytes)
        and cells.get("state") in _FRAME_STATES
        and _is_moment(cells.get("received_time"))
    )


def _is_reading(cells: Cells) -> bool:
    text = cells.get("reading")
    if not isinstance(text, str) or cells.get("state") not in _READING_STATES or not _is_moment(cells["added_time"]):
        return False
    try:
        return str(Reading.model_validate_json(text).id) == cells["id"]
    except ValidationError:
        return False


def _is_moment(text: Value) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _stand_in(reading: Reading, frame_id: int, added: str) -> Cells:
    """A reading's frame that is gone: the row is needed, its bytes are not there."""
    return {
        "id": frame_id,
        "sensor": reading.sensor,
        "characteristic": reading.characteristic,
        "payload": b"",
        "received_time": added,
        "model": reading.model,
        "first": 0,
        "alone": 0,
        "state": "decoded",
    }
