"""One Chromium for all browser tests, a context for each, and a filled ward behind a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from hearthline_backend.alerting.links import AlertLinks
from tests.browser.ward import PASSWORD, Ward, pressure
from tests.browser.ward_filling import open_ward
from tests.browser.ward_on_call import home_alert, of_astrid, rota, silence
from tests.fixtures.real_parts import require_program

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LINKS: Final = AlertLinks(b"the key of the links in a ward's mails")
expect.set_options(timeout=15_000)  # a busy machine draws late; what never comes fails all the same
_WATCH: Final = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(event.violatedDirective + " " + event.blockedURI);
});
"""


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    program = require_program("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *more])
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The one browser."""
    async with chromium() as opened:
        yield opened


@dataclass
class Site:
    """A ward, its address, and what its pages complained about."""

    ward: Ward
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def visit(self, login: str | None, **context: Any) -> Page:
        """A page of somebody who has signed in; ``context`` as Playwright's, such as ``color_scheme``."""
        return await self.visit_with(self.browser, login, **context)

    async def visit_with(self, browser: Browser, login: str | None, **context: Any) -> Page:
        """The same in another browser."""
        opened = await browser.new_context(
            **({"locale": "en-GB", "viewport": {"width": 1440, "height": 900}} | context)
        )
        self.contexts.append(opened)
        await opened.add_init_script(_WATCH)
        page = await opened.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error {error}"))
        if login is not None:
            await page.goto(f"{self.url}/login")
            await page.fill("#login", login)
            await page.fill("#password", PASSWORD)
            await page.keyboard.press("Enter")
            await page.wait_for_url(lambda url: "/login" not in url)
        return page

    async def snoozed(self) -> int:
        """The number of an alert that is snoozed."""
        number = await self.ward.alert_of("Ingrid")
        until = self.ward.clock.now + timedelta(hours=30)
        await self.ward.actions.snooze(number, self.ward.users["second"], until, "Seen on Monday.")
        return number

    async def confirmed(self) -> str:
        """Where a report is that somebody has read."""
        now = self.ward.clock.now
        high = [pressure(now - timedelta(minutes=40 - 15 * number), 156, 92) for number in range(3)]
        await self.ward.arrive("Maja", *high)
        path, who = await self.ward.report_of("Maja"), self.ward.users["second"]
        number = int(path.rpartition("/")[2])
        await self.ward.context().confirmations.confirm(self.ward.patient_id("Maja"), number, who, "Called.")
        return path

    def _console(self, message: Any) -> None:
        # What the browser says of an answer with an error status, or of a test that reads a canvas, is not the page's.
        ours = not any(words in message.text for words in ("Failed to load resource", "getImageData"))
        if message.type in ("error", "warning") and ours:
            self.complaints.append(f"{message.type} {message.text}")

    async def views(self) -> dict[str, tuple[str | None, str]]:
        """Every view with who opens it and where."""
        astrid, number = self.ward.patient_id("Astrid"), await self.ward.alert_of("Astrid")
        await rota(self.ward)
        await of_astrid(self.ward)
        return {
            "worklist": ("nurse", "/worklist"),
            "nothing of mine": ("nurse", "/worklist?show=mine"),
            "patient": ("nurse", f"/patients/{astrid}"),
            "patient without readings": ("nurse", f"/patients/{self.ward.patient_id('Wilma')}"),
            "on pause": ("nurse", f"/patients/{self.ward.patient_id('Vera')}"),
            "pause": ("nurse", f"/patients/{self.ward.patient_id('Vera')}/pause"),
            "plan": ("nurse", f"/patients/{astrid}/plan"),
            "alert": ("nurse", f"/alerts/{number}"),
            "resolving": ("nurse", f"/alerts/{number}?resolve"),
            "snoozing": ("nurse", f"/alerts/{number}?snooze"),
            "assigning": ("nurse", f"/alerts/{number}?assign"),
            "choosing several": ("nurse", "/worklist?choose"),
            "report": ("nurse", await self.ward.report_of("Ingrid")),
            "report confirmed": ("nurse", await self.confirmed()),
            "a report's link": (None, LINKS.reports.path(await self.ward.report_number("Ingrid"))),
            "snoozed alert": ("nurse", f"/alerts/{await self.snoozed()}"),
            "snoozed patient": ("nurse", f"/patients/{self.ward.patient_id('Ingrid')}"),
            "a link": (None, f"{LINKS.path(number)}"),
            "a link, signed in": ("nurse", LINKS.path(number)),
            "account": ("nurse", "/account"),
            "on call": ("nurse", "/on-call"),
            "rota": ("nurse", "/on-call/rota"),
            "stand-in": ("nurse", "/on-call/away"),
            "holiday": ("nurse", "/on-call/holiday"),
            "history of the rota": ("nurse", "/on-call/history"),
            "whose": ("nurse", "/whose"),
            "alert of silence": ("nurse", f"/alerts/{await silence(self.ward)}"),
            "indicators": ("nurse", "/indicators"),
            "not there": ("nurse", "/nothing"),
            "homes": ("technician", "/homes"),
            "home": ("technician", "/homes/0417"),
            "home with an alert": ("technician", f"/homes/{await home_alert(self.ward)}"),
            "quarantine": ("technician", "/quarantine"),
            "new home": ("technician", "/homes/0640"),
            "not for the role": ("technician", "/worklist"),
            "my data": ("patient", "/my-data"),
            "table": ("patient", f"/patients/{astrid}/table?kind=blood_pressure&range=90d"),
            "login": (None, "/login"),
        }


@pytest_asyncio.fixture(loop_scope="session")
async def site(browser: Browser, tmp_path: Path) -> AsyncIterator[Site]:
    """A site of one's own. At the end nothing may have complained, nor broken the content policy."""
    async with open_ward(tmp_path) as ward:
        runner = web.AppRunner(ward.site(links=LINKS), access_log=None, shutdown_timeout=1)
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        host, port = runner.addresses[0][:2]
        opened = Site(ward, f"http://{host}:{port}", browser)
        yield opened
        violations = [
            violation
            for context in opened.contexts
            for page in context.pages
            for violation in await page.evaluate("window.violations")
        ]
        for context in opened.contexts:
            await context.close()
        await runner.cleanup()
        assert opened.complaints == []
        assert violations == []
