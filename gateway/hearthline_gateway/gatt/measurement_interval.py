"""Measurement Interval (0x2A21) of a thermometer. Source: Bluetooth SIG, Health Thermometer Service 1.0."""

from dataclasses import dataclass
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


@dataclass(frozen=True, slots=True)
class MeasurementInterval:
    """Seconds between two measurements; 0 for a thermometer that does not measure by itself."""

    characteristic: ClassVar[str] = "2A21"

    interval_s: int
    trailing: bytes = b""

    @property
    def periodic(self) -> bool:
        """Whether it measures by itself."""
        return self.interval_s > 0

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(2, "interval"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "interval", self.interval_s)
        return composer.frame(self.trailing)
