"""The outbox's readings as rows for a technician or an engineer: without values, unless somebody answers for it."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from hearthline_protocol.readings import Quality

MASK: Final = "***"
PLAIN_FIELDS: Final = (
    "seq",
    "id",
    "state",
    "reason",
    "attempts",
    "added_time",
    "sent_time",
    "receipt_time",
    "kind",
    "quality",
    "live",
    "synthetic",
    "sensor",
    "model",
    "characteristic",
    "user_slot",
    "sequence",
    "device_time",
    "received_time",
    "effective_time",
    "time_quality",
    "clock_offset_s",
    "time_bounds",
)
VALUE_FIELDS: Final = ("values", "flags", "context", "window")
"""What was measured. Masked as a whole, or JSON."""
FIELDS: Final = (*PLAIN_FIELDS, *VALUE_FIELDS)

_OF_THE_ROW: Final = ("seq", "id", "state", "reason", "attempts", "added_time", "sent_time", "receipt_time")
_TELLING: Final = (Quality.VALID, Quality.BEYOND_LOW, Quality.BEYOND_HIGH, Quality.QUESTIONABLE)
"""Which of these a reading is says something of its value."""


def exported(db: sqlite3.Connection, state: str | None, *, show_values: bool) -> Iterator[dict[str, Any]]:
    """Every reading in order of arrival, or those in one ``state``, as one flat row each."""
    rows = db.execute(
        f"SELECT {', '.join(_OF_THE_ROW)}, reading FROM readings"  # noqa: S608 - only the names above
        " WHERE ? IS NULL OR state = ? ORDER BY seq",
        (state, state),
    )
    for *row, text in rows:
        reading = json.loads(text)
        fields = dict(zip(_OF_THE_ROW, row, strict=True)) | {
            name: reading.get(name) for name in PLAIN_FIELDS if name not in _OF_THE_ROW
        }
        fields["quality"] = _quality(reading["quality"], show_values=show_values)
        yield fields | {name: _value(reading.get(name), show_values=show_values) for name in VALUE_FIELDS}


def _quality(quality: str, *, show_values: bool) -> str:
    return quality if show_values or quality not in _TELLING else "measured"


def _value(value: Any, *, show_values: bool) -> Any:
    if not value:
        return None
    return value if show_values else MASK
