"""Temperature Measurement (0x2A1C) and Intermediate Temperature (0x2A1E), which share one layout.

Source: Bluetooth SIG, Health Thermometer Service 1.0, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Literal, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime

_FAHRENHEIT: Final = 0x01
_TIME_STAMP: Final = 0x02
_TYPE: Final = 0x04
_RESERVED: Final = 0xF8


class TemperatureType(IntEnum):
    """Where on the body the temperature was taken (Temperature Type, 0x2A1D)."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GASTROINTESTINAL_TRACT = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    TYMPANUM = 9


_TYPES: Final = {int(place): place for place in TemperatureType}


@dataclass(frozen=True, slots=True)
class TemperatureMeasurement:
    """One temperature in ``unit`` (degrees Celsius or Fahrenheit). A reserved type is kept as its plain number: some
    thermometers send 255 for "not known"."""

    characteristic: ClassVar[str] = "2A1C"

    temperature: Number
    unit: Literal["C", "F"] = "C"
    time_stamp: DeviceTime | None = None
    temperature_type: TemperatureType | int | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        return cls(
            temperature=cursor.float("temperature"),
            unit="F" if flags & _FAHRENHEIT else "C",
            time_stamp=cursor.date_time("time_stamp") if flags & _TIME_STAMP else None,
            temperature_type=_type(cursor.unsigned(1, "temperature_type")) if flags & _TYPE else None,
            reserved_flags=flags & _RESERVED,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        composer.float("temperature", self.temperature)
        composer.date_time("time_stamp", self.time_stamp)
        composer.unsigned(1, "temperature_type", self.temperature_type)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        composer.float("temperature", self.temperature)
        return composer.frame()

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (_FAHRENHEIT if self.unit == "F" else 0)
            | (_TIME_STAMP if self.time_stamp is not None else 0)
            | (_TYPE if self.temperature_type is not None else 0)
        )


@dataclass(frozen=True, slots=True)
class IntermediateTemperature(TemperatureMeasurement):
    """The temperature while the thermometer still measures."""

    characteristic: ClassVar[str] = "2A1E"


def _type(raw: int) -> TemperatureType | int:
    return _TYPES.get(raw, raw)
