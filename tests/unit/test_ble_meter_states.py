"""What the collector knows of its meters while it asks bluetoothd about them."""

import asyncio

from hearthline_gateway.ble.bluez_client import KnownDevice
from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from tests.fixtures.ble_home import CUFF, THERMOMETER, RecordingSink

CUFF_AT, THERMOMETER_AT = "F0:F1:00:00:18:10", "F0:F1:00:00:18:09"


class Daemon:
    """Takes its time to say which devices it knows."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def known_devices(self) -> tuple[KnownDevice, ...]:
        self.asked.set()
        await self.may_answer.wait()
        path = "/org/bluez/hci0/dev_F0_F1_00_00_18_10"
        return (KnownDevice(path, CUFF_AT, paired=True, connected=False),)


async def test_a_bond_is_not_forgotten_while_bluetoothd_is_asked_again() -> None:
    """Another adapter would take the meter meanwhile, and pair it anew: many meters keep one bond only."""
    collector = Collector(
        [ConfiguredMeter(CUFF_AT, CUFF), ConfiguredMeter(THERMOMETER_AT, THERMOMETER)], RecordingSink()
    )
    states = collector._states
    states[CUFF_AT].bonds.add("hci0")
    states[THERMOMETER_AT].bonds.add("hci1")  # removed by somebody else since
    daemon = Daemon()
    learning = asyncio.create_task(collector._learn_bonds(daemon))  # type: ignore[arg-type] # all that is asked of it
    async with asyncio.timeout(15):
        await daemon.asked.wait()
        assert states[CUFF_AT].bonds == {"hci0"}
        daemon.may_answer.set()
        await learning
    assert (states[CUFF_AT].bonds, states[THERMOMETER_AT].bonds) == ({"hci0"}, set())
