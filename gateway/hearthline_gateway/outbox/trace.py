"""What became of one reading. Reads beside the outbox's one writer, as any other program may."""

from dataclasses import dataclass
from pathlib import Path

from hearthline_gateway.outbox.overview import reading


@dataclass(frozen=True, slots=True)
class Trace:
    """Its state (``pending``, ``stored``, ``held``, ``rejected``), how often it was sent, and the backend's reason."""

    state: str
    attempts: int
    reason: str | None


def trace(path: Path, wanted: str) -> Trace | None:
    """The reading of that id; None where the outbox has none. Raises :class:`OutboxError`."""
    with reading(path) as db:
        row = db.execute("SELECT state, attempts, reason FROM readings WHERE id = ?", (wanted,)).fetchone()
    return None if row is None else Trace(*row)
