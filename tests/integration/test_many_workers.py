"""Three workers, one shared subscription: killed at random under load they lose nothing and do nothing twice."""

from pathlib import Path

import pytest

from tests.fixtures.many_workers import Load, killed_at_random

LOAD = Load(patients=30, readings_each=40, per_s=70, between_kills_s=(1.0, 2.0), settled_within_s=60)


@pytest.mark.timeout(300)  # a dozen processes start in it, on a machine that may be busy with others
async def test_killed_at_random_they_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    result = await killed_at_random(tmp_path, LOAD)
    assert result.wrong == []
    assert set(result.stored) == result.sent
    assert set(result.stored.values()) == {1}
    assert sum(result.kills.values()) >= 3
