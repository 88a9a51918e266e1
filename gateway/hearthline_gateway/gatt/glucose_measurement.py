"""Glucose Measurement (0x2A18) and Glucose Feature (0x2A51).

Source: Bluetooth SIG, Glucose Service 1.0.1, and the GATT Specification Supplement.

The base time is the meter's own running clock; the time offset, in minutes, leads from there to the time that its
display showed when it measured. Who sets the display moves the offset, never the base time, so that records keep their
order: base time 08:00 with an offset of 60 was shown as 09:00.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, IntFlag
from typing import ClassVar, Final, Literal, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType, put_sample, take_sample
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime

_TIME_OFFSET: Final = 0x01
_CONCENTRATION: Final = 0x02
_MOLES: Final = 0x04
_STATUS: Final = 0x08
_CONTEXT: Final = 0x10
_RESERVED: Final = 0xE0


class TimeOffset(IntEnum):
    """An offset too large for its field: the time on the display is then not known."""

    OVERRUN = 0x7FFF
    UNDERRUN = -0x8000


class GlucoseStatus(IntFlag):
    """The 16 bits of Sensor Status Annunciation; the top four are reserved and kept as they came."""

    DEVICE_BATTERY_LOW = 1 << 0
    SENSOR_MALFUNCTION = 1 << 1
    SAMPLE_SIZE_INSUFFICIENT = 1 << 2
    STRIP_INSERTION_ERROR = 1 << 3
    STRIP_TYPE_INCORRECT = 1 << 4
    RESULT_HIGHER_THAN_DEVICE_CAN_PROCESS = 1 << 5
    RESULT_LOWER_THAN_DEVICE_CAN_PROCESS = 1 << 6
    SENSOR_TEMPERATURE_TOO_HIGH = 1 << 7
    SENSOR_TEMPERATURE_TOO_LOW = 1 << 8
    READ_INTERRUPTED_STRIP_PULLED_TOO_SOON = 1 << 9
    GENERAL_DEVICE_FAULT = 1 << 10
    TIME_FAULT = 1 << 11


@dataclass(frozen=True, slots=True)
class GlucoseMeasurement:
    """One record. ``glucose_concentration`` in ``unit``, ``time_offset`` in minutes.

    Concentration, type and location come together or not at all: a record may hold a status alone. Reserved types and
    locations stay plain numbers. ``context_information_follows``: a Glucose Measurement Context with the same
    ``sequence_number`` belongs to it.
    """

    characteristic: ClassVar[str] = "2A18"

    sequence_number: int
    base_time: DeviceTime
    time_offset: TimeOffset | int | None = None
    glucose_concentration: Number | None = None
    unit: Literal["kg/L", "mol/L"] = "kg/L"
    sample_type: SampleType | int | None = None
    sample_location: SampleLocation | int | None = None
    sensor_status_annunciation: GlucoseStatus | None = None
    context_information_follows: bool = False
    reserved_flags: int = 0
    trailing: bytes = b""

    @property
    def user_facing_time(self) -> DeviceTime | None:
        """What the display showed; None where base time and offset together name no moment."""
        if self.time_offset is None:
            return self.base_time
        if isinstance(self.time_offset, TimeOffset) or not self.base_time.known:
            return None
        try:
            return DeviceTime.of(self.base_time.at_offset(-timedelta(minutes=self.time_offset)))
        except OverflowError:
            return None

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        sequence_number = cursor.unsigned(2, "sequence_number")
        base_time = cursor.date_time("base_time")
        time_offset = named(TimeOffset, cursor.signed(2, "time_offset")) if flags & _TIME_OFFSET else None
        concentration = cursor.sfloat("glucose_concentration") if flags & _CONCENTRATION else None
        sample_type, location = take_sample(cursor, quirks) if flags & _CONCENTRATION else (None, None)
        return cls(
            sequence_number=sequence_number,
            base_time=base_time,
            time_offset=time_offset,
            glucose_concentration=concentration,
            unit="mol/L" if flags & _MOLES else "kg/L",
            sample_type=sample_type,
            sample_location=location,
            sensor_status_annunciation=GlucoseStatus(cursor.unsigned(2, "sensor_status_annunciation"))
            if flags & _STATUS
            else None,
            context_information_follows=bool(flags & _CONTEXT),
            reserved_flags=flags & _RESERVED,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        composer.unsigned(2, "sequence_number", self.sequence_number)
        composer.date_time("base_time", self.base_time)
        composer.signed(2, "time_offset", self.time_offset)
        composer.sfloat("glucose_concentration", self.glucose_concentration)
        put_sample(composer, quirks, self.sample_type, self.sample_location)
        composer.unsigned(2, "sensor_status_annunciation", self.sensor_status_annunciation)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value field alone, as it came over the air. What a person may change on the meter afterwards (the
        display's time, the mark of a control solution) is not part of it."""
        composer = Composer(quirks)
        composer.sfloat("glucose_concentration", self.glucose_concentration)
        return composer.frame()

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (_TIME_OFFSET if self.time_offset is not None else 0)
            | (_CONCENTRATION if self.glucose_concentration is not None else 0)
            | (_MOLES if self.unit == "mol/L" else 0)
            | (_STATUS if self.sensor_status_annunciation is not None else 0)
            | (_CONTEXT if self.context_information_follows else 0)
        )


class GlucoseFeatures(IntFlag):
    """The 16 bits of Glucose Feature; the top five are reserved and kept as they came."""

    LOW_BATTERY_DETECTION = 1 << 0
    SENSOR_MALFUNCTION_DETECTION = 1 << 1
    SENSOR_SAMPLE_SIZE = 1 << 2
    SENSOR_STRIP_INSERTION_ERROR_DETECTION = 1 << 3
    SENSOR_STRIP_TYPE_ERROR_DETECTION = 1 << 4
    SENSOR_RESULT_HIGH_LOW_DETECTION = 1 << 5
    SENSOR_TEMPERATURE_HIGH_LOW_DETECTION = 1 << 6
    SENSOR_READ_INTERRUPT_DETECTION = 1 << 7
    GENERAL_DEVICE_FAULT = 1 << 8
    TIME_FAULT = 1 << 9
    MULTIPLE_BOND = 1 << 10


@dataclass(frozen=True, slots=True)
class GlucoseFeature:
    """What the meter can do."""

    characteristic: ClassVar[str] = "2A51"

    features: GlucoseFeatures
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(GlucoseFeatures(cursor.unsigned(2, "features")), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "features", self.features)
        return composer.frame(self.trailing)
