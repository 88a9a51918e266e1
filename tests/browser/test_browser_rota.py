"""The rota changed by keyboard: shown, wrong, kept, taken back; and dialogs that the server opened."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.ward_on_call import rota

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


async def _sound(page: Page) -> None:
    """Nothing that axe finds, and nothing that scrolls sideways on a narrow phone."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert [one["id"] for one in found.response["violations"]] == []
    size = page.viewport_size
    assert size is not None
    await page.set_viewport_size({"width": 320, "height": 700})
    assert await page.evaluate(_FITS)
    await page.set_viewport_size(size)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_rota_is_shown_corrected_kept_and_taken_back(site: Site, scheme: str) -> None:
    await rota(site.ward)
    page = await site.visit("nurse", color_scheme=scheme)
    await page.goto(f"{site.url}/on-call/rota")
    await page.fill("#p0-t0-at", "a quarter past")
    await page.fill("#reason", "earlier in the morning")
    await page.keyboard.press("Enter")  # shows, and removes nothing, though the first buttons of the form remove turns
    await expect(page.locator("#problem")).to_be_focused()
    await expect(page.locator("#p0-t0-at")).to_have_attribute("aria-invalid", "true")
    await _sound(page)
    await page.get_by_role("link", name="is not a time").click()
    await expect(page.locator("#p0-t0-at")).to_be_focused()
    await page.fill("#p0-t0-at", "7:30")
    await page.get_by_role("button", name="Show who is on duty").last.click()
    await expect(page.locator("h1")).to_contain_text("Nobody is on call for ")
    await expect(page.locator(".empty-row").first).to_contain_text("Nobody")
    await _sound(page)
    await page.get_by_role("button", name="Save the rota").click()
    await page.wait_for_url("**/on-call?kept=3")
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("Version 3 of the rota holds")
    await toast.get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("Taken back.")
    async with site.ward.records.read() as unit:
        versions = await unit.rotas.versions(site.ward.team)
    assert versions[3].content == versions[1].content


async def test_a_button_that_adds_a_part_opens_the_page_there(site: Site) -> None:
    await rota(site.ward)
    page = await site.visit("nurse")
    await page.goto(f"{site.url}/on-call/rota")
    await page.get_by_role("button", name="Add a step").click()
    await expect(page.locator("#s2-who")).to_be_attached()
    await expect(page.locator("#steps")).to_be_focused()
    await expect(page.locator("#steps")).to_be_in_viewport()


@pytest.mark.parametrize("dialog", ["resolve", "snooze", "assign"])
async def test_a_dialog_that_the_server_opened_is_modal_and_fits(site: Site, dialog: str) -> None:
    page = await site.visit("nurse")
    await page.goto(f"{site.url}/alerts/{await site.ward.alert_of('Astrid')}?{dialog}")
    box = page.locator(f"dialog#{dialog}")
    await expect(box).to_be_in_viewport()
    assert await box.evaluate("one => one.matches(':modal')")
    await expect(box.locator("input[type=radio]").first).to_be_focused()
    await _sound(page)
    await page.keyboard.press("Escape")
    await expect(box).to_be_hidden()
