"""A reading taken from JSON at a fraction of what the contract's own model costs: the hot path's eyes.

It accepts a subset of what :class:`hearthline_protocol.readings.Reading` accepts and means the same by it (a property
test holds it to that). Whatever it does not take goes to the contract's model, which alone says what is wrong. It holds
no regular expressions: a sensor's address is right where it is registered, and the rest is checked by whoever uses it.
"""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from hearthline_protocol.readings import Quality, TimeQuality

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class QuickMeasured(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """As :class:`hearthline_protocol.readings.AsMeasured`."""

    number: float
    unit: str
    precision: Annotated[int, msgspec.Meta(ge=-128, le=128)]


class QuickValue(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """As :class:`hearthline_protocol.readings.Value`."""

    value: float | None
    unit: str
    comparator: Literal["<", ">"] | None = None
    as_measured: QuickMeasured | None = None


class QuickReading(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """As :class:`hearthline_protocol.readings.Reading` of schema 1; a reading with anything of schema 2 is not taken.

    Times keep the offset they were sent with: they compare rightly, and are not converted.
    """

    id: UUID
    kind: str
    quality: Quality
    values: dict[str, QuickValue]
    received_time: _Instant
    effective_time: _Instant
    time_quality: TimeQuality
    sensor: str
    characteristic: str
    flags: tuple[str, ...] = ()
    device_time: str | None = None
    clock_offset_s: float | None = None
    live: bool = False
    user_slot: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    sequence: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] | None = None
    model: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    synthetic: bool = False


_DECODER: Final = msgspec.json.Decoder(QuickReading)


def quick_reading(body: bytes | msgspec.Raw) -> QuickReading | None:
    """The reading in this JSON; None where the contract's model has to look at it."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
