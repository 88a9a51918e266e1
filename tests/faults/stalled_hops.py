"""Each hop of the production chain held (SIGSTOP) in turn: the operator is called, screens say so, /readyz says so."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import aiohttp

from hearthline_backend.storage.records.care import Organisation, Team
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.watch.hops import DEFAULT
from hearthline_backend.web.passwords import hash_password
from hearthline_backend.web.sessions import COOKIE
from tests.faults.outcome import Outcome
from tests.fixtures.backend_process import BackendProcess, backend_process
from tests.fixtures.broker import running_broker
from tests.fixtures.influxd import TOKEN, empty_bucket, running_influxd
from tests.fixtures.postgresql import migrated_database, running_postgresql
from tests.fixtures.watching import Watching, watching

WITHIN_S: Final = 180.0
"""What the operator and the screens are promised."""
_GOOD_WITHIN_S: Final = 420.0
_SILENT_S: Final = 90.0
"""A page says by itself that it stands still after as long: tests/browser."""
_PASSWORD: Final = "a long enough password"
_SLOWLY: Final[dict[str, Any]] = {
    name: getattr(DEFAULT, name)
    for name in ("every_s", "broker_within_s", "receipt_within_s", "alert_within_s", "site_within_s", "repeat_every_s")
}


@dataclass
class Screen:
    """One open page's live events, as its script hears them."""

    site: str
    cookie: str
    heard_at: float = field(default_factory=monotonic)
    delayed: str = ""

    @property
    def warns(self) -> bool:
        """Whether a banner stands on the page."""
        return bool(self.delayed) or monotonic() - self.heard_at > _SILENT_S

    async def listen(self) -> None:
        """Hear for ever, connecting again as a browser does."""
        headers = {"Cookie": f"{COOKIE}={self.cookie}", "Accept": "text/event-stream"}
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as session:
            while True:
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with session.get(f"{self.site}/live") as stream:
                        await self._hear(stream.content)
                await asyncio.sleep(3)

    async def _hear(self, lines: aiohttp.StreamReader) -> None:
        name = ""
        async for line in lines:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                name = text.removeprefix("event: ")
            elif text.startswith("data:"):
                self.heard_at = monotonic()
                if name == "delayed":
                    self.delayed = text.removeprefix("data:").strip()


async def stalled(folder: Path, *, only: str | None = None) -> Outcome:
    """Every hop, or one; takes four minutes for each."""
    failures: list[str] = []
    token = folder / "token"
    token.write_text(TOKEN)
    async with AsyncExitStack() as stack:
        influxd, server = stack.enter_context(running_influxd()), stack.enter_context(running_postgresql())
        broker = await stack.enter_async_context(running_broker(folder / "broker"))
        bucket = await stack.enter_async_context(empty_bucket(influxd))
        url = await stack.enter_async_context(migrated_database(server))
        await _employ(url)
        stores = {"RECORDS_URL": url, "READINGS_URL": bucket.url, "INFLUXDB_TOKEN_FILE": str(token)}
        begin = stack.enter_async_context
        site = await begin(
            backend_process(folder / "site", broker, command="serve", INGEST="false", OPERATIONS_PORT="0", **stores)
        )
        worker = await begin(backend_process(folder / "work", broker, command="work", MQTT_SHARE="w", **stores))
        operations = f"http://127.0.0.1:{(await site.said('answering_operations'))['port']}/readyz"
        ready = {"site": operations, "worker": f"{worker.url}/readyz"}
        watched = await begin(
            watching(folder, mqtt_url=broker.url, site_url=site.url, ready_urls=tuple(ready.values()), **_SLOWLY)
        )
        screen = await begin(_screen(site))
        hops: dict[str, tuple[Callable[[], None], Callable[[], None], str | None]] = {
            "broker": (broker.pause, broker.resume, "worker"),
            "worker": (_send(worker, signal.SIGSTOP), _send(worker, signal.SIGCONT), None),
            "InfluxDB": (influxd.pause, influxd.resume, "worker"),
            "PostgreSQL": (server.hold, server.let_go, "worker"),
            "site": (_send(site, signal.SIGSTOP), _send(site, signal.SIGCONT), None),
        }
        slowest = 0.0
        chosen = {name: hop for name, hop in hops.items() if only in (None, name)}
        for name, (hold, let_go, asked) in chosen.items():
            await _until(lambda: watched.dog.good and not screen.warns, _GOOD_WITHIN_S, f"before {name} all is good")
            took, wrong = await _hold(watched, screen, hold, let_go, None if asked is None else ready[asked])
            slowest = max(slowest, took)
            failures += [f"{name}: {one}" for one in wrong]
        await _until(lambda: watched.dog.good and not screen.warns, _GOOD_WITHIN_S, "in the end all is good")
    return Outcome(
        "stalled hops",
        f"each of {', '.join(chosen)} held until operator, screens and /readyz had said so, {slowest:.0f} s at most",
        kept=len(chosen),
        stored=len(chosen) - len({one.partition(":")[0] for one in failures}),
        lost=0,
        twice=0,
        failures=tuple(failures),
        counted="hops",
    )


async def _hold(
    watched: Watching, screen: Screen, hold: Callable[[], None], let_go: Callable[[], None], ready: str | None
) -> tuple[float, list[str]]:
    """How long it took until everybody knew, and who did not in time."""
    before, began = len(watched.calls), monotonic()
    wanted = {"the operator was not called", "no screen said so"}
    wanted |= {"/readyz went on to say that all is well"} if ready is not None else set()
    hold()
    try:
        while wanted and monotonic() - began < WITHIN_S:
            if any(one["occasion"] == "broken" for one in watched.calls[before:]):
                wanted.discard("the operator was not called")
            if screen.warns:
                wanted.discard("no screen said so")
            if ready is not None and not await _is_ready(ready):
                wanted.discard("/readyz went on to say that all is well")
            await asyncio.sleep(0.5)
        return monotonic() - began, sorted(wanted)
    finally:
        let_go()


async def _is_ready(url: str) -> bool:
    """True as long as it says so; not answering at all is not what is asked for, and counts as nothing said."""
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session, session.get(url) as answer:
            found: Mapping[str, Any] = json.loads(await answer.text())
            return bool(found["ready"])
    return True


async def _until(condition: Callable[[], bool], within_s: float, what: str) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110  # proofs come from processes that tell nobody
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:.0f} s: {what}") from None


async def _employ(url: str) -> None:
    """A nurse who can sign in."""
    records = SqlRecords.open(url)
    organisation, team = uuid4(), uuid4()
    async with records.begin() as unit:
        await unit.care.add_organisation(Organisation(organisation, "Test Region"))
        await unit.care.add_team(Team(team, organisation, "Night team", "Europe/Stockholm", "112"))
        hashed = await hash_password(_PASSWORD)
        await unit.people.add_user(User(uuid4(), "nurse", hashed, Role.CARE, "E.S.", "Nurse", organisation, team))
    await records.close()


@asynccontextmanager
async def _screen(site: BackendProcess) -> AsyncIterator[Screen]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(f"{site.url}/login") as door:
            found = re.search(r'name="csrf" value="([^"]+)"', await door.text())
        assert found is not None
        form = {"login": "nurse", "password": _PASSWORD, "next": "", "csrf": found.group(1)}
        async with session.post(f"{site.url}/login", data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            cookie = answer.cookies[COOKIE].value
    screen = Screen(site.url, cookie)
    listening = asyncio.create_task(screen.listen())
    try:
        yield screen
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def _send(backend: BackendProcess, how: signal.Signals) -> Callable[[], None]:
    return lambda: backend.process.send_signal(how)
