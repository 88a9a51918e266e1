"""The migrations and the tables the code speaks are the same thing, on each engine, up and down."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable

from hearthline_backend.storage import migrate as migrating
from hearthline_backend.storage.every_table import metadata
from hearthline_backend.storage.migrate import SchemaTooNewError, migrate
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.engine import open_engine
from tests.fixtures.postgresql import empty_database
from tests.fixtures.records import Engine, records_url

_TRIGGERS: Final = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": "SELECT tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger"
    " WHERE NOT tgisinternal ORDER BY tgname",
}
_FUNCTIONS: Final = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname"
STEPS: Final = [
    step.revision
    for step in ScriptDirectory(str(Path(migrating.__file__).parent / "migrations")).walk_revisions("base", "heads")
][::-1]


@pytest.fixture
async def url(tmp_path: Path, records_engine: Engine) -> AsyncIterator[str]:
    """A database with nothing in it."""
    if records_engine == "sqlite":
        yield records_url(tmp_path / "records.sqlite3")
        return
    async with empty_database() as address:
        yield address


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


def _everything(connection: Connection) -> dict[str, Any]:
    """Tables, indexes and triggers as the database itself would write them down; how columns are ordered included."""
    found = MetaData()
    found.reflect(connection)
    name = connection.dialect.name
    return {
        "tables": {one.name: str(CreateTable(one).compile(connection)) for one in found.sorted_tables},
        "indexes": {
            str(index.name): str(CreateIndex(index).compile(connection))
            for one in found.sorted_tables
            for index in one.indexes
        },
        "triggers": [tuple(row) for row in connection.execute(text(_TRIGGERS[name]))],
        "functions": [tuple(row) for row in connection.execute(text(_FUNCTIONS))] if name == "postgresql" else [],
    }


async def test_the_migrations_make_exactly_the_tables_of_the_code(url: str) -> None:
    await migrate(url)
    assert await _look(url, _tables) == set(metadata.tables)
    assert await _look(url, _drift) == []


async def test_both_engines_have_the_same_triggers(url: str) -> None:
    await migrate(url)
    triggers = (await _look(url, _everything))["triggers"]
    watched = {"gateways", "sensors", "assignments", "claims", "teams", "patients", "plans"}
    occasions = ("insert", "delete", "update")
    assert {name: table for name, table, _ in triggers} == {
        f"revise_{table}_{occasion}": table for table in watched for occasion in occasions
    }


async def test_migrating_again_changes_nothing(url: str) -> None:
    await migrate(url)
    before = await _look(url, _everything)
    await migrate(url)
    assert await _look(url, _everything) == before


async def test_every_step_down_takes_away_exactly_what_it_brought(url: str) -> None:
    await migrate(url, STEPS[0])
    seen = [await _look(url, _everything)]
    for step in STEPS[1:]:
        await migrate(url, step)
        seen.append(await _look(url, _everything))
    assert len({str(one) for one in seen}) == len(STEPS)  # each brought something
    for step, before in zip(STEPS[-2::-1], seen[-2::-1], strict=True):
        await migrate(url, step)
        assert await _look(url, _everything) == before
    await migrate(url, "base")
    assert await _look(url, _tables) == set()
    assert (await _look(url, _everything))["functions"] == []
    await migrate(url)
    assert await _look(url, _everything) == seen[-1]


async def test_who_starts_at_the_same_time_waits_for_the_one_that_migrates(url: str) -> None:
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert await _look(url, _drift) == []


async def test_a_database_of_a_newer_release_is_left_alone(url: str) -> None:
    await migrate(url)
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("update alembic_version set version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(SchemaTooNewError, match="9999"):
        await migrate(url)


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="FileNotFoundError"):
        await migrate(f"postgresql+asyncpg://hearthline@/records?host={tmp_path}")
