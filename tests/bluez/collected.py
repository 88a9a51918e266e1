"""The gateway's real collector with its real pipeline and outbox behind it, and what is on disk afterwards."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.clock import Clock
from hearthline_gateway.frame import Frame
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.meter_models import MeterModel
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_simulator.meters.spec import MeterSpec
from tests.bluez.kernel_home import WITHIN_S


class Collected:
    """What reached the disk. Counts are read from the file itself."""

    def __init__(self, outbox: Outbox) -> None:
        self._file = outbox.path
        self._pipeline = Pipeline(outbox, FrameReader(ZoneInfo("UTC")), Clock(trust=True), added=lambda _: None)
        self._changed = asyncio.Condition()
        self.ended: list[str] = []
        self.delivered: list[str] = []
        """Every value that was handed on, as hex: the outbox would hide one that came twice."""

    async def heard(self, frame: Frame) -> None:
        self.delivered.append(frame.payload.hex())
        await self._pipeline.heard(frame)
        await self._tell()

    async def connection_ended(self, sensor: str) -> None:
        await self._pipeline.connection_ended(sensor)
        self.ended.append(sensor)
        await self._tell()

    async def close(self) -> None:
        """The end of the gateway."""
        await self._pipeline.close()

    def frames(self, characteristic: str | None = None) -> list[str]:
        """Every durable frame, as hex, oldest first."""
        return kept_frames(self._file, characteristic)

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until ``wanted``; it is asked again after each frame and at the end of each connection."""
        try:
            async with asyncio.timeout(WITHIN_S), self._changed:
                await self._changed.wait_for(wanted)
        except TimeoutError as error:
            raise TimeoutError(f"{len(self.frames())} frames, connections ended: {self.ended}") from error

    async def until_ended(self, connections: int) -> None:
        """Wait until so many connections are over."""
        await self.until(lambda: len(self.ended) >= connections)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def kept_frames(outbox: Path, characteristic: str | None = None) -> list[str]:
    """The frames of an outbox file, as hex; none where the gateway has not made it yet."""
    wanted = "SELECT hex(payload) FROM frames WHERE ? IN (characteristic, '') ORDER BY id"
    return [str(row[0]).lower() for row in _rows(outbox, wanted, characteristic or "")]


def kept_readings(outbox: Path) -> int:
    """How many readings an outbox file holds."""
    return len(_rows(outbox, "SELECT id FROM readings"))


def _rows(outbox: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    if not outbox.exists():
        return []
    with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'readings'").fetchone()
        return db.execute(query, values).fetchall() if tables else []


@asynccontextmanager
async def gateway(
    meters: Iterable[tuple[MeterSpec, MeterModel]], folder: Path, **options: Any
) -> AsyncIterator[tuple[Collector, Collected]]:
    """Collector, pipeline and outbox, running. Options are the collector's own; its clock counts as synchronised."""
    async with Outbox(folder / "outbox.sqlite3") as outbox:
        collected = Collected(outbox)
        collector = Collector(
            [ConfiguredMeter(spec.address, model, spec.passkey, spec.consents) for spec, model in meters],
            collected,
            **{"clock_synchronised": lambda: True, "memory": outbox, "home_zone": ZoneInfo("UTC"), **options},
        )
        running = asyncio.create_task(collector.run())
        try:
            yield collector, collected
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await collected.close()
