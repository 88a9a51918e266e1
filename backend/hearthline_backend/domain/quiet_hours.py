"""Hours in which a yellow waits. A red never does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hearthline_backend.domain.local_time import day_of, first_instant

EVERY_DAY: Final = frozenset(range(7))
LONGEST: Final = timedelta(hours=16)
"""Quiet hours that are longer would be a pause."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begins`` to ``ends`` on the wall of ``zone``, over midnight where ``ends`` is not later. ``days`` are the
    weekdays on which they begin, 0 for Monday."""

    begins: time
    ends: time
    zone: str
    days: frozenset[int] = EVERY_DAY

    def end(self, at: datetime) -> datetime | None:
        """When they end, where ``at`` lies in them."""
        zone = ZoneInfo(self.zone)
        today = day_of(at, zone)
        for day in (today - timedelta(days=1), today):
            last = day if self.ends > self.begins else day + timedelta(days=1)
            if day.weekday() not in self.days or not first_instant(day, self.begins, zone) <= at:
                continue
            end = first_instant(last, self.ends, zone)
            if at < end:
                return end
        return None


def quiet_until(hours: Iterable[QuietHours], at: datetime) -> datetime | None:
    """When it is quiet no longer, by all of ``hours``; None where it is not quiet at ``at``. Hours that begin as others
    end go on, for a week at most."""
    known, until = tuple(hours), at
    while until < at + timedelta(days=7):
        ends = [end for one in known if (end := one.end(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return None if until == at else until
