"""``python -m bench.chain [--quick] [--json]``: from a cuff's indication to the arrival of the webhook.

The whole chain runs on loopback: mosquitto, ``hearthline serve``, ``hearthline-gateway run`` and 200 simulated cuffs
(``--quick``: 20) behind a simulated ``org.bluez``, their connections held open. Each cuff measures one red, 186/112
mmHg, for a patient of its own. Exit code 1 when not every webhook arrived; a missed aim is said, and is no failure.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from bench.cuffs import SLOTS, bench_cuffs
from bench.installation import Installation
from bench.outcome import Cost, Outcome
from bench.rounds import BenchError, Round, wait_until
from bench.rows import as_json
from bench.start_up import StartUpError, help_time_s
from bench.usage import Usage, usage_of
from hearthline_simulator.demo.broker import BrokerMissingError
from hearthline_simulator.demo.interrupt import until_interrupted
from hearthline_simulator.demo.processes import Child, ChildError
from hearthline_simulator.private_bus import PrivateBusError

CUFFS: Final = 200
CUFFS_QUICK: Final = 20
RATE: Final = 10.0
"""Measurements a second: what a few thousand homes bring at breakfast, and fast enough that they meet in queues."""
_CONNECTED_WITHIN_S: Final = 30.0
_CONNECTED_EACH_WITHIN_S: Final = 0.8
_IDLE_S: Final = 2.0
_FAILURES: Final = (BenchError, ChildError, StartUpError, BrokerMissingError, PrivateBusError)


async def run(chain: Installation, *, burst: bool) -> Outcome:
    """One run over a chain that is not started yet; with ``burst``, a second round all at once. Raises one of
    ``_FAILURES``."""
    load, count = os.getloadavg()[0], len(chain.cuffs)
    help_gateway_s, help_hearthline_s = await help_time_s("hearthline-gateway"), await help_time_s("hearthline")
    async with chain:
        _progress("starting broker, backend and simulated home")
        await chain.start()
        _progress(f"connecting {count} cuffs")
        connected_s = await _connect(chain)
        before_idle = await _usages(chain)
        await asyncio.sleep(_IDLE_S)
        before = await _usages(chain)
        _progress(f"measuring {count} reds, {RATE:g} a second")
        paced = await Round(chain, SLOTS[0]).run(RATE)
        gateway, backend = (_cost(*looks) for looks in zip(before_idle, before, await _usages(chain), strict=True))
        if burst:
            _progress(f"measuring {count} reds at once")
        at_once = await Round(chain, SLOTS[1]).run(None) if burst else []
    return Outcome(
        rate=RATE,
        connected_s=connected_s,
        paced=paced,
        burst=at_once,
        gateway=gateway,
        backend=backend,
        help_gateway_s=help_gateway_s,
        help_hearthline_s=help_hearthline_s,
        load=load,
        cores=os.cpu_count() or 1,
    )


async def _connect(chain: Installation) -> float:
    """Start the gateway; returns the seconds until it is subscribed to every cuff."""
    began, count = time.monotonic(), len(chain.cuffs)
    await chain.start_gateway()
    limit = _CONNECTED_WITHIN_S + count * _CONNECTED_EACH_WITHIN_S
    if not await wait_until(chain, lambda: len(chain.home.subscribed) >= count, limit):
        raise BenchError(
            f"{len(chain.home.subscribed)} of {count} cuffs were connected within {limit:.0f} s\n"
            f"The end of the log of the gateway:\n{chain.gateway.tail()}"
        )
    return time.monotonic() - began


async def _usages(chain: Installation) -> list[Usage]:
    """Of the gateway and the backend. Raises ``ChildError`` where one has ended."""
    return [await _usage(child) for child in (chain.gateway, chain.backend)]


async def _usage(child: Child) -> Usage:
    try:
        return usage_of(child.pid)
    except psutil.NoSuchProcess as error:
        await child.process.wait()
        raise child.loss() from error


def _cost(before_idle: Usage, before: Usage, after: Usage) -> Cost:
    return Cost(after.resident_mb, after.cpu_ms_since(before), before.cpu_ms_since(before_idle) / _IDLE_S)


def _progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def _in_own_folder(count: int, *, burst: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-bench-") as name:
        chain = Installation(Path(name), bench_cuffs(count))
        outcome = await until_interrupted(run(chain, burst=burst), at_once=chain.kill_now)
    if outcome is None:
        raise BenchError("interrupted before everything was measured")
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.chain", description="From a cuff's indication to a webhook.")
    parser.add_argument("--quick", action="store_true", help=f"{CUFFS_QUICK} cuffs instead of {CUFFS}")
    parser.add_argument("--json", action="store_true", help='print only {"rows": [...]}, without the round all at once')
    given = parser.parse_args(arguments)
    try:
        outcome = asyncio.run(_in_own_folder(CUFFS_QUICK if given.quick else CUFFS, burst=not given.json))
    except _FAILURES as error:
        print(f"bench: {error}", file=sys.stderr)
        if given.json:
            print(as_json(()))
        return 1
    print(as_json(outcome.rows()) if given.json else outcome.as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
