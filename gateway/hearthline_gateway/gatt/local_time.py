"""Local Time Information (0x2A0F): a meter's own zone.

Source: Bluetooth SIG, Current Time Service 1.1.1, and the GATT Specification Supplement, "Time Zone" and "DST Offset".
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

_QUARTERS: Final = range(-48, 57)
"""From UTC-12:00 to UTC+14:00; -128 is "not known", the rest is reserved."""


class DstOffset(IntEnum):
    """What daylight saving adds to the zone's standard time."""

    STANDARD_TIME = 0
    HALF_AN_HOUR = 2
    DAYLIGHT_TIME = 4
    DOUBLE_DAYLIGHT_TIME = 8
    NOT_KNOWN = 255


_OFFSETS: Final = {int(offset): offset for offset in DstOffset}


@dataclass(frozen=True, slots=True)
class LocalTimeInformation:
    """``time_zone`` is standard time's offset from UTC in quarters of an hour, as it came: -128 is "not known", a
    number outside -48 to 56 is reserved. A reserved ``dst_offset`` is kept as its plain number."""

    characteristic: ClassVar[str] = "2A0F"

    time_zone: int
    dst_offset: DstOffset | int
    trailing: bytes = b""

    @property
    def utc_offset_minutes(self) -> int | None:
        """Minutes that this clock is ahead of UTC now, daylight saving included; None where either is not known."""
        offset = self.dst_offset
        if self.time_zone not in _QUARTERS or not isinstance(offset, DstOffset) or offset is DstOffset.NOT_KNOWN:
            return None
        return 15 * (self.time_zone + offset)

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        zone = cursor.signed(1, "time_zone")
        offset = cursor.unsigned(1, "dst_offset")
        return cls(zone, _OFFSETS.get(offset, offset), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.signed(1, "time_zone", self.time_zone)
        composer.unsigned(1, "dst_offset", self.dst_offset)
        return composer.frame(self.trailing)
