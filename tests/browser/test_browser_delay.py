"""Every view says that data is delayed, as it opens and while it is open, and that it stands still when nothing comes
from the site any more."""

from datetime import datetime, timedelta

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from hearthline_backend.events import Event
from tests.browser.conftest import Site
from tests.browser.ward import MOMENT

pytestmark = pytest.mark.asyncio(loop_scope="session")

SINCE = MOMENT - timedelta(minutes=40)


async def _live(page: Page) -> None:
    await expect(page.locator("#live .word")).not_to_have_text("Connecting")


def delay(site: Site, since: datetime | None) -> None:
    """What the service knows from now on, and tells every stream."""
    site.ward.delayed_since = since
    site.ward.events.publish(Event("store", site.ward.clock.now))


async def test_every_view_says_it_as_it_opens_and_has_room_for_what_comes_later(site: Site) -> None:
    pages: dict[str, Page] = {}
    for name, (who, path) in (await site.views()).items():
        if who is None:
            continue
        if who not in pages:
            pages[who] = await site.visit(who)
        for since, shown in ((None, False), (SINCE, True)):
            site.ward.delayed_since = since
            answer = await pages[who].request.get(site.url + path)
            if not answer.ok:
                break  # where there is nothing to see
            text = await answer.text()
            assert ("Data is delayed since 02:32." in text, 'id="delayed"' in text) == (shown, True), name
            assert ('id="live"' in text) == ('id="stopped"' in text), name


@pytest.mark.parametrize(("who", "path"), [("nurse", "/worklist"), ("technician", "/homes"), ("patient", "/my-data")])
async def test_an_open_view_says_it_and_takes_it_back(site: Site, who: str, path: str) -> None:
    page = await site.visit(who)
    await page.goto(site.url + path)
    await _live(page)
    for _ in range(2):
        await expect(page.locator("#delayed")).to_be_hidden()
        delay(site, SINCE)
        await expect(page.locator("#delayed")).to_contain_text("Data is delayed since 02:32.")
        await expect(page.locator("#delayed")).to_contain_text("is kept there")
        delay(site, None)
    await expect(page.locator("#delayed")).to_be_hidden()


async def test_the_banner_is_readable_for_everybody(site: Site) -> None:
    site.ward.delayed_since = SINCE
    for scheme, width in (("light", 1440), ("dark", 360)):
        page = await site.visit("nurse", color_scheme=scheme, viewport={"width": width, "height": 900})
        await page.goto(f"{site.url}/indicators")
        found = await Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.response["violations"] == []


@pytest.mark.parametrize("view", ["alert", "home", "my data"])
async def test_other_views_say_as_well_that_they_stand_still(
    site: Site, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    monkeypatch.setattr("hearthline_backend.web.routes.live.HEARTBEAT_S", 3600.0)  # the site is held: it says nothing
    who, path = (await site.views())[view]
    page = await site.visit(who)
    await page.clock.install()
    await page.goto(site.url + path)
    await _live(page)
    await page.route("**/live", lambda route: route.abort())
    await page.clock.run_for(60_000)
    await expect(page.locator("#stopped")).to_be_hidden()
    await page.clock.run_for(40_000)
    await expect(page.locator("#stopped")).to_contain_text("Live data stopped at")
