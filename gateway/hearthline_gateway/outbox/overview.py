"""The outbox file in a few lines for a technician: counts and times, no values. Reads beside a running gateway."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from hearthline_gateway.outbox import rows
from hearthline_gateway.outbox.condition import completed
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_protocol.messages import OutboxStatus


def overview(path: Path) -> list[str]:
    """What a technician asks first: how much waits, since when, and when the backend last answered."""
    return [
        f"{name.replace('_', ' '):16} {'none' if figure is None else figure}" for name, figure in figures(path).items()
    ]


def figures(path: Path) -> dict[str, int | str | None]:
    """The same by name. Raises :class:`OutboxError`."""
    with reading(path) as db:
        status = completed(rows.status(db), db, path)
        counts = rows.counts(db)
        bad: int = db.execute("SELECT coalesce(sum(count), 0) FROM bad_frames").fetchone()[0]
        return {
            "pending": status.pending,
            "stored": counts.get("stored", 0),
            "held": counts.get("held", 0),
            "rejected": status.rejected,
            "bad_frames": bad,
            "waiting_for_time": status.waiting_for_time,
            "given_up": status.given_up,
            "set_aside": status.set_aside,
            "oldest_pending": _moment(status.oldest_pending),
            "last_receipt": _moment(status.last_receipt),
            "disk_free_bytes": status.disk_free_bytes,
        }


def outbox_status(path: Path) -> OutboxStatus:
    """The outbox as the gateway's status says it. Raises :class:`OutboxError`."""
    with reading(path) as db:
        return completed(rows.status(db), db, path)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The file opened for reading only, beside a running gateway or without one. Raises :class:`OutboxError`."""
    try:
        there = path.exists()
    except PermissionError as error:
        raise OutboxError(f"the outbox {path} cannot be reached: run this as the gateway's user") from error
    if not there:
        raise OutboxError(f"there is no outbox {path}: the gateway has not run yet, or gateway.data_dir is another")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield db
    except sqlite3.Error as error:
        raise OutboxError(f"the outbox {path} cannot be read: {error}. Run this as the gateway's user") from error


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
