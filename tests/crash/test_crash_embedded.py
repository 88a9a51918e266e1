"""Killed at every boundary between a message and its receipt, started again: on the embedded store and SQLite."""

from pathlib import Path

import pytest

from tests.crash.failpoints import INGEST_STEPS
from tests.crash.stage import killed_and_counted

SEED = 20261123


@pytest.mark.parametrize("step", INGEST_STEPS)
async def test_killed_between_a_message_and_its_receipt(tmp_path: Path, step: str) -> None:
    assert (await killed_and_counted(tmp_path, "embedded", step, (1, 3), SEED)).wrong == []
