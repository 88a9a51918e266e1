"""The points of one bucket: written, found, deleted by their places. Knows nothing of which place counts."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from hearthline_backend.storage.influxdb import flux
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.line_protocol import (
    MEASUREMENT,
    field_name,
    lines_of,
    reading_of,
    tag,
    time_of,
    untagged,
)
from hearthline_backend.storage.influxdb.register import parts
from hearthline_backend.storage.influxdb.spot import EARLIEST_NS, LATEST_NS, Spot, earliest_point, slot_of
from hearthline_backend.storage.influxdb.stretches import APART_NS, stretches_of
from hearthline_backend.storage.influxdb.sums import Steps, Sums, add_to, floor
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import instant, microseconds

EARLIEST: Final = instant(EARLIEST_NS // 1000)
LATEST: Final = instant(LATEST_NS // 1000)
"""From and up to when a point's own time says its effective time."""
MOST_NUMBERS: Final = 20_000
"""Of one field: where a series has more, InfluxDB sums up by itself."""
_CHARACTERS_A_REQUEST: Final = 700_000
"""About two thousand readings. Each request costs influxd some milliseconds; but it gives one ten seconds, answers 500
when they are over, and needs most of them where every point begins a series or lies in another year. A body beyond a
megabyte would also keep the event loop from everything else while it is sent."""
_CHARACTERS_IN_THE_LOOP: Final = 100_000
"""Of an answer: some hundred readings. More are taken apart in another thread, such as a month of a sensor."""
_REQUESTS_AT_ONCE: Final = 3
_STRETCHES_A_QUERY: Final = 40
_PLACES_A_QUERY: Final = 4_000
_PATIENTS_A_QUERY: Final = 200

NEVER_APART_NS: Final = LATEST_NS - EARLIEST_NS + 1000
"""For places that have nothing else between them."""

Key = tuple[UUID, str, int, int]
"""What makes a point one: patient, kind, lane, nanoseconds."""
Numbers = dict[Key, dict[str, float]]
"""Of each point, by field, what charts count."""


@dataclass(frozen=True, slots=True)
class Point:
    """A reading where it was found."""

    key: Key
    spot: Spot
    reading: PatientReading


def key_of(reading_id: UUID, spot: Spot) -> Key:
    """The key of the point that a reading has at a place."""
    return (spot.patient_id, spot.kind, spot.lane, spot.nanoseconds(reading_id))


class Points:
    """Every method raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError`."""

    def __init__(self, connection: InfluxConnection) -> None:
        self._connection = connection

    async def write(self, rows: Sequence[tuple[PatientReading, Spot]]) -> None:
        """Durable when it returns. The same again changes nothing."""
        for some in parts(_requests(lines_of(rows)), _REQUESTS_AT_ONCE):
            writes = [self._connection.write("\n".join(lines).encode()) for lines in some]
            # What was begun is waited for, whatever becomes of the others: nothing is on its way when this raises.
            for done in await asyncio.gather(*writes, return_exceptions=True):
                if done is not None:
                    raise done

    async def at(self, spots: Mapping[UUID, Spot], *, apart_ns: int = APART_NS) -> dict[UUID, PatientReading]:
        """The readings at these places; those that are not there are left out. ``apart_ns`` is how far places may lie
        apart to be asked for with all that lies between them."""
        wanted = {key_of(one, spot): (one, spot) for one, spot in spots.items()}
        moments = sorted((patient_id, moment) for patient_id, _, _, moment in wanted)
        found: dict[UUID, PatientReading] = {}
        for answer in await self._stretches(moments, apart_ns):
            for patient, kind, lane, time, kept in flux.columns(answer, "patient", "kind", "lane", "_time", "_value"):
                there = wanted.get((_patient(patient), untagged(kind), int(lane), flux.nanoseconds(time)))
                if there is not None:
                    found[there[0]] = reading_of(there[1], kept)
        return found

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[Point]:
        """Every point of a series with ``start <= effective_time < end``, in any order."""
        answer = await self._of_series(flux.WINDOW, patient_id, kind, start, end)
        if len(answer) < _CHARACTERS_IN_THE_LOOP:
            return _inside(answer, patient_id, kind, start, end)
        return await asyncio.to_thread(_inside, answer, patient_id, kind, start, end)

    async def numbers(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> Numbers | None:
        """The numbers of a series; None where there are more than anybody should carry over the wire."""
        answer = await self._of_series(flux.NUMBERS, patient_id, kind, start, end, most=MOST_NUMBERS)
        rows = list(flux.columns(answer, "_field", "lane", "_time", "_value"))
        if len(rows) >= MOST_NUMBERS and max(Counter(row[0] for row in rows).values()) >= MOST_NUMBERS:
            return None
        by_point: dict[tuple[str, str], dict[str, float]] = {}
        for field, lane, time, value in rows:
            by_point.setdefault((time, lane), {})[field_name(field)] = float(value)
        return {
            (patient_id, kind, int(lane), flux.nanoseconds(time)): numbers for (time, lane), numbers in by_point.items()
        }

    async def summed(self, patient_id: UUID, kind: str, start: datetime, end: datetime, step: timedelta) -> Steps:
        """The numbers of a series, summed up by step."""
        every = int(step.total_seconds()) * 1_000_000_000
        answer = await self._of_series(flux.SUMMED, patient_id, kind, start, end, every=every)
        lanes: dict[tuple[str, str, str], dict[str, float]] = {}
        for row in flux.rows(answer):
            lanes.setdefault((row["_time"], row["_field"], row["lane"]), {})[row["result"]] = float(row["_value"])
        found: Steps = {}
        for (time, field, _), one in lanes.items():
            at = floor(instant(flux.nanoseconds(time) // 1000), step)
            add_to(found, at, field_name(field), Sums(one["min"], one["max"], one["sum"], int(one["count"])))
        return found

    async def latest(self, patients: Collection[UUID]) -> list[Point]:
        """Of every lane of every series of these patients, the point with the highest time."""
        found: list[Point] = []
        wanted = list(patients)
        for start in range(0, len(wanted), _PATIENTS_A_QUERY):
            part = tuple(wanted[start : start + _PATIENTS_A_QUERY])
            answer = await self._connection.query(flux.LATEST, {"patients": part, **flux.ANY_TIME})
            for patient, kind, lane, time, kept in flux.columns(answer, "patient", "kind", "lane", "_time", "_value"):
                found.append(_point(_patient(patient), untagged(kind), int(lane), flux.nanoseconds(time), kept))
        return found

    async def delete(self, reading_id: UUID, spot: Spot) -> None:
        """Delete the point of a reading at a place."""
        moment = _rfc3339(spot.nanoseconds(reading_id))
        of_place = f'patient="{spot.patient_id}" AND kind="{tag(spot.kind)}" AND lane="{spot.lane}"'
        await self._connection.delete(f'_measurement="{MEASUREMENT}" AND {of_place}', moment, moment)

    async def delete_patient(self, patient_id: UUID) -> None:
        """Delete every point of a patient."""
        ends = (_rfc3339(EARLIEST_NS), _rfc3339(LATEST_NS + 999))
        await self._connection.delete(f'_measurement="{MEASUREMENT}" AND patient="{patient_id}"', *ends)

    async def _of_series(
        self, text: str, patient_id: UUID, kind: str, start: datetime, end: datetime, **more: int
    ) -> str:
        series = {"patient": str(patient_id), "kind": tag(kind)}
        # The last possible moment of all holds what is dated later than InfluxDB knows.
        stop = LATEST_NS + 1000 if end > LATEST else earliest_point(microseconds(end))
        begin = earliest_point(microseconds(start))
        return (
            await self._connection.query(text, {**series, "start": begin, "stop": stop, **more}) if begin < stop else ""
        )

    async def _stretches(self, moments: Sequence[tuple[UUID, int]], apart_ns: int) -> list[str]:
        queries = [
            flux.stretches(wanted)
            for some in parts(moments, _PLACES_A_QUERY)
            for wanted in parts(stretches_of(some, apart_ns), _STRETCHES_A_QUERY)
        ]
        return [await self._connection.query(*one) for one in queries]


def _requests(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines in portions that are one request each."""
    some: list[str] = []
    size = 0
    for line in lines:
        if some and size + len(line) > _CHARACTERS_A_REQUEST:
            yield some
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield some


def _inside(answer: str, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[Point]:
    found = []
    for lane, time, kept in flux.columns(answer, "lane", "_time", "_value"):
        point = _point(patient_id, kind, int(lane), flux.nanoseconds(time), kept)
        if start <= point.reading.effective_time < end:
            found.append(point)
    return found


def _point(patient_id: UUID, kind: str, lane: int, nanoseconds: int, kept: str) -> Point:
    spot = Spot(patient_id, kind, time_of(nanoseconds, kept), slot_of(lane, nanoseconds))
    return Point((patient_id, kind, lane, nanoseconds), spot, reading_of(spot, kept))


@lru_cache(maxsize=16384)
def _patient(tag: str) -> UUID:
    return UUID(tag)


def _rfc3339(nanoseconds: int) -> str:
    whole, part = divmod(nanoseconds, 1_000_000_000)
    return f"{instant(whole * 1_000_000):%Y-%m-%dT%H:%M:%S}.{part:09d}Z"
