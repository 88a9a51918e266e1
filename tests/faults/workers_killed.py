"""Three workers of the backend on PostgreSQL, InfluxDB and one shared subscription, killed at random under load."""

from pathlib import Path
from typing import Final

from tests.faults.outcome import Outcome, counted
from tests.fixtures.many_workers import Load, killed_at_random

LOAD: Final = Load(patients=400, readings_each=30, per_s=40, between_kills_s=(4, 9), settled_within_s=240)
_TOLD: Final = 5


async def killed(folder: Path, load: Load = LOAD) -> Outcome:
    """Every reading is sent until it has its receipt; then readings, judgements, alerts and calls are counted."""
    result = await killed_at_random(folder, load)
    happened = (
        f"{sum(result.kills.values())} kills of three workers, {result.calls} calls made exactly once, "
        f"{result.repeated_calls} of them said twice and marked so"
    )
    return counted(
        "kill -9 of the backend's workers",
        happened,
        promised=map(str, result.sent),
        kept=(),
        stored=map(str, result.stored),
        twice=sum(count - 1 for count in result.stored.values()),
        failures=[*result.wrong[:_TOLD], *([f"{len(result.wrong) - _TOLD} more"] if len(result.wrong) > _TOLD else [])],
    )
