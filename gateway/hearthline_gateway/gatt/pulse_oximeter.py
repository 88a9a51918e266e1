"""PLX Spot-check Measurement (0x2A5E) and PLX Continuous Measurement (0x2A5F).

Source: Bluetooth SIG, Pulse Oximeter Service 1.0.1, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime


class PlxMeasurementStatus(IntFlag):
    """The 16 bits of Measurement Status; the low five are reserved and kept as they came."""

    MEASUREMENT_ONGOING = 1 << 5
    EARLY_ESTIMATED_DATA = 1 << 6
    VALIDATED_DATA = 1 << 7
    FULLY_QUALIFIED_DATA = 1 << 8
    DATA_FROM_MEASUREMENT_STORAGE = 1 << 9
    DATA_FOR_DEMONSTRATION = 1 << 10
    DATA_FOR_TESTING = 1 << 11
    CALIBRATION_ONGOING = 1 << 12
    MEASUREMENT_UNAVAILABLE = 1 << 13
    QUESTIONABLE_MEASUREMENT_DETECTED = 1 << 14
    INVALID_MEASUREMENT_DETECTED = 1 << 15


class PlxDeviceAndSensorStatus(IntFlag):
    """The 24 bits of Device and Sensor Status; the top eight are reserved and kept as they came."""

    EXTENDED_DISPLAY_UPDATE_ONGOING = 1 << 0
    EQUIPMENT_MALFUNCTION_DETECTED = 1 << 1
    SIGNAL_PROCESSING_IRREGULARITY_DETECTED = 1 << 2
    INADEQUATE_SIGNAL_DETECTED = 1 << 3
    POOR_SIGNAL_DETECTED = 1 << 4
    LOW_PERFUSION_DETECTED = 1 << 5
    ERRATIC_SIGNAL_DETECTED = 1 << 6
    NONPULSATILE_SIGNAL_DETECTED = 1 << 7
    QUESTIONABLE_PULSE_DETECTED = 1 << 8
    SIGNAL_ANALYSIS_ONGOING = 1 << 9
    SENSOR_INTERFERENCE_DETECTED = 1 << 10
    SENSOR_UNCONNECTED_TO_USER = 1 << 11
    UNKNOWN_SENSOR_CONNECTED = 1 << 12
    SENSOR_DISPLACED = 1 << 13
    SENSOR_MALFUNCTIONING = 1 << 14
    SENSOR_DISCONNECTED = 1 << 15


def _status(cursor: Cursor, present: int) -> PlxMeasurementStatus | None:
    return PlxMeasurementStatus(cursor.unsigned(2, "measurement_status")) if present else None


def _sensor_status(cursor: Cursor, present: int) -> PlxDeviceAndSensorStatus | None:
    return PlxDeviceAndSensorStatus(cursor.unsigned(3, "device_and_sensor_status")) if present else None


def _sfloat(cursor: Cursor, present: int, field: str) -> Number | None:
    return cursor.sfloat(field) if present else None


@dataclass(frozen=True, slots=True)
class PlxSpotCheckMeasurement:
    """One spot check. ``spo2`` and ``pulse_amplitude_index`` in percent, ``pulse_rate`` in beats a minute;
    ``device_clock_is_not_set`` says that the stamp means nothing."""

    characteristic: ClassVar[str] = "2A5E"

    spo2: Number
    pulse_rate: Number
    time_stamp: DeviceTime | None = None
    measurement_status: PlxMeasurementStatus | None = None
    device_and_sensor_status: PlxDeviceAndSensorStatus | None = None
    pulse_amplitude_index: Number | None = None
    device_clock_is_not_set: bool = False
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        return cls(
            spo2=cursor.sfloat("spo2"),
            pulse_rate=cursor.sfloat("pulse_rate"),
            time_stamp=cursor.date_time("time_stamp") if flags & 0x01 else None,
            measurement_status=_status(cursor, flags & 0x02),
            device_and_sensor_status=_sensor_status(cursor, flags & 0x04),
            pulse_amplitude_index=_sfloat(cursor, flags & 0x08, "pulse_amplitude_index"),
            device_clock_is_not_set=bool(flags & 0x10),
            reserved_flags=flags & 0xE0,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        composer.sfloat("spo2", self.spo2)
        composer.sfloat("pulse_rate", self.pulse_rate)
        composer.date_time("time_stamp", self.time_stamp)
        composer.unsigned(2, "measurement_status", self.measurement_status)
        composer.unsigned(3, "device_and_sensor_status", self.device_and_sensor_status)
        composer.sfloat("pulse_amplitude_index", self.pulse_amplitude_index)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        composer.sfloat("spo2", self.spo2)
        composer.sfloat("pulse_rate", self.pulse_rate)
        composer.sfloat("pulse_amplitude_index", self.pulse_amplitude_index)
        return composer.frame()

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (0x01 if self.time_stamp is not None else 0)
            | (0x02 if self.measurement_status is not None else 0)
            | (0x04 if self.device_and_sensor_status is not None else 0)
            | (0x08 if self.pulse_amplitude_index is not None else 0)
            | (0x10 if self.device_clock_is_not_set else 0)
        )


@dataclass(frozen=True, slots=True)
class PlxContinuousMeasurement:
    """One notification of a stream. Units as in :class:`PlxSpotCheckMeasurement`; ``spo2`` and ``pulse_rate`` are the
    normally averaged pair, ``fast`` and ``slow`` the same with another response time, each pair whole or absent."""

    characteristic: ClassVar[str] = "2A5F"

    spo2: Number
    pulse_rate: Number
    spo2_fast: Number | None = None
    pulse_rate_fast: Number | None = None
    spo2_slow: Number | None = None
    pulse_rate_slow: Number | None = None
    measurement_status: PlxMeasurementStatus | None = None
    device_and_sensor_status: PlxDeviceAndSensorStatus | None = None
    pulse_amplitude_index: Number | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        return cls(
            spo2=cursor.sfloat("spo2"),
            pulse_rate=cursor.sfloat("pulse_rate"),
            spo2_fast=_sfloat(cursor, flags & 0x01, "spo2_fast"),
            pulse_rate_fast=_sfloat(cursor, flags & 0x01, "pulse_rate_fast"),
            spo2_slow=_sfloat(cursor, flags & 0x02, "spo2_slow"),
            pulse_rate_slow=_sfloat(cursor, flags & 0x02, "pulse_rate_slow"),
            measurement_status=_status(cursor, flags & 0x04),
            device_and_sensor_status=_sensor_status(cursor, flags & 0x08),
            pulse_amplitude_index=_sfloat(cursor, flags & 0x10, "pulse_amplitude_index"),
            reserved_flags=flags & 0xE0,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        self._put_pairs(composer)
        composer.unsigned(2, "measurement_status", self.measurement_status)
        composer.unsigned(3, "device_and_sensor_status", self.device_and_sensor_status)
        composer.sfloat("pulse_amplitude_index", self.pulse_amplitude_index)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        self._put_pairs(composer)
        composer.sfloat("pulse_amplitude_index", self.pulse_amplitude_index)
        return composer.frame()

    def _put_pairs(self, composer: Composer) -> None:
        composer.sfloat("spo2", self.spo2)
        composer.sfloat("pulse_rate", self.pulse_rate)
        composer.sfloat("spo2_fast", self.spo2_fast)
        composer.sfloat("pulse_rate_fast", self.pulse_rate_fast)
        composer.sfloat("spo2_slow", self.spo2_slow)
        composer.sfloat("pulse_rate_slow", self.pulse_rate_slow)

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (0x01 if self.spo2_fast is not None else 0)
            | (0x02 if self.spo2_slow is not None else 0)
            | (0x04 if self.measurement_status is not None else 0)
            | (0x08 if self.device_and_sensor_status is not None else 0)
            | (0x10 if self.pulse_amplitude_index is not None else 0)
        )
