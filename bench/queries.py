"""``python -m bench.queries [--quick] [--json] [--report]``: what it takes to look at readings that are stored.

10 million readings of 10,000 patients (``--quick``: 200,000 of 200) in the embedded engine, and fewer in InfluxDB: 90
days of one patient, five years by day, the last values of a ward. The full run needs 12 GB of disk. Exit code 1 when
something could not be measured; a missed aim is said, and is no failure. ``--report`` writes the section of
docs/performance.md.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from _pytest.outcomes import Failed, Skipped

from bench import queries_embedded, queries_influxdb
from bench.queries_asked import Counts, Questions
from bench.queries_outcome import QueriesOutcome
from bench.queries_population import Population
from bench.report import write_section
from bench.rounds import BenchError
from bench.rows import as_json
from hearthline_backend.cli_running import quick_runner
from hearthline_backend.storage.ports import StoreUnavailableError
from tests.fixtures.influxd import InfluxdError


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. ``influx`` is None where InfluxDB is not."""

    embedded: Population
    counts: Counts
    influx: Population | None
    influx_counts: Counts
    quick: bool = True


FULL: Final = Size(
    embedded=Population(10_000_000, 10_000),
    counts=Counts(1000, 300, 300),
    influx=Population(1_000_000, 1000),
    influx_counts=Counts(200, 50, 20),
    quick=False,
)
QUICK: Final = Size(
    embedded=Population(200_000, 200),
    counts=Counts(200, 50, 50),
    influx=Population(10_000, 200),
    influx_counts=Counts(30, 10, 3),
)


async def run(folder: Path, size: Size) -> QueriesOutcome:
    """One run in an empty folder. Raises :class:`BenchError` or ``StoreUnavailableError``."""
    load = os.getloadavg()[0]
    _progress(f"writing {size.embedded.readings:,} readings into the embedded engine, then asking")
    asked = Questions.of(size.embedded, size.counts)
    embedded = await queries_embedded.measure(folder, size.embedded, asked)
    influx, left_out = None, "not asked for"
    if size.influx is not None:
        _progress(f"writing {size.influx.readings:,} readings into InfluxDB, then asking")
        try:
            asked = Questions.of(size.influx, size.influx_counts)
            influx = await queries_influxdb.measure(folder, size.influx, asked)
        except (Skipped, Failed, InfluxdError) as missing:
            left_out = str(missing)
    patients = size.embedded.patients
    return QueriesOutcome(embedded, influx, left_out, patients, size.quick, load, os.cpu_count() or 1)


def _progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def _in_own_folder(size: Size) -> QueriesOutcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        return await run(Path(name), size)


def main(arguments: Sequence[str] | None = None, size: Size | None = None) -> int:
    """Entry point; returns the exit code. ``size`` in place of what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.queries", description="Looking at readings that are stored.")
    parser.add_argument("--quick", action="store_true", help="200,000 readings instead of 10 million: ends within 50 s")
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}')
    parser.add_argument("--report", action="store_true", help="write the section of docs/performance.md")
    given = parser.parse_args(arguments)
    try:
        with quick_runner() as runner:  # as a service runs, that answers these questions
            outcome = runner.run(_in_own_folder(size or (QUICK if given.quick else FULL)))
    except (BenchError, StoreUnavailableError, OSError) as error:
        _progress(str(error))
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    if given.report:
        write_section("bench.queries", outcome.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
