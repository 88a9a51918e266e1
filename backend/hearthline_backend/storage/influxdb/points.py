"""The points of one bucket: written, found, deleted by their places. Knows nothing of which place counts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.storage.influxdb import flux
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.flux import Stretch
from hearthline_backend.storage.influxdb.line_protocol import (
    MEASUREMENT,
    field_name,
    line_of,
    reading_of,
    tag,
    time_of,
    untagged,
)
from hearthline_backend.storage.influxdb.spot import EARLIEST_NS, LATEST_NS, Spot, earliest_point, slot_of
from hearthline_backend.storage.influxdb.sums import Steps, Sums, add_to, floor
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.readings_tables import instant, microseconds

EARLIEST: Final = instant(EARLIEST_NS // 1000)
LATEST: Final = instant(LATEST_NS // 1000)
"""From and up to when a point's own time says its effective time."""
MOST_NUMBERS: Final = 20_000
"""Of one field: where a series has more, InfluxDB sums up by itself."""
_LINES_A_REQUEST: Final = 5000
_STRETCHES_A_QUERY: Final = 40
_PATIENTS_A_QUERY: Final = 200
_APART_NS: Final = 3600 * 1_000_000_000
"""Places farther apart are asked for one by one."""

Key = tuple[UUID, str, int, int]
"""What makes a point one: patient, kind, lane, nanoseconds."""


@dataclass(frozen=True, slots=True)
class Point:
    """A reading where it was found."""

    key: Key
    spot: Spot
    reading: PatientReading


@dataclass(frozen=True, slots=True)
class Number:
    """A value that charts count. ``key`` says of which point."""

    key: Key
    name: str
    value: float


def key_of(reading_id: UUID, spot: Spot) -> Key:
    """The key of the point that a reading has at a place."""
    return (spot.patient_id, spot.kind, spot.lane, spot.nanoseconds(reading_id))


class Points:
    """Every method raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError`."""

    def __init__(self, connection: InfluxConnection) -> None:
        self._connection = connection

    async def write(self, rows: Sequence[tuple[PatientReading, Spot]]) -> None:
        """Durable when it returns. The same again changes nothing."""
        for start in range(0, len(rows), _LINES_A_REQUEST):
            lines = [line_of(one, spot) for one, spot in rows[start : start + _LINES_A_REQUEST]]
            await self._connection.write("\n".join(lines).encode())

    async def at(self, spots: Mapping[UUID, Spot]) -> dict[UUID, PatientReading]:
        """The readings at these places; those that are not there are left out."""
        wanted = {key_of(one, spot): (one, spot) for one, spot in spots.items()}
        found: dict[UUID, PatientReading] = {}
        for answer in await self._stretches(_stretches_of(wanted)):
            for row in flux.rows(answer):
                key = _key(row, UUID(row["patient"]), untagged(row["kind"]))
                if key in wanted:
                    one, spot = wanted[key]
                    found[one] = reading_of(spot, row["_value"])
        return found

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[Point]:
        """Every point of a series with ``start <= effective_time < end``, in any order."""
        answer = await self._of_series(flux.WINDOW, patient_id, kind, start, end)
        found = []
        for row in flux.rows(answer):
            key = _key(row, patient_id, kind)
            spot = Spot(patient_id, kind, time_of(key[3], row["_value"]), slot_of(key[2], key[3]))
            if start <= instant(spot.time_us) < end:
                found.append(Point(key, spot, reading_of(spot, row["_value"])))
        return found

    async def numbers(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[Number] | None:
        """The numbers of a series; None where there are more than anybody should carry over the wire."""
        answer = await self._of_series(flux.NUMBERS, patient_id, kind, start, end, most=MOST_NUMBERS)
        found: list[Number] = []
        counts: dict[str, int] = {}
        for row in flux.rows(answer):
            name = row["_field"]
            counts[name] = counts.get(name, 0) + 1
            found.append(Number(_key(row, patient_id, kind), field_name(name), float(row["_value"])))
        return None if any(count >= MOST_NUMBERS for count in counts.values()) else found

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
            for row in flux.rows(await self._connection.query(flux.LATEST, {"patients": part, **flux.ANY_TIME})):
                patient_id, kind = UUID(row["patient"]), untagged(row["kind"])
                key = _key(row, patient_id, kind)
                spot = Spot(patient_id, kind, time_of(key[3], row["_value"]), slot_of(key[2], key[3]))
                found.append(Point(key, spot, reading_of(spot, row["_value"])))
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

    async def _stretches(self, wanted: Sequence[Stretch]) -> list[str]:
        starts = range(0, len(wanted), _STRETCHES_A_QUERY)
        queries = [flux.stretches(wanted[start : start + _STRETCHES_A_QUERY]) for start in starts]
        return [await self._connection.query(*one) for one in queries]


def _key(row: Mapping[str, str], patient_id: UUID, kind: str) -> Key:
    return (patient_id, kind, int(row["lane"]), flux.nanoseconds(row["_time"]))


def _stretches_of(keys: Iterable[Key]) -> list[Stretch]:
    """What has to be asked for, so that all of these are in the answers and little else."""
    found: list[Stretch] = []
    for patient_id, moment in sorted((key[0], key[3]) for key in keys):
        last = found[-1] if found else None
        if last is not None and last.patient_id == patient_id and moment - last.stop < _APART_NS:
            found[-1] = Stretch(patient_id, last.start, moment + 1)
        else:
            found.append(Stretch(patient_id, moment, moment + 1))
    return found


def _rfc3339(nanoseconds: int) -> str:
    whole, part = divmod(nanoseconds, 1_000_000_000)
    return f"{instant(whole * 1_000_000):%Y-%m-%dT%H:%M:%S}.{part:09d}Z"
