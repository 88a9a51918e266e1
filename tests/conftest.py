"""Fixtures of every test."""

import pytest

from tests.fixtures.records import Engine


@pytest.fixture(params=["sqlite", "postgresql"])
def records_engine(request: pytest.FixtureRequest) -> Engine:
    """What Records stand on: a test that takes this runs on each."""
    engine: Engine = request.param
    return engine
