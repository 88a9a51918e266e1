"""A meter's clock over GATT: read it before anybody sets it, set it, and look whether that worked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Protocol

from hearthline_gateway.frame import MeterClock
from hearthline_gateway.gatt.current_time import AdjustReason, CurrentTime
from hearthline_gateway.gatt.date_time import DateTime
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_protocol.device_time import DeviceTime

_WRONG_FROM: Final = timedelta(seconds=30)
_SET_WITHIN: Final = timedelta(seconds=5)


class ReadsAndWrites(Protocol):
    """A connected meter's characteristics, by 16-bit UUID in upper-case hex."""

    async def read(self, characteristic: str) -> bytes:
        """The value."""

    async def write(self, characteristic: str, value: bytes) -> None:
        """Write with response."""


def decode_clock(payload: bytes) -> DeviceTime | None:
    """The face in a Date Time or a Current Time, which begins with one; None where it is too short or no calendar
    knows it."""
    try:
        face = DateTime.decode(payload).date_time
    except DecodeError:
        return None
    return face if face.known else None


def encode_clock(characteristic: str, face: datetime) -> bytes:
    """What is written to set the clock to ``face``, as it shows in its own zone."""
    shown = DeviceTime.of(face)
    if characteristic != CurrentTime.characteristic:
        return DateTime(shown).encode()
    return CurrentTime(
        date_time=shown,
        day_of_week=face.isoweekday(),
        fractions256=face.microsecond * 256 // 1_000_000,
        adjust_reason=AdjustReason.MANUAL_TIME_UPDATE,
    ).encode()


async def read_clock(meter: ReadsAndWrites, characteristic: str, now: Callable[[], datetime]) -> MeterClock | None:
    """The clock as it is, or None when the meter does not know the time. The moment is half-way of the exchange."""
    before = now()
    face = decode_clock(await meter.read(characteristic))
    read_at = before + (now() - before) / 2
    if face is None:
        return None
    return MeterClock(face.minus(read_at.astimezone(UTC)), read_at)


def wrong_by(clock: MeterClock, home_zone: tzinfo) -> timedelta:
    """How far the clock is ahead of the home's local time."""
    return clock.ahead_of_utc - (clock.read_at.astimezone(home_zone).utcoffset() or timedelta())


def needs_setting(clock: MeterClock | None, home_zone: tzinfo) -> bool:
    """Whether the clock is unknown or more than 30 s off."""
    return clock is None or abs(wrong_by(clock, home_zone)) > _WRONG_FROM


async def set_clock(
    meter: ReadsAndWrites, characteristic: str, home_zone: tzinfo, now: Callable[[], datetime]
) -> MeterClock | None:
    """Set the clock to the home's local time and read it back; None when it did not take the time."""
    await meter.write(characteristic, encode_clock(characteristic, now().astimezone(home_zone)))
    clock = await read_clock(meter, characteristic, now)
    if clock is None or abs(wrong_by(clock, home_zone)) > _SET_WITHIN:
        return None
    return clock
