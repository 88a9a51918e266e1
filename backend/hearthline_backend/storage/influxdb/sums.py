"""Sums of short steps that InfluxDB made, joined to the buckets of a chart. Pure.

A step is so short that each lies in one bucket, whatever the zone does with its clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from hearthline_backend.storage.buckets import bucket_around
from hearthline_backend.storage.ports import Bucket, Summary, Width

_STEPS: Final = (timedelta(hours=1), timedelta(minutes=15))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NONE: Final = timedelta(0)


@dataclass(slots=True)
class Sums:
    """Of one field in one step."""

    minimum: float
    maximum: float
    total: float
    count: int

    def add(self, other: "Sums") -> None:
        """Join another step, or another lane of this one."""
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.total += other.total
        self.count += other.count

    @property
    def summary(self) -> Summary:
        """As a chart has it."""
        return Summary(self.minimum, self.total / self.count, self.maximum, self.count)


Steps = dict[tuple[datetime, str], Sums]
"""By the moment a step begins, and field."""


def step_of(start: datetime, end: datetime, width: Width, zone: tzinfo) -> timedelta | None:
    """The widest step that crosses no border of a bucket between two moments; None where there is none."""
    borders: list[datetime] = []
    at = start
    while at < end:
        first, at = bucket_around(at, width, zone)
        borders += (first, at)
    return next((step for step in _STEPS if all((border - _EPOCH) % step == _NONE for border in borders)), None)


def floor(at: datetime, step: timedelta) -> datetime:
    """Where the step begins that a moment lies in."""
    return at - (at - _EPOCH) % step


def add_to(steps: Steps, at: datetime, name: str, sums: Sums) -> None:
    """Join sums to those of a step."""
    there = steps.get((at, name))
    if there is None:
        steps[at, name] = sums
    else:
        there.add(sums)


def joined(steps: Mapping[tuple[datetime, str], Sums], width: Width, zone: tzinfo) -> list[Bucket]:
    """The buckets, oldest first."""
    found: dict[datetime, dict[str, Sums]] = {}
    start = end = datetime.min.replace(tzinfo=UTC)
    for (at, name), sums in sorted(steps.items(), key=lambda one: one[0]):
        if not start <= at < end:
            start, end = bucket_around(at, width, zone)
        fields = found.setdefault(start, {})
        if name in fields:
            fields[name].add(sums)
        else:
            fields[name] = Sums(sums.minimum, sums.maximum, sums.total, sums.count)
    return [Bucket(at, {name: sums.summary for name, sums in fields.items()}) for at, fields in found.items()]
