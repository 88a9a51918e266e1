"""Killed at every boundary, started again: on InfluxDB and PostgreSQL."""

from pathlib import Path

import pytest

from tests.crash.failpoints import INGEST_STEPS, PLACE_STEPS
from tests.crash.stage import killed_and_counted
from tests.fixtures.influxd import INFLUXD_PATIENCE

SEED = 20261125
pytestmark = INFLUXD_PATIENCE


@pytest.mark.parametrize("step", [*INGEST_STEPS, *PLACE_STEPS])
async def test_killed_on_production_stores(tmp_path: Path, step: str) -> None:
    assert (await killed_and_counted(tmp_path, "production", step, (2,), SEED)).wrong == []
