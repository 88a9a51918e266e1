"""What the outbox lets go of, and when. Nothing without a receipt goes before its year is over or the disk is full."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hearthline_gateway.clock import COUNTED_UNTIL
from hearthline_gateway.outbox.rows import add_to_fact, set_fact, text

_SPACE_STEP: Final = 500
"""Rows given up at a time when the file is over its cap."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept. ``stored`` counts from the last time the meter still told the reading, so that a meter
    that replays is recognised as long as it does; ``max_bytes`` is the cap of the file, past 80 % of which the oldest
    rows go, receipted ones first."""

    stored: timedelta = timedelta(days=7)
    rejected: timedelta = timedelta(days=30)
    pending: timedelta = timedelta(days=365)
    max_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many readings went. ``too_old`` and ``no_space`` had no receipt: that is loss, and is counted for good."""

    receipted: int = 0
    too_old: int = 0
    no_space: int = 0


def prune(db: sqlite3.Connection, keep: Retention, now: datetime) -> Pruned:
    """Delete what may go; the readings' frames go with them."""
    receipted = _delete(db, "state = 'stored' AND max(receipt_time, heard_time) < ?", text(now - keep.stored))
    receipted += _delete(db, "state = 'rejected' AND receipt_time < ?", text(now - keep.rejected))
    receipted += _delete(db, "state = 'held' AND receipt_time < ?", text(now - keep.pending))
    dated, limit = text(COUNTED_UNTIL), text(now - keep.pending)  # what has no date yet is not old
    too_old = _delete(db, "state = 'pending' AND added_time >= ? AND added_time < ?", dated, limit)
    db.execute("DELETE FROM frames WHERE state = 'bad' AND received_time < ?", (text(now - keep.rejected),))
    db.execute("DELETE FROM bad_frames WHERE last_time < ?", (text(now - keep.rejected),))
    freed, no_space = _make_room(db, keep.max_bytes * 8 // 10)
    add_to_fact(db, "dropped_for_age", too_old)
    add_to_fact(db, "dropped_for_space", no_space)
    add_to_fact(db, "rows_pruned", receipted + freed + too_old + no_space)
    if too_old or no_space:
        set_fact(db, "dropped_time", text(now))
    _forget_frames(db)
    return Pruned(receipted + freed, too_old, no_space)


def _delete(db: sqlite3.Connection, condition: str, *values: str) -> int:
    return db.execute(f"DELETE FROM readings WHERE {condition}", values).rowcount  # noqa: S608 - conditions stand above


def _forget_frames(db: sqlite3.Connection) -> None:
    db.execute(
        "DELETE FROM frames WHERE state = 'decoded'"
        " AND NOT EXISTS (SELECT 1 FROM readings WHERE readings.frame_id IN (frames.id, frames.context_of))"
    )


def _make_room(db: sqlite3.Connection, limit: int) -> tuple[int, int]:
    receipted = pending = 0
    for state in ("stored", "rejected", "held", "pending"):
        while used_bytes(db) > limit:
            gone = db.execute(
                "DELETE FROM readings WHERE seq IN (SELECT seq FROM readings WHERE state = ? ORDER BY seq LIMIT ?)",
                (state, _SPACE_STEP),
            ).rowcount
            _forget_frames(db)
            if not gone:
                break
            receipted, pending = (receipted, pending + gone) if state == "pending" else (receipted + gone, pending)
    return receipted, pending


def used_bytes(db: sqlite3.Connection) -> int:
    """The bytes in use inside the file; freed pages are used again and do not count."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    used: int = (pages - free) * size
    return used
