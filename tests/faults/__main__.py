"""``python -m tests.faults``: every fault with its full counts, one line each; exit code 1 when a count is not exact.

A run that is exact writes its result, with its date, to docs/reference/faults.md.
"""

import argparse
import asyncio
import logging
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from tests.faults.outcome import Outcome
from tests.faults.scenarios import Scenario, scenarios

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"
_HEAD = """# Faults

<!-- Written by `make faults`. Run it again after a change to outbox, pipeline, uplink, ingest or a store. -->

What breaks in a home, done on purpose to the gateway's own outbox, pipeline, delivery and uplink, with a real mosquitto
and a backend that stores by id and answers as each fault wants. *Kept* is what the gateway promised to be durable, or
has in its outbox; *stored* is what the backend has in the end; *lost* was promised and is not stored; *twice* is one
measurement under two ids. An exact count is: nothing lost but what the gateway itself reported, to the number, nothing
twice, and nothing stored that was never heard. The run fails otherwise. Only where a journal is garbage from end to end
can nobody tell how much stood in it; the gateway then reports a loss of unknown number.

The last lines are of the backend: `hearthline work` three times on one shared subscription, with PostgreSQL and
InfluxDB; one backend killed again and again; its readings file locked by another process; hostile messages. *Kept* is
then what homes have sent. Judgements, alerts and calls are counted too, against what the rules say of all readings; of
hostile messages *stored* is what stands in the store or is counted in quarantine. Where calls are disturbed, *kept* are
calls to people, and *stored* those that arrived; where each hop is held in turn, *kept* are hops, and *stored* those of
which operator and screens were told within 3 minutes.

"""
_TAIL = """
A database that was overwritten or cut off has lost what stood there. The gateway sets the file aside, carries over what
is readable, page by page and out of the journal too, decodes a frame again where only its reading is gone, and reports
the rest by number; a meter that numbers its records is asked for all of them again. See
[what to do](../how-to/technician.md) when it says so.

A sample of the same runs with every `make test`: `tests/faults`; of the backend's, `tests/crash` and
`tests/integration`.
"""


async def _run(scenario: Scenario) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="hearthline-faults-") as folder:
        return await scenario.run(Path(folder))


def _page(lines: Sequence[str], minutes: float) -> str:
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {minutes:.0f} minutes:\n\n"
    )
    return _HEAD + machine + "".join(f"- {line}\n" for line in lines) + _TAIL


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Every fault with its full counts.")
    parser.add_argument("--sample", action="store_true", help="the small counts that each test run has; writes nothing")
    parser.add_argument("--only", metavar="NAME", help="one fault; writes nothing")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    began, outcomes = time.monotonic(), []
    for scenario in scenarios(everything=not options.sample):
        if options.only in (None, scenario.name):
            outcomes.append(asyncio.run(_run(scenario)))
            print(outcomes[-1].line, flush=True)  # noqa: T201 - this is a command
    exact = bool(outcomes) and all(outcome.exact for outcome in outcomes)
    if exact and not options.sample and options.only is None:
        PAGE.write_text(_page([outcome.line for outcome in outcomes], (time.monotonic() - began) / 60), "utf-8")
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
