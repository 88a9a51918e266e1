"""The whole backend, wired: the only module that knows every part.

The same parts serve two commands: ``hearthline serve`` is the site, the calls and, unless ``hearthline work`` does it
beside, the readings; ``hearthline work`` takes readings and makes the calls that follow, without a site.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog
from aiohttp import web

from hearthline_backend.alerting.actions import AlertActions
from hearthline_backend.alerting.channels import Channel
from hearthline_backend.alerting.clock_set_back import ClockSetBack
from hearthline_backend.alerting.delivery import Delivery
from hearthline_backend.alerting.digest import MorningDigest
from hearthline_backend.alerting.escalation import Escalation
from hearthline_backend.alerting.intake import IntakeMarks
from hearthline_backend.alerting.judge import Judge
from hearthline_backend.alerting.links import PURPOSE, AlertLinks
from hearthline_backend.alerting.report_calls import ReportCalls
from hearthline_backend.alerting.silence import SilenceWatch
from hearthline_backend.alerting.silence_homes import HomeWatch
from hearthline_backend.alerting.snooze_ends import SnoozeEnds
from hearthline_backend.alerting.synthetic import SyntheticAlerts, SyntheticEvents
from hearthline_backend.alerting.timing import Timing
from hearthline_backend.calling_out import open_channels
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.corrections import ReadingCorrections
from hearthline_backend.domain.silence import Hop
from hearthline_backend.due import Due, Job
from hearthline_backend.due_look import DueLook
from hearthline_backend.event_bridge import bridged
from hearthline_backend.events import Event, EventBus
from hearthline_backend.healthz import health_middleware
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.held import HeldRetry
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.listening import listen
from hearthline_backend.operations import checks
from hearthline_backend.operations.answers import anybody, nobody, on_this_machine
from hearthline_backend.operations.counted_channel import CountedChannel
from hearthline_backend.operations.data_delay import DataDelay
from hearthline_backend.operations.gate import Gate
from hearthline_backend.operations.loop_lag import measure_loop_lag
from hearthline_backend.operations.observation import Observation
from hearthline_backend.operations.stopping import Drain, StopSignals
from hearthline_backend.remote.desk import RemoteDesk
from hearthline_backend.settings import Settings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.opening import open_readings
from hearthline_backend.storage.operating_figures import newest_revision
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.due_rows import Queue
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.uplink.broker_uplink import BrokerUplink
from hearthline_backend.uplink.opening import open_uplink
from hearthline_backend.uplink.subscriptions import Hears
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
    readings: ReadingStore
    events: EventBus
    address: str
    observation: Observation
    drain: Drain
    synthetic: SyntheticAlerts
    links: AlertLinks


@dataclass(frozen=True, slots=True)
class _Homes:
    """The way to the homes and back."""

    uplink: BrokerUplink
    health: StoreHealth
    desk: RemoteDesk
    corrections: ReadingCorrections
    retry: Callable[[int], Awaitable[object]]


_Parts = Callable[[AsyncExitStack, _Ground, socket.socket], Awaitable[None]]


def utc_now() -> datetime:
    """The clock of the whole backend."""
    return datetime.now(UTC)


async def serve(settings: Settings, *, port_search: bool = False) -> None:
    """Run until SIGTERM or SIGINT. Logs ``serving`` with the site's address once every part is up.

    Raises what a part raises while it starts; each such error says what to do.
    """
    await _run(settings, _with_site, "serving", port_search=port_search)


async def work(settings: Settings, *, port_search: bool = False) -> None:
    """Take readings and make calls until SIGTERM or SIGINT. Logs ``working`` once every part is up.

    Raises what a part raises while it starts; each such error says what to do.
    """
    await _run(settings, _without_site, "working", port_search=port_search)


async def _run(settings: Settings, parts: _Parts, said: str, *, port_search: bool) -> None:
    log.info("starting", version=version("hearthline"), profile=settings.profile)
    with StopSignals() as stop, listen(settings.http_host, settings.http_port, search=port_search) as sock:
        url = f"http://{settings.http_host}:{sock.getsockname()[1]}"
        async with AsyncExitStack() as stack:
            ground = await _open(stack, settings, settings.public_url or url)
            ground.observation.readiness.add("running", checks.not_stopping(lambda: stop.asked))
            await parts(stack, ground, sock)
            log.info(said, url=url)
            await stop.wait()
            log.info("stopping")
            await ground.drain.run()
    log.info("stopped")


# --- what every process has --------------------------------------------------------------------------------------


async def _open(stack: AsyncExitStack, settings: Settings, address: str) -> _Ground:
    settings.make_data_dir()
    await migrate(settings.records_address)
    records = SqlRecords.open(settings.records_address)
    stack.push_async_callback(records.close)
    readings = await open_readings(settings, records)
    stack.push_async_callback(readings.close)
    observation = Observation(records, utc_now)
    stack.push_async_callback(observation.close)
    observation.readiness.add("records", checks.records_answer(records, newest_revision()))
    observation.readiness.add("readings", checks.readings_answer(readings, utc_now))
    events = EventBus()
    await stack.enter_async_context(bridged(settings.records_address, events, utc_now))
    synthetic = SyntheticAlerts(records, readings, events, utc_now, observation.metrics)
    async with records.begin() as unit:
        links = AlertLinks(await unit.signing_keys.key(PURPOSE, utc_now()))
    return _Ground(settings, records, readings, events, address, observation, Drain(), synthetic, links)


async def _with_site(stack: AsyncExitStack, ground: _Ground, sock: socket.socket) -> None:
    """Every part, in the order in which they need each other; the stack ends them in the reverse."""
    settings = ground.settings
    apart = None
    if settings.operations_port is not None:
        hint = "another operations_port"
        apart = stack.enter_context(listen(settings.operations_host, settings.operations_port, instead=hint))
    look = DueLook(ground.records, clock=utc_now)
    due = await stack.enter_async_context(_calling(ground, look, _silence(ground, look)))
    homes = await _homes(stack, ground, due, Hears.ALL if settings.ingest else Hears.HOMES)
    taken = checks.readings_taken(ground.records, utc_now)
    delay = DataDelay(ground.observation.readiness.answer, taken, ground.events, utc_now)
    delayed = asyncio.create_task(delay.run(), name="data delay")
    stack.callback(delayed.cancel)
    site = create_site(_context(ground, homes, delay))
    heard = SyntheticEvents()
    hearing = asyncio.create_task(heard.hear(ground.events), name="synthetic events")
    stack.callback(hearing.cancel)
    site.middlewares.insert(0, health_middleware(homes.uplink, homes.health, lambda: heard.last_at))
    beside = on_this_machine if settings.profile == "demo" and apart is None else nobody
    site.middlewares.insert(0, ground.observation.middleware(beside))
    await _answer(stack, ground, site, sock)
    if apart is not None:
        await _answer(stack, ground, _operations(ground, homes), apart)
        log.info("answering_operations", host=settings.operations_host, port=apart.getsockname()[1])


async def _without_site(stack: AsyncExitStack, ground: _Ground, sock: socket.socket) -> None:
    """A worker's parts. What homes say of themselves is heard by the process with the site."""
    due = await stack.enter_async_context(_calling(ground, DueLook(ground.records, clock=utc_now)))
    homes = await _homes(stack, ground, due, Hears.READINGS)
    await _answer(stack, ground, _operations(ground, homes), sock)


def _operations(ground: _Ground, homes: _Homes) -> web.Application:
    """``/healthz``, ``/readyz`` and ``/metrics``, and nothing else."""
    return web.Application(
        middlewares=[ground.observation.middleware(anybody), health_middleware(homes.uplink, homes.health)]
    )


async def _answer(stack: AsyncExitStack, ground: _Ground, app: web.Application, sock: socket.socket) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GOODBYE_S, handle_signals=False)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    ground.drain.add("requests", runner.cleanup)


# --- the homes ---------------------------------------------------------------------------------------------------


async def _homes(stack: AsyncExitStack, ground: _Ground, due: Due, hears: Hears) -> _Homes:
    def changed() -> None:
        ground.events.publish(Event("broker", utc_now()))
        if uplink.connected:
            observation.metrics.connected()

    observation = ground.observation
    health = StoreHealth(ground.events, utc_now)
    uplink = open_uplink(ground.settings, hears, clock=utc_now, changed=changed)
    gate = Gate(uplink, observation.metrics, utc_now)
    observation.watch_homes(uplink, gate, health)
    judge = Judge(ground.readings, _timing(ground.settings))
    settlement = Settlement(
        ground.records,
        ground.readings,
        judge,
        utc_now,
        instruments=observation.metrics,
        watchdog=ground.settings.watch_gateway,
    )
    ground.synthetic.answer_through(uplink)
    desk = RemoteDesk(ground.records, gate, ground.events, utc_now)
    ingest = Ingest(
        gate, ground.records, settlement, ground.events, health, utc_now, due.wake, desk.send_again, desk.greet
    )
    finishing = CorrectionFinishing(ground.records, ground.readings, judge, ground.events, utc_now, due.wake)
    corrections = ReadingCorrections(ground.records, ground.readings, finishing, ground.events, utc_now, ingest.retry)
    stack.push_async_callback(uplink.close)
    await uplink.start()
    group = await stack.enter_async_context(asyncio.TaskGroup())  # one that fails ends the whole process, aloud
    work = [ingest.run(), finishing.run(), measure_loop_lag(observation.metrics.loop_lagged)]
    if Hears.READINGS in hears:
        work.append(HeldRetry(ingest, ground.records).run())
        marks = IntakeMarks(
            ground.records,
            lambda: uplink.connected and health.delayed_since is None,
            utc_now,
            lambda: {Hop.BROKER: uplink.away_since, Hop.BACKEND: health.delayed_since},
        )
        work.append(marks.run())
    for one in work:
        stack.callback(group.create_task(one).cancel)
    ground.drain.add("messages in hand", gate.drain)
    return _Homes(uplink, health, desk, corrections, ingest.retry)


def _timing(settings: Settings) -> Timing:
    return Timing(confirm_within=timedelta(minutes=settings.report_confirm_within_min))


# --- the calls ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _calling(ground: _Ground, look: DueLook, more: Sequence[Job] = ()) -> AsyncIterator[Due]:
    due = Due()
    delivery = Delivery(
        ground.records,
        _channels(ground),
        link=lambda alert: f"{ground.address}{ground.links.path(alert)}",
        view=lambda path: f"{ground.address}{path}",
        clock=utc_now,
        events=ground.events,
        wake=due.wake,
    )
    escalation = Escalation(ground.records, clock=utc_now, events=ground.events)
    snoozes = SnoozeEnds(ground.records, clock=utc_now, events=ground.events)
    reports = ReportCalls(
        ground.records,
        path=ground.links.reports.path,
        clock=utc_now,
        events=ground.events,
        timing=_timing(ground.settings),
    )
    synthetic = ground.synthetic  # the last ones: their answer says that the others had their turn
    clock = ClockSetBack(ground.records, clock=utc_now, timing=_timing(ground.settings))
    due.start(
        [
            clock.run_due,
            look.look,
            look.only(Queue.TASKS, escalation.run_due),
            look.only(Queue.SNOOZES, snoozes.run_due),
            look.only(Queue.REPORTS, reports.run_due),
            *more,
            look.only(Queue.NOTIFICATIONS, delivery.send_due),
            look.only(Queue.SYNTHETIC_ALERTS, synthetic.tell_due),
            look.only(Queue.SYNTHETIC_ERASURES, synthetic.erase_due),
        ]
    )
    ground.observation.watch_due(due)
    ground.drain.add("what is due", due.finish)
    ground.drain.add("calls under way", delivery.finish)
    try:
        yield due
    finally:
        await due.stop()
        await delivery.close()


def _silence(ground: _Ground, look: DueLook) -> list[Job]:
    """Only where homes are heard: who does not hear them cannot say that they are silent."""
    patients = SilenceWatch(ground.records, ground.readings, clock=utc_now, events=ground.events)
    homes = HomeWatch(ground.records, clock=utc_now, events=ground.events)
    digest = MorningDigest(ground.records, clock=utc_now)
    return [
        look.only(Queue.PATIENTS, patients.run_due),
        look.only(Queue.HOMES, homes.run_due),
        look.only(Queue.DIGESTS, digest.run_due),
    ]


def _channels(ground: _Ground) -> dict[str, Channel]:
    channels = open_channels(ground.settings)
    metrics = ground.observation.metrics
    metrics.watch_channels(channels)
    return {name: CountedChannel(channel, partial(metrics.called, name)) for name, channel in channels.items()}


# --- the site ----------------------------------------------------------------------------------------------------


def _context(ground: _Ground, homes: _Homes, delay: DataDelay) -> WebContext:
    return WebContext(
        records=ground.records,
        readings=ground.readings,
        events=ground.events,
        actions=AlertActions(ground.records, ground.events, utc_now),
        desk=homes.desk,
        corrections=homes.corrections,
        retry=homes.retry,
        clock=utc_now,
        broker_away_since=lambda: homes.uplink.away_since,
        stores_away_since=lambda: homes.health.delayed_since,
        delayed_since=lambda: delay.since,
        secure_cookies=ground.settings.secure_cookies,
        trusted_proxies=frozenset(ground.settings.trusted_proxies),
        confirm_within=_timing(ground.settings).confirm_within,
        links=ground.links,
    )
