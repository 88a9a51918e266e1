"""Marks that data of every home can come, or which hop behind the homes is away, so that nobody takes our own absence
for a home's silence."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog

from hearthline_backend.domain.silence import Absence, Hop
from hearthline_backend.storage.ports import Records, StoreUnavailableError
from hearthline_backend.storage.records.absences import STILL_AWAY

log = structlog.get_logger(__name__)

EVERY_S: Final = 30.0

Away = Callable[[], Mapping[Hop, datetime | None]]
"""Since when each hop behind the homes is away; None where it is not."""


def nothing_away() -> Mapping[Hop, datetime | None]:
    """Of a process that knows of no hop."""
    return {}


class IntakeMarks:
    """``comes`` says whether readings come and are taken at this moment, as far as this process knows; ``away`` why
    not. What cannot be written down while the Records are away is remembered until they are back."""

    def __init__(
        self, records: Records, comes: Callable[[], bool], clock: Callable[[], datetime], away: Away = nothing_away
    ) -> None:
        self._records = records
        self._comes = comes
        self._clock = clock
        self._away = away
        self._seen: dict[Hop, Absence] = {}

    async def run(self) -> None:
        """Mark for ever, now and then."""
        while True:
            try:
                await self.mark()
            except StoreUnavailableError as error:
                log.warning("intake_not_marked", reason=str(error))
            await asyncio.sleep(EVERY_S)

    async def mark(self) -> None:
        """Mark once, and watch whoever is not watched yet. Raises ``StoreUnavailableError``."""
        now = self._clock()
        lasting = {hop: since for hop, since in self._away().items() if since is not None}
        for hop, since in lasting.items():
            self._see(hop, since, now)
        try:
            await self._write(now)
        except StoreUnavailableError:
            known = self._seen.get(Hop.BACKEND)
            self._see(Hop.BACKEND, now if known is None else known.since, now)
            raise
        self._seen = {hop: one for hop, one in self._seen.items() if hop in lasting}

    async def _write(self, now: datetime) -> None:
        absences = [one for one in self._seen.values() if one.until - one.since >= STILL_AWAY]
        comes = self._comes()
        if not comes and not absences:
            return
        async with self._records.begin() as unit:
            for one in absences:
                await unit.absences.seen(one)
            if comes:
                await unit.silence.mark_intake(now)
                await unit.silence.take_up(now)

    def _see(self, hop: Hop, since: datetime, now: datetime) -> None:
        known = self._seen.get(hop)
        if known is not None and since <= known.until:
            since = known.since
        self._seen[hop] = Absence(hop, since, now)
