"""Whose reading, corrections and quarantine in a real browser: buttons, undo, keyboard, live, every theme and size."""

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_browser_views import _WIDE, SIZES, _found
from tests.browser.ward import MOMENT, reading
from tests.browser.ward_inbox import GUEST_WEIGHT, SHARED, SHARED_WEIGHT, fill_inbox, fill_quarantine, send

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _inbox(site: Site, login: str = "nurse", **context: Any) -> Page:
    if "engineer" not in site.ward.users:
        await fill_inbox(site.ward)
    page = await site.visit(login, **context)
    await page.goto(f"{site.url}/whose")
    await expect(page.locator("#live .word")).to_have_text("Live")
    return page


def _is(site: Site, name: str) -> str:
    return f"#is-{SHARED_WEIGHT.id}-{site.ward.patient_id(name)}"


async def test_one_press_says_whose_it_is_and_the_toast_takes_it_back(site: Site) -> None:
    page = await _inbox(site)
    row = page.locator(f"#w-{SHARED_WEIGHT.id}")
    await expect(page.locator("nav .waits b")).to_have_text("3")
    await expect(page.locator(_is(site, "Astrid"))).to_have_class("btn main")
    await page.click(_is(site, "Astrid"))
    await expect(row).to_contain_text("Astrid D.’s. You said so")
    await expect(row.get_by_role("button")).to_be_focused()
    await expect(page.locator("h1")).to_have_text("2 readings wait: whose are they?")
    await expect(page.locator("nav .waits b")).to_have_text("2")
    assert await site.ward.readings.get(SHARED_WEIGHT.id) is not None
    await page.click("#toast-undo")
    await expect(page.locator(".toast")).to_contain_text("It waits again")
    await expect(row).to_contain_text("Near the usual weight of Astrid.")
    await expect(page.locator("nav .waits b")).to_have_text("3")


async def test_what_a_colleague_says_shows_at_once_and_nothing_moves(site: Site) -> None:
    page, second = await _inbox(site), await _inbox(site, "second")
    await page.click(f"#guest-{GUEST_WEIGHT.id}")
    await expect(page.locator(".toast")).to_contain_text("kept apart")
    await expect(second.locator(f"#w-{GUEST_WEIGHT.id}")).to_contain_text("A guest’s. E.S. said so")
    await expect(second.locator(".asking")).to_have_count(3)
    await second.locator(f"#w-{GUEST_WEIGHT.id}").get_by_role("button", name="Take it back").click()
    await expect(page.locator(f"#w-{GUEST_WEIGHT.id}")).to_contain_text("Near nobody’s usual weight.")


async def test_a_new_question_waits_behind_one_line(site: Site) -> None:
    page = await _inbox(site)
    await send(site.ward, reading("body_weight", MOMENT, weight=64.2, sensor=SHARED))
    await expect(page.locator(".fresh")).to_contain_text("1 new reading waits.")
    await expect(page.locator(".asking")).to_have_count(3)
    await expect(page.locator("nav .waits b")).to_have_text("4")
    await page.click(".fresh")
    await expect(page.locator(".asking")).to_have_count(4)


async def test_the_keyboard_alone_is_enough(site: Site) -> None:
    page = await _inbox(site)
    await page.keyboard.press("j")
    await expect(page.locator(_is(site, "Astrid"))).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator(_is(site, "Ingrid"))).to_be_focused()
    await page.keyboard.press("Enter")
    row = page.locator(f"#w-{SHARED_WEIGHT.id}")
    await expect(row).to_contain_text("Ingrid D.’s. You said so")
    await expect(row.get_by_role("button")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("They share this meter")


async def test_an_answer_that_cannot_be_sent_says_so_and_changes_nothing(site: Site) -> None:
    page = await _inbox(site)
    await page.context.route("**/claim", lambda route: route.abort())
    await page.click(_is(site, "Astrid"))
    await expect(page.locator("#failed")).to_contain_text("nothing was changed")
    await expect(page.locator(_is(site, "Astrid"))).to_be_enabled()
    assert await site.ward.readings.get(SHARED_WEIGHT.id) is None
    site.complaints.clear()


async def test_a_mistake_is_marked_in_the_chart_s_table_and_undone(site: Site) -> None:
    page = await _inbox(site)
    astrid = site.ward.patient_id("Astrid")
    await page.goto(f"{site.url}/patients/{astrid}")
    card = page.locator("section", has=page.locator("#h-body_weight"))
    await card.locator("summary").click()
    await card.locator("tbody a").first.click()
    await page.get_by_label("Why, the patient can read it").fill("Shoes and coat on")
    await page.get_by_role("button", name="Entered in error").click()
    await expect(page.locator("h1")).to_have_text("Weight, entered in error")
    await expect(page.locator(".timeline")).to_contain_text("Shoes and coat on")
    await page.click("#toast-undo")
    await expect(page.locator("h1")).to_have_text("Weight")
    await expect(page.locator(".timeline li")).to_have_count(2)


async def test_quarantine_is_filtered_opened_and_let_go_by_keyboard(site: Site) -> None:
    await _inbox(site)
    await fill_quarantine(site.ward, 60)
    page = await site.visit("technician")
    await page.goto(f"{site.url}/quarantine")
    await expect(page.locator("tbody tr")).to_have_count(50)
    await page.get_by_role("link", name="Older").click()
    await expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    await page.get_by_role("link", name="Held for later").click()
    await page.get_by_label("Reason").select_option("unknown_sensor")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.locator("tbody a").click()
    await page.locator("[data-dialog=discard]").press("Enter")
    field = page.get_by_label("Why nobody needs it")
    await expect(field).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-dialog=discard]")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.type("a neighbour has it")
    await page.get_by_role("button", name="Let it go", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("Let go.")
    await expect(page.locator("main")).to_contain_text("discarded by J.T.: a neighbour has it")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(site: Site, scheme: str) -> None:
    nurse = await _inbox(site, color_scheme=scheme)
    await fill_quarantine(site.ward)
    ward, astrid = site.ward, site.ward.patient_id("Astrid")
    row = await _row(site, "not_assigned")
    technician = await site.visit("technician", color_scheme=scheme)
    engineer = await site.visit("engineer", color_scheme=scheme)
    patient = await site.visit("patient", color_scheme=scheme)
    found = await _looked_at(nurse, "asked")
    await nurse.click(_is(site, "Astrid"))
    await expect(nurse.locator(f"#w-{SHARED_WEIGHT.id}")).to_contain_text("You said so")
    one_size = (1440,) if scheme == "light" else (360,)
    found |= await _looked_at(nurse, "said", one_size)
    address = f"/patients/{astrid}/readings/{SHARED_WEIGHT.id}"
    found |= await _opened(site, nurse, address, one_size)
    await ward.corrections.enter_in_error(SHARED_WEIGHT.id, ward.users["second"], "Shoes and coat on")
    for page, path, sizes in (
        (nurse, f"{address}?done=error", SIZES),
        (nurse, f"/patients/{astrid}/table?kind=body_weight&range=7d", one_size),
        (technician, "/quarantine", SIZES),
        (technician, "/quarantine?status=released&reason=guest", one_size),
        (technician, f"/quarantine/{row}?discard", SIZES),
        (engineer, f"/quarantine/{row}/payload", one_size),
        (patient, "/my-data?corrected", one_size),
    ):
        found |= await _opened(site, page, path, sizes)
    assert found == {}


async def test_nothing_waits_and_nothing_was_refused_are_said_too(site: Site) -> None:
    nurse, technician = (
        await site.visit("nurse"),
        await site.visit("technician", viewport={"width": 360, "height": 800}),
    )
    found = await _opened(site, nurse, "/whose")
    await expect(nurse.locator("main")).to_contain_text("Every reading is somebody’s")
    await expect(nurse.locator("nav .waits")).to_have_text("")
    found |= await _opened(site, technician, "/quarantine")
    await expect(technician.locator("h1")).to_have_text("Nothing waits, and nothing was refused")
    assert found == {}


async def _row(site: Site, reason: str) -> int:
    async with site.ward.records.read() as unit:
        return (await unit.quarantine.listed(reason=reason))[0].id


async def _opened(site: Site, page: Page, path: str, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    await page.goto(site.url + path)
    await expect(page.locator("figure[data-series]:not([data-drawn])")).to_have_count(0)
    return await _looked_at(page, path, sizes)


async def _looked_at(page: Page, name: str, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for width in sizes:
        await page.set_viewport_size({"width": width, "height": 900})
        violations, wide = await _found(page), await page.evaluate(_WIDE)
        if violations or wide:
            found[f"{name} {width}"] = violations or wide
    return found
