"""The outbox file in a few lines for a technician: counts and times, no values. Reads beside a running gateway."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from hearthline_gateway.outbox import rows
from hearthline_gateway.outbox.schema import OutboxError


def overview(path: Path) -> list[str]:
    """What a technician asks first: how much waits, since when, and when the backend last answered."""
    if not path.exists():
        raise OutboxError(f"there is no outbox {path}: the gateway has not run yet, or gateway.data_dir is another")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return _lines(db)
    except sqlite3.Error as error:
        raise OutboxError(f"the outbox {path} cannot be read: {error}. Run this as the gateway's user") from error


def _lines(db: sqlite3.Connection) -> list[str]:
    status = rows.status(db)
    counts = rows.counts(db)
    bad = db.execute("SELECT coalesce(sum(count), 0) FROM bad_frames").fetchone()[0]
    lost = sum(int(rows.fact(db, name) or 0) for name in ("dropped_for_age", "dropped_for_space"))
    return [
        f"pending         {status.pending}",
        f"stored          {counts.get('stored', 0)}",
        f"held            {counts.get('held', 0)}",
        f"rejected        {status.rejected}",
        f"bad frames      {bad}",
        f"given up        {lost}",
        f"oldest pending  {_moment(status.oldest_pending)}",
        f"last receipt    {_moment(status.last_receipt)}",
    ]


def _moment(moment: datetime | None) -> str:
    return "none" if moment is None else moment.isoformat(timespec="seconds")
