"""Summing readings up for charts: which numbers count, and where an hour, a day or a week of a zone begins. Pure.

Hours are those of UTC. Days and weeks are those of the zone: in the night of a clock change a day has 23 or 25 hours.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache, partial
from math import fsum
from typing import Final

import msgspec

from hearthline_backend.quick_reading import QuickReading
from hearthline_backend.storage.ports import Bucket, Summary, Width
from hearthline_protocol.readings import NOT_JUDGED, Reading

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)


class _Value(msgspec.Struct, gc=False):
    value: float | None
    comparator: str | None = None


class _Values(msgspec.Struct, gc=False):
    values: dict[str, _Value]


_DECODER: Final = msgspec.json.Decoder(_Values)


def shows_as_latest(content: Reading | QuickReading) -> bool:
    """Whether a reading says something of the patient: it has values, they are the patient's, it is not synthetic."""
    return content.quality not in NOT_JUDGED and bool(content.values) and not content.synthetic


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
    around = _around(width, zone)
    found: list[Bucket] = []
    start, end = _LAST, _FIRST
    fields: dict[str, list[float]] = {}
    for at, numbers in measured:
        if not start <= at < end:
            first, end = around(at)
            if first != start:  # the calendar's last moment is the end of its own bucket
                _close(found, start, fields)
                start, fields = first, {}
        for name, number in numbers.items():
            if name in fields:
                fields[name].append(number)
            else:
                fields[name] = [number]
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
    return _around(width, zone)(at)


def _around(width: Width, zone: tzinfo) -> Callable[[datetime], tuple[datetime, datetime]]:
    if width is Width.HOUR:
        return _hour_around
    return partial(_days_around, 7 if width is Width.WEEK else 1, zone)


def _hour_around(at: datetime) -> tuple[datetime, datetime]:
    start = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        return start, start + _HOUR
    except OverflowError:  # the last hour of the calendar
        return start, _LAST


def _days_around(count: int, zone: tzinfo, at: datetime) -> tuple[datetime, datetime]:
    try:
        day = at.astimezone(zone).toordinal()
    except OverflowError:  # at an edge of the calendar the zone's own day cannot be said
        return _days_around(count, UTC, at)
    if count == 7:
        day = max(1, day - (day - 1) % 7)  # the first day of the calendar is a Monday
    return _first_moment(day, zone), _first_moment(day + count, zone)


@lru_cache(maxsize=8192)
def _first_moment(day: int, zone: tzinfo) -> datetime:
    """Where the clock skips midnight, ``fold=0`` reads it by the offset before: that is the moment of the skip."""
    if day > date.max.toordinal():
        return _LAST
    midnight = datetime.combine(date.fromordinal(day), time(), zone)
    try:
        return midnight.astimezone(UTC)
    except OverflowError:
        return midnight.replace(tzinfo=UTC)
