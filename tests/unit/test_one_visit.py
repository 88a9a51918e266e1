"""Statements on SQLite through SQLAlchemy: what comes back, and how often the connection's thread is visited."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from hearthline_backend.storage.records import one_visit
from hearthline_backend.storage.records.engine import open_engine

things = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, unique=True))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'things.sqlite3'}")
    async with made.begin() as connection:
        await connection.run_sync(things.metadata.create_all)
        await connection.execute(things.insert(), [{"name": "scale"}, {"name": "cuff"}])
    yield made
    await made.dispose()


async def test_a_statement_and_its_rows_are_one_visit(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    visits = 0
    visit: Any = one_visit.Connection._execute

    async def counted(self: one_visit.Connection, work: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal visits
        visits += 1
        return await visit(self, work, *arguments)

    async with engine.connect() as connection:
        await connection.begin()
        monkeypatch.setattr(one_visit.Connection, "_execute", counted)
        rows = (await connection.execute(select(things).order_by(things.c.name))).all()
        assert [(row.id, row.name) for row in rows] == [(2, "cuff"), (1, "scale")]
        assert visits == 1
        again = await connection.execute(select(things.c.name).where(things.c.id == bindparam("number")), {"number": 2})
        assert (again.scalar_one(), visits) == ("cuff", 2)


async def test_what_a_change_did_is_told(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        added = await connection.execute(things.insert().returning(things.c.id), {"name": "oximeter"})
        assert added.scalar_one() == 3
        changed = await connection.execute(things.update().where(things.c.id > 1).values(name=things.c.name + " 2"))
        assert changed.rowcount == 2
        gone = await connection.execute(
            things.delete().where(things.c.id == bindparam("number")), [{"number": 1}, {"number": 3}]
        )
        assert gone.rowcount == 2
        assert (await connection.scalars(select(things.c.name))).all() == ["cuff 2"]


async def test_an_error_is_told_and_the_connection_goes_on(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(things.insert(), {"name": "cuff"})
        await connection.rollback()
        assert len((await connection.execute(select(things))).all()) == 2
