"""Who is there: a meter that speaks once is not waited for until it speaks again."""

import asyncio
from datetime import UTC, datetime

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.lookout import Lookout
from hearthline_gateway.ble.meter_state import MeterState, Sighting
from hearthline_gateway.ble.sharing import COMPARE_S, Sharing
from tests.fixtures.ble_home import CUFF

ADDRESS = "F0:F1:00:00:18:10"
DEVICE = BLEDevice(ADDRESS, "cuff", {"path": "/org/bluez/hci0/dev_F0_F1_00_00_18_10"})
ONCE = AdvertisementData("cuff", {}, {}, [], None, -60, ())


class Other:
    """The other adapter: works, and could take it as well."""

    working = True
    free = True


async def _nobody(*_: object) -> None:
    return None


@pytest.fixture
def state() -> MeterState:
    return MeterState(ConfiguredMeter(ADDRESS, CUFF))


@pytest.fixture
def lookout(state: MeterState, monkeypatch: pytest.MonkeyPatch) -> Lookout:
    monkeypatch.setattr(Lookout, "_scan", _nobody)
    monkeypatch.setattr(Lookout, "_left_connected", _nobody)
    sharing = Sharing({"hci0": Other(), "hci1": Other()}, lambda _: True)
    return Lookout({ADDRESS: state}, "hci0", sharing, lambda: datetime.now(UTC), lambda: None, lambda *_: None)


async def test_one_advertisement_is_enough_where_others_may_hear_it_too(lookout: Lookout, state: MeterState) -> None:
    looking = asyncio.create_task(lookout.next_meter(asyncio.Event()))
    await asyncio.sleep(0)
    lookout._on_advertisement(DEVICE, ONCE)
    async with asyncio.timeout(COMPARE_S + 15):
        assert await looking == (state, DEVICE)


async def test_one_advertisement_is_enough_where_its_pause_is_nearly_over(lookout: Lookout, state: MeterState) -> None:
    now = asyncio.get_running_loop().time()
    state.not_before = now + 0.3
    state.sightings["hci0"] = Sighting(now - 1, now, -60)
    looking = asyncio.create_task(lookout.next_meter(asyncio.Event()))
    await asyncio.sleep(0)
    lookout._on_advertisement(DEVICE, ONCE)
    async with asyncio.timeout(15):
        assert await looking == (state, DEVICE)
