"""A technician at a desk finds, pairs, reads and removes a home's meters from a browser, over everything real: site,
backend, broker, gateway and Bluetooth daemon; only the meters' radio is simulated."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.spec import MeterSpec
from tests.browser.conftest import chromium
from tests.fixtures.technician_page import LATE_MS, technician, until_online
from tests.fixtures.whole_service import WITHIN_S, WholeService, until, whole_service

CUFF: Final = MeterSpec("cuff", "blood_pressure", "F0:F1:00:00:18:10", advertised_name="A&D_UA-651BLE_5A1B2C")
SHOWS: Final = MeterSpec("shows", "blood_pressure", "F0:F1:00:00:18:11", passkey=42137)
FAR: Final = -84
PAIRED_WITHIN_S: Final = 60.0
"""What the issue asks for: found, paired and listed in under a minute."""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[WholeService]:
    async with whole_service(tmp_path, [CUFF, SHOWS]) as running:
        yield running


def work(page: Page, what: str) -> Locator:
    """The newest command of that name, as the page lists it."""
    return page.locator("#remote .timeline li").filter(has_text=what).first


async def done(page: Page, what: str, *, state: str = "Done") -> None:
    await expect(work(page, what).locator(".mark")).to_have_text(state, timeout=LATE_MS)


def signals(home: SimulatedHome, **dbm: int) -> None:
    home.bluez.adapters["hci0"].signals.update({home.meter(name).spec.address: value for name, value in dbm.items()})


@pytest.mark.timeout(240)
async def test_a_meter_is_found_paired_and_read_from_a_desk_in_under_a_minute(
    service: WholeService, capsys: pytest.CaptureFixture[str]
) -> None:
    home = service.home
    signals(home, cuff=-48, shows=FAR)
    async with chromium() as browser, technician(browser, service) as page:
        await until_online(page)
        await page.evaluate("window.loadedOnce = true")
        await home.meter("shows").advertise()
        await home.meter("cuff").enter_pairing_mode()

        began = time.monotonic()
        await page.click("#do-scan")
        found = page.locator(".found > li")
        await expect(found).to_have_count(2, timeout=LATE_MS)
        await expect(found.first).to_contain_text("A&D UA-651BLE blood pressure monitor")
        await expect(found.first).to_contain_text(f"Cuff, {CUFF.address}, −48\xa0dBm, good")
        await expect(found.first.locator(".mark")).to_have_text("In pairing mode")
        await expect(found.last).to_contain_text("weak")
        await found.first.locator("summary").click()
        await expect(found.first.locator("ol.steps")).to_contain_text("until the display shows Pr")
        seen_after = time.monotonic() - began

        await found.first.get_by_role("button", name="Pair").click()
        await expect(work(page, f"Pair {CUFF.address}").locator("progress")).to_be_visible()
        await done(page, f"Pair {CUFF.address}")
        await expect(work(page, f"Pair {CUFF.address}")).to_contain_text("Measure once to prove it.")
        row = page.locator("table tbody tr").filter(has_text="and-ua-651ble")
        await expect(row.locator(".mark")).to_have_text("Paired, not measured yet", timeout=LATE_MS)
        await expect(found.first).to_contain_text("Belongs to this home")
        paired_after = time.monotonic() - began

        await home.meter("cuff").measure(PressureRecord(systolic=128, diastolic=82))
        log = page.locator("section[aria-labelledby=h-log]")
        await expect(log).to_contain_text("Kept for later", timeout=LATE_MS)
        await expect(row.locator(".mark")).to_have_text("OK")
        read_after = time.monotonic() - began
        assert await page.evaluate("window.loadedOnce"), "everything came without a reload"

        an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        whose = ("--patient", str(service.patient), "--from", an_hour_ago)
        await service.administer("sensor", "assign", CUFF.address, *whose)
        today = page.locator("section[aria-labelledby=h-exp] tbody td").last
        await until_shown(page, today, "1/")
    with capsys.disabled():
        # The figure that people ask for.
        print(f"\nseen {seen_after:.1f} s, paired {paired_after:.1f} s, its reading at the backend {read_after:.1f} s")  # noqa: T201
    assert paired_after < PAIRED_WITHIN_S
    assert read_after < PAIRED_WITHIN_S


async def until_shown(page: Page, what: Locator, text: str) -> None:
    """What no event tells of: loaded again until it is there."""
    async with asyncio.timeout(WITHIN_S):
        while not (await what.count() and text in (await what.text_content() or "")):
            await page.reload()


@pytest.mark.timeout(300)
async def test_digits_are_typed_and_everything_else_is_asked_from_the_desk(service: WholeService) -> None:
    home, gateway = service.home, service.gateway
    async with (
        chromium() as browser,
        technician(browser, service) as page,
        technician(browser, service) as colleague,
    ):
        await until_online(page)
        await until_online(colleague)

        # By keyboard alone: find it, pair it, type the digits that it shows.
        await home.meter("shows").advertise()
        await page.locator("#do-scan").focus()
        await page.keyboard.press("Enter")
        pair = page.locator(f"#pair-{SHOWS.address.replace(':', '')}")
        await expect(pair).to_be_visible(timeout=LATE_MS)
        await expect(page.locator("#do-scan")).to_be_focused()
        await pair.focus()
        await page.keyboard.press("Enter")
        digits = page.get_by_label("Digits on the meter")
        await expect(digits).to_be_visible(timeout=LATE_MS)
        await expect(digits).to_be_focused()
        await page.keyboard.type("042 ")
        await colleague.click("#do-identify")
        await expect(work(page, "Show which gateway it is")).to_contain_text("Waits for the command before it.")
        await expect(digits).to_have_value("042 ")
        await expect(digits).to_be_focused()
        await page.keyboard.type("137")
        await page.keyboard.press("Enter")
        await done(page, f"Pair {SHOWS.address}")
        assert "42137" not in await page.content()

        row = page.locator("table tbody tr")
        await expect(row).to_have_count(1)
        await expect(row.locator(".mark")).to_have_text("Paired, not measured yet", timeout=LATE_MS)

        await page.click("#do-collect")
        await done(page, "Read the meters now")
        await expect(work(page, "Read the meters now")).to_contain_text("1 meter will be connected")
        await done(page, "Show which gateway it is")
        await until((service.folder / "played").exists)

        await page.get_by_text("Restart …").click()
        await page.click("#do-restart")
        await done(page, "Restart the gateway")
        await until(lambda: gateway.starts == 2)
        await until_online(page)
        await expect(row.locator(".mark")).to_have_text("Paired, not measured yet", timeout=LATE_MS)

        await row.get_by_text("Remove …").click()
        await row.get_by_role("button", name="Remove Cuff").click()
        await done(page, f"Remove {SHOWS.address}")
        await expect(row.locator(".mark")).to_have_text("Not read", timeout=LATE_MS)
        assert not paired_with(home, SHOWS.address)

        await gateway.kill()
        await expect(page.locator("h1")).to_contain_text("Broken between gateway and internet", timeout=LATE_MS)
        await page.click("#do-collect")
        await expect(work(page, "Read the meters now")).to_contain_text("The gateway is offline.")


def paired_with(home: SimulatedHome, address: str) -> bool:
    known = home.bluez.device(address)
    return known is not None and known.paired
