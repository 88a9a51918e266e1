"""Battery Level (0x2A19). Source: Bluetooth SIG, Battery Service 1.1."""

from dataclasses import dataclass
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


@dataclass(frozen=True, slots=True)
class BatteryLevel:
    """``level`` in percent; the profile reserves what is above 100."""

    characteristic: ClassVar[str] = "2A19"

    level: int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(1, "level"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "level", self.level)
        return composer.frame(self.trailing)
