"""Killed at every boundary between a due call and its end: it goes out at least once, and says when it goes again."""

from pathlib import Path

import pytest

from tests.crash.failpoints import CALL_STEPS
from tests.crash.stage import killed_and_counted

SEED = 20261124


@pytest.mark.parametrize("step", CALL_STEPS)
async def test_killed_between_an_alert_and_its_call(tmp_path: Path, step: str) -> None:
    found = await killed_and_counted(tmp_path, "embedded", step, (1, 1), SEED)
    assert found.wrong == []
    if step != "call committed":
        assert found.repeats >= 1, "what was in doubt went again, and said so"
