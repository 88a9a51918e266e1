"""``python -m bench.peers [--quick] [--json] [--report] [--only NAME]``: the same readings through Hearthline and other
programs, all in front of the same InfluxDB 2.

Single readings at QoS 1 from a publisher of its own process, through mosquitto: readings stored a second, processor
seconds of each program and of influxd for 100,000, and what is lost when influxd is killed for 60 s (``--quick``: 10 s)
under load. A program that is not installed is said and left out; ``scripts/peers`` installs them. Exit code 1 when
nothing could be measured. ``--report`` writes the section of docs/performance.md.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bench.ingest_patients import write_homes
from bench.ingest_stand import LoadError, Numbers, Stand
from bench.peer_outcome import HEARTHLINE, PeersOutcome, Result
from bench.peer_programs import FIELD, Peer, Target, peers
from bench.peer_runs import AFTER_S, BEFORE_S, RATE, WARM_UP, Subject, loss, speed
from bench.peer_store import PeerStore, peer_store
from bench.report import write_section
from bench.rows import as_json
from hearthline_backend.settings import RECORDS_FILE
from hearthline_simulator.demo.broker import BrokerMissingError
from hearthline_simulator.demo.processes import ChildError
from tests.fixtures.influxd import ORGANISATION, TOKEN, InfluxdError

_FAILURES: Final = (LoadError, ChildError, BrokerMissingError, InfluxdError, TimeoutError)
_KEPT: Final = "kept"
"""A field that each point of Hearthline's has."""
_SLOW: Final = "nodered"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many readings at once, how many through what writes one at a time, and how long the store is away."""

    readings: int
    slow: int
    away_s: float

    @property
    def numbers(self) -> Numbers:
        """For one program."""
        return Numbers(self.readings + WARM_UP + int(RATE * (BEFORE_S + self.away_s + AFTER_S)) + 1)


FULL: Final = Plan(100_000, 30_000, 60.0)
QUICK: Final = Plan(15_000, 4_000, 10.0)


async def run(folder: Path, plan: Plan, wanted: Sequence[str], *, quick: bool) -> PeersOutcome:
    """Every program that is wanted and installed, one after the other, Hearthline first."""
    load = os.getloadavg()[0]
    results: list[Result] = []
    left_out: list[str] = []
    async with peer_store() as influx:
        if HEARTHLINE in wanted:
            async with _hearthline(folder / HEARTHLINE, influx) as (stand, subject):
                results.append(await _measured("Hearthline", HEARTHLINE, stand, influx, subject, plan))
        for peer in peers():
            if peer.row not in wanted:
                continue
            if not peer.installed():
                left_out.append(f"{peer.name}: not installed; {peer.recipe} does it")
                continue
            try:
                async with _peer(folder / peer.row, peer, influx) as (stand, subject):
                    results.append(await _measured(peer.name, peer.row, stand, influx, subject, plan))
            except _FAILURES as error:
                left_out.append(f"{peer.name}: {error or type(error).__name__}")
    return PeersOutcome(results, left_out, plan.away_s, RATE, quick, load, os.cpu_count() or 1)


async def _measured(name: str, row: str, stand: Stand, influx: PeerStore, subject: Subject, plan: Plan) -> Result:
    numbers = plan.numbers
    readings = plan.slow if row == _SLOW else plan.readings
    _progress(f"{name}: {readings} readings at once")
    fast = await speed(stand, influx, subject, numbers, readings)
    _progress(f"{name}: {fast.per_s:,.0f} readings/s; influxd away for {plan.away_s:g} s")
    lost = await loss(stand, influx, subject, numbers, plan.away_s)
    _progress(f"{name}: {lost.lost} of {lost.readings} lost")
    return Result(name, row, fast, lost)


@asynccontextmanager
async def _hearthline(folder: Path, influx: PeerStore) -> AsyncIterator[tuple[Stand, Subject]]:
    data, token = folder / "data", folder / "token"
    data.mkdir(parents=True)
    token.write_text(TOKEN, encoding="utf-8")
    await write_homes(f"sqlite+aiosqlite:///{data / RECORDS_FILE}")
    bucket = await influx.new_bucket()
    settings = {
        "DATA_DIR": str(data),
        "READINGS_URL": f"{influx.url.replace('http', 'influxdb', 1)}/{ORGANISATION}/{bucket}",
        "INFLUXDB_TOKEN_FILE": str(token),
    }
    async with Stand(folder) as stand:
        child = await stand.start_backend("serve", settings)
        yield stand, Subject(child, bucket, _KEPT, receipted=True)


@asynccontextmanager
async def _peer(folder: Path, peer: Peer, influx: PeerStore) -> AsyncIterator[tuple[Stand, Subject]]:
    await asyncio.to_thread(folder.mkdir, parents=True)
    bucket = await influx.new_bucket()
    async with Stand(folder) as stand:
        child = await stand.start_program(peer.row, peer.command(Target(folder, stand.port, influx.url, bucket)))
        yield stand, Subject(child, bucket, FIELD, receipted=False)


def _progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def _in_own_folder(plan: Plan, wanted: Sequence[str], *, quick: bool) -> PeersOutcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        return await run(Path(name), plan, wanted, quick=quick)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    names = (HEARTHLINE, *(peer.row for peer in peers()))
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Hearthline beside other programs.")
    parser.add_argument("--quick", action="store_true", help="fewer readings, the store away for 10 s")
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}')
    parser.add_argument("--report", action="store_true", help="write the section of docs/performance.md")
    parser.add_argument("--only", action="append", choices=names, help="this one; may be given more than once")
    given = parser.parse_args(arguments)
    try:
        plan = QUICK if given.quick else FULL
        outcome = asyncio.run(_in_own_folder(plan, given.only or names, quick=given.quick))
    except (*_FAILURES, pytest.skip.Exception, pytest.fail.Exception) as error:
        _progress(str(error) or type(error).__name__)
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    if given.report:
        write_section("bench.peers", outcome.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
