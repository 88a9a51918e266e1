"""Moves and erases: the steps on the register and on the points, in the order in which none can lose a reading."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.storage.influxdb.connection import WRITE_WITHIN_S
from hearthline_backend.storage.influxdb.moves import Move, Moves
from hearthline_backend.storage.influxdb.points import Points
from hearthline_backend.storage.influxdb.register import Register
from hearthline_backend.storage.influxdb.writing import Writing
from hearthline_backend.storage.ports import Place, Records, StoreUnavailableError

_TRIES: Final = 5
_LOOK_AGAIN_S: Final = 0.2
_WRITTEN_WITHIN: Final = timedelta(seconds=2 * WRITE_WITHIN_S)
"""A claim that is older and still open is a crashed process's: nothing of it is on its way any more."""


class Moving:
    """Every step may be interrupted, and repeated."""

    def __init__(self, records: Records, points: Points, writing: Writing) -> None:
        self._records = records
        self._points = points
        self._writing = writing

    async def move(self, wanted: Mapping[UUID, Place]) -> frozenset[UUID]:
        """Put readings where they belong now; returns the ids that are known."""
        unknown: set[UUID] = set()
        for _ in range(_TRIES):
            async with self._records.begin() as unit:
                known, moves = await Moves(Register(unit.connection)).begin(wanted)
            moves = {one: move for one, move in moves.items() if one not in unknown}
            if not moves:
                break
            found = await self._points.at({one: move.start for one, move in moves.items()})
            await self._points.write([(reading, moves[one].goal) for one, reading in found.items()])
            async with self._records.begin() as unit:
                switched = await Moves(Register(unit.connection)).switch({one: moves[one] for one in found})
            if switched and found.keys() == moves.keys():
                break
            unknown |= await self._never_written({one: move for one, move in moves.items() if one not in found})
        else:
            raise StoreUnavailableError("readings are not available: others move the same ones just now; try again")
        await self._clear()
        return known - unknown

    async def erase(self, patient_id: UUID) -> int:
        """Forget everything of a patient; returns how many readings there were.

        Another process may just be writing something of theirs: what it claimed less than half a minute ago and has
        not closed is waited for.
        """
        async with self._records.begin() as unit:
            register = Register(unit.connection)
            count = await register.erase(patient_id)
            elsewhere = await register.elsewhere(patient_id)
        await self._until_nothing_is_on_its_way(patient_id)
        for one, spot in elsewhere:
            await self._points.delete(one, spot)
        await self._points.delete_patient(patient_id)
        async with self._records.begin() as unit:
            await Register(unit.connection).forget_erased(patient_id)
        return count

    async def _never_written(self, moves: Mapping[UUID, Move]) -> set[UUID]:
        """Those that stand where we looked and are not there: their write was interrupted. Others were moved on."""
        if not moves:
            return set()
        async with self._records.begin() as unit:
            register = Register(unit.connection)
            standing = await register.standing(moves)
            never = {one: moves[one] for one, there in standing.items() if there.spot == moves[one].start}
            await Moves(register).give_up(never)
        return set(never)

    async def _clear(self) -> None:
        """Delete points at places that were left, also those where somebody else was interrupted."""
        async with self._records.read() as unit:
            leaving = await Moves(Register(unit.connection)).leaving()
        for one, spot in leaving:
            await self._points.delete(one, spot)
        if leaving:
            async with self._records.begin() as unit:
                await Moves(Register(unit.connection)).left(leaving)

    async def _until_nothing_is_on_its_way(self, patient_id: UUID) -> None:
        """A point that is written after the patient's were deleted would be there for ever."""
        while True:
            async with self._records.read() as unit:
                claims = await Register(unit.connection).open_claims(patient_id)
            recent = datetime.now(UTC) - _WRITTEN_WITHIN
            if not any(
                self._writing.is_on_its_way(claim) or (since > recent and not self._writing.has_ended(claim))
                for claim, since in claims.items()
            ):
                return
            await asyncio.sleep(_LOOK_AGAIN_S)
