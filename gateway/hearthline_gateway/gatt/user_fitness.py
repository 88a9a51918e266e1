"""User Data Service: what a device keeps of a person's build and fitness, to reckon with.

Source: Bluetooth SIG, User Data Service 1.1, and the GATT Specification Supplement. None of these measures anybody, and
the gateway sends none of them on.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.text import Utf8Text
from hearthline_gateway.gatt.user_data import DateOfBirth


@dataclass(frozen=True, slots=True)
class KeptHeartRate:
    """A heart rate that stands in a person's data, in beats a minute."""

    characteristic: ClassVar[str]

    beats_per_minute: int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(1, "beats_per_minute"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "beats_per_minute", self.beats_per_minute)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class AerobicHeartRateLowerLimit(KeptHeartRate):
    """Where the aerobic zone begins."""

    characteristic: ClassVar[str] = "2A7E"


@dataclass(frozen=True, slots=True)
class AerobicHeartRateUpperLimit(KeptHeartRate):
    """Where the aerobic zone ends."""

    characteristic: ClassVar[str] = "2A84"


@dataclass(frozen=True, slots=True)
class AerobicThreshold(KeptHeartRate):
    """The first threshold of endurance."""

    characteristic: ClassVar[str] = "2A7F"


@dataclass(frozen=True, slots=True)
class AnaerobicHeartRateLowerLimit(KeptHeartRate):
    """Where the anaerobic zone begins."""

    characteristic: ClassVar[str] = "2A81"


@dataclass(frozen=True, slots=True)
class AnaerobicHeartRateUpperLimit(KeptHeartRate):
    """Where the anaerobic zone ends."""

    characteristic: ClassVar[str] = "2A82"


@dataclass(frozen=True, slots=True)
class AnaerobicThreshold(KeptHeartRate):
    """The second threshold of endurance."""

    characteristic: ClassVar[str] = "2A83"


@dataclass(frozen=True, slots=True)
class FatBurnHeartRateLowerLimit(KeptHeartRate):
    """Where the fat burn zone begins."""

    characteristic: ClassVar[str] = "2A88"


@dataclass(frozen=True, slots=True)
class FatBurnHeartRateUpperLimit(KeptHeartRate):
    """Where the fat burn zone ends."""

    characteristic: ClassVar[str] = "2A89"


@dataclass(frozen=True, slots=True)
class HeartRateMax(KeptHeartRate):
    """The highest rate the person can reach."""

    characteristic: ClassVar[str] = "2A8D"


@dataclass(frozen=True, slots=True)
class MaximumRecommendedHeartRate(KeptHeartRate):
    """The highest rate the person should reach."""

    characteristic: ClassVar[str] = "2A91"


@dataclass(frozen=True, slots=True)
class RestingHeartRate(KeptHeartRate):
    """The lowest rate the person can reach."""

    characteristic: ClassVar[str] = "2A92"


@dataclass(frozen=True, slots=True)
class TwoZoneHeartRateLimit(KeptHeartRate):
    """Where fitness begins and fat burn ends."""

    characteristic: ClassVar[str] = "2A95"


@dataclass(frozen=True, slots=True)
class ThreeZoneHeartRateLimits:
    """Two limits between three zones, in beats a minute: light (fat burn), moderate (aerobic), hard (anaerobic)."""

    characteristic: ClassVar[str] = "2A94"

    light_moderate: int = field(repr=False)
    moderate_hard: int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(1, "light_moderate"), cursor.unsigned(1, "moderate_hard"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "light_moderate", self.light_moderate)
        composer.unsigned(1, "moderate_hard", self.moderate_hard)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class FiveZoneHeartRateLimits:
    """Four limits between five zones, in beats a minute: very light, light, moderate, hard, maximum."""

    characteristic: ClassVar[str] = "2A8B"

    very_light_light: int = field(repr=False)
    light_moderate: int = field(repr=False)
    moderate_hard: int = field(repr=False)
    hard_maximum: int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(
            very_light_light=cursor.unsigned(1, "very_light_light"),
            light_moderate=cursor.unsigned(1, "light_moderate"),
            moderate_hard=cursor.unsigned(1, "moderate_hard"),
            hard_maximum=cursor.unsigned(1, "hard_maximum"),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "very_light_light", self.very_light_light)
        composer.unsigned(1, "light_moderate", self.light_moderate)
        composer.unsigned(1, "moderate_hard", self.moderate_hard)
        composer.unsigned(1, "hard_maximum", self.hard_maximum)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class DateOfThresholdAssessment(DateOfBirth):
    """The day on which the thresholds were found; written as the day of birth is."""

    characteristic: ClassVar[str] = "2A86"


@dataclass(frozen=True, slots=True)
class Circumference:
    """In metres, in steps of 0.01 m."""

    characteristic: ClassVar[str]

    circumference_m: Number = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(Number(cursor.unsigned(2, "circumference"), -2), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "circumference", self.circumference_m.mantissa)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class HipCircumference(Circumference):
    """Around the hip."""

    characteristic: ClassVar[str] = "2A8F"


@dataclass(frozen=True, slots=True)
class WaistCircumference(Circumference):
    """Around the waist."""

    characteristic: ClassVar[str] = "2A97"


@dataclass(frozen=True, slots=True)
class Vo2Max:
    """The most oxygen the person can take up, in mL a minute for each kg."""

    characteristic: ClassVar[str] = "2A96"

    ml_per_kg_minute: int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(1, "vo2_max"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "vo2_max", self.ml_per_kg_minute)
        return composer.frame(self.trailing)


class SportType(IntEnum):
    """12 to 255 are reserved."""

    UNSPECIFIED = 0
    RUNNING = 1
    CYCLING = 2
    ROWING = 3
    CROSS_TRAINING = 4
    CLIMBING = 5
    SKIING = 6
    SKATING = 7
    ARM_EXERCISING = 8
    LOWER_BODY_EXERCISING = 9
    UPPER_BODY_EXERCISING = 10
    WHOLE_BODY_EXERCISING = 11


@dataclass(frozen=True, slots=True)
class SportTypeForThresholds:
    """The sport in which both thresholds were found. A reserved one is kept as its plain number."""

    characteristic: ClassVar[str] = "2A93"

    sport_type: SportType | int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(named(SportType, cursor.unsigned(1, "sport_type")), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "sport_type", self.sport_type)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class Language(Utf8Text):
    """The person's language: two letters of ISO 639-1."""

    characteristic: ClassVar[str] = "2AA2"
