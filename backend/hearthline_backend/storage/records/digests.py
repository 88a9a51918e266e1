"""How each care team stood in the morning."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.silence_tables import digests


@dataclass(frozen=True, slots=True)
class Digest:
    """Numbers of patients; ``day`` is the team's own, in ISO 8601. ``reports`` are those with a report that nobody has
    confirmed, whatever else they are."""

    team_id: UUID
    day: str
    made_at: datetime
    red: int
    yellow: int
    no_data: int
    green: int
    reports: int = 0

    @property
    def all_green(self) -> bool:
        """Nothing to tell."""
        return not (self.red or self.yellow or self.no_data or self.reports)


class Digests:
    """One row for each team and day."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, digest: Digest) -> int | None:
        """Keep it; returns its number, None where this team has one of this day."""
        values = {one.name: getattr(digest, one.name) for one in fields(digest)}
        statement = insert_or_skip(self._connection, digests, ["team_id", "day"]).values(**values)
        number: int | None = await self._connection.scalar(statement.returning(digests.c.id))
        return number
