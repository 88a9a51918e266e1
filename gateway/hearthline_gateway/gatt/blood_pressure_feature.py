"""Blood Pressure Feature (0x2A49). Source: Bluetooth SIG, Blood Pressure Service 1.1.1."""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class BloodPressureFeatures(IntFlag):
    """What the cuff can detect and do. The bits above are reserved and kept as they came."""

    BODY_MOVEMENT_DETECTION = 1 << 0
    CUFF_FIT_DETECTION = 1 << 1
    IRREGULAR_PULSE_DETECTION = 1 << 2
    PULSE_RATE_RANGE_DETECTION = 1 << 3
    MEASUREMENT_POSITION_DETECTION = 1 << 4
    MULTIPLE_BOND = 1 << 5
    E2E_CRC = 1 << 6
    USER_DATA_SERVICE = 1 << 7
    USER_FACING_TIME = 1 << 8


@dataclass(frozen=True, slots=True)
class BloodPressureFeature:
    """What the cuff says that it can do."""

    characteristic: ClassVar[str] = "2A49"

    features: BloodPressureFeatures
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(BloodPressureFeatures(cursor.unsigned(2, "features")), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "features", self.features)
        return composer.frame(self.trailing)
