"""What a technician has to know of the outbox: loss, a damaged file, a disk that is full or nearly so. No values."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from hearthline_gateway.outbox.opening import set_aside
from hearthline_gateway.outbox.rows import fact
from hearthline_gateway.outbox.trouble import NEARLY_FULL_BYTES, free_bytes
from hearthline_protocol.messages import OutboxStatus

_SAID_FOR: Final = timedelta(days=30)
"""For so long after readings were given up it is said; the count stays for good."""
_MEGABYTE: Final = 1_000_000


def completed(status: OutboxStatus, db: sqlite3.Connection, path: Path) -> OutboxStatus:
    """The status with what the file's surroundings tell."""
    return status.model_copy(update={"set_aside": int(fact(db, "set_aside") or 0), "disk_free_bytes": free_bytes(path)})


def problems(db: sqlite3.Connection, path: Path, now: datetime) -> tuple[str, ...]:
    """In words, each with its next step; empty while all is well."""
    found = (_damaged(db, path), _given_up(db, now), _nearly_full(path))
    return tuple(words for words in found if words is not None)


def _damaged(db: sqlite3.Connection, path: Path) -> str | None:
    files = set_aside(path)
    if not files:
        return None
    last = fact(db, "set_aside_file")
    said = ""
    if last == files[-1].name:
        lost = fact(db, "set_aside_lost")
        gone = "an unknown number lost" if not lost else f"{lost} lost"
        said = f" {fact(db, 'set_aside_carried')} readings were carried over, {gone}."
    return (
        f"the outbox was damaged and is kept as {files[-1].name}.{said} Look at the disk's health, copy the file for "
        f"support, then delete it in {path.parent}: this line goes with it"
    )[:300]


def _given_up(db: sqlite3.Connection, now: datetime) -> str | None:
    last = fact(db, "dropped_time")
    if last is None or now - datetime.fromisoformat(last) > _SAID_FOR:
        return None
    age, space = (int(fact(db, name) or 0) for name in ("dropped_for_age", "dropped_for_space"))
    return (
        f"{age + space} readings without a receipt were given up ({age} too old, {space} for want of space), last on "
        f"{last[:10]}: look why the backend is not reached; raise outbox.max_megabytes or outbox.keep_pending_days"
    )


def _nearly_full(path: Path) -> str | None:
    free = free_bytes(path)
    if free >= NEARLY_FULL_BYTES:
        return None
    return (
        f"the disk of the outbox has {free / _MEGABYTE:.0f} MB left: free some space in {path.parent} before readings "
        "have to wait in memory"
    )
