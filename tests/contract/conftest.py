"""A store of the readings port, one engine after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hearthline_backend.storage.ports import ReadingStore
from tests.contract.reading_stores import ENGINES, Engine


@pytest.fixture(params=[pytest.param(engine, id=engine.name, marks=engine.marks) for engine in ENGINES])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine in turn."""
    found: Engine = request.param
    return found


@pytest.fixture
async def store(engine: Engine, tmp_path: Path) -> AsyncIterator[ReadingStore]:
    """An empty store of the engine."""
    async with engine.open(tmp_path) as one:
        yield one
