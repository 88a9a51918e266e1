"""Heart Rate Measurement (0x2A37), Body Sensor Location (0x2A38) and Heart Rate Control Point (0x2A39).

Source: Bluetooth SIG, Heart Rate Service 1.0, and the GATT Specification Supplement.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

_SIXTEEN_BITS: Final = 0x01
_CONTACT_DETECTED: Final = 0x02
_CONTACT_SUPPORTED: Final = 0x04
_ENERGY_EXPENDED: Final = 0x08
_RR_INTERVALS: Final = 0x10
_RESERVED: Final = 0xE0


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement:
    """One notification: ``heart_rate`` in beats a minute, sent in ``heart_rate_bits`` (8 or 16).

    ``sensor_contact`` is None where the sensor cannot tell whether it touches skin. ``energy_expended_kj`` is the sum
    since its last reset, and stays at 65535 kJ when it got there. ``rr_intervals_1024`` are the times between beats in
    1/1024 s, oldest first; None where none were sent. ``reserved_flags`` also holds a "contact detected" that means
    nothing, from a sensor that does not say that it can tell.
    """

    characteristic: ClassVar[str] = "2A37"

    heart_rate: int
    heart_rate_bits: int = 8
    sensor_contact: bool | None = None
    energy_expended_kj: int | None = None
    rr_intervals_1024: tuple[int, ...] | None = None
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(1, "flags")
        bits = 16 if flags & _SIXTEEN_BITS else 8
        has_contact = flags & _CONTACT_SUPPORTED
        return cls(
            heart_rate=cursor.unsigned(bits // 8, "heart_rate"),
            heart_rate_bits=bits,
            sensor_contact=bool(flags & _CONTACT_DETECTED) if has_contact else None,
            energy_expended_kj=cursor.unsigned(2, "energy_expended") if flags & _ENERGY_EXPENDED else None,
            rr_intervals_1024=_intervals(cursor) if flags & _RR_INTERVALS else None,
            reserved_flags=flags & (_RESERVED if has_contact else _RESERVED | _CONTACT_DETECTED),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "flags", self._flags())
        self._put_values(composer)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        self._put_values(composer)
        return composer.frame()

    def _put_values(self, composer: Composer) -> None:
        composer.unsigned(self.heart_rate_bits // 8, "heart_rate", self.heart_rate)
        composer.unsigned(2, "energy_expended", self.energy_expended_kj)
        for interval in self.rr_intervals_1024 or ():
            composer.unsigned(2, "rr_intervals", interval)

    def _flags(self) -> int:
        return (
            self.reserved_flags
            | (_SIXTEEN_BITS if self.heart_rate_bits == 16 else 0)
            | (_CONTACT_SUPPORTED if self.sensor_contact is not None else 0)
            | (_CONTACT_DETECTED if self.sensor_contact else 0)
            | (_ENERGY_EXPENDED if self.energy_expended_kj is not None else 0)
            | (_RR_INTERVALS if self.rr_intervals_1024 is not None else 0)
        )


def _intervals(cursor: Cursor) -> tuple[int, ...]:
    """All that is left of the frame: at least one, and none of them cut."""
    intervals = [cursor.unsigned(2, "rr_intervals")]
    while cursor.left:
        intervals.append(cursor.unsigned(2, "rr_intervals"))
    return tuple(intervals)


class SensorLocation(IntEnum):
    """Where on the body the sensor is worn."""

    OTHER = 0
    CHEST = 1
    WRIST = 2
    FINGER = 3
    HAND = 4
    EAR_LOBE = 5
    FOOT = 6


_LOCATIONS: Final = {int(place): place for place in SensorLocation}


@dataclass(frozen=True, slots=True)
class BodySensorLocation:
    """Where the sensor is meant to be worn. A reserved place is kept as its plain number."""

    characteristic: ClassVar[str] = "2A38"

    location: SensorLocation | int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        raw = cursor.unsigned(1, "location")
        return cls(_LOCATIONS.get(raw, raw), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "location", self.location)
        return composer.frame(self.trailing)


class HeartRateCommand(IntEnum):
    """What can be asked of a heart rate sensor."""

    RESET_ENERGY_EXPENDED = 1


@dataclass(frozen=True, slots=True)
class HeartRateControlPoint:
    """What is written to the sensor. A reserved command is kept as its plain number; a sensor answers it with the
    error 0x80, control point not supported."""

    characteristic: ClassVar[str] = "2A39"

    command: HeartRateCommand | int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        raw = cursor.unsigned(1, "command")
        reset = HeartRateCommand.RESET_ENERGY_EXPENDED
        return cls(reset if raw == reset else raw, cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "command", self.command)
        return composer.frame(self.trailing)
