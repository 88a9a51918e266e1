"""``python -m bench.ingest [--quick] [--json] [--report] [--only NAME]``: from a gateway's publish to the receipt.

Real mosquitto, the real ``hearthline serve`` and ``hearthline work`` on real stores with full sync, a publisher of its
own process; each limit is measured in the same run. Exit code 1 when a reading got no receipt; a missed aim is said,
and is no failure. ``--report`` writes the section and the plot of docs/performance.md.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from _pytest.outcomes import Skipped

from bench.ingest_outcome import PICTURE, IngestOutcome
from bench.ingest_runs import FULL, QUICK, Series, Sizes, measure_limits, measure_series, progress
from bench.ingest_stand import LoadError
from bench.ingest_stores import embedded_stores, homes_file, server_stores
from bench.report import PICTURES, write_section
from bench.rows import as_json
from hearthline_simulator.demo.broker import BrokerMissingError
from hearthline_simulator.demo.processes import ChildError

ARRANGEMENTS: Final = ("mqtt5", "paho", "influxdb", "influxdb-2")
_FAILURES: Final = (LoadError, ChildError, BrokerMissingError, TimeoutError)


async def run(folder: Path, plan: Sizes, wanted: Sequence[str]) -> IngestOutcome:
    """Every arrangement in turn, then the limits. Raises one of ``_FAILURES``."""
    load, left_out = os.getloadavg()[0], []
    quick = plan is QUICK
    homes = await homes_file(folder)
    series: list[Series] = [
        await measure_series(
            folder / "mqtt5", embedded_stores(folder / "mqtt5-stores", homes), "mqtt5", 1, plan.runs, plan, extras=True,
            profile=not quick,
        )
    ]  # fmt: skip
    assert series[0].paced is not None  # noqa: S101  # it was asked for
    limits = await measure_limits(folder / "limits", plan, series[0].paced)
    if limits.sub is None:
        left_out.append("the limit of mosquitto_sub, which is not installed (package mosquitto-clients)")
    if "paho" in wanted:
        stores = embedded_stores(folder / "paho-stores", homes)
        series.append(await measure_series(folder / "paho", stores, "paho", 1, plan.slow, plan, extras=False))
    for name, workers in (("influxdb", 1), ("influxdb-2", 2)):
        if name in wanted:
            try:
                stores = server_stores(folder / f"{name}-stores")
                sizes = plan.slow if quick else plan.runs
                one = await measure_series(folder / name, stores, "mqtt5", workers, sizes, plan, extras=workers == 1)
            except Skipped as missing:
                left_out.append(f"{name}: {missing.msg}")
            else:
                series.append(one)
    left_out += [f"{name}: left out by --quick or --only" for name in ARRANGEMENTS if name not in wanted]
    return IngestOutcome(series, limits, left_out, quick, load, os.cpu_count() or 1)


async def _in_own_folder(plan: Sizes, wanted: Sequence[str]) -> IngestOutcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        return await run(Path(name), plan, wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description="From a publish to its receipt.")
    parser.add_argument("--quick", action="store_true", help="fewer readings, without influxdb-2; ends within 50 s")
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}')
    parser.add_argument("--report", action="store_true", help="write the section and the plot of docs/performance.md")
    parser.add_argument("--only", action="append", choices=ARRANGEMENTS, help="with mqtt5, which always runs")
    given = parser.parse_args(arguments)
    wanted = ("mqtt5", *given.only) if given.only else ARRANGEMENTS[:3] if given.quick else ARRANGEMENTS
    try:
        outcome = asyncio.run(_in_own_folder(QUICK if given.quick else FULL, wanted))
    except _FAILURES as error:
        progress(str(error) or type(error).__name__)
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    if given.report:
        write_section("bench.ingest", outcome.as_markdown())
        (PICTURES / PICTURE).write_text(outcome.as_plot(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
