"""Body Composition Measurement (0x2A9C) and Body Composition Feature (0x2A9B).

Source: Bluetooth SIG, Body Composition Service 1.0, and the GATT Specification Supplement.

The scale sends whole steps; here they are numbers with the step's decimal places: percentages of 0.1 %, masses of
0.005 kg or 0.01 lb, an impedance of 0.1 ohm, a height of 0.001 m or 0.1 in. Worked example: 7640 steps of 0.005 kg are
38.200 kg.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Final, Literal, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.resolution import (
    HEIGHT_RESOLUTIONS,
    MASS_RESOLUTIONS,
    HeightResolution,
    MassResolution,
)
from hearthline_protocol.device_time import DeviceTime

_IMPERIAL: Final = 1 << 0
_TIME_STAMP: Final = 1 << 1
_USER_ID: Final = 1 << 2
_BASAL_METABOLISM: Final = 1 << 3
_MUSCLE_PERCENTAGE: Final = 1 << 4
_MUSCLE_MASS: Final = 1 << 5
_FAT_FREE_MASS: Final = 1 << 6
_SOFT_LEAN_MASS: Final = 1 << 7
_BODY_WATER_MASS: Final = 1 << 8
_IMPEDANCE: Final = 1 << 9
_WEIGHT: Final = 1 << 10
_HEIGHT: Final = 1 << 11
_MULTIPLE_PACKETS: Final = 1 << 12
_RESERVED: Final = 0xE000
_UNSUCCESSFUL: Final = 0xFFFF

_MASSES: Final = (
    ("muscle_mass", _MUSCLE_MASS),
    ("fat_free_mass", _FAT_FREE_MASS),
    ("soft_lean_mass", _SOFT_LEAN_MASS),
    ("body_water_mass", _BODY_WATER_MASS),
)


@dataclass(frozen=True, slots=True)
class BodyCompositionMeasurement:
    """One analysis of a body. Percentages in percent, masses in ``mass_unit``, ``basal_metabolism_kj`` in kilojoules,
    ``impedance`` in ohm, ``height`` in ``height_unit``.

    ``body_fat_percentage`` None is the scale's "measurement unsuccessful"; ``user_id`` 255 is a person the scale does
    not know. ``multiple_packets`` marks one of two frames that hold one analysis between them.
    """

    characteristic: ClassVar[str] = "2A9C"

    body_fat_percentage: Number | None
    mass_unit: Literal["kg", "lb"] = "kg"
    time_stamp: DeviceTime | None = None
    user_id: int | None = None
    basal_metabolism_kj: int | None = None
    muscle_percentage: Number | None = None
    muscle_mass: Number | None = None
    fat_free_mass: Number | None = None
    soft_lean_mass: Number | None = None
    body_water_mass: Number | None = None
    impedance: Number | None = None
    weight: Number | None = None
    height: Number | None = None
    height_unit: Literal["m", "in"] = "m"
    multiple_packets: bool = False
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        flags = cursor.unsigned(2, "flags")
        imperial = bool(flags & _IMPERIAL)
        fat = cursor.unsigned(2, "body_fat_percentage")

        def mass(field: str, flag: int) -> Number | None:
            return _mass(cursor.unsigned(2, field), imperial=imperial) if flags & flag else None

        return cls(
            body_fat_percentage=None if fat == _UNSUCCESSFUL else Number(fat, -1),
            mass_unit="lb" if imperial else "kg",
            time_stamp=cursor.date_time("time_stamp") if flags & _TIME_STAMP else None,
            user_id=cursor.unsigned(1, "user_id") if flags & _USER_ID else None,
            basal_metabolism_kj=cursor.unsigned(2, "basal_metabolism") if flags & _BASAL_METABOLISM else None,
            muscle_percentage=_tenths(cursor, "muscle_percentage") if flags & _MUSCLE_PERCENTAGE else None,
            muscle_mass=mass("muscle_mass", _MUSCLE_MASS),
            fat_free_mass=mass("fat_free_mass", _FAT_FREE_MASS),
            soft_lean_mass=mass("soft_lean_mass", _SOFT_LEAN_MASS),
            body_water_mass=mass("body_water_mass", _BODY_WATER_MASS),
            impedance=_tenths(cursor, "impedance") if flags & _IMPEDANCE else None,
            weight=mass("weight", _WEIGHT),
            height=Number(cursor.unsigned(2, "height"), -1 if imperial else -3) if flags & _HEIGHT else None,
            height_unit="in" if imperial else "m",
            multiple_packets=bool(flags & _MULTIPLE_PACKETS),
            reserved_flags=flags & _RESERVED,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "flags", self._flags())
        composer.unsigned(2, "body_fat_percentage", self._fat_steps())
        composer.date_time("time_stamp", self.time_stamp)
        composer.unsigned(1, "user_id", self.user_id)
        self._put_optional_values(composer)
        return composer.frame(self.trailing)

    def raw_values(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The value fields alone, as they came over the air."""
        composer = Composer(quirks)
        composer.unsigned(2, "body_fat_percentage", self._fat_steps())
        self._put_optional_values(composer)
        return composer.frame()

    def _put_optional_values(self, composer: Composer) -> None:
        composer.unsigned(2, "basal_metabolism", self.basal_metabolism_kj)
        composer.unsigned(2, "muscle_percentage", _steps(self.muscle_percentage))
        for field, _ in _MASSES:
            composer.unsigned(2, field, self._mass_steps(getattr(self, field)))
        composer.unsigned(2, "impedance", _steps(self.impedance))
        composer.unsigned(2, "weight", self._mass_steps(self.weight))
        composer.unsigned(2, "height", _steps(self.height))

    def _fat_steps(self) -> int:
        return _UNSUCCESSFUL if self.body_fat_percentage is None else self.body_fat_percentage.mantissa

    def _mass_steps(self, mass: Number | None) -> int | None:
        if mass is None:
            return None
        return mass.mantissa if self.mass_unit == "lb" else mass.mantissa // 5

    def _flags(self) -> int:
        present = (
            ("time_stamp", _TIME_STAMP),
            ("user_id", _USER_ID),
            ("basal_metabolism_kj", _BASAL_METABOLISM),
            ("muscle_percentage", _MUSCLE_PERCENTAGE),
            *_MASSES,
            ("impedance", _IMPEDANCE),
            ("weight", _WEIGHT),
            ("height", _HEIGHT),
        )
        return (
            self.reserved_flags
            | (_IMPERIAL if self.mass_unit == "lb" else 0)
            | sum(flag for field, flag in present if getattr(self, field) is not None)
            | (_MULTIPLE_PACKETS if self.multiple_packets else 0)
        )


def _mass(steps: int, *, imperial: bool) -> Number:
    return Number(steps, -2) if imperial else Number(steps * 5, -3)


def _tenths(cursor: Cursor, field: str) -> Number:
    return Number(cursor.unsigned(2, field), -1)


def _steps(number: Number | None) -> int | None:
    return None if number is None else number.mantissa


class BodyCompositionFeatures(IntFlag):
    """What the scale can send."""

    TIME_STAMP = 1 << 0
    MULTIPLE_USERS = 1 << 1
    BASAL_METABOLISM = 1 << 2
    MUSCLE_PERCENTAGE = 1 << 3
    MUSCLE_MASS = 1 << 4
    FAT_FREE_MASS = 1 << 5
    SOFT_LEAN_MASS = 1 << 6
    BODY_WATER_MASS = 1 << 7
    IMPEDANCE = 1 << 8
    WEIGHT = 1 << 9
    HEIGHT = 1 << 10


_FEATURES: Final = 0x7FF


@dataclass(frozen=True, slots=True)
class BodyCompositionFeature:
    """What the scale can do, and how finely it measures mass and height; a reserved resolution is kept as its plain
    number."""

    characteristic: ClassVar[str] = "2A9B"

    features: BodyCompositionFeatures
    mass_resolution: MassResolution | int
    height_resolution: HeightResolution | int
    reserved_flags: int = 0
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        bits = cursor.unsigned(4, "features")
        mass, height = bits >> 11 & 0b1111, bits >> 15 & 0b111
        return cls(
            features=BodyCompositionFeatures(bits & _FEATURES),
            mass_resolution=MASS_RESOLUTIONS.get(mass, mass),
            height_resolution=HEIGHT_RESOLUTIONS.get(height, height),
            reserved_flags=bits & ~0x3_FFFF,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        resolutions = self.mass_resolution << 11 | self.height_resolution << 15
        composer.unsigned(4, "features", self.features | resolutions | self.reserved_flags)
        return composer.frame(self.trailing)
