"""The whole backend, wired: the only module that knows every part."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import structlog
from aiohttp import web

from hearthline_backend.alerting.actions import AlertActions
from hearthline_backend.alerting.channels import Channel
from hearthline_backend.alerting.delivery import Delivery
from hearthline_backend.alerting.escalation import Escalation
from hearthline_backend.alerting.judge import Judge
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.alerting.webhook import WebhookChannel
from hearthline_backend.due import Due
from hearthline_backend.events import Event, EventBus
from hearthline_backend.healthz import health_middleware
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.held import HeldRetry
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.listening import listen
from hearthline_backend.remote.desk import RemoteDesk
from hearthline_backend.settings import Settings, secret
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.uplink.paho_engine import PahoUplink
from hearthline_backend.web.context import WebContext
from hearthline_backend.web.site import create_site

log = structlog.get_logger(__name__)

GOODBYE_S: Final = 2.0
"""How long requests may finish at the end."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every part stands on."""

    settings: Settings
    records: SqlRecords
    readings: EmbeddedReadings
    events: EventBus
    address: str


def utc_now() -> datetime:
    """The clock of the whole backend."""
    return datetime.now(UTC)


async def serve(settings: Settings, *, port_search: bool = False) -> None:
    """Run until SIGTERM or SIGINT. Logs ``serving`` with the site's address once every part is up.

    Raises what a part raises while it starts; each such error says what to do.
    """
    log.info("starting", version=version("hearthline"), profile=settings.profile)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with listen(settings.http_host, settings.http_port, search=port_search) as sock:
        url = f"http://{settings.http_host}:{sock.getsockname()[1]}"
        async with AsyncExitStack() as stack:
            ground = await _open(stack, settings, settings.public_url or url)
            await _start(stack, ground, sock)
            log.info("serving", url=url)
            await stop.wait()
            log.info("stopping")
    log.info("stopped")


async def _open(stack: AsyncExitStack, settings: Settings, address: str) -> _Ground:
    settings.make_data_dir()
    await migrate(settings.records_address)
    records = SqlRecords.open(settings.records_address)
    stack.push_async_callback(records.close)
    readings = await EmbeddedReadings.open(settings.readings_file)
    stack.push_async_callback(readings.close)
    return _Ground(settings, records, readings, EventBus(), address)


async def _start(stack: AsyncExitStack, ground: _Ground, sock: socket.socket) -> None:
    """Every part, in the order in which they need each other; the stack ends them in the reverse."""
    due = await stack.enter_async_context(_calling(ground))
    uplink = PahoUplink(
        ground.settings.broker, clock=utc_now, changed=lambda: ground.events.publish(Event("broker", utc_now()))
    )
    health = StoreHealth(ground.events, utc_now)
    settlement = Settlement(ground.records, ground.readings, Judge(ground.readings), utc_now)
    desk = RemoteDesk(ground.records, uplink, ground.events, utc_now)
    ingest = Ingest(
        uplink, ground.records, settlement, ground.events, health, utc_now, due.wake, desk.send_again, desk.greet
    )
    stack.push_async_callback(uplink.close)
    await uplink.start()
    group = await stack.enter_async_context(asyncio.TaskGroup())  # one that fails ends the whole process, aloud
    for work in (ingest.run(), HeldRetry(ingest, ground.records).run()):
        stack.callback(group.create_task(work).cancel)
    site = create_site(_context(ground, desk, uplink, health))
    site.middlewares.insert(0, health_middleware(uplink, health))
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=GOODBYE_S, handle_signals=False)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.SockSite(runner, sock).start()


@asynccontextmanager
async def _calling(ground: _Ground) -> AsyncIterator[Due]:
    due = Due()
    delivery = Delivery(
        ground.records,
        _channels(ground.settings),
        link=lambda alert: f"{ground.address}/alerts/{alert}",
        clock=utc_now,
        events=ground.events,
        wake=due.wake,
    )
    escalation = Escalation(ground.records, clock=utc_now, events=ground.events)
    due.start([escalation.run_due, delivery.send_due])
    try:
        yield due
    finally:
        await due.stop()
        await delivery.close()


def _channels(settings: Settings) -> dict[str, Channel]:
    channels: dict[str, Channel] = {"webhook": WebhookChannel()}
    if settings.smtp_host is None:
        log.warning("no_mail_server", message="smtp_host is not set: nobody is called by mail")
        return channels
    file = settings.smtp_password_file
    password = None if file is None else secret(file, "smtp_password_file")
    server = MailServer(settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.smtp_user, password)
    return channels | {"mail": MailChannel(server)}


def _context(ground: _Ground, desk: RemoteDesk, uplink: PahoUplink, health: StoreHealth) -> WebContext:
    return WebContext(
        records=ground.records,
        readings=ground.readings,
        events=ground.events,
        actions=AlertActions(ground.records, ground.events, utc_now),
        desk=desk,
        clock=utc_now,
        broker_away_since=lambda: uplink.away_since,
        stores_away_since=lambda: health.delayed_since,
        secure_cookies=ground.settings.secure_cookies,
        trusted_proxies=frozenset(ground.settings.trusted_proxies),
    )
