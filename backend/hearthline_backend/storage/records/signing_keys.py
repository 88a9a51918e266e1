"""Keys of our own, one for each purpose, made when they are first needed and the same in every process."""

from datetime import datetime
from secrets import token_hex

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.rota_tables import signing_keys


class SigningKeys:
    """They are in a backup, so that what was signed before it is good after a restore."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def key(self, purpose: str, now: datetime) -> bytes:
        """32 random bytes."""
        made = insert_or_skip(self._connection, signing_keys, ["purpose"])
        await self._connection.execute(made.values(purpose=purpose, key=token_hex(32), created_at=now))
        kept = select(signing_keys.c.key).where(signing_keys.c.purpose == purpose)
        return bytes.fromhex((await self._connection.execute(kept)).scalar_one())
