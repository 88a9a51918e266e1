"""Numbers that grow with every change to what is remembered between groups; triggers count (migration 0004)."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.schema import revisions

Topic = Literal["homes", "care"]
"""``homes``: gateways, meters, assignments, claims. ``care``: teams, patients, plans."""


class Revisions:
    """Read the number before what it speaks for: then what is remembered is at least as new as its number says."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def number(self, topic: Topic) -> int:
        """The number of a topic in this transaction's view."""
        query = select(revisions.c.number).where(revisions.c.topic == topic)
        return int((await self._connection.execute(query)).scalar_one())
