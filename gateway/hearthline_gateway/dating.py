"""What was heard while this machine did not know the time, dated afterwards. Pure.

In the same boot nothing is lost: the moment is the boot's own plus the seconds counted since. Of an earlier boot that
ended before the time was known only bounds remain. Boots follow one another and frames in a boot keep their distance,
so each bound of a boot moves the frames of all others: no frame is before the last moment known from before its boot
plus the seconds counted until it, and none after the next boot less the seconds that its own boot still ran.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hearthline_gateway.clock import BOOT, counted
from hearthline_gateway.frame import BootMoment, Frame, MeterClock
from hearthline_protocol.readings import Reading, TimeBounds, TimeQuality


def dated(frame: Frame, began: datetime) -> Frame:
    """The frame as it would have been, had the time been known: ``began`` is the moment of its boot. What has a date
    already keeps it, so that a frame heard just after the time was learned may bring a clock read just before."""
    clock = None if frame.clock is None else _dated_clock(frame.clock, began)
    return replace(frame, received_time=dated_moment(frame.received_time, began), clock=clock, since_boot=None)


def has_date(frame: Frame) -> bool:
    """Whether every moment that the frame speaks of is a date."""
    clock = frame.clock
    return not (counted(frame.received_time) or (clock is not None and counted(clock.read_at)))


def _dated_clock(clock: MeterClock, began: datetime) -> MeterClock:
    read_at = dated_moment(clock.read_at, began)
    dated_clock = replace(clock, read_at=read_at, ahead_of_utc=clock.ahead_of_utc - (read_at - clock.read_at))
    if clock.set_at is None or clock.set_ahead_of_utc is None:
        return dated_clock
    set_at = dated_moment(clock.set_at, began)
    return replace(dated_clock, set_at=set_at, set_ahead_of_utc=clock.set_ahead_of_utc - (set_at - clock.set_at))


def dated_moment(moment: datetime, began: datetime) -> datetime:
    """The date of a moment of that boot; one that has a date keeps it."""
    return began + (moment - BOOT) if counted(moment) else moment


def dated_reading(reading: Reading, began: datetime) -> Reading:
    """The same for a reading that was put together from a stream, whose every moment is one of receipt."""
    return reading.model_copy(
        update={
            "received_time": dated_moment(reading.received_time, began),
            "effective_time": dated_moment(reading.effective_time, began),
        }
    )


def of_unknown_time(reading: Reading, bounds: TimeBounds, *, live: bool) -> Reading:
    """The reading where only bounds are known. It stands at the latest moment that it can be of."""
    moment = stand_in(bounds)
    return reading.model_copy(
        update={
            "received_time": moment,
            "effective_time": moment,
            "clock_offset_s": None,
            "time_quality": TimeQuality.UNKNOWN,
            "live": live,
            "time_bounds": bounds,
        }
    )


def stand_in(bounds: TimeBounds) -> datetime:
    """The moment that stands for one of which only bounds are known."""
    return bounds.latest if bounds.latest is not None else bounds.earliest


@dataclass(slots=True)
class _Boot:
    """``earliest`` and ``latest`` are bounds of the boot's own moment, ``ran`` the seconds that it certainly ran."""

    ran: float
    earliest: datetime
    latest: datetime | None


class BootBounds:
    """Between which moments each of a row of boots was."""

    def __init__(
        self, heard: Iterable[BootMoment], *, earliest: datetime, current: BootMoment, current_began: datetime | None
    ) -> None:
        """``heard`` are moments of the boots in question, oldest boot first, and ``earliest`` one known to be before
        them all. ``current`` is now, and ``current_began`` when this boot was, None while that is not known."""
        ran: dict[str, float] = {}
        for moment in (*heard, current):
            ran[moment.boot_id] = max(ran.get(moment.boot_id, 0.0), moment.seconds)
        ran[current.boot_id] = ran.pop(current.boot_id)  # this boot is the last one
        self._boots: dict[str, _Boot] = {}
        for boot_id, seconds in ran.items():
            self._boots[boot_id] = _Boot(seconds, earliest, None)
            earliest += timedelta(seconds=seconds)
        self._boots[current.boot_id].latest = ends = current_began
        for boot in list(reversed(self._boots.values()))[1:]:
            if ends is not None:
                ends -= timedelta(seconds=boot.ran)
            boot.latest = ends

    def of(self, moment: BootMoment) -> TimeBounds:
        """The bounds of one moment of these boots."""
        boot = self._boots[moment.boot_id]
        since = timedelta(seconds=moment.seconds)
        latest = None if boot.latest is None else boot.latest + since
        earliest = boot.earliest + since
        return TimeBounds(earliest=earliest if latest is None else min(earliest, latest), latest=latest)
