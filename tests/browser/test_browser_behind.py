"""Two answers cross: a row may never stay with the older one."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Held:
    """The first request of a route is answered by the server at once, and told to the page when the test says so."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.go = asyncio.Event()
        self._first = True

    async def __call__(self, route: Route) -> None:
        if not self._first:
            await route.continue_()
            return
        self._first = False
        answer = await route.fetch()
        self.answered.set()
        await self.go.wait()
        await route.fulfill(response=answer)


async def _open(site: Site) -> Page:
    """The list, after it has asked once for what happened while it was being made."""
    page = await site.visit("nurse")
    async with page.expect_response(lambda answer: f"/rows/{site.ward.patient_id('Astrid')}" in answer.url):
        await page.goto(f"{site.url}/worklist")
    await expect(page.locator("#live .word")).to_have_text("Live")
    return page


async def test_what_happens_while_a_row_is_fetched_is_fetched_too(site: Site) -> None:
    page, held = await _open(site), Held()
    number, astrid = await site.ward.alert_of("Astrid"), site.ward.patient_id("Astrid")
    second = site.ward.users["second"]
    await page.route(f"**/worklist/rows/{astrid}*", held)
    await site.ward.actions.acknowledge(number, second)
    await held.answered.wait()
    async with page.expect_response("**/worklist/summary*"):  # the event has reached the page, and the row with it
        await site.ward.actions.unassign(number, second)
        await site.ward.actions.acknowledge(number, site.ward.users["doctor"])
    held.go.set()
    await expect(page.locator(f"#p-{astrid} .owner b")).to_have_text("M.R., since 03:12")


async def test_the_event_of_an_act_does_not_take_its_undo_away(site: Site) -> None:
    page = await _open(site)
    row = page.locator(f"#p-{site.ward.patient_id('Astrid')}")
    async with page.expect_response(lambda answer: "/worklist/rows/" in answer.url):
        await row.get_by_role("button", name="Acknowledge Astrid").click()
    await expect(row.get_by_role("button", name="Undo")).to_be_visible()
    await row.get_by_role("button", name="Undo").click()
    await expect(row.locator(".owner b")).to_have_text("Nobody yet")


async def test_a_refused_act_asks_again_how_things_are(site: Site) -> None:
    page = await _open(site)
    row = page.locator(f"#p-{site.ward.patient_id('Astrid')}")

    async def refuse(route: Route) -> None:
        await site.ward.actions.acknowledge(await site.ward.alert_of("Astrid"), site.ward.users["second"])
        await route.fulfill(status=500)

    await page.route("**/acknowledge?row", refuse)
    await row.get_by_role("button", name="Acknowledge Astrid").click()
    await expect(page.locator("#failed")).to_be_visible()
    await expect(row.locator(".owner b")).to_have_text("K.L., since 03:12")
    site.complaints.clear()  # the browser tells of the refusal, as it should
