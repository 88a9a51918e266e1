"""What a meter says in a connection that is not the collector's, and a meter that is listed anew while it has one."""

from dataclasses import replace
from datetime import UTC

import pytest
from bleak import BleakClient, BleakScanner

from hearthline_gateway.ble import unasked
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from tests.fixtures.ble_home import CUFF, CUFF_SPEC, WITHIN_S, RecordingSink, bus, collecting, eventually

__all__ = ["bus"]

READING = PressureRecord(systolic=186, diastolic=112)
EAGER = replace(CUFF_SPEC, eager=True)
LEFT_ALONE = replace(CUFF, reconnect_after_s=3600.0)


async def test_it_is_one_connection_with_a_first_record_and_an_end(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unasked, "_OVER_S", 0.5)
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [EAGER], home_zone=UTC) as home,
        collecting([(EAGER, LEFT_ALONE)], sink, home_zone=UTC) as collector,
    ):
        await home.meter("cuff").measure(READING)
        await sink.until(lambda heard: len(heard.ended) == 1)
        for systolic in (141, 142):
            await home.meter("cuff").measure(PressureRecord(systolic=systolic, diastolic=90))
        async with collector.air():
            device = await BleakScanner.find_device_by_address(EAGER.address, timeout=WITHIN_S)
            assert device is not None
            async with BleakClient(device):  # subscribes to nothing: what comes was subscribed to before
                await sink.until(lambda heard: len(heard.frames) == 3)
        await sink.until(lambda heard: len(heard.ended) == 2)
        assert [frame.first for frame in sink.frames] == [True, True, False], "else a replay passes for now"
        assert sink.log[-1].startswith("ended"), "of both together"


async def test_a_meter_listed_again_while_it_is_connected_is_not_connected_twice(bus: str) -> None:
    held = replace(CUFF_SPEC, held_open=True)
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [held], home_zone=UTC) as home,
        collecting([(held, CUFF)], sink, idle_s=60, home_zone=UTC, max_connections=2) as collector,
    ):
        await home.meter("cuff").measure(READING)
        await sink.until(lambda heard: len(heard.frames) == 1)
        known = collector.status().meters
        collector.set_meters([])
        assert collector.status().meters == ()
        collector.set_meters([ConfiguredMeter(held.address, CUFF)])
        await eventually(lambda: collector.status().meters != ())
        assert collector.status().meters == known, "the connection under way is this meter's"
        await home.meter("cuff").measure(READING)
        await sink.until(lambda heard: len(heard.frames) == 2)
        assert sink.ended == []
