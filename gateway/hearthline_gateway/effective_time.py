"""When it happened: a meter's stamp and the evidence about its clock, reconciled into one instant. Never guessed.

In order:

1. No stamp, or one of a clock that was not set: the time of receipt, ``received``.
2. The meter's clock was read in this connection: the stamp less the measured offset. ``synced`` where the clock agreed
   with the home's wall time or with UTC to within :data:`AGREEMENT`, else ``corrected``. A stamp that lies between the
   setting of the clock and its receipt, read as of the clock that was set, is of that clock. Where the connection broke
   before the clock could be read, what an earlier one measured stands for it; but a single new record cannot be older
   than that visit, which would have brought it: then the clock was put back since, and 3 holds.
3. The clock was not read, and the stamp belongs to a single record indicated as the connection opened: measured just
   now. Where the stamp, taken as the home's wall time, is more than :data:`NOW` off, the clock is wrong: the time of
   receipt, ``corrected``, live.
4. The clock was not read: the stamp as the home's wall time, ``assumed``.

An instant more than :data:`NOW` after its receipt cannot be: it becomes the time of receipt, ``corrected``. What
happened within :data:`NOW` of its receipt is live.

One offset is measured in a connection, and holds for every record that the meter stored before it. A clock that drifts
is therefore right for what was measured just now, and wrong for an older record by what it drifted since: two minutes a
day is what the worst do. A line between this offset and the last one would be no better: nobody knows whether the clock
drifted or was put right by hand in between, and then the line is wrong by up to the whole difference. A meter whose
clock may be set is set at every visit, and no record is off by more than the drift since the last one.

A wall time that a daylight-saving change shows twice is the first of the two, unless only the second is within
:data:`NOW` of the receipt; one that it skips belongs to a clock nobody has put forward yet and is read as such.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_gateway.frame import MeterClock
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.readings import TimeQuality

NOW: Final = timedelta(minutes=5)
"""How far a stamp may be from its receipt and still be of this moment: the time a meter takes to connect and talk."""

AGREEMENT: Final = timedelta(minutes=2)
"""How far a meter's clock may be off and still count as right; meters set by hand are right to the minute at best."""


SETTING: Final = timedelta(seconds=5)
"""How exactly the moment is known from which on a clock that was set shows the new time."""


@dataclass(frozen=True, slots=True)
class EffectiveTime:
    """``instant`` in UTC; ``clock_offset_s`` is how far the meter's clock was taken to be ahead of UTC, None where its
    stamp was not used."""

    instant: datetime
    quality: TimeQuality
    clock_offset_s: float | None
    live: bool


def reconcile(
    stamp: DeviceTime | None,
    *,
    received: datetime,
    zone: ZoneInfo,
    clock: MeterClock | None = None,
    just_measured: bool = False,
) -> EffectiveTime:
    """When it happened.

    ``stamp`` is None where the meter sent none that names a moment, ``zone`` the home's, ``just_measured`` True for
    a single record indicated as its connection opened.
    """
    received = received.astimezone(UTC)
    unstamped = EffectiveTime(received, TimeQuality.RECEIVED, None, live=True)
    if stamp is None or not stamp.known:
        return unstamped
    try:
        if clock is not None:
            back = just_measured and _put_back_since(stamp, clock, received)
            return _impossible(received) if back else _measured(stamp, clock, received, zone)
        return _assumed(stamp, received, zone, just_measured=just_measured)
    except OverflowError:  # so near an edge of the calendar that no instant can be named
        return unstamped


def measured_just_now(
    stamp: DeviceTime | None, *, received: datetime, clock: MeterClock | None = None, just_measured: bool = False
) -> bool:
    """The same evidence where ``received`` is not a date but counted from the boot, and so is all that ``clock`` says:
    the distance between a stamp and its receipt needs no date."""
    if stamp is None or not stamp.known:
        return True
    if clock is None:
        return just_measured
    try:
        if just_measured and _put_back_since(stamp, clock, received):
            return True
        return received - stamp.at_offset(_ahead_at(stamp, clock, received)) <= NOW
    except OverflowError:
        return just_measured


def _assumed(stamp: DeviceTime, received: datetime, zone: ZoneInfo, *, just_measured: bool) -> EffectiveTime:
    instant = _wall_time(stamp, received, zone)
    if just_measured and abs(received - instant) > NOW:
        return _impossible(received)
    return _bounded(stamp, instant, TimeQuality.ASSUMED, received)


def _measured(stamp: DeviceTime, clock: MeterClock, received: datetime, zone: ZoneInfo) -> EffectiveTime:
    ahead = _ahead_at(stamp, clock, received)
    here = clock.read_at.astimezone(zone).utcoffset() or timedelta()
    agrees = min(abs(ahead), abs(ahead - here)) <= AGREEMENT
    return _bounded(stamp, stamp.at_offset(ahead), TimeQuality.SYNCED if agrees else TimeQuality.CORRECTED, received)


def _ahead_at(stamp: DeviceTime, clock: MeterClock, received: datetime) -> timedelta:
    """What the clock was ahead of UTC by when it gave this stamp: before it was set, or after."""
    if clock.set_at is None or clock.set_ahead_of_utc is None:
        return clock.ahead_of_utc
    since_set = clock.set_at - SETTING <= stamp.at_offset(clock.set_ahead_of_utc) <= received + SETTING
    return clock.set_ahead_of_utc if since_set else clock.ahead_of_utc


def _put_back_since(stamp: DeviceTime, clock: MeterClock, received: datetime) -> bool:
    """Whether the clock was read at an earlier visit, and the stamp taken by it is from before that."""
    return received - clock.read_at > NOW and stamp.at_offset(_ahead_at(stamp, clock, received)) < clock.read_at - NOW


def _bounded(stamp: DeviceTime, instant: datetime, quality: TimeQuality, received: datetime) -> EffectiveTime:
    if instant - received > NOW:
        return _impossible(received)
    offset = stamp.minus(instant).total_seconds()
    return EffectiveTime(instant, quality, offset, live=abs(received - instant) <= NOW)


def _impossible(received: datetime) -> EffectiveTime:
    """The stamp cannot be right: the receipt is the best estimate, and the record counts as of this moment."""
    return EffectiveTime(received, TimeQuality.CORRECTED, None, live=True)


def _wall_time(stamp: DeviceTime, received: datetime, zone: ZoneInfo) -> datetime:
    first = stamp.face_in(zone)
    second = first.astimezone(zone).replace(fold=1).astimezone(UTC)
    only_second_is_now = abs(received - second) <= NOW < abs(received - first)
    return second if second > first and only_second_is_now else first
