"""The short way through Records on PostgreSQL: as that of SQLite, in as few exchanges with the server as it takes.

Other processes may judge the same patients at this moment. The patients are locked before anything is asked, so that
whoever comes second sees what the first one wrote.
"""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from hearthline_backend.storage.records.alerts import LOCK_PATIENTS, NEAR_POSTGRESQL, NearAlert
from hearthline_backend.storage.records.driver import driver_of
from hearthline_backend.storage.records.homes import HEARD_POSTGRESQL
from hearthline_backend.storage.records.judgements import ADD_QUIET_POSTGRESQL, quiet_columns
from hearthline_backend.storage.records.quiet_register import Look, QuietGroup

if TYPE_CHECKING:
    import asyncpg

_LOOK: Final = """SELECT number, ARRAY(SELECT reading_id FROM claims WHERE reading_id = ANY($1::uuid[]))
    FROM revisions WHERE topic = 'homes'"""
# One row where no alert is near: its patient is NULL.
_CARE_AND_NEAR: Final = f"""SELECT number, near.* FROM revisions LEFT JOIN ({NEAR_POSTGRESQL}) AS near ON true
    WHERE topic = 'care'"""  # noqa: S608  # our own words


class PostgresQuietRegister:
    """Of one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def look(self, asked: Collection[UUID]) -> Look:
        """Of one moment; ``asked`` are the readings of which a person may have spoken."""
        async with driver_of(self._engine) as driver:
            row = await driver.fetchrow(_LOOK, list(asked))
        if row is None:
            raise LookupError("the table of revisions has no row for homes; run hearthline migrate")
        return Look(row[0], frozenset(row[1]))

    async def add(self, group: QuietGroup, heard: Collection[str], now: datetime) -> frozenset[int] | None:
        """See :class:`~hearthline_backend.storage.ports.QuietRegister`."""
        async with driver_of(self._engine) as driver, driver.transaction():
            left_out = await _touching(driver, group)
            if left_out is None:
                return None
            rows = [row for number, row in enumerate(group.rows) if number not in left_out] if left_out else group.rows
            if rows:
                await driver.execute(ADD_QUIET_POSTGRESQL, *quiet_columns(rows, now))
            if heard:
                await driver.execute(HEARD_POSTGRESQL, now, list(heard))
        return left_out


async def _touching(driver: "asyncpg.Connection[asyncpg.Record]", group: QuietGroup) -> frozenset[int] | None:
    """The positions of rows that matter to an alert; None where plans or patients are not as they were remembered."""
    people = list(group.patients) if group.rows else []
    if people:
        await driver.execute(LOCK_PATIENTS, people)
    found: list[Any] = await driver.fetch(_CARE_AND_NEAR, people, group.earliest, group.latest)
    if not found or found[0][0] != group.care:
        return None
    near: dict[int, list[NearAlert]] = {}
    for _, patient, kind, cleared, last in found:
        if patient is not None:
            near.setdefault(patient.int, []).append(NearAlert(kind, cleared, last))
    if not near:
        return frozenset()
    return frozenset(
        number
        for number, (_, patient, kind, at, _) in enumerate(group.rows)
        if patient.int in near and group.may_touch(near[patient.int], kind, at)
    )
