"""PostgreSQL's own driver on a connection of the pool, for the few statements that every group of readings needs.

Through SQLAlchemy each exchange costs several times what the driver takes for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine

from hearthline_backend.storage.records.unavailable import told_when_unavailable

if TYPE_CHECKING:
    import asyncpg


@asynccontextmanager
async def driver_of(engine: AsyncEngine) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection outside of any transaction. One on which something failed, or that was left in the middle of
    something, is not used again.

    Raises :class:`~hearthline_backend.storage.ports.StoreUnavailableError`.
    """
    with told_when_unavailable():
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            if driver is None:
                raise TypeError("only PostgreSQL's driver can be spoken to by itself")
            try:
                yield driver
            except BaseException:
                await connection.invalidate()
                raise
