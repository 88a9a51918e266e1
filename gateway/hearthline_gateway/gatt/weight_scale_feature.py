"""Weight Scale Feature (0x2A9E). Source: Bluetooth SIG, Weight Scale Service 1.0.1."""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.resolution import (
    HEIGHT_RESOLUTIONS,
    MASS_RESOLUTIONS,
    HeightResolution,
    MassResolution,
)


class WeightScaleFeatures(IntFlag):
    """What the scale can send."""

    TIME_STAMP = 1 << 0
    MULTIPLE_USERS = 1 << 1
    BMI = 1 << 2


_FEATURES: Final = 0b111


@dataclass(frozen=True, slots=True)
class WeightScaleFeature:
    """What the scale can do, and how finely it measures weight and height; a reserved resolution is kept as its plain
    number."""

    characteristic: ClassVar[str] = "2A9E"

    features: WeightScaleFeatures
    weight_resolution: MassResolution | int
    height_resolution: HeightResolution | int
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        bits = cursor.unsigned(4, "features")
        weight, height = bits >> 3 & 0b1111, bits >> 7 & 0b111
        return cls(
            features=WeightScaleFeatures(bits & _FEATURES),
            weight_resolution=MASS_RESOLUTIONS.get(weight, weight),
            height_resolution=HEIGHT_RESOLUTIONS.get(height, height),
            reserved_flags=bits & ~0x3FF,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        resolutions = self.weight_resolution << 3 | self.height_resolution << 7
        composer.unsigned(4, "features", self.features | resolutions | self.reserved_flags)
        return composer.frame(self.trailing)
