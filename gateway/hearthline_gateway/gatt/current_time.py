"""Current Time (0x2A2B). Source: Bluetooth SIG, Current Time Service 1.1.1, and the GATT Specification Supplement."""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime


class AdjustReason(IntFlag):
    """Why the clock was last set."""

    MANUAL_TIME_UPDATE = 1 << 0
    EXTERNAL_REFERENCE_TIME_UPDATE = 1 << 1
    CHANGE_OF_TIME_ZONE = 1 << 2
    CHANGE_OF_DST = 1 << 3


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """What the clock shows. ``day_of_week`` is 1 for Monday, 0 for not known; ``fractions256`` counts 1/256 s."""

    characteristic: ClassVar[str] = "2A2B"

    date_time: DeviceTime
    day_of_week: int
    fractions256: int
    adjust_reason: AdjustReason
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(
            date_time=cursor.date_time("date_time"),
            day_of_week=cursor.unsigned(1, "day_of_week"),
            fractions256=cursor.unsigned(1, "fractions256"),
            adjust_reason=AdjustReason(cursor.unsigned(1, "adjust_reason")),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.date_time("date_time", self.date_time)
        composer.unsigned(1, "day_of_week", self.day_of_week)
        composer.unsigned(1, "fractions256", self.fractions256)
        composer.unsigned(1, "adjust_reason", self.adjust_reason)
        return composer.frame(self.trailing)
