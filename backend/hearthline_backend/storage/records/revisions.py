"""Numbers that grow with every change to what is remembered between groups; triggers count (migration 0004)."""

from typing import Final, Literal

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.schema import revisions

Topic = Literal["homes", "care"]
"""``homes``: gateways, meters, assignments, claims. ``care``: teams, patients, plans."""

_NUMBER: Final = select(revisions.c.number).where(revisions.c.topic == bindparam("topic"))


class Revisions:
    """Read the number before what it speaks for: then what is remembered is at least as new as its number says."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def number(self, topic: Topic) -> int:
        """The number of a topic in this transaction's view."""
        return int((await self._connection.execute(_NUMBER, {"topic": topic})).scalar_one())
