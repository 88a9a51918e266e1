"""Which of a database's errors mean that it cannot do it now, so that the same again may work later."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hearthline_backend.storage.ports import StoreBusyError, StoreUnavailableError

_OF_THE_DRIVER: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Of PostgreSQL's driver itself, where it is spoken to by itself: the connection is closed, a protocol cut off."""
CAUGHT: Final = (DBAPIError, asyncpg.PostgresError, *_OF_THE_DRIVER, PoolTimeoutError, OSError)
"""What to look at: the driver's errors, a pool without a free connection, a socket's errors and time-outs."""

_CLASSES: Final = frozenset(
    (
        "08",  # the connection broke
        "28",  # the account is refused: an operator puts that right, and nothing may be lost meanwhile
        "40",  # deadlock, serialization: another transaction went first
        "53",  # too many connections, disk or memory full
        "57",  # shut down, starting, cancelled
        "58",  # the system under it failed
    )
)
_STATES: Final = frozenset(
    (
        "0A000",  # a statement prepared before the schema changed
        "25P03",  # we were idle for too long in the middle
        "3D000",  # the database is not there (yet)
        "55P03",  # a lock did not come free in time
    )
)
"""SQLSTATE of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_IN_THE_WAY: Final = frozenset(("40001", "40P01", "55P03"))
"""A transaction that went first, a deadlock, a lock that did not come free in time."""


@contextmanager
def told_when_unavailable() -> Iterator[None]:
    """Raises :class:`StoreUnavailableError` for what the driver, a full pool or a socket says in their own words;
    :class:`StoreBusyError` where somebody else was in the way."""
    try:
        yield
    except CAUGHT as error:
        why = unavailable(error)
        if why is None:
            raise
        raised = StoreBusyError if _state(error) in _IN_THE_WAY else StoreUnavailableError
        raise raised(f"records are not available: {why}") from error


def unavailable(error: Exception) -> str | None:
    """What to call the outage, without any data; None for an error that would come again (a defect, a constraint)."""
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError, OSError, *_OF_THE_DRIVER)):
        return _named(error)
    state = _state(error)
    if state is None and isinstance(error, InternalError):
        return _named(error)  # the driver itself: no primary among the hosts, a protocol cut off
    if state is None or not (state[:2] in _CLASSES or state in _STATES):
        return None
    return f"{_named(error)}, {state}"


def _state(error: Exception) -> str | None:
    state: str | None = getattr(getattr(error, "orig", error), "sqlstate", None)
    return state


def _named(error: Exception) -> str:
    """The driver's own word, where there is one."""
    original = getattr(error, "orig", None) or error
    return type(original.__cause__ or original).__name__
