"""The migrations and the tables the code speaks are the same thing."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from hearthline_backend.storage.migrate import SchemaTooNewError, migrate
from hearthline_backend.storage.records.engine import open_engine
from hearthline_backend.storage.schema import metadata
from tests.fixtures.records import records_url


async def _look(url: str, look: Any) -> Any:
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


def _drift(connection: Connection) -> Any:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_the_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    url = records_url(tmp_path / "records.sqlite3")
    await migrate(url)
    assert await _look(url, _tables) == set(metadata.tables)
    assert await _look(url, _drift) == []


async def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    url = records_url(tmp_path / "records.sqlite3")
    await migrate(url)
    await migrate(url)
    assert await _look(url, _drift) == []


async def test_down_and_up_again(tmp_path: Path) -> None:
    url = records_url(tmp_path / "records.sqlite3")
    await migrate(url)
    await migrate(url, "base")
    assert await _look(url, _tables) == set()
    await migrate(url)
    assert await _look(url, _drift) == []


async def test_a_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    url = records_url(tmp_path / "records.sqlite3")
    await migrate(url)
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("update alembic_version set version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(SchemaTooNewError, match="9999"):
        await migrate(url)
