"""A plan in a real browser: tried, saved, undone, by keyboard alone, followed for the whole team; themes and sizes."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Page, expect

from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, ThresholdRule
from tests.browser.conftest import Site
from tests.browser.test_browser_views import _WIDE, SIZES, _found

pytestmark = pytest.mark.asyncio(loop_scope="session")

HIGH = "hypertension.pressure_high"
TRY = "See what this would have done"


async def _plan(site: Site, login: str = "doctor", **context: Any) -> Page:
    page = await site.visit(login, **context)
    await page.goto(f"{site.url}/patients/{site.ward.patient_id('Astrid')}")
    await page.get_by_role("link", name="Change the plan").click()
    await expect(page.locator("h1")).to_have_text("Astrid’s plan, version 2 since 18 Nov")
    return page


def _limit(page: Page, level: str) -> Any:
    return page.get_by_role("group", name="Blood pressure, too high").get_by_label(f"{level} limit, systolic")


async def _saved(site: Site) -> Plan:
    async with site.ward.records.read() as unit:
        return (await unit.care.plan_history(site.ward.patient_id("Astrid")))[-1]


def _red(plan: Plan) -> float:
    rule = plan.rule(HIGH)
    assert isinstance(rule, ThresholdRule)
    return next(one.value for one in rule.limits(Level.RED) if one.field == "systolic")


async def test_enter_in_a_field_tries_and_never_saves(site: Site) -> None:
    page = await _plan(site)
    await _limit(page, "Yellow").fill("140")
    await _limit(page, "Red").fill("160")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text("in the last 90 days; as the plan is now, 3 times.")
    await expect(_limit(page, "Red")).to_have_value("160")
    assert (await _saved(site)).version == 2


async def test_the_preview_is_on_the_chart_and_in_a_table(site: Site) -> None:
    page = await _plan(site)
    await _limit(page, "Red").fill("175")
    await page.get_by_role("button", name=TRY).press("Enter")
    chart = page.locator("figure.tried")
    name = re.compile(r"Blood pressure\. \d+ readings\. As now: 3 times\. With the change: 3 times\.")
    await expect(chart.locator("svg.chart")).to_have_attribute("aria-label", name)
    await expect(chart).to_contain_text("new red limit 175 mmHg")
    await expect(chart.locator("svg.lane").first.locator("svg.red")).to_have_count(3)
    await page.get_by_text("Show every time as a table").click()
    await expect(page.locator("#seen details tbody tr")).to_have_count(6)


async def test_a_change_is_saved_and_undone_by_keyboard_alone(site: Site) -> None:
    page = await _plan(site)
    await _limit(page, "Red").focus()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("170")
    await page.get_by_label("Why the plan is changed").focus()
    await page.keyboard.type("Dizzy at 170.")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name=TRY)).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Save as version 3")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Saved. Version 3 holds from now on.")
    assert _red(await _saved(site)) == 170
    await page.locator("#toast-undo").press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Taken back. Version 4 is as it was before.")
    assert _red(await _saved(site)) == 180
    await expect(page.locator("section", has=page.locator("#h-versions"))).to_contain_text("Dizzy at 170.")


async def test_what_is_wrong_takes_the_focus_and_leads_to_its_field(site: Site) -> None:
    page = await _plan(site)
    await _limit(page, "Red").fill("18")
    await page.get_by_role("button", name="Save as version 3").click()
    await expect(page.locator("#problem")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    field = _limit(page, "Red")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("18")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(
        "mmHg, 151 to 330. Usual here: 180; empty goes back to it. 18 mmHg is not possible here. Enter 151 to 330."
    )
    assert (await _saved(site)).version == 2


async def test_the_whole_team_is_followed_to_its_end(site: Site) -> None:
    page = await _plan(site)
    await _limit(page, "Yellow").fill("140")
    await page.get_by_role("button", name=TRY).click()
    await page.get_by_role("button", name="See it for all patients of the team with these rules").click()
    ward = page.locator("#ward")
    await expect(ward).to_contain_text("patients looked at.")
    await expect(ward).to_contain_text("It would have fired")
    await expect(ward.get_by_role("button")).to_have_count(0)
    await expect(_limit(page, "Yellow")).to_have_value("140")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_a_plan(site: Site, scheme: str) -> None:
    page = await _plan(site, color_scheme=scheme)
    one_size = SIZES[:1] if scheme == "light" else SIZES[1:]
    found = await _seen(page, "plan", one_size)
    await page.get_by_label("Heart failure").check()
    await _limit(page, "Red").fill("160")
    await page.get_by_role("button", name=TRY).click()
    await expect(page.locator("#seen")).to_be_visible()
    await page.get_by_text("Show every time as a table").click()
    found |= await _seen(page, "preview")
    await page.get_by_role("button", name="See it for all patients of the team with these rules").click()
    await expect(page.locator("#ward")).to_contain_text("Nothing is saved yet.")
    await page.get_by_role("button", name="Save as version 3").click()
    await expect(page.locator("#problem")).to_be_focused()
    found |= await _seen(page, "wrong", one_size)
    await page.get_by_label("Why the plan is changed").fill("New diagnosis.")
    await page.get_by_role("button", name="Save as version 3").click()
    await expect(page.locator(".toast")).to_contain_text("Version 3")
    found |= await _seen(page, "saved", one_size)
    assert found == {}


async def _seen(page: Page, name: str, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for width in sizes:
        await page.set_viewport_size({"width": width, "height": 900})
        violations, wide = await _found(page), await page.evaluate(_WIDE)
        if violations or wide:
            found[f"{name} {width}"] = violations or wide
    return found
