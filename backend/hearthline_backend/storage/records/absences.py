"""When a hop behind every home was away: the broker, or the stores. Many processes may tell of the same one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.silence import Absence, Hop
from hearthline_backend.storage.pause_tables import hop_absences

STILL_AWAY: Final = timedelta(minutes=2)
"""An absence that was not seen for so long is over."""
KEPT_FOR: Final = timedelta(days=90)
_THE_SAME: Final = timedelta(minutes=30)
MOST: Final = 2_000
"""Rows kept, whatever a hop does."""


@dataclass(frozen=True, slots=True)
class KeptAbsence:
    """One row of ``hop_absences``."""

    id: int
    absence: Absence


class Absences:
    """A row grows for as long as its hop is away, and is never changed afterwards."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def seen(self, absence: Absence) -> None:
        """The hop was away, from then and until then; said again, it has lasted longer."""
        same = hop_absences.c.hop == absence.hop.value, hop_absences.c.since == absence.since
        longer = hop_absences.update().where(*same, hop_absences.c.until < absence.until)
        if (await self._connection.execute(longer.values(until=absence.until))).rowcount:
            return
        if await self._connection.scalar(select(hop_absences.c.id).where(*same)) is None:
            row = {"hop": absence.hop.value, "since": absence.since, "until": absence.until}
            number = await self._connection.scalar(hop_absences.insert().values(**row).returning(hop_absences.c.id))
            old = hop_absences.c.until < absence.until - KEPT_FOR
            await self._connection.execute(
                hop_absences.delete().where(old | (hop_absences.c.id <= int(number or 0) - MOST))
            )

    async def since(self, start: datetime, now: datetime) -> list[KeptAbsence]:
        """Those that were not over before ``start``, the oldest first."""
        query = select(hop_absences).where(hop_absences.c.until >= start, hop_absences.c.since <= now)
        return [
            KeptAbsence(row.id, Absence(Hop(row.hop), row.since, row.until))
            for row in await self._connection.execute(query.order_by(hop_absences.c.since, hop_absences.c.id))
        ]

    async def lasting(self, now: datetime) -> bool:
        """Whether any hop is away now."""
        last = await self._connection.scalar(select(func.max(hop_absences.c.until)))
        return last is not None and now - last <= STILL_AWAY

    async def tell(self, kept: KeptAbsence, now: datetime) -> bool:
        """That people are told of it; False where they were, or were of the same hop at the same time: several
        processes see the same absence, and a hop that comes and goes is away once."""
        one = kept.absence
        change = hop_absences.update().where(hop_absences.c.id == kept.id, hop_absences.c.told_at.is_(None))
        if (await self._connection.execute(change.values(told_at=now))).rowcount == 0:
            return False
        same = (
            hop_absences.c.id != kept.id,
            hop_absences.c.hop == one.hop.value,
            hop_absences.c.since <= one.until + _THE_SAME,
            hop_absences.c.until >= one.since - _THE_SAME,
            hop_absences.c.told_at.is_not(None),
        )
        return await self._connection.scalar(select(hop_absences.c.id).where(*same).limit(1)) is None
