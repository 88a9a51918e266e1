"""A well-formed reading against the table of kinds and against time: what makes it impossible, if anything. Pure.

The range is physical, not clinical: a value no living person has is kept apart, a dangerous one is taken and judged.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from hearthline_backend.ingest.refusal import Reason
from hearthline_protocol.kinds import KINDS, Field, Kind
from hearthline_protocol.readings import Quality, Reading, Value

Objection = tuple[Reason, str]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No meter that Hearthline reads, and no patient's home, sent anything before."""
AHEAD_OF_RECEIVED: Final = timedelta(minutes=5)
"""The gateway dates a reading whose stamp lies further ahead by its arrival, so none can arrive so."""
AHEAD_OF_US: Final = timedelta(hours=24)
"""A gateway's clock that is wrong by hours must not cost an alert; one that is wrong by days dates nothing rightly."""

_COMPARATORS: Final = {Quality.BEYOND_LOW: "<", Quality.BEYOND_HIGH: ">"}


def objection(reading: Reading, now: datetime) -> Objection | None:
    """The first reason why this reading cannot be taken; None where there is none."""
    kind = KINDS.get(reading.kind)
    if kind is None:
        return Reason.UNKNOWN_KIND, f"kind is one of {', '.join(KINDS)}"
    for name, value in reading.values.items():
        found = _wrong_value(kind, name, value)
        if found is not None:
            return found
    return _missing_value(kind, reading) or _impossible_time(reading, now)


def _wrong_value(kind: Kind, name: str, value: Value) -> Objection | None:
    field = kind.fields.get(name)
    if field is None:
        return Reason.UNKNOWN_UNIT, f"{kind.name} has the fields {', '.join(kind.fields)}, and no other with any unit"
    if value.unit != field.unit:
        return Reason.UNKNOWN_UNIT, f"{kind.name} {name} is in {field.unit}"
    return _impossible(kind, field, value)


def _impossible(kind: Kind, field: Field, value: Value) -> Objection | None:
    low, high = field.possible
    if value.value is None or low <= value.value <= high:
        return None
    return Reason.IMPOSSIBLE_VALUE, f"{kind.name} {field.name} lies between {low:g} and {high:g} {field.unit}"


def _missing_value(kind: Kind, reading: Reading) -> Objection | None:
    if reading.quality in (Quality.FAILED, Quality.NOT_PATIENT):
        return None
    comparator = _COMPARATORS.get(reading.quality)
    if comparator is not None:
        if any(value.comparator == comparator for value in reading.values.values()):
            return None
        return Reason.MISSING_VALUE, f"quality {reading.quality} needs a value with the comparator {comparator}"
    for name in kind.required:
        if name not in reading.values or reading.values[name].value is None:
            return Reason.MISSING_VALUE, f"{kind.name} of quality {reading.quality} needs {' and '.join(kind.required)}"
    if not reading.values:
        return Reason.MISSING_VALUE, f"{kind.name} of quality {reading.quality} needs at least one value"
    return None


def _impossible_time(reading: Reading, now: datetime) -> Objection | None:
    if reading.received_time > now + AHEAD_OF_US:
        return Reason.IMPOSSIBLE_TIME, "received_time lies more than a day ahead; set the gateway's clock"
    if reading.effective_time > reading.received_time + AHEAD_OF_RECEIVED:
        return Reason.IMPOSSIBLE_TIME, "effective_time lies more than 5 minutes after received_time"
    if min(reading.effective_time, reading.received_time) < EARLIEST:
        return Reason.IMPOSSIBLE_TIME, f"times lie in or after {EARLIEST.year}"
    return None
