"""Reads series: what the bucket holds, without the points whose places do not count.

One window is asked for in the bucket, and the register says what in it does not count. Of many, the register says what
stands in them, and the bucket is asked once for all that nobody remembers.
"""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from operator import attrgetter
from typing import Final
from uuid import UUID

from hearthline_backend.storage.buckets import numbers_of, shows_as_latest, summed_up
from hearthline_backend.storage.influxdb.contents import Contents
from hearthline_backend.storage.influxdb.moves import Moved, Moves
from hearthline_backend.storage.influxdb.points import EARLIEST, LATEST, Key, Numbers, Point, Points, key_of
from hearthline_backend.storage.influxdb.register import Register
from hearthline_backend.storage.influxdb.spot import Spot, spot_of
from hearthline_backend.storage.influxdb.standing_in import standing_in
from hearthline_backend.storage.influxdb.sums import Sums, add_to, floor, joined, step_of
from hearthline_backend.storage.ports import Bucket, PatientReading, Records, Span, Width
from hearthline_backend.storage.readings_tables import instant, microseconds

_CANDIDATES: Final = 20

_Whose = tuple[UUID, str]


class Series:
    """The bucket is asked first and the register after it: a reading that is moved meanwhile is in one place then."""

    def __init__(self, records: Records, points: Points, contents: Contents) -> None:
        self._records = records
        self._points = points
        self._contents = contents

    async def window(self, patient_id: UUID, kind: str, start: datetime, end: datetime) -> list[PatientReading]:
        """Readings of one patient and kind with ``start <= effective_time < end``, oldest first, then by id."""
        points = await self._points.window(patient_id, kind, start, end)
        moved = await self._moved([patient_id])
        if not moved:
            return _in_order([one.reading for one in points])
        gone = _gone(moved)
        kept = {one.key: one.reading for one in points if one.key not in gone}
        inside = _inside(patient_id, kind, start, end)
        unseen = await self.find(_unseen(moved, inside, kept))
        return _in_order([*kept.values(), *(one for one in unseen.values() if inside(spot_of(one)))])

    async def windows(self, wanted: Sequence[Span]) -> list[list[PatientReading]]:
        """Many windows: the register says what stands in them, and only what is not remembered is asked for."""
        async with self._records.read() as unit:
            standing = await standing_in(unit.connection, wanted)
        there: dict[UUID, PatientReading] = {}
        missing: dict[UUID, Spot] = {}
        for spots in standing:
            for one, spot in spots.items():
                known = self._contents.at(one, spot)
                if known is None:
                    missing[one] = spot
                else:
                    there[one] = known
        found = await self._points.at(missing)
        found |= await self.find(missing.keys() - found.keys())  # moved while we looked, or claimed and not written
        self._contents.remember(found.values())
        there |= found
        answers: list[list[PatientReading]] = []
        for span, spots in zip(wanted, standing, strict=True):
            inside = _inside(span.patient_id, span.kind, span.start, span.end)
            rows = (there[number] for number in spots if number in there)
            answers.append(_in_order([row for row in rows if inside(spot_of(row))]))
        return answers

    async def find(self, ids: Iterable[UUID]) -> dict[UUID, PatientReading]:
        """Those of these readings that are there, where they stand."""
        found: dict[UUID, PatientReading] = {}
        missing: Collection[UUID] = frozenset(ids)
        before: Mapping[UUID, Spot] = {}
        while missing:
            async with self._records.read() as unit:
                standing = await Register(unit.connection).standing(missing)
            spots = {one: there.spot for one, there in standing.items() if before.get(one) != there.spot}
            found |= await self._points.at(spots)
            missing = spots.keys() - found.keys()  # moved while we looked, or claimed and not written
            before = spots
        return found

    async def latest(self, patients: Collection[UUID]) -> Mapping[UUID, Mapping[str, PatientReading]]:
        """The newest reading with a value of the patient, per patient and kind."""
        if not patients:
            return {}
        series: dict[_Whose, list[Point]] = {}
        for one in await self._points.latest(patients):
            series.setdefault((one.spot.patient_id, one.spot.kind), []).append(one)
        moved = await self._moved(patients)
        gone = _gone(moved)
        there: dict[_Whose, list[Spot]] = {}
        for move in moved:
            if move.now is not None and move.now.patient_id in patients and not move.now.aside:
                there.setdefault((move.now.patient_id, move.now.kind), []).append(move.now)
        found: dict[UUID, dict[str, PatientReading]] = {}
        for whose in series.keys() | there.keys():
            points = series.get(whose, [])
            newest = _clearly_newest(points, gone, there.get(whose, ())) or await self._by_register(*whose)
            if newest is not None:
                found.setdefault(whose[0], {})[whose[1]] = newest
        return found

    async def buckets(
        self, patient_id: UUID, kind: str, start: datetime, end: datetime, width: Width, zone: tzinfo
    ) -> list[Bucket]:
        """What was measured with ``start <= effective_time < end``, summed up, oldest first."""
        if start >= EARLIEST and end <= LATEST:
            numbers = await self._points.numbers(patient_id, kind, start, end)
            inside = _inside(patient_id, kind, start, end)
            moved = [one for one in await self._moved([patient_id]) if any(map(inside, one.spots))]
            if numbers is not None and not _unseen(moved, inside, numbers):
                gone = _gone(moved)
                return summed_up(_in_time(numbers, gone), width, zone)
            step = step_of(start, end, width, zone)
            if step is not None:
                return await self._by_steps(patient_id, kind, start, end, width, zone, step, moved)
        rows = await self.window(patient_id, kind, start, end)
        return summed_up(_numbers(rows), width, zone)

    async def _by_steps(
        self,
        patient_id: UUID,
        kind: str,
        start: datetime,
        end: datetime,
        width: Width,
        zone: tzinfo,
        step: timedelta,
        moved: Iterable[Moved],
    ) -> list[Bucket]:
        """InfluxDB sums up step by step; a step in which something was moved is read instead."""
        steps = await self._points.summed(patient_id, kind, start, end, step)
        inside = _inside(patient_id, kind, start, end)
        for at in {floor(instant(spot.time_us), step) for one in moved for spot in one.spots if inside(spot)}:
            for key in [key for key in steps if key[0] == at]:
                del steps[key]
            rows = await self.window(patient_id, kind, max(start, at), min(end, at + step))
            for _, numbers in _numbers(rows):
                for name, number in numbers.items():
                    add_to(steps, at, name, Sums(number, number, number, 1))
        return joined(steps, width, zone)

    async def _by_register(self, patient_id: UUID, kind: str) -> PatientReading | None:
        """The newest by the register, whatever else the bucket holds."""
        skipped = 0
        before: list[tuple[UUID, Spot]] = []
        while True:
            async with self._records.read() as unit:
                spots = await Register(unit.connection).newest(patient_id, kind, skipped, _CANDIDATES)
            there = await self._points.at(dict(spots))
            if len(there) < len(spots) and spots != before:
                before = spots
                continue  # some were moved while we looked, or are claimed and not written
            for one, _ in spots:
                if one in there and shows_as_latest(there[one].content):
                    return there[one]
            if len(spots) < _CANDIDATES:
                return None
            skipped += len(spots)

    async def _moved(self, patients: Iterable[UUID]) -> list[Moved]:
        async with self._records.read() as unit:
            return await Moves(Register(unit.connection)).of_patients(patients)


def _clearly_newest(points: Collection[Point], gone: Container[Key], moved: Iterable[Spot]) -> PatientReading | None:
    """What stands last in its series; None where a move, or several readings of one moment, make it doubtful."""
    last = max((one.spot.time_us for one in points), default=None)
    newest = [one for one in points if one.spot.time_us == last]
    if last is None or len(newest) > 1 or newest[0].spot.lane:
        return None
    if any(one.key in gone for one in points) or any(spot.time_us > last for spot in moved):
        return None
    return newest[0].reading


def _inside(patient_id: UUID, kind: str, start: datetime, end: datetime) -> Callable[[Spot], bool]:
    """Whether a place shows in a window."""
    begin, stop = microseconds(start), microseconds(end)

    def inside(spot: Spot) -> bool:
        ours = spot.patient_id == patient_id and spot.kind == kind and not spot.aside
        return ours and begin <= spot.time_us < stop

    return inside


def _gone(moved: Iterable[Moved]) -> set[Key]:
    return {key_of(one.reading_id, one.spot) for one in moved}


def _unseen(moved: Iterable[Moved], inside: Callable[[Spot], bool], seen: Container[Key]) -> dict[UUID, Spot]:
    """Where readings stand that were moved, and of which we have not seen the point."""
    return {
        one.reading_id: one.now
        for one in moved
        if one.now is not None and inside(one.now) and key_of(one.reading_id, one.now) not in seen
    }


def _numbers(rows: Iterable[PatientReading]) -> Iterator[tuple[datetime, dict[str, float]]]:
    return ((one.effective_time, numbers_of(one.content)) for one in rows)


def _in_time(numbers: Numbers, gone: Container[Key]) -> Iterator[tuple[datetime, dict[str, float]]]:
    ordered = sorted((key[3], key) for key in numbers if key not in gone)
    return ((instant(at // 1000), numbers[key]) for at, key in ordered)


def _in_order(rows: list[PatientReading]) -> list[PatientReading]:
    """By time, then by id; the id is looked at only where times are equal, for it has to be taken out of the body."""
    rows.sort(key=attrgetter("effective_time"))
    if any(one.effective_time == next_one.effective_time for one, next_one in pairwise(rows)):
        rows.sort(key=lambda one: (one.effective_time, one.id))
    return rows
