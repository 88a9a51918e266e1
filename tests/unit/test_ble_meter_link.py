"""What a connected meter's link makes of bleak: every wait ends, and the address is the one that stays."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bleak.backends.device import BLEDevice

from hearthline_gateway.ble import meter_link
from hearthline_gateway.ble.meter_link import MeterLink

DEVICE = BLEDevice("5A:C1:38:01:02:03", "cuff", {"path": "/org/bluez/hci0/dev_5A_C1_38_01_02_03"})
IDENTITY = "F0:F1:00:00:18:10"


class Client:
    """bleak's, as far as it is used. With ``answers`` False bluetoothd answers neither the request to connect nor, when
    that has taken too long, the one to disconnect."""

    answers = True

    def __init__(self, device: BLEDevice, gone: Callable[..., None], *, pair: bool, timeout: float) -> None:
        del gone, pair
        self.address, self._timeout = device.address, timeout

    async def connect(self, **_: Any) -> None:
        if self.answers:
            self.address = IDENTITY.lower()
            return
        async with asyncio.timeout(self._timeout):
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.Event().wait()

    async def pair(self) -> None:
        """Done while it was connected."""


async def test_a_bluetoothd_that_answers_nothing_does_not_hold_us_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_link, "BleakClient", type("Hung", (Client,), {"answers": False}))
    monkeypatch.setattr(meter_link, "_CLEAN_UP_S", 0.1)
    async with asyncio.timeout(15):
        with pytest.raises(TimeoutError):
            await MeterLink(DEVICE, pair=True, limit_s=0.1).connect()


async def test_a_meter_that_hides_its_address_is_known_by_the_one_its_bond_brought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meter_link, "BleakClient", Client)
    link = MeterLink(DEVICE, pair=True)
    assert link.address == DEVICE.address
    await link.connect()
    assert link.address == IDENTITY
