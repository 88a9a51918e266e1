"""The technician's card for remote work, with a gateway that says what the test wants it to say."""

from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from hearthline_backend.events import Event
from hearthline_backend.remote.answers import keep_answers
from hearthline_protocol import topics
from hearthline_protocol.commands import Command, CommandReply, FoundMeter
from hearthline_protocol.configuration import MeterInForce, ReportedConfiguration
from tests.browser.conftest import Site
from tests.browser.test_browser_views import _WIDE, SIZES, _found

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEAR = FoundMeter(
    address="F0:F1:00:00:18:10", device="cuff", title="A&D UA-651BLE blood pressure monitor", model="and-ua-651ble",
    name="A&D_UA-651BLE_5A1B2C", signal_dbm=-48, pairing=True, steps=("Hold START until the display shows Pr.",),
)  # fmt: skip
FAR = FoundMeter(
    address="F0:F1:00:00:18:11", device="cuff", candidates=("generic-blood-pressure", "omron-x4-smart"),
    signal_dbm=-84, steps=("Hold its Bluetooth button.",),
)  # fmt: skip


class Home:
    """Home 0417 behind the site, as its gateway answers."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._number = 0

    @property
    def asked(self) -> list[Command]:
        bodies = [body for topic, body, _ in self.site.ward.uplink.published if topic == topics.commands("home-0417")]
        return [Command.model_validate_json(body) for body in bodies]

    async def says(self, to: UUID, state: str, message: str = "Listening.", **more: Any) -> None:
        ward, number = self.site.ward, self._number
        self._number += 1
        said = {"command": to, "number": number, "state": state, "message": message, "time": ward.clock(), **more}
        await self._keep(topics.command_replies("home-0417"), CommandReply.model_validate(said))

    async def reads(self, *addresses: str) -> None:
        meters = tuple(MeterInForce(address=one, model="and-ua-651ble", origin="backend") for one in addresses)
        await self._keep(topics.config_reported("home-0417"), ReportedConfiguration(revision=1, meters=meters))

    async def _keep(self, topic: str, content: CommandReply | ReportedConfiguration) -> None:
        ward = self.site.ward
        message = ward.uplink.put(topic, content.model_dump_json().encode())
        async with ward.records.begin() as unit:
            await keep_answers(unit, [("home-0417", message)], ward.clock())
        ward.events.publish(Event("gateway", ward.clock(), gateway="home-0417"))


async def _opened(site: Site, **context: Any) -> Page:
    page = await site.visit("technician", **context)
    await page.goto(f"{site.url}/homes/0417")
    await expect(page.locator("#live .word")).to_have_text("Live")
    return page


async def test_what_is_found_shows_at_once_nearest_first_and_pairing_does_not_wait_for_the_search(site: Site) -> None:
    home, page = Home(site), await _opened(site)
    await page.click("#do-scan")
    await expect(page.locator("#remote")).to_contain_text("The gateway is offline. It is done only if")
    search = home.asked[0].id
    await home.says(search, "running", progress=0.0)
    await expect(page.locator("#remote")).to_contain_text("it appears here by itself")
    await home.says(search, "running", progress=0.2, found=[FAR.model_dump()])
    await expect(page.locator(".found > li")).to_have_count(1)
    await page.locator("#steps-F0F100001811 summary").click()
    await page.get_by_label("Model").select_option("omron-x4-smart")
    await home.says(search, "running", progress=0.4, found=[NEAR.model_dump()])
    await expect(page.locator(".found > li b")).to_have_text([str(NEAR.title), "Cuff"])
    await expect(page.locator("#steps-F0F100001811 ol"), "what was opened stays open").to_be_visible()
    await expect(page.get_by_label("Model"), "what was chosen stays chosen").to_have_value("omron-x4-smart")
    await expect(page.locator("#pair-F0F100001810")).not_to_have_attribute("aria-disabled", "true")
    await page.click("#pair-F0F100001810")
    await expect(page.locator("#remote .timeline li")).to_have_count(2)
    pairing = home.asked[1]
    await home.says(
        search, "done", "2 health meters heard, nearest first.", found=[NEAR.model_dump(), FAR.model_dump()]
    )
    await home.says(pairing.id, "running", "The meter is there. Pairing; watch its display.", progress=0.5)
    await expect(page.get_by_role("progressbar", name="Pair")).to_have_attribute("value", "50")
    await home.says(pairing.id, "done", "It is paired. Measure once to prove it.")
    await home.reads(NEAR.address)
    await expect(page.locator(".found > li").first).to_contain_text("Belongs to this home")
    await expect(page.locator(".found > li").first.get_by_role("button")).to_have_count(0)


async def test_digits_half_typed_survive_every_update(site: Site) -> None:
    home, page = Home(site), await _opened(site)
    await page.click("#do-collect")
    await expect(page.locator("#remote .timeline li")).to_have_count(1)
    await page.evaluate(
        """(address) => htmx.ajax("POST", "/homes/0417/ask", {target: "#remote", swap: "innerHTML",
        values: {do: "pair", address, model: "beurer-bf720", csrf: document.querySelector("[name=csrf]").value}})""",
        NEAR.address,
    )
    await expect(page.locator("#remote .timeline li")).to_have_count(2)
    other, pairing = home.asked
    await home.says(pairing.id, "asks", "The meter shows six digits.", question={"kind": "enter_passkey"})
    digits = page.get_by_label("Digits on the meter")
    await expect(digits).to_be_focused()
    await expect(page.locator("#said")).to_have_text("The meter shows six digits.", timeout=25_000)
    await page.keyboard.type("042")
    for words in ("Still there.", "And now?", "Done with that."):
        await home.says(other.id, "running", words)
        await expect(page.locator("#remote")).to_contain_text(words)
        await expect(digits).to_have_value("042")
        await expect(digits).to_be_focused()
    site.ward.events.publish(Event("resync", site.ward.clock()))
    await page.keyboard.type("137")
    async with page.expect_response("**/homes/0417/answer"):
        await page.keyboard.press("Enter")
    assert [one.work.model_dump()["passkey"] for one in home.asked if one.work.do == "answer"] == [42137]


async def test_a_command_that_nobody_answers_ends_by_itself(site: Site) -> None:
    home, page = Home(site), await _opened(site)
    await page.click("#do-identify")
    await expect(page.locator("#remote")).to_contain_text("is done only if the gateway is back by")
    again = page.locator("#remote [hx-trigger^='load delay']")
    await expect(again).to_have_attribute("hx-trigger", "load delay:121s")
    site.ward.clock.now = home.asked[0].expires_time.replace(microsecond=999_999)
    site.ward.events.publish(Event("gateway", site.ward.clock(), gateway="home-0417"))
    await expect(page.locator("#remote")).to_contain_text("The gateway did not answer: it is offline.")
    await expect(again).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_a_search_with_a_question(site: Site, scheme: str) -> None:
    home, page = Home(site), await _opened(site, color_scheme=scheme)
    await page.click("#do-scan")
    await expect(page.locator("#remote .timeline li")).to_have_count(1)
    await home.says(home.asked[0].id, "done", found=[NEAR.model_dump(), FAR.model_dump()])
    await page.click("#pair-F0F100001810")
    await expect(page.locator("#remote .timeline li")).to_have_count(2)
    await home.says(home.asked[1].id, "asks", "The meter shows six digits.", question={"kind": "enter_passkey"})
    await expect(page.get_by_label("Digits on the meter")).to_be_visible()
    for summary in await page.locator("#remote summary, table summary").all():
        await summary.click()
    for width in SIZES:
        await page.set_viewport_size({"width": width, "height": 900})
        assert await _found(page) == []
        assert await page.evaluate(_WIDE) == ""
