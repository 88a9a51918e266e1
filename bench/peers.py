"""``python -m bench.peers [--quick] [--json] [--report] [--only NAME]``: the same readings through Hearthline and other
programs, all in front of the same InfluxDB 2.

Single readings at QoS 1 from a publisher of its own process, through mosquitto: readings stored a second, processor
seconds of each program and of influxd for 100,000, and what is lost when influxd is killed for 60 s under load. A
program that is not installed is said and left out; ``scripts/peers`` installs them. Exit code 1 when nothing could be
measured. ``--report`` writes the section of docs/performance.md.

``--quick`` ends within 50 s: fewer readings, the store away for 3 s, and Node-RED with a message at a time left out
unless ``--only`` asks for it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from bench.ingest_patients import write_homes
from bench.ingest_stand import LoadError, Stand
from bench.peer_outcome import HEARTHLINE, PeersOutcome, Result
from bench.peer_programs import FIELD, Peer, Target, peers
from bench.peer_runs import FULL, QUICK, Plan, Subject, loss, speed
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


async def run(folder: Path, plan: Plan, only: Collection[str]) -> PeersOutcome:
    """Every program that is installed, one after the other, Hearthline first; those in ``only`` where it is not empty.
    A quick run leaves out what is slow unless it is asked for."""
    load = os.getloadavg()[0]
    results: list[Result] = []
    left_out: list[str] = []
    async with peer_store() as influx:
        if not only or HEARTHLINE in only:
            async with _hearthline(folder / HEARTHLINE, influx) as (stand, subject):
                results.append(await _measured("Hearthline", HEARTHLINE, stand, influx, subject, plan, plan.readings))
        for peer in (one for one in peers() if not only or one.row in only):
            why = _why_left_out(peer, plan, only)
            if why is None:
                readings = plan.slow if peer.slow else plan.readings
                try:
                    async with _peer(folder / peer.row, peer, influx) as (stand, subject):
                        results.append(await _measured(peer.name, peer.row, stand, influx, subject, plan, readings))
                except _FAILURES as error:
                    why = str(error) or type(error).__name__
            if why is not None:
                left_out.append(f"{peer.name}: {why}")
                _progress(left_out[-1])
    return PeersOutcome(results, left_out, plan, load, os.cpu_count() or 1)


def _why_left_out(peer: Peer, plan: Plan, only: Collection[str]) -> str | None:
    """None where it is to be measured."""
    if plan == QUICK and peer.slow and not only:
        return f"left out of a quick run; `--only {peer.row}` measures it"
    return None if peer.installed() else f"not installed; {peer.recipe} does it"


async def _measured(
    name: str, row: str, stand: Stand, influx: PeerStore, subject: Subject, plan: Plan, readings: int
) -> Result:
    numbers = plan.numbers
    _progress(f"{name}: {readings:,} readings at once")
    fast = await speed(stand, influx, subject, plan, numbers, readings)
    _progress(f"{name}: {fast.per_s:,.0f} readings/s; influxd away for {plan.away_s:g} s")
    lost = await loss(stand, influx, subject, plan, numbers)
    _progress(f"{name}: {lost.lost:,} of {lost.readings:,} lost")
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


async def _in_own_folder(plan: Plan, only: Collection[str]) -> PeersOutcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        return await run(Path(name), plan, only)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    names = (HEARTHLINE, *(peer.row for peer in peers()))
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Hearthline beside other programs.")
    parser.add_argument(
        "--quick", action="store_true", help="fewer readings, a short outage, nothing slow; ends within 50 s"
    )
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}')
    parser.add_argument("--report", action="store_true", help="write the section of docs/performance.md")
    parser.add_argument("--only", action="append", choices=names, help="this one; may be given more than once")
    given = parser.parse_args(arguments)
    try:
        outcome = asyncio.run(_in_own_folder(QUICK if given.quick else FULL, given.only or ()))
    except (*_FAILURES, pytest.skip.Exception, pytest.fail.Exception) as error:
        _progress(str(error) or type(error).__name__)
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    if not outcome.results:
        return 1
    if given.report:
        write_section("bench.peers", outcome.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
