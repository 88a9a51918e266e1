"""Broker, backend and publisher of the ingest benchmark as processes of their own, and what each of them spends."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import msgspec

from bench.ingest_load import Order, Report
from bench.ingest_readings import Load
from bench.usage import usage_of
from hearthline_simulator.demo.broker import DemoBroker
from hearthline_simulator.demo.commands import command
from hearthline_simulator.demo.ports import LOOPBACK, free_port
from hearthline_simulator.demo.processes import Child

READY_WITHIN_S: Final = 40.0
PUBLISHED_WITHIN_S: Final = 600.0
_PROBE_WITHIN: Final = aiohttp.ClientTimeout(total=2)
_READ_LIMIT: Final = 64 * 1024 * 1024


class LoadError(Exception):
    """A run that did not end as it must; says what was missing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: what the publisher saw, and processor seconds of the workers, the broker and servers of the stores."""

    load: Load
    report: Report
    workers_cpu_s: float
    broker_cpu_s: float
    stores_cpu_s: float

    @property
    def per_s(self) -> float:
        """Readings a second, from the first publish to the last receipt."""
        return self.load.readings / self.report.seconds

    @property
    def publishes_per_s(self) -> float:
        """Messages a second."""
        return self.load.messages / self.report.seconds


@dataclass(slots=True)
class Numbers:
    """Which reading is the next: runs into one store follow one another. ``total`` counts those of all runs."""

    total: int
    next: int = 0
    rounds: int = 0

    def load(self, messages: int, batch: int) -> Load:
        """The next ``messages`` publishes."""
        first, self.next = self.next, self.next + messages * batch
        if self.next > self.total:
            raise LoadError(f"{self.next} readings were asked for, and {self.total} planned")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        load = Load(messages, batch, first, self.total, now, self.rounds)
        self.rounds = load.rounds_after
        return load


class Stand:
    """Everything in one folder, ended when the ``async with`` block is left. ``stores`` are the process ids of servers
    that keep the readings and records."""

    def __init__(self, folder: Path, stores: Sequence[int] = ()) -> None:
        self.folder = folder
        self._stores = tuple(stores)
        self._broker = DemoBroker(folder)
        self._publisher: asyncio.subprocess.Process
        self._workers: list[Child] = []
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._exit.push_async_callback(self._broker.child.stop)
        await self._broker.start()
        self._publisher = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.ingest_load",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_READ_LIMIT,
        )
        self._exit.push_async_callback(self._end_publisher)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    async def _end_publisher(self) -> None:
        if self._publisher.returncode is None:
            self._publisher.kill()
        await self._publisher.wait()

    @property
    def port(self) -> int:
        """The broker's."""
        return self._broker.port

    async def start_backend(
        self, verb: str, settings: Mapping[str, str], name: str = "backend", profile: Path | None = None
    ) -> Child:
        """``hearthline serve`` or ``hearthline work``, as an installation starts it; returns when it hears homes.
        With ``profile``, what it spends its time on is written to that file when it ends."""
        port = free_port()
        environment = {
            "PROFILE": "demo",
            "HTTP_HOST": LOOPBACK,
            "HTTP_PORT": str(port),
            "MQTT_URL": f"mqtt://{LOOPBACK}:{self.port}",
            "LOG_FORMAT": "json",
            **settings,
        }
        words = command("hearthline", verb)
        if profile is not None:
            words = (sys.executable, "-m", "bench.ingest_profile", str(profile), verb)
        child = Child(
            name,
            words,
            log=self.folder / f"{name}.log",
            environment={f"HEARTHLINE_{key}": value for key, value in environment.items()},
        )
        self._workers.append(child)
        self._exit.push_async_callback(child.stop)
        await child.start()
        async with aiohttp.ClientSession(timeout=_PROBE_WITHIN) as session:
            await child.ready(lambda: _hears(session, port), READY_WITHIN_S)
        return child

    async def start_program(self, name: str, words: Sequence[str], output: Path | None = None) -> Child:
        """A consumer that is no backend."""
        child = Child(name, words, log=output or self.folder / f"{name}.log")
        self._exit.push_async_callback(child.stop)
        await child.start()
        return child

    async def stop_workers(self) -> None:
        """End them in order: each settles what it has in hand."""
        workers, self._workers = self._workers, []
        await asyncio.gather(*(child.stop() for child in workers))

    async def publish(self, load: Load, *, rate: float | None = None, receipted: bool = True) -> Measured:
        """One run. Raises :class:`LoadError` where a reading got no receipt, or another answer than ``stored``."""
        order = Order(self.port, load, rate, receipted)
        async with asyncio.timeout(PUBLISHED_WITHIN_S):
            await _say(self._publisher, json.dumps(asdict(order)))
            await _hear(self._publisher)
            before = self._spent()
            await _say(self._publisher, "go")
            report = msgspec.json.decode(await _hear(self._publisher), type=Report)
            spent = [after - earlier for after, earlier in zip(self._spent(), before, strict=True)]
        if receipted and report.answers != {"stored": load.readings}:
            raise LoadError(
                f"of {load.readings} readings {report.answers.get('stored', 0)} were stored; "
                f"answers {report.answers}, without receipt {report.missing}\n" + self._tail()
            )
        return Measured(load, report, *spent)

    def _spent(self) -> tuple[float, float, float]:
        workers = sum(usage_of(child.pid).cpu_s for child in self._workers)
        return workers, usage_of(self._broker.child.pid).cpu_s, sum(usage_of(pid).cpu_s for pid in self._stores)

    def _tail(self) -> str:
        return "\n".join(f"The end of the log of {child.name}:\n{child.tail()}" for child in self._workers)


async def _hears(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://{LOOPBACK}:{port}/healthz") as response:
            state: dict[str, Any] = await response.json()
            return bool(state["broker"] == "connected")
    except (TimeoutError, aiohttp.ClientError, OSError):
        return False


async def _say(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None  # noqa: S101  # it was asked for
    process.stdin.write(line.encode() + b"\n")
    await process.stdin.drain()


async def _hear(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101  # it was asked for
    line = await process.stdout.readline()
    if not line:
        raise LoadError("the publisher ended; its words are above")
    return line
