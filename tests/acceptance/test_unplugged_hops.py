"""Unplug one hop of the running service after the other: the gateway's doctor and the technician's page name it, by
themselves and within seconds, and both are well again once it is plugged in."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, expect

from hearthline_simulator.demo.backend_service import data_folder
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.spec import MeterSpec
from tests.browser.conftest import chromium
from tests.fixtures.technician_page import LATE_MS, technician, until_online
from tests.fixtures.whole_service import WITHIN_S, WholeService, whole_service

CUFF: Final = MeterSpec("cuff", "blood_pressure", "F0:F1:00:00:18:10")
MODEL: Final = "generic-blood-pressure"
WELL: Final = (0, "Every hop is well.")
SHARED: Final = "Gateway or internet"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[WholeService]:
    async with whole_service(tmp_path, [CUFF], [(CUFF, MODEL)]) as running:
        yield running


async def measured(service: WholeService) -> None:
    """Somebody measures something new, and the cuff is read to the end."""
    before = len(service.home.events)
    await service.home.meter("cuff").measure(PressureRecord(systolic=120 + before % 40, diastolic=82))
    await service.gateway.run("collect")  # else it is left alone for the pause of its model
    await service.home.until(
        lambda events: any(event.event is MeterHappening.CONFIRMED for event in events[before:]), within_s=WITHIN_S
    )


async def road(page: Page) -> dict[str, str]:
    """How each hop looks now: ok, broken, beyond or unsure."""
    hops = page.locator(".road .hop")
    names = await hops.locator("b").all_text_contents()
    looks = [str(await hop.get_attribute("class")).split()[1] for hop in await hops.all()]
    return dict(zip(names, looks, strict=True))


async def names(page: Page, heading: str, hop: str, look: str = "broken") -> None:
    """The page says so, and marks that hop and no other."""
    await expect(page.locator("h1")).to_contain_text(heading, timeout=LATE_MS)
    marked = {name: found for name, found in (await road(page)).items() if found in ("broken", "unsure")}
    assert marked == {hop: look}


async def doctor_names(service: WholeService, hop: str) -> str:
    """Its verdict, once the gateway itself has noticed."""
    deadline = asyncio.get_running_loop().time() + 2 * WITHIN_S
    code, verdict = await service.gateway.doctor()
    while not verdict.startswith(f"Broken at {hop}:") and asyncio.get_running_loop().time() < deadline:
        code, verdict = await service.gateway.doctor()
    assert verdict.startswith(f"Broken at {hop}:"), verdict
    assert code == 1
    assert hop == "meters" or "Next: " in verdict, "a meter's trouble is told with its step"
    return verdict


async def doctor_finds_nothing(service: WholeService) -> None:
    """Once the gateway has come back to its broker, which takes it some seconds."""
    deadline = asyncio.get_running_loop().time() + 2 * WITHIN_S
    found = await service.gateway.doctor()
    while found != WELL and asyncio.get_running_loop().time() < deadline:
        found = await service.gateway.doctor()
    assert found == WELL


async def well_again(service: WholeService, page: Page) -> None:
    await expect(page.locator("h1")).to_have_text("Everything in home 0417 works", timeout=2 * LATE_MS)
    assert set((await road(page)).values()) == {"ok"}


@pytest.mark.timeout(400)
async def test_whichever_hop_is_unplugged_doctor_and_page_name_it(service: WholeService) -> None:
    home, gateway, cable = service.home, service.gateway, service.cable
    cuff = home.meter("cuff")
    async with chromium() as browser, technician(browser, service) as page:
        await until_online(page)
        await cuff.enter_pairing_mode()
        await measured(service)
        await well_again(service, page)
        await doctor_finds_nothing(service)

        # The meter: its batteries die as it is connected.
        cuff.die_in_use()
        await cuff.measure(PressureRecord(systolic=131, diastolic=84))
        await names(page, "Cuff has a problem", "Meters")
        assert "change the batteries" in await doctor_names(service, "meters")
        await cuff.advertise()
        await well_again(service, page)

        # Bluetooth: the adapter is switched off, then the daemon is gone.
        await service.bluetooth(on=False)
        await names(page, "Bluetooth is off", "Bluetooth")
        assert "bluetoothctl power on" in await doctor_names(service, "bluetooth")
        await service.bluetooth(on=True)
        await well_again(service, page)
        await home.bluez.stop()
        await names(page, "Bluetooth does not work", "Bluetooth")
        assert "systemctl start bluetooth" in await doctor_names(service, "bluetooth")
        await home.bluez.start(service.bus)
        await well_again(service, page)

        # The internet: the line is dead, while the backend goes on.
        await cable.unplug()
        await names(page, "Broken between gateway and internet, since", SHARED, "unsure")
        await expect(page.locator(".road")).to_contain_text("From here they look the same")
        assert "no answer from" in await doctor_names(service, "internet")
        await cable.plug_in()
        await well_again(service, page)

        # The gateway: its power is cut, then it is shut down in order.
        await gateway.kill()
        await names(page, "Broken between gateway and internet, since", SHARED, "unsure")
        assert "systemctl start hearthline-gateway" in await doctor_names(service, "gateway")
        await gateway.start()
        await well_again(service, page)
        await gateway.stop()
        await names(page, "The gateway was stopped, since", "Gateway")
        await gateway.start()
        await well_again(service, page)

        # The broker: gateway and backend both lose it.
        await service.broker.kill()
        await names(page, "Broken at the broker, since", "Broker")
        await doctor_names(service, "broker")
        await service.broker.start()
        await well_again(service, page)
        await doctor_finds_nothing(service)


@pytest.mark.timeout(300)
async def test_a_store_that_takes_nothing_and_a_backend_that_is_gone(service: WholeService) -> None:
    home = service.home
    async with chromium() as browser, technician(browser, service) as page:
        await page.clock.install()
        await page.reload()
        await until_online(page)
        await home.meter("cuff").enter_pairing_mode()
        await measured(service)
        await well_again(service, page)

        # Somebody holds the store: readings wait in the home, the page says why.
        with closing(sqlite3.connect(data_folder(service.folder) / "readings.sqlite3", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            await measured(service)
            await names(page, "The store takes no readings, since", "Store")
            assert "receipt" in await doctor_names(service, "store")
            holder.execute("ROLLBACK")
        await well_again(service, page)

        # The backend is gone: nobody is there to draw the page, and it says that it is no longer live.
        await service.backend.child.kill()
        assert "backend" in await doctor_names(service, "store")
        await page.clock.fast_forward(100_000)
        await expect(page.locator("#stopped")).to_contain_text("Live data stopped at", timeout=LATE_MS)
        await service.backend.start()
        await well_again(service, page)
        await doctor_finds_nothing(service)
