"""The hot path's look at a payload: readings against which nothing at all speaks, or none.

What it takes, :func:`~hearthline_backend.ingest.batch.read_batch` takes with the same meaning; what it leaves, and why,
is for that function to say. Pure.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from hearthline_backend.ingest.plausibility import AHEAD_OF_RECEIVED, AHEAD_OF_US, EARLIEST
from hearthline_backend.quick_reading import QuickReading, quick_reading
from hearthline_protocol.device_time import is_device_time
from hearthline_protocol.kinds import KINDS
from hearthline_protocol.messages import MAX_BATCH_BYTES, MAX_BATCH_READINGS, SCHEMA
from hearthline_protocol.readings import Quality, TimeQuality

QuickRow = tuple[QuickReading, bytes]
"""A reading and the JSON it was taken from."""


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    readings: list[msgspec.Raw]
    schema: int = 1


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_HEAD: Final = b'{"schema":1,"readings":['
_TAIL: Final = b"]}"
"""How our gateways write what is around readings. Any other way is understood as well, and takes longer."""
_ONE_BYTES: Final = 2048
"""A longer payload hardly holds a single reading."""
_CHARACTERISTIC: Final = re.compile(r"[0-9A-F]{4}", re.ASCII)


@lru_cache(maxsize=1024)
def _is_characteristic(text: str) -> bool:
    return _CHARACTERISTIC.fullmatch(text) is not None


_TOO_FINE: Final = re.compile(rb"\.\d{7}")
"""Perhaps a moment finer than a microsecond: this decoder would round it, the contract's model cuts it off."""
_WITH_A_NUMBER: Final = (Quality.VALID, Quality.QUESTIONABLE)
_KINDS: Final = {
    name: (
        {field.name: (field.unit, field.possible[0], field.possible[1]) for field in kind.fields.values()},
        kind.required,
    )
    for name, kind in KINDS.items()
}


def quick_batch(payload: bytes, now: datetime) -> list[QuickRow] | None:
    """Every reading of a batch, if all of them are beyond doubt."""
    if len(payload) > MAX_BATCH_BYTES or b"\\" in payload or _TOO_FINE.search(payload) is not None:
        return None
    ahead = now + AHEAD_OF_US
    if len(payload) <= _ONE_BYTES and payload.startswith(_HEAD) and payload.endswith(_TAIL):
        # What is between them decodes as one reading and nothing else only where it is the only one.
        body = payload[len(_HEAD) : -len(_TAIL)]
        reading = quick_reading(body)
        if reading is not None:
            return [(reading, body)] if _beyond_doubt(reading, ahead) else None
    try:
        envelope = _ENVELOPE.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not 1 <= envelope.schema <= SCHEMA or not 0 < len(envelope.readings) <= MAX_BATCH_READINGS:
        return None
    found: list[QuickRow] = []
    for raw in envelope.readings:
        reading = quick_reading(raw)
        if reading is None or not _beyond_doubt(reading, ahead):
            return None
        found.append((reading, bytes(raw)))
    return found if len(found) == 1 or _all_different(found) else None


def _all_different(rows: list[QuickRow]) -> bool:
    return len({reading.id.int for reading, _ in rows}) == len(rows)  # an id's own hash takes five times as long


def _beyond_doubt(reading: QuickReading, ahead: datetime) -> bool:
    kind = _KINDS.get(reading.kind)
    if kind is None or reading.quality not in _WITH_A_NUMBER or reading.time_quality is TimeQuality.UNKNOWN:
        return False
    fields, required = kind
    values = reading.values
    if not values:
        return False
    for name, value in values.items():
        field, number = fields.get(name), value.value
        if field is None or number is None or value.comparator is not None:
            return False
        unit, low, high = field
        if value.unit != unit or not low <= number <= high:
            return False
    for name in required:
        if name not in values:
            return False
    stamp = reading.device_time
    if stamp is not None and not is_device_time(stamp):
        return False
    received, effective = reading.received_time, reading.effective_time
    if received.tzinfo is not UTC or effective.tzinfo is not UTC:
        return False  # the contract's model converts it, and knows the edges of the calendar
    if received > ahead or received < EARLIEST or effective < EARLIEST:
        return False
    dated = effective <= received or effective - received <= AHEAD_OF_RECEIVED
    return dated and _is_characteristic(reading.characteristic)
