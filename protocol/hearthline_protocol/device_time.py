"""A meter's own wall clock: a type of its own, without zone, never a datetime.

A meter says "22 November, 07:04" and means the clock on its display. Which instant that was is a separate question,
answered by the gateway when it has measured the clock's offset, so the two must not share a type.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, PlainSerializer

_TEXT = re.compile(r"(\d{4,5})-(\d{2,3})-(\d{2,3})T(\d{2,3}):(\d{2,3}):(\d{2,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """What the clock showed, digit for digit. Fields may hold what no calendar knows (year 0 means "not set"):
    the reading beside a broken clock is still a reading. :attr:`known` says whether it names a moment."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int

    @property
    def known(self) -> bool:
        """True when all parts together are a real calendar time."""
        try:
            datetime(self.year, self.month, self.day, self.hour, self.minute, self.second, tzinfo=UTC)
        except ValueError:
            return False
        return True

    def minus(self, instant: datetime) -> timedelta:
        """How far this clock face is from ``instant``'s own clock face (its zone decides which face)."""
        return self._face() - instant.replace(tzinfo=UTC)

    def face_ms(self) -> int:
        """The face as milliseconds since 1970-01-01 of the same clock: for ordering and identity, not an instant."""
        return int((self._face() - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)

    def at_offset(self, offset: timedelta) -> datetime:
        """The instant in UTC, when this clock is ``offset`` ahead of UTC."""
        return self._face() - offset

    def face_in(self, tz: Any) -> datetime:
        """The instant in UTC, when this clock shows the wall time of zone ``tz``; the first where it shows twice."""
        return self._face().replace(tzinfo=tz).astimezone(UTC)

    def _face(self) -> datetime:
        return datetime(self.year, self.month, self.day, self.hour, self.minute, self.second, tzinfo=UTC)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the ISO text without offset; raises ``ValueError`` for anything else, an offset included."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("a meter's time is written YYYY-MM-DDThh:mm:ss, without an offset")
        return cls(*(int(part) for part in match.groups()))

    @classmethod
    def of(cls, face: datetime) -> Self:
        """The clock face that ``face`` shows in its own zone."""
        return cls(face.year, face.month, face.day, face.hour, face.minute, face.second)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}-{self.day:02}T{self.hour:02}:{self.minute:02}:{self.second:02}"


def is_device_time(text: str) -> bool:
    """Whether :meth:`DeviceTime.parse` takes it."""
    return _TEXT.fullmatch(text) is not None


def _read(value: object) -> DeviceTime:
    if isinstance(value, DeviceTime):
        return value
    if isinstance(value, str):
        return DeviceTime.parse(value)
    raise ValueError("a meter's time is a text such as 2026-11-22T07:04:00")


DeviceTimeText = Annotated[DeviceTime, BeforeValidator(_read), PlainSerializer(str, return_type=str)]
"""A :class:`DeviceTime` as pydantic reads and writes it."""
