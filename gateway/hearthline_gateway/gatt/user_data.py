"""User Data Service: what a scale or cuff keeps of the person in a slot.

Source: Bluetooth SIG, User Data Service 1.1, and the GATT Specification Supplement. The gateway reads these to find out
which slot is whose while it pairs; it sends none of them on.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.gatt.text import Utf8Text

UNKNOWN_USER: Final = 0xFF
"""The user index of nobody, or of somebody the device does not know."""


@dataclass(frozen=True, slots=True)
class FirstName(Utf8Text):
    """The first name of the person."""

    characteristic: ClassVar[str] = "2A8A"


@dataclass(frozen=True, slots=True)
class LastName(Utf8Text):
    """The last name of the person."""

    characteristic: ClassVar[str] = "2A90"


@dataclass(frozen=True, slots=True)
class EmailAddress(Utf8Text):
    """The mail address of the person."""

    characteristic: ClassVar[str] = "2A87"


@dataclass(frozen=True, slots=True)
class Age:
    """The age in years."""

    characteristic: ClassVar[str] = "2A80"

    age_years: int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(1, "age"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "age", self.age_years)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class DateOfBirth:
    """The day of birth. A year, month or day of 0 is "not known"; the profile's years are 1582 to 9999."""

    characteristic: ClassVar[str] = "2A85"

    year: int = field(repr=False)
    month: int = field(repr=False)
    day: int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(2, "year"), cursor.unsigned(1, "month"), cursor.unsigned(1, "day"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "year", self.year)
        composer.unsigned(1, "month", self.month)
        composer.unsigned(1, "day", self.day)
        return composer.frame(self.trailing)


class GenderValue(IntEnum):
    """What the profile knows of it."""

    MALE = 0
    FEMALE = 1
    UNSPECIFIED = 2


_GENDERS: Final = {int(gender): gender for gender in GenderValue}


@dataclass(frozen=True, slots=True)
class Gender:
    """The gender that the body analysis reckons with. A reserved value is kept as its plain number."""

    characteristic: ClassVar[str] = "2A8C"

    gender: GenderValue | int = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        raw = cursor.unsigned(1, "gender")
        return cls(_GENDERS.get(raw, raw), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "gender", self.gender)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class Height:
    """The height in metres, in steps of 0.01 m."""

    characteristic: ClassVar[str] = "2A8E"

    height_m: Number = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(Number(cursor.unsigned(2, "height"), -2), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "height", self.height_m.mantissa)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class Weight:
    """The weight that the device keeps of the person, in kilograms, in steps of 0.005 kg: no measurement."""

    characteristic: ClassVar[str] = "2A98"

    weight_kg: Number = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(Number(cursor.unsigned(2, "weight") * 5, -3), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "weight", self.weight_kg.mantissa // 5)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class DatabaseChangeIncrement:
    """How often what is kept of the person was changed; the larger of two is the newer."""

    characteristic: ClassVar[str] = "2A99"

    change_increment: int
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(4, "change_increment"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(4, "change_increment", self.change_increment)
        return composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class UserIndex:
    """The slot of the person whose data are open; :data:`UNKNOWN_USER` where nobody's are."""

    characteristic: ClassVar[str] = "2A9A"

    user_index: int
    trailing: bytes = b""

    @property
    def known(self) -> bool:
        """Whether somebody's data are open."""
        return self.user_index != UNKNOWN_USER

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(cursor.unsigned(1, "user_index"), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "user_index", self.user_index)
        return composer.frame(self.trailing)
