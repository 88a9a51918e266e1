"""The gateway's own outbox, pipeline, delivery and uplink, put together as the gateway does, without a radio."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hearthline_gateway.ble.delivery import Delivery
from hearthline_gateway.clock import Clock
from hearthline_gateway.outbox.retention import Retention
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.outbox.trouble import OutboxFullError
from hearthline_gateway.pipeline import Pipeline
from hearthline_gateway.status import StatusReport
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.schedule import Timing
from hearthline_gateway.uplink.uplink import Uplink
from hearthline_protocol.messages import AdapterStatus, MeterStatus
from tests.faults.measurements import READER

NAME = "home-1"
QUICK = Timing(
    resend_first=1.0, resend_max=4.0, knock_first=0.02, knock_max=0.2, reconnect_first=0.02, reconnect_max=0.3
)
"""The same waits as in a home, only shorter."""


@dataclass(frozen=True, slots=True)
class _NoRadio:
    adapter: str = "none"
    adapters: tuple[AdapterStatus, ...] = ()
    meters: tuple[MeterStatus, ...] = ()
    bluez_version: str | None = None


_NO_RADIO = _NoRadio()


@dataclass(slots=True)
class Home:
    """The parts of one running gateway."""

    outbox: Outbox
    pipeline: Pipeline
    delivery: Delivery
    uplink: Uplink
    status: StatusReport

    async def all_ids(self) -> set[str]:
        """Every reading that stands in the outbox, whatever its state."""
        return await self.outbox._writer.do(lambda db: {row[0] for row in db.execute("SELECT id FROM readings")})

    async def settled(self, *, within: float = 120.0) -> None:
        """Wait until nothing is pending."""

        async def nothing_pending() -> bool:
            return not await self.outbox.pending()

        await eventually(nothing_pending, within=within)


@asynccontextmanager
async def running_home(
    folder: Path,
    port: int,
    *,
    timing: Timing = QUICK,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    retention: Retention | None = None,
    batch_readings: int = 50,
) -> AsyncIterator[Home]:
    """Open the outbox, read what a crash left, and send to the broker at ``port`` until the end of the block."""
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(Outbox(folder / "outbox.sqlite3", now=now, retention=retention))

        status = StatusReport(outbox, lambda: _NO_RADIO, Clock(trust=True), version="0")
        uplink = Uplink(
            NAME, BrokerAddress("127.0.0.1", port), outbox, status, timing=timing, batch_readings=batch_readings
        )
        pipeline = Pipeline(outbox, READER, Clock(trust=True), added=uplink.offer, quiet_s=0.3)
        delivery = Delivery(pipeline)
        left = asyncio.create_task(_read_what_was_left(pipeline, outbox))
        tasks = [left, asyncio.create_task(uplink.run()), asyncio.create_task(delivery.run())]
        try:
            yield Home(outbox, pipeline, delivery, uplink, status)
        finally:
            outbox.stop_waiting()
            with suppress(OutboxFullError):
                await pipeline.close()
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended  # a part that ended by itself would have ended the gateway


async def _read_what_was_left(pipeline: Pipeline, outbox: Outbox) -> None:
    while True:
        try:
            await pipeline.recover()
        except OutboxFullError:
            await asyncio.sleep(0.1)
            continue
        await outbox.mended.wait()
        outbox.mended.clear()


async def eventually(condition: Callable[[], Awaitable[object]], *, within: float = 30.0) -> None:
    """Look until it is so; for what happens on a disk or in another process."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
