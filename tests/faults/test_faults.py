"""A seeded sample of every fault, each with an exact count. ``make faults`` runs the full counts; so does
``HEARTHLINE_FAULTS=full`` here."""

import os
from pathlib import Path

import pytest

from tests.faults.scenarios import Scenario, scenarios

FULL = os.environ.get("HEARTHLINE_FAULTS") == "full"


@pytest.mark.timeout(2400 if FULL else 180)
@pytest.mark.parametrize("scenario", scenarios(everything=FULL), ids=lambda scenario: str(scenario.name))
async def test_the_count_is_exact(tmp_path: Path, scenario: Scenario) -> None:
    outcome = await scenario.run(tmp_path)
    assert outcome.exact, outcome.line
