"""The watchdog's own ways to the operator: mail and signed webhook, repeated until taken; and the heartbeat outside."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiohttp import web

from hearthline_backend.watch.calling import Call, CallChannel, Caller, MailCalls, WebhookCalls
from hearthline_backend.watch.hops import Hop, Rhythm
from hearthline_backend.watch.incident import Occasion
from hearthline_backend.watch.metrics import WatchMetrics
from hearthline_backend.watch.site import SiteProbe
from hearthline_backend.watch.watchdog import Watchdog
from hearthline_backend.watch.words import NEXT_STEPS, Finding, Told
from tests.fixtures.answering_chain import ANSWERED, AnsweringChain
from tests.fixtures.sinks import hook_sink, mail_sink

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
BROKEN = Told(Occasion.BROKEN, AT, AT, (Finding(Hop.RECEIPT, AT, "", NEXT_STEPS[Hop.RECEIPT]),))
QUICK = Rhythm(0.2, 1.0, 1.0, 1.2, 1.2, 3600.0)
SECRET = "of the operator"
WITHIN_S = 20.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another task brings about."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110  # servers that tell nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def calling(channel: CallChannel) -> AsyncIterator[tuple[Caller, WatchMetrics]]:
    """A caller with one channel that tries again at once."""
    metrics = WatchMetrics(("way",))
    caller = Caller({"way": channel}, metrics, retry_after_s=(0.01, 0.01, 0.01))
    try:
        yield caller, metrics
    finally:
        await caller.close()


def tries(metrics: WatchMetrics, outcome: str) -> float:
    found = metrics.registry.get_sample_value("hearthline_watch_calls_total", {"channel": "way", "outcome": outcome})
    return found or 0.0


async def test_a_mail_says_what_is_broken_and_is_sent_again_until_the_server_takes_it() -> None:
    async with mail_sink() as server:
        server.answers = ["451 later", "550 no"]
        mail = MailCalls("op@example.org", "Watch <watch@hearthline.example>", "127.0.0.1", server.port, None, None)
        async with calling(mail) as (caller, metrics):
            call = Call(uuid4(), BROKEN)
            caller.call(call)
            await until(lambda: tries(metrics, "taken") == 1)
            assert tries(metrics, "not_taken") == 2
    (taken,) = server.mails
    assert (taken["To"], taken["Auto-Submitted"], taken["Hearthline-Repeat"]) == (
        "op@example.org",
        "auto-generated",
        "true",
    )
    assert taken["Message-ID"] == f"<{call.id}@hearthline.example>"
    assert taken["Subject"].startswith("Hearthline does not work")
    assert NEXT_STEPS[Hop.RECEIPT] in taken.get_content().replace("\n", " ")


async def test_the_first_mail_is_no_repeat_and_a_server_that_is_away_holds_up_nothing() -> None:
    async with mail_sink() as server:
        port = server.port
        async with calling(MailCalls("op@example.org", "watch@localhost", "127.0.0.1", port, None, None)) as (
            caller,
            _,
        ):
            caller.call(Call(uuid4(), BROKEN))
            await until(lambda: len(server.mails) == 1)
    assert server.mails[0]["Hearthline-Repeat"] is None
    async with calling(MailCalls("op@example.org", "watch@localhost", "127.0.0.1", port, None, None)) as (
        caller,
        metrics,
    ):
        caller.call(Call(uuid4(), BROKEN))
        await until(lambda: tries(metrics, "not_taken") >= 2)


async def test_a_failed_webhook_is_called_again_with_the_same_key_and_says_so() -> None:
    async with hook_sink() as sink:
        sink.answers = [500, 302]
        async with calling(WebhookCalls(sink.address, SECRET)) as (caller, metrics):
            call = Call(uuid4(), BROKEN)
            caller.call(call)
            await until(lambda: tries(metrics, "taken") == 1)
            assert tries(metrics, "not_taken") == 2
    assert {one.headers["Idempotency-Key"] for one in sink.posts} == {str(call.id)}
    assert [json.loads(one.body)["repeat"] for one in sink.posts] == [False, True, True]
    for one in sink.posts:
        moment, _, signed = one.headers["Hearthline-Signature"].partition(",v1=")
        seconds = moment.removeprefix("t=").encode()
        assert hmac.compare_digest(
            signed, hmac.new(SECRET.encode(), seconds + b"." + one.body, hashlib.sha256).hexdigest()
        )


async def test_what_is_newer_is_told_instead_of_what_could_not_be() -> None:
    async with hook_sink() as sink:
        sink.held = asyncio.Event()
        async with calling(WebhookCalls(sink.address, SECRET)) as (caller, metrics):
            caller.call(Call(uuid4(), BROKEN))
            await asyncio.wait_for(sink.waiting.wait(), WITHIN_S)
            good = Call(uuid4(), Told(Occasion.GOOD_AGAIN, AT, AT))
            caller.call(good)
            sink.held.set()
            await until(lambda: tries(metrics, "taken") == 1)
        assert json.loads(sink.posts[-1].body)["call"] == str(good.id)


@dataclass
class Outside:
    """Who calls when the heartbeat ends. ``status`` is its answer."""

    beats: list[float] = field(default_factory=list)
    status: int = 200
    url: str = ""

    async def answer(self, _request: web.Request) -> web.Response:
        self.beats.append(asyncio.get_running_loop().time())
        return web.Response(status=self.status)


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    made = Outside()
    application = web.Application()
    application.router.add_get("/beat", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/beat"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def watched(chain: AnsweringChain, outside: Outside) -> AsyncIterator[tuple[Watchdog, WatchMetrics, list[Call]]]:
    calls: list[Call] = []
    metrics, site = WatchMetrics((), ANSWERED), SiteProbe(None, ())
    dog = Watchdog(
        chain, site, QUICK, ANSWERED, gateway="watch", call=calls.append, metrics=metrics, heartbeat_url=outside.url
    )
    running = asyncio.create_task(dog.run())
    try:
        yield dog, metrics, calls
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await site.close()


def beats(metrics: WatchMetrics, outcome: str) -> float:
    return metrics.registry.get_sample_value("hearthline_watch_heartbeats_total", {"outcome": outcome}) or 0.0


@pytest.mark.parametrize(
    ("what", "hop"), [("connected", Hop.BROKER), ("stores", Hop.RECEIPT), ("judges", Hop.ALERT), ("calls", Hop.CALLS)]
)
async def test_the_heartbeat_stops_with_every_hop_and_goes_on_when_all_is_good(
    outside: Outside, what: str, hop: Hop
) -> None:
    chain = AnsweringChain()
    async with watched(chain, outside) as (dog, metrics, calls):
        await until(lambda: beats(metrics, "sent") >= 2)
        if what == "calls":
            chain.waiting_s = 60.0
        else:
            setattr(chain, what, False)
        await until(lambda: bool(calls))
        assert calls[0].told.occasion is Occasion.BROKEN
        assert [one.hop for one in calls[0].told.findings] == [hop]
        stopped = len(outside.beats)
        rounds = metrics.registry.get_sample_value("hearthline_watch_rounds_total", {"state": "begun"}) or 0.0
        begun = {"state": "begun"}
        await until(
            lambda: (metrics.registry.get_sample_value("hearthline_watch_rounds_total", begun) or 0.0) >= rounds + 3
        )
        assert len(outside.beats) == stopped, "nobody outside is told that all is good"
        chain.connected = chain.stores = chain.judges = True
        chain.waiting_s = 0.0
        await until(lambda: dog.good and len(outside.beats) > stopped)
        assert calls[-1].told.occasion is Occasion.GOOD_AGAIN


async def test_a_heartbeat_that_is_not_taken_is_counted_and_breaks_nothing(outside: Outside) -> None:
    outside.status = 503
    async with watched(AnsweringChain(), outside) as (dog, metrics, calls):
        await until(lambda: beats(metrics, "not_sent") >= 2)
        assert dog.good
        assert (beats(metrics, "sent"), calls) == (0.0, [])


async def test_the_operator_is_called_again_while_it_stays_broken(outside: Outside) -> None:
    chain = AnsweringChain()
    often = Rhythm(0.2, 1.0, 1.0, 1.2, 1.2, 0.5)
    calls: list[Call] = []
    site = SiteProbe(None, ())
    dog = Watchdog(chain, site, often, ANSWERED, gateway="watch", call=calls.append, metrics=WatchMetrics((), ANSWERED))
    chain.stores = False
    running = asyncio.create_task(dog.run())
    try:
        await until(lambda: len(calls) >= 3)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await site.close()
    assert [one.told.occasion for one in calls[:3]] == [Occasion.BROKEN, Occasion.STILL_BROKEN, Occasion.STILL_BROKEN]
    assert len({one.id for one in calls}) == len(calls)
