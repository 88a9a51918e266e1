"""A flood of hostile messages on real stores: each ends stored, held or in quarantine, counted exactly.

``make faults`` sends 100,000 of them."""

from pathlib import Path

import pytest

from tests.fixtures.flood import flood
from tests.fixtures.records import Engine

SEED = 20261123
MESSAGES = {"sqlite": 15_000, "postgresql": 3_000}
RIGHT_WITHIN_S = 2.0


@pytest.mark.timeout(240)
async def test_every_hostile_message_is_found_again(tmp_path: Path, records_engine: Engine) -> None:
    async with flood(tmp_path, SEED, records_engine) as made:
        await made.pour(MESSAGES[records_engine])
        ended = await made.ended()
    assert ended.exact, ended
    assert made.answered["acknowledged"] == made.sent
    assert made.slowest_s < RIGHT_WITHIN_S, "a right message waits for nobody"
    assert min(ended.stored, ended.kept["held"], ended.kept["rejected"]) > 50, "the flood has something of everything"
