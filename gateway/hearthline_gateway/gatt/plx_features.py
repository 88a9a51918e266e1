"""PLX Features (0x2A60). Source: Bluetooth SIG, Pulse Oximeter Service 1.0.1."""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.pulse_oximeter import PlxDeviceAndSensorStatus, PlxMeasurementStatus
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class PlxSupportedFeatures(IntFlag):
    """What the oximeter can send. The bits above are reserved and kept as they came."""

    MEASUREMENT_STATUS = 1 << 0
    DEVICE_AND_SENSOR_STATUS = 1 << 1
    MEASUREMENT_STORAGE_FOR_SPOT_CHECK = 1 << 2
    TIME_STAMP_FOR_SPOT_CHECK = 1 << 3
    FAST_METRIC = 1 << 4
    SLOW_METRIC = 1 << 5
    PULSE_AMPLITUDE_INDEX = 1 << 6
    MULTIPLE_BOND = 1 << 7


_STATUS: Final = PlxSupportedFeatures.MEASUREMENT_STATUS
_SENSOR: Final = PlxSupportedFeatures.DEVICE_AND_SENSOR_STATUS


@dataclass(frozen=True, slots=True)
class PlxFeatures:
    """What the oximeter can do, and which bits of its two status fields it ever sets.

    The two supports are there exactly where ``supported_features`` names their status.
    """

    characteristic: ClassVar[str] = "2A60"

    supported_features: PlxSupportedFeatures
    measurement_status_support: PlxMeasurementStatus | None = None
    device_and_sensor_status_support: PlxDeviceAndSensorStatus | None = None
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        features = PlxSupportedFeatures(cursor.unsigned(2, "supported_features"))
        status = sensor = None
        if features & _STATUS:
            status = PlxMeasurementStatus(cursor.unsigned(2, "measurement_status_support"))
        if features & _SENSOR:
            sensor = PlxDeviceAndSensorStatus(cursor.unsigned(3, "device_and_sensor_status_support"))
        return cls(features, status, sensor, cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "supported_features", self.supported_features)
        composer.unsigned(2, "measurement_status_support", self.measurement_status_support)
        composer.unsigned(3, "device_and_sensor_status_support", self.device_and_sensor_status_support)
        return composer.frame(self.trailing)
