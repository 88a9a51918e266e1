"""A meter's own running clock: a face without a zone, as wrong as it was made."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Final

from hearthline_protocol.device_time import DeviceTime

_DATE_TIME_BYTES: Final = 7
_CURRENT_TIME_BYTES: Final = 10


class WallClock:
    """Runs with this machine's clock, ``ahead_of_utc`` in front of UTC. ``lost`` is a clock nobody has set since the
    batteries were changed: it shows year 0 until it is set."""

    def __init__(self, ahead_of_utc: timedelta, *, lost: bool = False) -> None:
        self.ahead_of_utc = ahead_of_utc
        self.lost = lost

    def face(self, minutes_ago: float = 0.0) -> DeviceTime:
        """What the clock shows now, or showed that many minutes ago."""
        if self.lost:
            return DeviceTime(0, 0, 0, 0, 0, 0)
        return DeviceTime.of(datetime.now(UTC) + self.ahead_of_utc - timedelta(minutes=minutes_ago))

    def set(self, face: DeviceTime) -> None:
        """Put the hands to ``face``; raises ``ValueError`` when no calendar knows it."""
        if not face.known:
            raise ValueError(f"a clock cannot be set to {face}")
        self.ahead_of_utc = face.minus(datetime.now(UTC))
        self.lost = False


def date_time(face: DeviceTime) -> bytes:
    """Date Time 0x2A08: year, month, day, hours, minutes, seconds."""
    return struct.pack("<H5B", face.year, face.month, face.day, face.hour, face.minute, face.second)


def current_time(face: DeviceTime) -> bytes:
    """Current Time 0x2A2B: a Date Time, the day of the week (0: unknown), 1/256 s and the reason of the last change."""
    weekday = datetime(face.year, face.month, face.day, tzinfo=UTC).isoweekday() if face.known else 0
    return date_time(face) + bytes([weekday, 0, 0])


def read_clock(payload: bytes) -> DeviceTime:
    """The face in a Date Time (7 bytes) or a Current Time (10 bytes); raises ``ValueError`` for any other length."""
    if len(payload) not in (_DATE_TIME_BYTES, _CURRENT_TIME_BYTES):
        raise ValueError(f"a clock has {_DATE_TIME_BYTES} or {_CURRENT_TIME_BYTES} bytes, not {len(payload)}")
    return DeviceTime(*struct.unpack("<H5B", payload[:_DATE_TIME_BYTES]))
