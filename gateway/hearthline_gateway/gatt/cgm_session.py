"""CGM Session Start Time (0x2AAA) and CGM Session Run Time (0x2AAB).

Source: Bluetooth SIG, Continuous Glucose Monitoring Service 1.0.2, and the GATT Specification Supplement with its Time
Zone and DST Offset.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt import e2e_crc
from hearthline_gateway.gatt.cgm_status import ends_in_crc
from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.local_time import DstOffset
from hearthline_gateway.gatt.named import named
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_protocol.device_time import DeviceTime

_QUARTER: Final = timedelta(minutes=15)
_EASTERNMOST: Final = 56
_WESTERNMOST: Final = -48


class TimeZone(IntEnum):
    """The one value that is no count of quarter hours."""

    UNKNOWN = -128


@dataclass(frozen=True, slots=True)
class CgmSessionStartTime:
    """When the session began, as a clock face with its place: ``time_zone`` counts quarter hours from UTC (-48 to 56),
    without the daylight saving of ``dst_offset``. ``e2e_crc`` is True where a checksum came along, and was right."""

    characteristic: ClassVar[str] = "2AAA"

    session_start_time: DeviceTime
    time_zone: TimeZone | int
    dst_offset: DstOffset | int
    e2e_crc: bool = False
    trailing: bytes = b""

    @property
    def ahead_of_utc(self) -> timedelta | None:
        """Zone and daylight saving together; None where either is unknown or reserved."""
        if not isinstance(self.dst_offset, DstOffset) or self.dst_offset is DstOffset.NOT_KNOWN:
            return None
        return (self.time_zone + self.dst_offset) * _QUARTER if _WESTERNMOST <= self.time_zone <= _EASTERNMOST else None

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        return cls(
            session_start_time=cursor.date_time("session_start_time"),
            time_zone=named(TimeZone, cursor.signed(1, "time_zone")),
            dst_offset=named(DstOffset, cursor.unsigned(1, "dst_offset")),
            e2e_crc=ends_in_crc(cursor, cls.characteristic, payload),
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.date_time("session_start_time", self.session_start_time)
        composer.signed(1, "time_zone", self.time_zone)
        composer.unsigned(1, "dst_offset", self.dst_offset)
        return e2e_crc.protected(composer.frame()) if self.e2e_crc else composer.frame(self.trailing)


@dataclass(frozen=True, slots=True)
class CgmSessionRunTime:
    """For how many hours the sensor is made to run in one session. ``e2e_crc`` as above."""

    characteristic: ClassVar[str] = "2AAB"

    session_run_time: int
    e2e_crc: bool = False
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        hours = cursor.unsigned(2, "session_run_time")
        return cls(hours, ends_in_crc(cursor, cls.characteristic, payload), cursor.rest())

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(2, "session_run_time", self.session_run_time)
        return e2e_crc.protected(composer.frame()) if self.e2e_crc else composer.frame(self.trailing)
