"""A backend process to kill: wired as the product's own, its ports wrapped with failpoints."""

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from typing import Final

import structlog

from hearthline_backend.alerting.delivery import Delivery, Retry
from hearthline_backend.alerting.judge import Judge
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.due import Due
from hearthline_backend.events import EventBus
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.held import HeldRetry
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from tests.crash.engines import open_readings
from tests.crash.failpoints import (
    Failpoint,
    failing_calls,
    failing_channel,
    failing_judge,
    failing_places,
    failing_readings,
    failing_records,
    failing_uplink,
)
from tests.fixtures.forked import forking

LEASE: Final = timedelta(seconds=1)
"""How long a call that a crash interrupted waits until it goes again: a fifteenth of the product's."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where everything is. ``step`` and ``passing`` say where the process dies; no step: nowhere."""

    broker: str
    readings: str
    records: str
    smtp_port: int
    step: str = ""
    passing: int = 1


def start_worker(wiring: Wiring) -> ForkServerProcess:
    """Start one; it runs until it is killed, or ended by SIGTERM."""
    process = forking().Process(target=_work, args=(wiring,), daemon=True)
    process.start()
    return process


def _work(wiring: Wiring) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(_run(wiring))


def _now() -> datetime:
    return datetime.now(UTC)


async def _run(wiring: Wiring) -> None:
    failpoint = Failpoint(wiring.step, wiring.passing)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with AsyncExitStack() as stack:
        records = SqlRecords.open(wiring.records)
        stack.push_async_callback(records.close)
        opened = open_readings(wiring.readings, failing_places(records, failpoint))
        readings = failing_readings(await stack.enter_async_context(opened), failpoint)
        events, due = EventBus(), Due()
        mail = MailChannel(MailServer("127.0.0.1", wiring.smtp_port, "Hearthline <calls@hearthline.example>"))
        delivery = Delivery(
            failing_calls(records, failpoint),
            {"mail": failing_channel(mail, failpoint)},
            link=lambda number: f"https://care.example/alerts/{number}",
            clock=_now,
            events=events,
            wake=due.wake,
            retry=Retry(first=timedelta(seconds=0.2), lease=LEASE),
        )
        stack.push_async_callback(delivery.close)
        due.start([delivery.send_due])
        stack.push_async_callback(due.stop)
        inner = Mqtt5Uplink(BrokerAddress.parse(wiring.broker), clock=_now)
        stack.push_async_callback(inner.close)
        uplink = failing_uplink(inner, failpoint)
        watched = failing_records(records, failpoint)
        settlement = Settlement(watched, readings, failing_judge(Judge(readings), failpoint), _now)
        ingest = Ingest(uplink, records, settlement, events, StoreHealth(events, _now), _now, due.wake)
        await inner.start()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (ingest.run(), HeldRetry(ingest, records).run())]
            await ended.wait()
            for task in tasks:
                task.cancel()
