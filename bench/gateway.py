"""``python -m bench.gateway [--quick] [--json]``: what the gateway can do, and what a day costs it.

Decodes and readings a second of every characteristic; rows a second into the outbox beside bare SQLite; the time from
an indication to the broker's PUBACK and to the backend's receipt; processor time and memory of a day of one home and of
a gateway that hears 50 meters. The gateway is the real process; bus, meters and backend are simulated, the broker is
real. Exit code 1 when something could not be measured; a missed aim is said, and is no failure.
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

from bench import day, decoding, outbox_speed, round_trip
from bench.gateway_outcome import GatewayOutcome
from bench.rounds import BenchError
from bench.rows import as_json
from hearthline_gateway.control.client import NotRunningError
from hearthline_gateway.errors import GatewayError
from hearthline_simulator.demo.broker import BrokerMissingError
from hearthline_simulator.demo.interrupt import until_interrupted
from hearthline_simulator.demo.processes import ChildError
from hearthline_simulator.private_bus import PrivateBusError

_FAILURES: Final = (BenchError, ChildError, GatewayError, NotRunningError, BrokerMissingError, PrivateBusError)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    decode_s: float
    rows: int
    indications: int
    home: day.Plan
    fifty: day.Plan


FULL: Final = Size(
    decode_s=0.1,
    rows=5_000,
    indications=400,
    home=day.Plan(day.HOME, meters=4, readings=20, made=20, statuses_made=day.STATUSES, stream_s=600, idle_s=125),
    fifty=day.Plan(day.CUFFS, meters=50, readings=200, made=200, statuses_made=day.STATUSES, stream_s=0, idle_s=125),
)
QUICK: Final = Size(
    decode_s=0.01,
    rows=500,
    indications=40,
    home=day.Plan(day.HOME, meters=4, readings=20, made=4, statuses_made=144, stream_s=100, idle_s=5),
    fifty=day.Plan(day.CUFFS, meters=50, readings=200, made=10, statuses_made=144, stream_s=0, idle_s=5),
)


async def run(folder: Path, size: Size) -> GatewayOutcome:
    """One run in an empty folder. Raises one of ``_FAILURES``."""
    load = os.getloadavg()[0]
    _progress("decoding")
    decoded = await asyncio.to_thread(decoding.measure, size.decode_s)
    _progress(f"writing {size.rows} rows, four times")
    rows = await outbox_speed.measure(_made(folder / "rows"), size.rows)
    _progress(f"indicating {size.indications} measurements")
    trips = await round_trip.measure(_made(folder / "trips"), size.indications)
    _progress("living a day in one home and, beside it, in a home of 50 meters")
    home, fifty = await asyncio.gather(
        day.measure(_made(folder / "home"), size.home), day.measure(_made(folder / "fifty"), size.fifty)
    )
    return GatewayOutcome(decoded, rows, trips, home, fifty, load, os.cpu_count() or 1)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def _in_own_folder(size: Size) -> GatewayOutcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        outcome = await until_interrupted(run(Path(name), size), at_once=lambda: None)
    if outcome is None:
        raise BenchError("interrupted before everything was measured")
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description="What the gateway can do and costs.")
    parser.add_argument("--quick", action="store_true", help="less of everything: ends within 50 s")
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}')
    given = parser.parse_args(arguments)
    try:
        outcome = asyncio.run(_in_own_folder(QUICK if given.quick else FULL))
    except _FAILURES as error:
        print(f"bench: {error}", file=sys.stderr)
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
