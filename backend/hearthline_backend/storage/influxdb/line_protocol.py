"""A reading as a line of InfluxDB's line protocol, and a record back to a reading.

Measurement ``reading``. Tags: ``patient`` (UUID), ``kind``, ``lane`` (see :mod:`.spot`) and ``shows``: ``latest`` for
what may be a last value, ``series`` for what stands only in its series, ``nowhere`` for what stands aside. Fields:
``kept``, the whole reading with its gateway and stored time (see :mod:`.kept_record`), and one number for each value
that charts count.
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote
from uuid import UUID

from hearthline_backend.storage.buckets import numbers_of, shows_as_latest
from hearthline_backend.storage.influxdb import kept_record
from hearthline_backend.storage.influxdb.spot import EARLIEST_NS, LATEST_NS, Spot, point_time
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import instant, microseconds

MEASUREMENT: Final = "reading"
KEPT: Final = "kept"
LATEST: Final = "latest"
SERIES: Final = "series"
NOWHERE: Final = "nowhere"

_NAMELESS: Final = "%"
_TAKEN: Final = (KEPT, "time")


@lru_cache(maxsize=4096)
def tag(text: str) -> str:
    """A name as a tag says it: what line protocol or a predicate could take for its own is percent-encoded, so that
    any name is only a name."""
    return quote(text, safe="") or _NAMELESS


@lru_cache(maxsize=4096)
def untagged(word: str) -> str:
    """The inverse of :func:`tag`."""
    return "" if word == _NAMELESS else unquote(word)


@lru_cache(maxsize=4096)
def field(name: str) -> str:
    """The field key of a value: as :func:`tag`, and never one of our own or InfluxDB's."""
    encoded = tag(name)
    return f"%{encoded}" if encoded in _TAKEN or encoded.startswith("_") else encoded


@lru_cache(maxsize=4096)
def field_name(key: str) -> str:
    """The inverse of :func:`field`."""
    ours = key.startswith("%_") or key[1:] in _TAKEN
    return untagged(key[1:] if ours else key)


@lru_cache(maxsize=65536)
def _beginning(kind: str, lane: int, patient: int, shows: str, gateway: str) -> str:
    """What is the same for many readings of a series. ``patient`` is a ``UUID.int``, whose hash costs a sixth."""
    patient_id = UUID(int=patient)
    tags = f"kind={tag(kind)},lane={lane},patient={patient_id},shows={shows}"
    return f'{MEASUREMENT},{tags} {KEPT}="{kept_record.beginning(gateway)}'


def lines_of(rows: Iterable[tuple[PatientReading, Spot]]) -> list[str]:
    """The points of readings at their places, each without its line end."""
    found: list[str] = []
    stored_time, stored_us = None, 0
    for one, (patient_id, kind, time_us, slot, aside) in rows:
        content = one.content
        shows, fields = NOWHERE, ""
        if not aside:
            numbers = numbers_of(content)
            shows = LATEST if numbers or shows_as_latest(content) else SERIES
            fields = "".join([f",{field(name)}={number!r}" for name, number in numbers.items()])
        at, elsewhere = time_us * 1000 + content.id.int % 1000, None
        if not EARLIEST_NS <= at < LATEST_NS:
            at, elsewhere = point_time(time_us, content.id), time_us
        if one.stored_time is not stored_time:  # a group has one for all
            stored_time, stored_us = one.stored_time, microseconds(one.stored_time)
        beginning = _beginning(kind, slot // 1000, patient_id.int, shows, one.gateway)
        found.append(f'{beginning}{stored_us}{kept_record.end(one.body, elsewhere)}"{fields} {at}')
    return found


def reading_of(spot: Spot, kept: str) -> PatientReading:
    """The reading in a record; ``spot`` says where it stands."""
    record = kept_record.kept_record(kept)
    return PatientReading.kept(
        spot.patient_id,
        record.gateway,
        bytes(record.body),
        instant(record.stored_us),
        effective_time=instant(spot.time_us),
        aside=spot.aside,
    )


def time_of(nanoseconds: int, kept: str) -> int:
    """The effective time of a point in microseconds."""
    if EARLIEST_NS + 1000 <= nanoseconds < LATEST_NS:
        return nanoseconds // 1000
    at = kept_record.kept_record(kept).at_us
    return nanoseconds // 1000 if at is None else at
