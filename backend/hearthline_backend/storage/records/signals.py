"""A word from process to process through PostgreSQL (LISTEN and NOTIFY), on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url

from hearthline_backend.storage.ports import StoreUnavailableError

WORD_BYTES: Final = 7_900
"""PostgreSQL takes fewer than 8,000."""
_WITHIN_S: Final = 10.0
_SAY: Final = "SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word"
_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Signals:
    """An open line. Its methods raise :class:`StoreUnavailableError` when it broke; then open another one."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", channel: str) -> None:
        self._connection = connection
        self._channel = channel
        self.broken: Final = asyncio.Event()
        connection.add_termination_listener(lambda _: self.broken.set())

    async def say(self, words: Sequence[str]) -> None:
        """To everybody else who listens, all at once, in order; each at most :data:`WORD_BYTES` in UTF-8."""
        await self._asked(_SAY, self._channel, list(words))

    async def check(self) -> None:
        """Ask whether the server is still there; a line that died without a word would stay silent."""
        await self._asked("SELECT 1")

    async def _asked(self, query: str, *arguments: object) -> None:
        try:
            await self._connection.fetch(query, *arguments, timeout=_WITHIN_S)
        except _ERRORS as error:
            raise _broken(error) from error


@asynccontextmanager
async def signals(url: str, channel: str, heard: Callable[[str], None]) -> AsyncIterator[Signals]:
    """Listen until the block ends. ``url`` is SQLAlchemy's, of PostgreSQL; ``heard`` gets each word that another
    connection said, never an own one.

    Raises :class:`StoreUnavailableError` where no line can be had.
    """
    try:
        connection = await asyncpg.connect(**_arguments(url))
    except _ERRORS as error:
        raise _broken(error) from error
    own = connection.get_server_pid()

    def listen(_connection: object, pid: int, _channel: str, word: object) -> None:
        if pid != own:
            heard(str(word))

    try:
        try:
            await connection.add_listener(channel, listen)
        except _ERRORS as error:
            raise _broken(error) from error
        yield Signals(connection, channel)
    finally:
        connection.terminate()  # there is nothing to finish, and a goodbye could hang


def _arguments(url: str) -> dict[str, Any]:
    address = make_url(url)
    _, found = address.get_dialect()().create_connect_args(address)
    session = {"application_name": "hearthline events"}
    return {**found, "server_settings": session, "timeout": _WITHIN_S, "target_session_attrs": "primary"}


def _broken(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"records are not available: {type(error).__name__}")
