"""By keyboard alone, live, and when things stop: what a nurse does at night."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.ward import PASSWORD, pressure

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _live(page: Page) -> None:
    await expect(page.locator("#live .word")).to_have_text("Live")


async def test_the_night_by_keyboard_alone(site: Site) -> None:
    page = await site.visit(None)
    await page.goto(f"{site.url}/login")
    await page.keyboard.type("nurse")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/worklist")
    await _live(page)
    astrid, bengt = site.ward.patient_id("Astrid"), site.ward.patient_id("Bengt")

    await page.keyboard.press("j")
    await expect(page.locator(f"#open-{astrid}")).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.locator(f"#open-{bengt}")).to_be_focused()
    await page.keyboard.press("k")
    await page.keyboard.press("a")
    await expect(page.locator(f"#p-{astrid} .owner b")).to_have_text("You, since 03:12")
    await expect(page.locator(f"#open-{astrid}")).to_be_focused()
    await expect(page.locator(".toast")).to_contain_text("Acknowledged. You have Astrid")
    await expect(page.locator("#headline h1")).to_have_text("2 red alerts, somebody has each")
    assert await page.title() == "Worklist – Hearthline"

    await page.keyboard.press("Enter")
    await page.wait_for_url("**/alerts/*")
    await page.keyboard.press("r")
    await expect(page.locator("dialog#resolve")).to_be_visible()
    await expect(page.locator("dialog#resolve input[type=radio]").first).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog#resolve")).to_be_hidden()
    await page.keyboard.press("r")
    await expect(page.locator("dialog#resolve input[type=radio]").first).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.locator("dialog#resolve input[type=radio]").first).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.type("Second reading in range.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#bar")).to_contain_text("You resolved it")
    await page.keyboard.press("g")
    await page.keyboard.press("w")
    await page.wait_for_url("**/worklist")
    await page.keyboard.press("/")
    await expect(page.locator("#find")).to_be_focused()
    await page.keyboard.type("olav")
    await expect(page.locator("[data-row]")).to_have_count(1)
    assert "olav" not in page.url.lower()


async def test_undo_gives_it_back(site: Site) -> None:
    page = await site.visit("nurse")
    await _live(page)
    row = page.locator(f"#p-{site.ward.patient_id('Astrid')}")
    await row.get_by_role("button", name="Acknowledge Astrid").click()
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(row.locator(".owner b")).to_have_text("Nobody yet")


async def test_keys_help_and_switching_single_keys_off(site: Site) -> None:
    page = await site.visit("nurse")
    await page.keyboard.press("?")
    await expect(page.locator("dialog#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.goto(f"{site.url}/account")
    await page.get_by_label("Single keys work").uncheck()
    await page.get_by_role("button", name="Save").click()
    await page.goto(f"{site.url}/worklist")
    await page.keyboard.press("j")
    await expect(page.locator("[data-row] :focus")).to_have_count(0)


async def test_a_row_changes_without_a_reload_and_nothing_moves(site: Site) -> None:
    page = await site.visit("nurse")
    await _live(page)
    await page.evaluate("window.same = true")
    second = site.ward.users["second"]
    row = page.locator(f"#p-{site.ward.patient_id('Astrid')}")
    before = await row.bounding_box()
    await site.ward.actions.acknowledge(await site.ward.alert_of("Astrid"), second)
    await expect(row.locator(".owner b")).to_have_text("K.L., since 03:12")
    await expect(page.locator("#headline h1")).to_have_text("2 red alerts, somebody has each")
    after = await row.bounding_box()
    assert before is not None
    assert after is not None
    assert before["y"] == after["y"]
    assert await page.evaluate("window.same")


async def test_new_rows_wait_behind_a_line(site: Site) -> None:
    page = await site.visit("nurse")
    await _live(page)
    await site.ward.arrive("Maja", pressure(site.ward.clock.now, 191, 101))
    line = page.locator("#fresh a")
    await expect(line).to_contain_text("1 new since 03:12: red, Maja, blood pressure.")
    await expect(page).to_have_title("(2) Worklist – Hearthline")
    await expect(page.locator("#g-red [data-row]")).to_have_count(2)
    await expect(page.locator("#said")).to_have_text("1 new, the worst is red.")
    await page.keyboard.press("n")
    await expect(page.locator("#g-red [data-row]")).to_have_count(3)
    await expect(page.locator("#fresh a")).to_have_count(0)


async def test_an_open_alert_shows_who_took_it(site: Site) -> None:
    page = await site.visit("nurse")
    number = await site.ward.alert_of("Astrid")
    await page.goto(f"{site.url}/alerts/{number}")
    await _live(page)
    await site.ward.actions.acknowledge(number, site.ward.users["second"])
    await expect(page.locator("#hero .mark")).to_have_text("Red, K.L.")
    await expect(page.locator("#told")).to_contain_text("K.L. acknowledged")
    await expect(page.locator("#bar")).to_contain_text("Somebody has it")


async def test_silence_is_said_after_90_seconds_and_taken_back_when_live_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hearthline_backend.web.routes.live.HEARTBEAT_S", 3600.0)  # a slow machine must not hear one
    page = await site.visit("nurse")
    await page.clock.install()
    await page.goto(f"{site.url}/worklist")
    await _live(page)
    await page.route("**/live", lambda route: route.abort())
    await page.clock.run_for(60_000)
    await expect(page.locator("#stopped")).to_be_hidden()
    await page.clock.run_for(40_000)
    await expect(page.locator("#stopped")).to_contain_text("Live data stopped at")
    await expect(page.locator("#stopped")).to_contain_text("Calls and mails still go out")
    await expect(page.locator("#live .word")).to_have_text("Not live")
    await site.ward.arrive("Maja", pressure(site.ward.clock.now, 191, 101))
    await expect(page.locator("#stopped")).to_be_hidden()
    await expect(page.locator("#again")).to_contain_text("Live again since")
    await expect(page.locator("#again")).to_contain_text("1 alert came meanwhile")


async def test_ages_go_on_counting(site: Site) -> None:
    page = await site.visit("nurse")
    await page.clock.install()
    await page.goto(f"{site.url}/worklist")
    await _live(page)
    age = page.locator(f"#p-{site.ward.patient_id('Astrid')} [data-age]")
    await expect(age).to_have_text("8\u00a0min\u00a0ago")
    await page.clock.run_for(91_000)
    await expect(age).to_have_text("9\u00a0min\u00a0ago")


async def test_the_session_warns_stays_and_keeps_what_was_typed(site: Site) -> None:
    page = await site.visit("nurse")
    await page.clock.install()
    number = await site.ward.alert_of("Astrid")
    await page.goto(f"{site.url}/alerts/{number}?resolve")
    await page.fill("#note", "typed before the end")
    await page.keyboard.press("Escape")
    site.ward.clock.now += timedelta(minutes=28, seconds=30)
    await page.clock.fast_forward("28:30")
    await expect(page.locator("dialog#session")).to_be_visible()
    await page.get_by_role("button", name="Stay signed in").click()
    await expect(page.locator("dialog#session")).to_be_hidden()
    site.ward.clock.now += timedelta(minutes=31)
    await page.clock.fast_forward("31:00")
    await expect(page.locator("dialog#session h2")).to_have_text("You were signed out")
    await expect(page.locator("main")).to_be_hidden()
    other = await page.context.new_page()
    await other.goto(f"{site.url}/login")
    await other.fill("#login", "nurse")
    await other.fill("#password", PASSWORD)
    await other.keyboard.press("Enter")
    await other.wait_for_url("**/worklist")
    await other.close()
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await expect(page.locator("main")).to_be_visible()
    assert await page.input_value("#note") == "typed before the end"


async def test_snooze_assign_and_several_by_keyboard_and_click(site: Site) -> None:
    page = await site.visit("nurse")
    await _live(page)
    ingrid = site.ward.patient_id("Ingrid")
    await page.locator(f"#open-{ingrid}").focus()
    await page.keyboard.press("s")
    await page.wait_for_url("**/alerts/*#snooze")
    await expect(page.locator("dialog#snooze")).to_be_visible()
    await expect(page.locator("dialog#snooze input[type=radio]").first).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("s")
    await page.keyboard.press("Space")
    await page.locator("dialog#snooze").get_by_role("button", name="Snooze").click()
    await expect(page.locator("#hero .mark")).to_contain_text("Yellow, snoozed until")
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("Snoozed.")
    await toast.get_by_role("button", name="Undo").click()
    await expect(page.locator("#hero .mark")).to_have_text("Yellow, nobody yet")

    await page.locator("#bar").get_by_role("link", name="Assign").click()
    await page.locator("dialog#assign").get_by_label("Nurse K.L.").check()
    await page.locator("dialog#assign").get_by_role("button", name="Assign").click()
    await expect(page.locator("#hero .mark")).to_have_text("Yellow, K.L.")
    await expect(page.locator("#told")).to_contain_text("You gave it to K.L.")

    await page.goto(f"{site.url}/worklist?choose")
    await page.get_by_label("Choose Astrid").check()
    await page.get_by_role("button", name="Acknowledge the chosen").click()
    await expect(page.locator(".toast")).to_contain_text("1 alert acknowledged. You have it.")
    await expect(page.locator(f"#p-{site.ward.patient_id('Astrid')} .owner b")).to_have_text("You, since 03:12")
