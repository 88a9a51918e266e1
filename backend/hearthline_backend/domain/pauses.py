"""Time in which nothing is expected of a patient: away, or in hospital."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class PauseKind(StrEnum):
    """Why nothing is expected."""

    AWAY = "away"
    HOSPITAL = "hospital"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Pause:
    """From ``begins_at`` to before ``until``, or to before ``ended_at`` where it was ended before its time."""

    kind: PauseKind
    begins_at: datetime
    until: datetime
    ended_at: datetime | None = None

    @property
    def ends(self) -> datetime:
        """When measurements are expected again; never before it began."""
        over = self.until if self.ended_at is None else min(self.until, self.ended_at)
        return max(self.begins_at, over)

    def covers(self, at: datetime) -> bool:
        """Whether nothing is expected at that moment."""
        return self.begins_at <= at < self.ends

    def touches(self, opens: datetime, closes: datetime) -> bool:
        """Whether any of this time belongs to it: a slot that could not be used whole is not expected."""
        return max(self.begins_at, opens) < min(self.ends, closes)


def paused_time(pauses: Iterable[Pause], start: datetime, end: datetime) -> timedelta:
    """How much of the span was on pause; what several pauses share counts once."""
    total, reached = timedelta(0), start
    for one in sorted(pauses, key=lambda one: one.begins_at):
        begins, ends = max(one.begins_at, reached), min(one.ends, end)
        if ends > begins:
            total, reached = total + (ends - begins), ends
    return total
