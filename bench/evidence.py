"""What the chain itself noted of each reading, read from the outbox and from Records with plain SQL, never written."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

_OUTBOX: Final = """
    SELECT r.id, f.sensor, f.received_time, r.sent_time, r.state
    FROM readings r JOIN frames f ON f.id = r.frame_id WHERE json_extract(r.reading, '$.user_slot') = ?"""
_RECORDS: Final = """
    SELECT j.reading_id, j.judged_at, a.id, min(t.started_at) FROM judged j
    JOIN alert_readings ar ON ar.reading_id = j.reading_id JOIN alerts a ON a.id = ar.alert_id AND a.level = 'red'
    LEFT JOIN notifications n ON n.alert_id = a.id LEFT JOIN attempts t ON t.notification_id = n.id
    GROUP BY j.reading_id, a.id"""
_BUSY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class AtHome:
    """One reading in the outbox. ``sent`` is None while it waits; ``stored`` says that its receipt is there."""

    reading: UUID
    received: datetime
    sent: datetime | None
    stored: bool


@dataclass(frozen=True, slots=True)
class AtBackend:
    """The same reading in Records: when it was judged, the red alert it raised, and when its call was begun."""

    judged: datetime
    alert: int
    call_begun: datetime | None


def at_home(outbox: Path, slot: int) -> dict[str, AtHome]:
    """Every reading of a user slot, by the cuff's address."""
    rows = _rows(outbox, _OUTBOX, (slot,))
    return {row[1]: AtHome(UUID(row[0]), _time(row[2]), _known(row[3]), row[4] == "stored") for row in rows}


def at_backend(records: Path) -> dict[UUID, AtBackend]:
    """Every judged reading that is part of a red alert, by its id."""
    return {UUID(hex=row[0]): AtBackend(_time(row[1]), row[2], _known(row[3])) for row in _rows(records, _RECORDS)}


def _time(text: str) -> datetime:
    """Records keep UTC without its zone, the outbox with it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _known(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _rows(path: Path, query: str, arguments: Sequence[object] = ()) -> list[Any]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
        return connection.execute(query, tuple(arguments)).fetchall()
