"""Killed at every step while it looks for what did not come, or side by side: one alert for each silence, none missing,
none twice."""

import signal
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.crash.failpoints import SILENCE_STEPS
from tests.crash.silent_ward import SilentWard, run_all, silent_ward
from tests.fixtures.records import Engine

SILENT = 4
JOBS = 3


def _said(ward: SilentWard, *what: str) -> dict[tuple[UUID, str], int]:
    """The care team is called where the home is not offline, once."""
    each = {(one, happened): 1 for one in ward.silent for happened in what}
    return each | {(one, "called"): 1 for one in ward.silent[::2]}


async def _is_once_each(ward: SilentWard) -> None:
    homes = len(ward.silent) + len(ward.paused) + len(ward.measured)
    assert await ward.said() == _said(ward, "raised")
    offline = homes // 2
    assert await ward.told() == {"alert": len(ward.silent) / 2, "home": offline, "digest": 1}
    assert await ward.counts() == (offline, 1)


@pytest.mark.timeout(180)
async def test_killed_at_every_step_each_silence_is_one_alert_and_ends_once(
    tmp_path: Path, records_engine: Engine
) -> None:
    async with silent_ward(tmp_path, records_engine, SILENT) as ward:
        for step in SILENCE_STEPS * JOBS:  # what one job has committed is not due any more: the next one dies
            assert await run_all(ward.wiring(step)) == [-signal.SIGKILL], step
        assert await run_all(ward.wiring()) == [0]
        await _is_once_each(ward)
        later = timedelta(minutes=30)
        for step in SILENCE_STEPS:
            assert await run_all(ward.wiring(step, later=later, everybody=True)) == [-signal.SIGKILL], step
        assert await run_all(ward.wiring(later=later, everybody=True)) == [0]
        assert await ward.said() == _said(ward, "raised", "cleared", "closed")


@pytest.mark.timeout(180)
async def test_three_that_look_side_by_side_find_each_silence_once(tmp_path: Path, records_engine: Engine) -> None:
    async with silent_ward(tmp_path, records_engine, 30) as ward:
        assert await run_all(*[ward.wiring(at_once=3)] * 3) == [0, 0, 0]
        await _is_once_each(ward)
        assert await run_all(*[ward.wiring(at_once=3, later=timedelta(minutes=15))] * 2) == [0, 0]
        await _is_once_each(ward)
