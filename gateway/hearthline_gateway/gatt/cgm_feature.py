"""CGM Feature (0x2AA8). Source: Bluetooth SIG, Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification
Supplement."""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt import e2e_crc
from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType, put_sample, take_sample
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

NOT_PROTECTED: Final = 0xFFFF
"""What stands for the checksum where the sensor has none."""


class CgmFeatures(IntFlag):
    """The 24 bits of CGM Feature; the top seven are reserved and kept as they came."""

    CALIBRATION = 1 << 0
    PATIENT_HIGH_LOW_ALERTS = 1 << 1
    HYPO_ALERTS = 1 << 2
    HYPER_ALERTS = 1 << 3
    RATE_OF_INCREASE_DECREASE_ALERTS = 1 << 4
    DEVICE_SPECIFIC_ALERT = 1 << 5
    SENSOR_MALFUNCTION_DETECTION = 1 << 6
    SENSOR_TEMPERATURE_HIGH_LOW_DETECTION = 1 << 7
    SENSOR_RESULT_HIGH_LOW_DETECTION = 1 << 8
    LOW_BATTERY_DETECTION = 1 << 9
    SENSOR_TYPE_ERROR_DETECTION = 1 << 10
    GENERAL_DEVICE_FAULT = 1 << 11
    E2E_CRC = 1 << 12
    MULTIPLE_BOND = 1 << 13
    MULTIPLE_SESSIONS = 1 << 14
    CGM_TREND_INFORMATION = 1 << 15
    CGM_QUALITY = 1 << 16


@dataclass(frozen=True, slots=True)
class CgmFeature:
    """What the sensor can do, in what it measures and where it sits. The checksum is always sent; it is one only where
    ``features`` says so, and stays as it came (:data:`NOT_PROTECTED`) where they do not."""

    characteristic: ClassVar[str] = "2AA8"

    features: CgmFeatures
    sample_type: SampleType | int
    sample_location: SampleLocation | int
    e2e_crc: int = NOT_PROTECTED
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        features = CgmFeatures(cursor.unsigned(3, "features"))
        sample_type, location = take_sample(cursor, quirks)
        crc = cursor.unsigned(e2e_crc.SIZE, "e2e_crc")
        trailing = cursor.rest()
        if features & CgmFeatures.E2E_CRC:
            e2e_crc.verify(cls.characteristic, payload.removesuffix(trailing))
        return cls(features, sample_type, location, crc, trailing)

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`; the checksum is computed where the sensor has one."""
        composer = Composer(quirks)
        composer.unsigned(3, "features", self.features)
        put_sample(composer, quirks, self.sample_type, self.sample_location)
        if self.features & CgmFeatures.E2E_CRC:
            return e2e_crc.protected(composer.frame()) + self.trailing
        composer.unsigned(e2e_crc.SIZE, "e2e_crc", self.e2e_crc)
        return composer.frame(self.trailing)
