"""Date Time (0x2A08): a meter's wall clock. Source: Bluetooth SIG, GATT Specification Supplement, "Date Time"."""

from dataclasses import dataclass
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime


@dataclass(frozen=True, slots=True)
class DateTime:
    """What the clock shows. A year, month or day of 0 means "not known" and is kept as it came."""

    characteristic: ClassVar[str] = "2A08"

    date_time: DeviceTime
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.date_time("date_time"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.date_time("date_time", self.date_time)
        return composer.frame(self.trailing)
