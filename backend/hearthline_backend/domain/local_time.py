"""When a time on the wall is: one instant for every local time, also where the clocks go forward or back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def first_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which a clock on the wall shows this time of this day, or has gone past it.

    Where clocks go forward over it that is the moment of the change; where they go back it is the first of the two. So
    later times on the wall are never earlier instants.
    """
    local = datetime.combine(day, at)
    found = local.replace(tzinfo=zone).astimezone(UTC)
    if _wall(found, zone) == local:
        return found
    before, reached = local.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    while reached - before > timedelta(seconds=1):
        middle = before + (reached - before) // 2
        middle = middle.replace(microsecond=0)
        if _wall(middle, zone) >= local:
            reached = middle
        else:
            before = middle
    return reached


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day on the wall."""
    return at.astimezone(zone).date()


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)
