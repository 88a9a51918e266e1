"""Killed at any instant, the outbox has every row whose commit was reported."""

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

_CHILD = """
import asyncio, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.store import Outbox
from tests.fixtures.cuff_frames import cuff_frame

async def main():
    zone = ZoneInfo("UTC")
    async with Outbox(Path(sys.argv[1])) as outbox:
        number = int(sys.argv[2])
        while True:
            frames = [cuff_frame(number + step) for step in range(5)]
            await asyncio.gather(*(outbox.keep(frame, normalize(frame, zone=zone)) for frame in frames))
            print(*(normalize(frame, zone=zone)[0].id for frame in frames), flush=True)
            number += 5

asyncio.run(main())
"""


@pytest.mark.timeout(60)
def test_kill_at_random_instants_loses_no_committed_row(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    path = tmp_path / "outbox.sqlite3"
    promised: set[str] = set()
    for kill in range(10):
        lines = _write_until_killed(path, first=kill * 100_000, after_lines=chance.randint(1, 60))
        promised.update(reading_id for line in lines for reading_id in line.split())
    db = sqlite3.connect(path)
    found = {row[0] for row in db.execute("SELECT readings.id FROM readings JOIN frames ON frames.id = frame_id")}
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert len(promised) > 100
    assert promised - found == set()


def _write_until_killed(path: Path, *, first: int, after_lines: int) -> list[str]:
    """Kill the writer in the middle of whatever it does after reporting ``after_lines`` commits; only what it had
    reported in whole lines counts as promised."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    with child, child.stdout:
        lines = [child.stdout.readline() for _ in range(after_lines)]
        child.kill()
        lines += child.stdout.readlines()
    assert all(lines[:after_lines]), "the writer ended by itself"
    return [line for line in lines if line.endswith("\n")]
