"""A gateway process to kill: feeds measurements into the real pipeline, outbox and uplink until it is ended.

After every commit that was reported it appends the reading's ids to a file, which is what it was promised. It is forked
from a server that has everything imported, so that two hundred of them take minutes and not an hour.
"""

import asyncio
import os
import random
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import structlog

from tests.faults.home import running_home
from tests.faults.measurements import SENSORS, ends_connection, ids_of, measurement
from tests.fixtures.forked import forking


def start_feeder(folder: Path, port: int, *, begin: int, seed: int) -> ForkServerProcess:
    """Start one that begins with measurement ``begin``; ``seed`` decides its pace."""
    process = forking().Process(target=_feed, args=(folder, port, begin, seed), daemon=True)
    process.start()
    return process


def promised(folder: Path) -> list[str]:
    """Every id that was promised to be durable; a line that a kill cut short does not count."""
    path = folder / "promised"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [reading_id for line in lines for reading_id in line.split()]


def _feed(folder: Path, port: int, begin: int, seed: int) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(_run(folder, port, begin, seed))


async def _run(folder: Path, port: int, begin: int, seed: int) -> None:
    chance = random.Random(seed)
    handle = os.open(folder / "promised", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    async with running_home(folder, port) as home:

        async def one_meter(sensor: str) -> None:
            number = begin
            while True:
                frame = measurement(sensor, number)
                await home.pipeline.heard(frame)
                os.write(handle, (" ".join(ids_of(frame)) + "\n").encode())
                if ends_connection(number):
                    await home.pipeline.connection_ended(sensor)
                number += 1
                await asyncio.sleep(chance.random() * 0.02)

        await asyncio.gather(*(one_meter(sensor) for sensor in SENSORS))
