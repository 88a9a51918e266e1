"""Writes readings once: a place is claimed in Records, then the point is written there, then the claim is closed.

A claim is closed in the transaction of the next one, which costs nothing; until then, and after a crash for ever, its
places are doubtful. Whoever meets an id at a doubtful place looks for its point, and writes it where it is missing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from hearthline_backend.storage.influxdb.points import Points
from hearthline_backend.storage.influxdb.register import WRITTEN, Register, Standing
from hearthline_backend.storage.influxdb.spot import Spot, spot_of, spots_of
from hearthline_backend.storage.ports import PatientReading, Records

Rows = Mapping[UUID, PatientReading]


class Writing:
    """What one process writes."""

    def __init__(self, records: Records, points: Points) -> None:
        self._records = records
        self._points = points
        self._under_way: dict[int, asyncio.Future[bool]] = {}
        self._finished: set[int] = set()
        self._failed: dict[int, set[UUID]] = {}
        self._mending: Final = asyncio.Lock()

    async def write(self, rows: Sequence[PatientReading]) -> frozenset[UUID]:
        """Make all durable. Returns the ids that were new and stand as their row says; one that was claimed at another
        place before, and is written only now, stands there and is not among them."""
        asked: dict[UUID, PatientReading] = {}
        for one in rows:
            asked.setdefault(one.id, one)
        if not asked:
            return frozenset()
        others = await self._write_claimed(asked)
        if others is None:
            return frozenset(asked)
        new = asked.keys() - others.keys()
        waiting = {self._under_way[one.claim] for one in others.values() if one.claim in self._under_way}
        if waiting:
            await asyncio.wait(waiting)
        doubtful = {one: asked[one] for one, there in others.items() if self._doubts(there)}
        return frozenset(new | await self._mend(doubtful)) if doubtful else frozenset(new)

    def is_on_its_way(self, claim: int) -> bool:
        """Whether this process is writing for a claim just now."""
        return claim in self._under_way

    def has_ended(self, claim: int) -> bool:
        """Whether a claim that is open on record was this process's, and nothing of it is on its way any more."""
        return claim in self._finished or claim in self._failed

    async def close(self) -> None:
        """Close what is finished, so that nobody has to look for its points."""
        if self._finished:
            async with self._records.begin() as unit:
                await Register(unit.connection).close_claims(self._finished)

    async def _write_claimed(self, asked: Rows) -> dict[UUID, Standing] | None:
        """Claim places and write there. Returns the ids that had a place before, and where; None: not one had."""
        wanted = spots_of(asked)
        claim = 0
        spots: Mapping[UUID, Spot] | None = None
        try:
            async with self._records.begin() as unit:
                closed = frozenset(self._finished)
                claim, standing = await Register(unit.connection).claim_anew(wanted, closed)
                # Before it is committed, for then others meet these ids.
                self._under_way[claim] = asyncio.get_running_loop().create_future()
            self._finished -= closed
            spots = wanted
            if standing is not None:
                spots = {one: there.spot for one, there in standing.items() if there.claim == claim}
            await self._points.write([(asked[one], spot) for one, spot in spots.items()])
        except BaseException:
            if spots is not None:
                self._failed[claim] = set(spots)
            if claim in self._under_way:
                self._under_way.pop(claim).set_result(False)
            raise
        self._finished.add(claim)
        self._under_way.pop(claim).set_result(True)
        return None if standing is None else {one: there for one, there in standing.items() if one not in spots}

    def _doubts(self, there: Standing) -> bool:
        return not there.certain and there.claim not in self._finished

    async def _mend(self, asked: Rows) -> frozenset[UUID]:
        """Look for points that may be missing, and write those that are; returns the new ones, as :meth:`write`."""
        async with self._mending:
            async with self._records.read() as unit:
                standing = await Register(unit.connection).standing(asked)
            doubtful = {one: there for one, there in standing.items() if self._doubts(there)}
            found = await self._points.at({one: there.spot for one, there in doubtful.items()})
            spots = {one: there.spot for one, there in doubtful.items() if one not in found}
            async with self._records.begin() as unit:
                register = Register(unit.connection)
                claim = await register.open_claim()
                await register.take_over(found, WRITTEN)
                spots = await _claim_again(register, asked, spots, claim)
            self._failed[claim] = set(spots)
            await self._points.write([(asked[one], spot) for one, spot in spots.items()])
            self._failed[claim].clear()
            self._settle(doubtful, claim)
        return frozenset(one for one, spot in spots.items() if spot._replace(slot=0) == spot_of(asked[one]))

    def _settle(self, doubtful: Mapping[UUID, Standing], claim: int) -> None:
        """A claim that failed, and of which nothing is doubtful any more, can be closed."""
        for one, there in doubtful.items():
            self._failed.get(there.claim, set()).discard(one)
        for number in (claim, *{there.claim for there in doubtful.values()}):
            if number in self._failed and not self._failed[number]:
                del self._failed[number]
                self._finished.add(number)


async def _claim_again(register: Register, asked: Rows, spots: Mapping[UUID, Spot], claim: int) -> dict[UUID, Spot]:
    """Where to write what is missing: where it was first claimed. A place of another kind cannot hold it."""
    wrong = {one: spot for one, spot in spots.items() if asked[one].kind != spot.kind}
    kept = {one: spot for one, spot in spots.items() if one not in wrong}
    await register.take_over(kept, claim)
    if not wrong:
        return kept
    await register.abandon(wrong)
    wanted = {one: spot_of(asked[one]) for one in wrong}
    standing = await register.claim(wanted, claim)
    if standing is None:
        return kept | wanted
    return kept | {one: there.spot for one, there in standing.items() if there.claim == claim}
