"""How connections are made: one meter at a time through each adapter, and by the device that was heard."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from bleak import BleakClient
from bleak.backends.device import BLEDevice

from hearthline_gateway.ble import meter_link
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.fixtures.ble_home import THERMOMETER, THERMOMETER_SPEC, RecordingSink, bus, collecting

__all__ = ["bus"]

METERS = [replace(THERMOMETER_SPEC, name=name, address=f"F0:F1:00:00:18:0{name}", held_open=True) for name in "ABC"]
ADDRESSES = {meter.address for meter in METERS}
FEVER = TemperatureRecord(temperature=38.9)


async def test_one_meter_at_a_time_and_by_device_never_by_address(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[object] = []

    class Client(BleakClient):
        def __init__(self, device: BLEDevice | str, *rest: Any, **options: Any) -> None:
            asked_for.append(device)
            super().__init__(device, *rest, **options)

    monkeypatch.setattr(meter_link, "BleakClient", Client)
    sink = RecordingSink()
    async with SimulatedHome(bus, METERS, home_zone=UTC) as home:
        for meter in METERS:
            await home.meter(meter.name).measure(FEVER)
        async with collecting([(meter, THERMOMETER) for meter in METERS], sink, idle_s=0.3, home_zone=UTC):
            await sink.until(lambda heard: {frame.sensor for frame in heard.frames} == ADDRESSES)
    assert _most_at_once(home.events) == 1
    assert all(isinstance(device, BLEDevice) for device in asked_for)


def _most_at_once(events: Sequence[MeterEvent]) -> int:
    connected: set[str] = set()
    most = 0
    for event in events:
        if event.event is MeterHappening.CONNECTED:
            connected.add(event.meter)
        elif event.event is MeterHappening.DISCONNECTED:
            connected.discard(event.meter)
        most = max(most, len(connected))
    return most
