"""The watchdog's process: its parts wired, and its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import structlog
from aiohttp import web

from hearthline_backend.errors import HearthlineError
from hearthline_backend.listening import listen
from hearthline_backend.operations.stopping import StopSignals
from hearthline_backend.settings import secret
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.subscriptions import Subscriptions
from hearthline_backend.watch.calling import Call, CallChannel, Caller, MailCalls, WebhookCalls
from hearthline_backend.watch.hops import Hop
from hearthline_backend.watch.metrics import WatchMetrics
from hearthline_backend.watch.settings import WatchSettings
from hearthline_backend.watch.site import SiteProbe
from hearthline_backend.watch.watchdog import Watchdog
from hearthline_backend.watch.words import TITLES
from hearthline_protocol import topics

log = structlog.get_logger(__name__)

_ANSWERS_UNDER_WAY: Final = 50
_LOOK_EVERY_S: Final = 0.1


class NotProvedError(HearthlineError):
    """A hop was not proved in its time; the text says which, and what to do next."""


async def watch(settings: WatchSettings) -> None:
    """Watch until SIGTERM or SIGINT. Logs ``watching`` at once, and ``operator_call`` for every call.

    Raises what stands in the way of a start, such as ``SettingsError``."""
    channels = channels_of(settings)
    metrics = WatchMetrics(channels, settings.hops)
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(StopSignals())
        caller = Caller(channels, metrics)
        stack.push_async_callback(caller.close)
        dog = await stack.enter_async_context(watchdog(settings, caller.call, metrics))
        if settings.http_port is not None:
            await _answer(stack, settings, dog, metrics)
        log.info("watching", gateway=settings.gateway, hops=sorted(settings.hops), channels=sorted(channels))
        running = asyncio.create_task(dog.run(), name="watchdog")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    log.info("stopped")


async def prove_once(settings: WatchSettings) -> list[str]:
    """One round through every hop that the settings name, without calling anybody; returns a line for each hop.

    Raises :class:`NotProvedError` where one was not proved in its time."""
    metrics = WatchMetrics((), settings.hops)
    async with watchdog(settings, _nobody, metrics) as dog:
        running = asyncio.create_task(dog.run(), name="watchdog")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(settings.rhythm.longest_s):
                    while dog.unproved and not running.done():  # noqa: ASYNC110  # proofs come from four tasks
                        await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        unproved = dog.unproved
        if unproved:
            raise NotProvedError("\n".join(_not_proved(dog, hop) for hop in unproved))
        return [f"{hop.value}: ok" for hop in Hop if hop in settings.hops]


@asynccontextmanager
async def watchdog(
    settings: WatchSettings, call: Callable[[Call], None], metrics: WatchMetrics
) -> AsyncIterator[Watchdog]:
    """A watchdog whose connection is being made and that does not run yet."""
    subscriptions = Subscriptions(needed=(topics.receipts(settings.gateway),))
    uplink = Mqtt5Uplink(settings.broker, subscriptions=subscriptions, receive_maximum=_ANSWERS_UNDER_WAY)
    site = SiteProbe(settings.site_url, settings.ready_urls)
    await uplink.start()
    try:
        yield Watchdog(
            uplink,
            site,
            settings.rhythm,
            settings.hops,
            gateway=settings.gateway,
            call=call,
            metrics=metrics,
            heartbeat_url=settings.heartbeat_url,
        )
    finally:
        await uplink.close()
        await site.close()


def channels_of(settings: WatchSettings) -> dict[str, CallChannel]:
    """The ways to the operator. Raises ``SettingsError`` for a secret that cannot be read."""
    channels: dict[str, CallChannel] = {}
    if settings.mail_to is not None and settings.smtp_host is not None:
        file = settings.smtp_password_file
        password = None if file is None else secret(file, "smtp_password_file")
        channels["mail"] = MailCalls(
            settings.mail_to, settings.smtp_from, settings.smtp_host, settings.smtp_port, settings.smtp_user, password
        )
    if settings.webhook_url is not None and settings.webhook_secret_file is not None:
        key = secret(settings.webhook_secret_file, "webhook_secret_file")
        channels["webhook"] = WebhookCalls(settings.webhook_url, key)
    return channels


async def _answer(stack: AsyncExitStack, settings: WatchSettings, dog: Watchdog, metrics: WatchMetrics) -> None:
    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"watching": True, "good": dog.good, "hops": dog.state}, headers=_NO_STORE)

    async def figures(request: web.Request) -> web.Response:
        page, content_type = metrics.page(request.headers.get("Accept", ""))
        return web.Response(body=page, headers=_NO_STORE | {"Content-Type": content_type})

    sock = stack.enter_context(listen(settings.http_host, settings.http_port or 0, instead="another http_port"))
    app = web.Application()
    app.router.add_get("/healthz", health)
    app.router.add_get("/metrics", figures)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    log.info("answering", host=settings.http_host, port=sock.getsockname()[1])


_NO_STORE: Final = {"Cache-Control": "no-store"}


def _nobody(_call: Call) -> None:
    """Nobody is called by a single round: who asked for it reads what it found."""


def _not_proved(dog: Watchdog, hop: Hop) -> str:
    return f"{hop.value}: {TITLES[hop]} {dog.words_of(hop)}".rstrip()
