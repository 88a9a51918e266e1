"""Whether a pooled connection to PostgreSQL still lives, asked only of one that nobody has used for a while.

Asking before every use would be three of the six exchanges that a short transaction takes. A server that ends says so
on every line it holds, which costs nothing to see; only one that vanished without a word has to be asked.
"""

from time import monotonic
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

ASKED_AFTER_S: Final = 2.0
"""After so long without use a connection is asked first."""
_LEFT_AT: Final = "left_at"


def ask_idle_connections(engine: Engine) -> None:
    """From now on the engine's pool gives out only connections that live, and makes a new one where one does not."""

    def check_in(_connection: Any, record: Any) -> None:
        record.info[_LEFT_AT] = monotonic()

    def check_out(connection: Any, record: Any, _fairy: Any) -> None:
        left_at = record.info.get(_LEFT_AT)
        if left_at is None:
            return  # it is new
        if connection.driver_connection.is_closed() or (
            monotonic() - left_at > ASKED_AFTER_S and not _answers(engine, connection)
        ):
            raise InvalidatePoolError  # the others are no better; the pool connects again, and fails aloud if it cannot

    event.listen(engine, "checkin", check_in)
    event.listen(engine, "checkout", check_out)


def _answers(engine: Engine, connection: Any) -> bool:
    try:
        return bool(engine.dialect.do_ping(connection))
    except engine.dialect.loaded_dbapi.Error as error:
        if engine.dialect.is_disconnect(error, connection, None):
            return False
        raise
