"""Frames to feed: several cuffs, each measurement another one, some first in a connection with the clock unread."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hearthline_gateway.frame import Frame
from hearthline_gateway.frame_reader import FrameReader
from tests.fixtures.cuff_frames import HEARD, cuff_frame

READER = FrameReader(ZoneInfo("Europe/Madrid"))
SENSORS = tuple(f"A4:C1:38:01:02:{number:02X}" for number in range(3))
_CONNECTION = 4
"""Measurements a connection brings."""


def ids_of(frame: Frame) -> list[str]:
    """The ids that the frame's readings will have, whenever they are decoded."""
    return [str(reading.id) for reading in READER.readings(frame)]


def measurement(sensor: str, number: int, *, heard: datetime | None = None) -> Frame:
    """Measurement ``number`` of a sensor: that many minutes before the same moment, or 5 s before ``heard``. Every
    second connection is one whose meter's clock was not read, and whose first record is therefore kept raw until the
    next one comes."""
    unread = number // _CONNECTION % 2 == 1
    received = HEARD if heard is None else heard
    return cuff_frame(
        number if heard is None else 0,
        systolic=100 + number % 90,
        sensor=sensor,
        stamp=received - timedelta(seconds=5),
        received=received,
        clock_ahead=None if unread else timedelta(0),
        first=number % _CONNECTION == 0,
    )


def ends_connection(number: int) -> bool:
    """Whether the connection ends after this measurement."""
    return number % _CONNECTION == _CONNECTION - 1
