"""Killed again and again while a red goes from person to person: every step once, every call at least once."""

import random
from pathlib import Path

import pytest

from tests.crash.escalating import escalating
from tests.fixtures.records import Engine

SEED = 20261125


@pytest.mark.timeout(180)
async def test_killed_while_it_escalates_no_step_and_no_call_is_missing(tmp_path: Path, records_engine: Engine) -> None:
    async with escalating(tmp_path, records_engine) as made:
        await made.raise_reds(3)
        await made.kill(8, random.Random(SEED))
        found = await made.finish()
    assert found.wrong == []
    assert found.calls == found.arrived > 3 * 3


@pytest.mark.timeout(180)
async def test_three_that_call_side_by_side_take_each_step_once_and_make_each_call_once(
    tmp_path: Path, records_engine: Engine
) -> None:
    async with escalating(tmp_path, records_engine) as made:
        await made.raise_reds(6)
        found = await made.finish(workers=3, steps=4)
    assert found.wrong == []
    assert found.calls == found.arrived >= len(made.mail.mails) - found.repeats
    assert found.calls > 6 * 3
