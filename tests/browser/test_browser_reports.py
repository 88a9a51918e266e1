"""The extraordinary report in a real browser: confirmed with the keyboard, seen by everybody who has it open."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_one_button_confirms_takes_the_alert_and_changes_every_open_page(site: Site) -> None:
    path = await site.ward.report_of("Ingrid")
    second = await site.visit("second")
    await second.goto(site.url + path)
    await second.fill("#note", "half a sen")
    nurse = await site.visit("nurse")
    await nurse.goto(f"{site.url}/worklist")
    await nurse.locator(f"#report-{site.ward.patient_id('Ingrid')}").click()
    await expect(nurse.locator("h1")).to_have_text("Ingrid turned yellow: weight")
    await expect(nurse.locator("#hero")).to_contain_text("Not confirmed")
    await expect(second.locator("#live")).to_contain_text("Live")
    await nurse.fill("#note", "Called, swollen legs.")
    await nurse.focus("#do-main")
    await nurse.keyboard.press("Enter")
    await expect(nurse.locator("#hero")).to_contain_text("You have read it, 03:12")
    await expect(nurse.locator("#told")).to_contain_text("“Called, swollen legs.”")
    await expect(nurse.locator("#alerts")).to_contain_text("You have it")
    await expect(second.locator("#hero")).to_contain_text("E.S. has read it, 03:12")
    await expect(second.locator("#bar")).to_contain_text("To the worklist")
    await expect(second.locator("#note")).to_have_value("half a sen")
    await nurse.goto(f"{site.url}/worklist")
    row = nurse.locator(f"#p-{site.ward.patient_id('Ingrid')}")
    await expect(row).to_contain_text("You, since 03:12")
    await expect(row).not_to_contain_text("Report not confirmed")


async def test_confirming_without_a_script_and_printing_opens_the_tables(site: Site) -> None:
    path = await site.ward.report_of("Ingrid")
    page = await site.visit("nurse", java_script_enabled=False)
    await page.goto(site.url + path)
    await page.click("#do-confirm")
    await expect(page.locator("#hero")).to_contain_text("You have read it")
    await expect(page.locator("#alerts")).to_contain_text("Nobody has it yet")
    site.contexts.clear()  # without scripts it cannot be asked about violations
    scripted = await site.visit("nurse")
    await scripted.goto(site.url + path)
    await scripted.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    await expect(scripted.locator("details table").first).to_be_visible()
