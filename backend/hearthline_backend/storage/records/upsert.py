"""The one statement in which SQLite and PostgreSQL agree in meaning and not in SQLAlchemy's spelling."""

from collections.abc import Sequence

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_or_skip(connection: AsyncConnection, table: Table, key: Sequence[str]) -> Insert:
    """An insert that leaves a row with the same ``key`` as it is."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key)
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=key)
