"""Summing readings up for charts: which numbers count, and where an hour, a day or a week of a zone begins. Pure.

Hours are those of UTC. Days and weeks are those of the zone: in the night of a clock change a day has 23 or 25 hours.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from math import fsum
from typing import Final

import msgspec

from hearthline_backend.quick_reading import QuickReading
from hearthline_backend.storage.ports import Bucket, Summary, Width
from hearthline_protocol.readings import Reading

_DAYS: Final = {Width.DAY: 1, Width.WEEK: 7}
_HOUR: Final = timedelta(hours=1)


class _Value(msgspec.Struct, gc=False):
    value: float | None
    comparator: str | None = None


class _Values(msgspec.Struct):
    values: dict[str, _Value]


_DECODER: Final = msgspec.json.Decoder(_Values)


def shows_as_latest(content: Reading | QuickReading) -> bool:
    """Whether a reading says something of the patient: it has values, they are the patient's, it is not synthetic."""
    return content.quality.judged and bool(content.values) and not content.synthetic


def numbers_of(content: Reading | QuickReading) -> dict[str, float]:
    """By field, the numbers that were measured: none that only says lower or higher than the meter can process."""
    if not shows_as_latest(content):
        return {}
    return {name: one.value for name, one in content.values.items() if one.value is not None and one.comparator is None}


def numbers_in(body: bytes) -> dict[str, float]:
    """As :func:`numbers_of`, of the body of a reading that shows, taken apart no further than that needs."""
    try:
        values = _DECODER.decode(body).values
    except msgspec.DecodeError:
        return numbers_of(Reading.model_validate_json(body))
    return {name: one.value for name, one in values.items() if one.value is not None and one.comparator is None}


def summed_up(measured: Iterable[tuple[datetime, Mapping[str, float]]], width: Width, zone: tzinfo) -> list[Bucket]:
    """``measured`` by bucket, oldest first; it has to come in order of time. Buckets without a number are left out."""
    found: list[Bucket] = []
    start, end = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    fields: dict[str, list[float]] = {}
    for at, numbers in measured:
        if not start <= at < end:
            _close(found, start, fields)
            fields = {}
            start, end = bucket_around(at, width, zone)
        for name, number in numbers.items():
            fields.setdefault(name, []).append(number)
    _close(found, start, fields)
    return found


def _close(found: list[Bucket], start: datetime, fields: Mapping[str, list[float]]) -> None:
    if fields:
        found.append(Bucket(start, {name: _summary(numbers) for name, numbers in fields.items()}))


def _summary(numbers: list[float]) -> Summary:
    if len(numbers) == 1:
        return Summary(numbers[0], numbers[0], numbers[0], 1)
    return Summary(min(numbers), fsum(numbers) / len(numbers), max(numbers), len(numbers))


def bucket_around(at: datetime, width: Width, zone: tzinfo) -> tuple[datetime, datetime]:
    """The bucket that ``at`` lies in: its first moment and the first one after it, in UTC."""
    if width is Width.HOUR:
        start = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return start, _later(start, _HOUR)
    day = _local(at, zone).date()
    if width is Width.WEEK:
        day = date.fromordinal(max(1, day.toordinal() - day.weekday()))
    try:
        after = _first_moment(day + timedelta(days=_DAYS[width]), zone)
    except OverflowError:
        after = _LAST
    return _first_moment(day, zone), after


_LAST: Final = datetime.max.replace(tzinfo=UTC)


def _later(start: datetime, by: timedelta) -> datetime:
    try:
        return start + by
    except OverflowError:  # the last hour of the calendar
        return _LAST


def _local(at: datetime, zone: tzinfo) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # at an edge of the calendar the zone's own day cannot be said
        return at.astimezone(UTC)


@lru_cache(maxsize=8192)
def _first_moment(day: date, zone: tzinfo) -> datetime:
    """Where the clock skips midnight, ``fold=0`` reads it by the offset before: that is the moment of the skip."""
    midnight = datetime.combine(day, time(), zone)
    try:
        return midnight.astimezone(UTC)
    except OverflowError:
        return midnight.replace(tzinfo=UTC)
