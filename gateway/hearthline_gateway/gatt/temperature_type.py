"""Temperature Type (0x2A1D): where a thermometer always measures. Source: Bluetooth SIG, Health Thermometer 1.0."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.health_thermometer import TemperatureType
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

_TYPES: Final = {int(place): place for place in TemperatureType}


@dataclass(frozen=True, slots=True)
class StaticTemperatureType:
    """The place on the body, for a thermometer that has only one. A reserved type is kept as its plain number."""

    characteristic: ClassVar[str] = "2A1D"

    temperature_type: TemperatureType | int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        raw = cursor.unsigned(1, "temperature_type")
        return cls(_TYPES.get(raw, raw), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "temperature_type", self.temperature_type)
        return composer.frame(self.trailing)
