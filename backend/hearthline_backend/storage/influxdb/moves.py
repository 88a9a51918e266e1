"""Moves in the register: a reading stands at one place at every moment, whatever was copied or not yet deleted.

The new place comes (1), its point is written, the register switches (2), the old point is deleted, the old place has
left (3). Whoever reads drops every point at a place that does not stand, so it does not matter where it is interrupted;
and as no place is used twice, a step that comes late harms nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, update

from hearthline_backend.storage.influxdb.register import (
    A_QUERY,
    COMES,
    LEAVES,
    LEFT,
    STANDS,
    WRITTEN,
    Register,
    at,
    parts,
    places,
    spot_columns,
    spot_in,
)
from hearthline_backend.storage.influxdb.spot import Spot, slot_at
from hearthline_backend.storage.ports import Place, StoreUnavailableError
from hearthline_backend.storage.readings_tables import microseconds
from hearthline_backend.storage.schema import reading_places

_ATTEMPTS: Final = 64
_MOST_LEFTOVERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Move:
    """From where a reading stands to where it belongs."""

    start: Spot
    goal: Spot


@dataclass(frozen=True, slots=True)
class Moved:
    """A place that does not count, and where its reading stands now, if anywhere."""

    reading_id: UUID
    spot: Spot
    now: Spot | None

    @property
    def spots(self) -> tuple[Spot, ...]:
        """Both."""
        return (self.spot,) if self.now is None else (self.spot, self.now)


class Moves:
    """Repository on one transaction's connection."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._connection = register.connection

    async def of_patients(self, patients: Iterable[UUID]) -> list[Moved]:
        """Every place of theirs that does not count."""
        now = reading_places.alias("now")
        again = and_(now.c.reading_id == places.reading_id, now.c.state == STANDS)
        found: list[Moved] = []
        for part in parts(patients, A_QUERY):
            standing = [now.c[column.name].label(f"now_{column.name}") for column in spot_columns]
            query = (
                select(places.reading_id, *spot_columns, *standing)
                .select_from(reading_places.outerjoin(now, again))
                .where(places.patient_id.in_(part), places.state != STANDS)
            )
            for row in await self._connection.execute(query):
                there = None
                if row.now_patient_id is not None:
                    there = Spot(row.now_patient_id, row.now_kind, row.now_time_us, row.now_slot, row.now_aside)
                found.append(Moved(row.reading_id, spot_in(row), there))
        return found

    async def begin(self, wanted: Mapping[UUID, Place]) -> tuple[frozenset[UUID], dict[UUID, Move]]:
        """Which ids are known, and of those the ones to be moved; their goals are taken."""
        standing = await self._register.standing(wanted)
        goals = {one: _goal(there.spot, wanted[one]) for one, there in standing.items()}
        away = {one: goal for one, goal in goals.items() if not _alike(standing[one].spot, goal)}
        coming: dict[UUID, Spot] = {}
        for one, spot in await self._rows(standing, COMES):
            if one in away and _alike(spot, away[one]):
                coming[one] = spot
            else:  # somebody wanted it there before; its point may be written already
                await self._turn(one, spot, COMES, LEAVES)
        for attempt in range(_ATTEMPTS):
            missing = {
                one: goal._replace(slot=slot_at(attempt, one)) for one, goal in away.items() if one not in coming
            }
            if not missing:
                return frozenset(standing), {one: Move(standing[one].spot, coming[one]) for one in away}
            await self._register.take(missing, COMES, WRITTEN)
            coming.update(await self._rows(missing, COMES))
        raise StoreUnavailableError("readings are not available: no free place to move to; try again")

    async def give_up(self, moves: Mapping[UUID, Move]) -> None:
        """There was nothing to move."""
        for one, move in moves.items():
            await self._turn(one, move.goal, COMES, LEFT)

    async def switch(self, moves: Mapping[UUID, Move]) -> bool:
        """From now on they stand at their goals; False where somebody else moved one meanwhile."""
        all_did = True
        for one, move in moves.items():
            if not await self._turn(one, move.start, STANDS, LEAVES):
                all_did = False
            elif not await self._turn(one, move.goal, COMES, STANDS):
                await self._turn(one, move.start, LEAVES, STANDS)
                all_did = False
        return all_did

    async def leaving(self) -> list[tuple[UUID, Spot]]:
        """Places from which a point is still to be deleted, some at a time."""
        query = select(places.reading_id, *spot_columns).where(places.state == LEAVES).limit(_MOST_LEFTOVERS)
        return [(row.reading_id, spot_in(row)) for row in await self._connection.execute(query)]

    async def left(self, spots: Iterable[tuple[UUID, Spot]]) -> None:
        """Their points are deleted."""
        for one, spot in spots:
            await self._turn(one, spot, LEAVES, LEFT)

    async def _rows(self, ids: Iterable[UUID], state: int) -> list[tuple[UUID, Spot]]:
        found: list[tuple[UUID, Spot]] = []
        for part in parts(ids, A_QUERY):
            query = select(places.reading_id, *spot_columns).where(places.state == state, places.reading_id.in_(part))
            found += [(row.reading_id, spot_in(row)) for row in await self._connection.execute(query)]
        return found

    async def _turn(self, reading_id: UUID, spot: Spot, before: int, after: int) -> bool:
        """Change the state of one place, if it still is what it was."""
        where: ColumnElement[bool] = and_(at(spot), places.reading_id == reading_id, places.state == before)
        done = await self._connection.execute(update(reading_places).where(where).values(state=after))
        return done.rowcount == 1


def _goal(spot: Spot, place: Place) -> Spot:
    return Spot(place.patient_id, spot.kind, microseconds(place.effective_time), 0, place.aside)


def _alike(spot: Spot, goal: Spot) -> bool:
    """Whether it is where it is wanted; which slot it has does not matter."""
    return spot._replace(slot=goal.slot) == goal
