"""The statements in which SQLite and PostgreSQL agree in meaning and not in SQLAlchemy's spelling."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_or_skip(
    connection: AsyncConnection, table: Table, key: Sequence[str], among: ColumnElement[bool] | None = None
) -> Insert:
    """An insert that leaves a row with the same ``key`` as it is; ``among``: where it is unique only among some."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key, index_where=among)
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=key, index_where=among)


def insert_or_replace(connection: AsyncConnection, table: Table, key: Sequence[str], row: Mapping[str, Any]) -> Insert:
    """An insert of ``row`` that takes the place of the one with the same ``key``."""
    rest = {name: value for name, value in row.items() if name not in key}
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).values(**row).on_conflict_do_update(index_elements=key, set_=rest)
    return sqlite.insert(table).values(**row).on_conflict_do_update(index_elements=key, set_=rest)
