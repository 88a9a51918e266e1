"""Until when somebody has to have read a report: a span of time in which quiet hours do not count."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.local_time import day_of, first_instant
from hearthline_backend.domain.quiet_hours import QuietHours, quiet_until

HELD: Final = timedelta(days=8)
"""Quiet hours hold nothing back for longer, such as those that leave hardly any time between them."""
SHORTEST: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(days=7)
"""A team may give its people no less, and no more."""
_DAYS_AHEAD: Final = range(-1, 9)


def confirm_by(start: datetime, within: timedelta, quiet: Iterable[QuietHours]) -> datetime:
    """``within`` after ``start``, counting only time that lies outside of all ``quiet`` hours; :data:`HELD` after
    ``start`` they count like any other time."""
    hours, at, left = tuple(quiet), start, within
    while at < start + HELD:
        at = quiet_until(hours, at) or at
        begins = _next_begin(hours, at)
        if begins is None or begins - at >= left:
            break
        left -= begins - at
        at = begins
    return at + left


def _next_begin(hours: Iterable[QuietHours], after: datetime) -> datetime | None:
    """When the next quiet hours begin that are not empty, such as one that a change of clocks swallowed."""
    found = (
        begins
        for one in hours
        for number in _DAYS_AHEAD
        if (day := day_of(after, ZoneInfo(one.zone)) + timedelta(days=number)).weekday() in one.days
        and (begins := first_instant(day, one.begins, ZoneInfo(one.zone))) > after
        and one.end(begins) is not None
    )
    return min(found, default=None)
