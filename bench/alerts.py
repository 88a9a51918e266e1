"""``python -m bench.alerts [--quick] [--json] [--report]``: what watching costs: while nothing happens, for each
reading that is judged, and for a replay of many.

10,000 patients with schedules, judging on one core, a million readings replayed (``--quick``: the same patients, fewer
readings). Exit code 1 when something could not be measured; a missed aim is said, and is no failure. ``--report``
writes the section of docs/performance.md.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import alerts_idle, alerts_judging, alerts_replay
from bench.alerts_outcome import AlertsOutcome
from bench.ingest_stand import LoadError
from bench.report import write_section
from bench.rounds import BenchError
from bench.rows import as_json
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_simulator.demo.processes import ChildError


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: ``idle_s`` seconds of each of two processes, ``looked_at`` of the ``patients`` after a
    slot."""

    patients: int
    looked_at: int
    idle_s: float
    judged: int
    replayed: int
    quick: bool = True


FULL: Final = Size(alerts_idle.PATIENTS, alerts_idle.PATIENTS, 120.0, 100_000, 1_000_000, quick=False)
QUICK: Final = Size(alerts_idle.PATIENTS, 1000, 6.0, 4000, 100_000)


async def run(folder: Path, size: Size) -> AlertsOutcome:
    """One run in an empty folder. Raises :class:`BenchError` or what starting the backend raises."""
    load = os.getloadavg()[0]
    _progress(f"judging {size.judged:,} readings by ten rules, and by each alone")
    judging = alerts_judging.measure(size.judged)
    _progress(f"replaying {size.replayed:,} readings")
    replayed = await asyncio.to_thread(alerts_replay.measure, folder, size.replayed)
    _progress(f"writing {size.patients:,} patients with schedules, then waiting {size.idle_s:.0f} s beside them")
    idle = await alerts_idle.measure(folder, size.idle_s, size.patients, size.looked_at)
    return AlertsOutcome(idle, judging, replayed, size.quick, load, os.cpu_count() or 1)


def _progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def _in_own_folder(size: Size) -> AlertsOutcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        return await run(Path(name), size)


def main(arguments: Sequence[str] | None = None, size: Size | None = None) -> int:
    """Entry point; returns the exit code. ``size`` in place of what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.alerts", description="What watching and judging cost.")
    parser.add_argument("--quick", action="store_true", help="fewer readings and seconds: ends within 50 s")
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}')
    parser.add_argument("--report", action="store_true", help="write the section of docs/performance.md")
    given = parser.parse_args(arguments)
    try:
        outcome = asyncio.run(_in_own_folder(size or (QUICK if given.quick else FULL)))
    except (BenchError, LoadError, ChildError, StoreUnavailableError, OSError) as error:
        _progress(str(error))
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    if given.report:
        write_section("bench.alerts", outcome.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
