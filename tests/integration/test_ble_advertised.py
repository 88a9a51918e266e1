"""Scales that only advertise, heard by unmodified bleak through the simulated ``org.bluez``."""

from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

from hearthline_gateway.normalize import normalize
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.thermometer import TemperatureRecord
from hearthline_simulator.meters.xiaomi_scale import AdvertisedRecord
from tests.fixtures.ble_home import THERMOMETER, THERMOMETER_SPEC, RecordingSink, bus, collecting
from tests.fixtures.ble_meters import XIAOMI, XIAOMI_2_SPEC, XIAOMI_SPEC

__all__ = ["bus"]


async def test_each_weighing_is_one_frame_and_nobody_connects(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [XIAOMI_SPEC, XIAOMI_2_SPEC], home_zone=UTC) as home,
        collecting([(XIAOMI_SPEC, XIAOMI), (XIAOMI_2_SPEC, XIAOMI)], sink) as collector,
    ):
        await home.meter("xiaomi").measure(AdvertisedRecord(weight=81.2))
        await sink.until(lambda heard: len(heard.ended) == 1)
        await home.meter("xiaomi").measure(AdvertisedRecord(weight=64.5))
        await sink.until(lambda heard: len(heard.ended) == 2)
        await home.meter("xiaomi-2").measure(AdvertisedRecord(weight=70.0, impedance=500))
        await sink.until(lambda heard: len(heard.ended) == 3)
        status = {meter.address: meter for meter in collector.status().meters}
        assert MeterHappening.CONNECTED not in [event.event for event in home.events]
    weights = [reading.values["weight"].value for f in sink.frames for reading in normalize(f, zone=ZoneInfo("UTC"))]
    assert weights == [81.2, 64.5, 70.0]
    assert [frame.characteristic for frame in sink.frames] == ["181D", "181D", "181B"]
    assert all(frame.first and frame.alone for frame in sink.frames)
    assert status[XIAOMI_SPEC.address].signal_dbm == -50
    assert status[XIAOMI_SPEC.address].last_reading is not None
    assert status[XIAOMI_SPEC.address].problem is None


async def test_a_scale_that_only_advertises_does_not_keep_others_from_being_connected(bus: str) -> None:
    sink = RecordingSink()
    filtered = replace(XIAOMI, services=("181D",))
    async with (
        SimulatedHome(bus, [XIAOMI_SPEC, THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(XIAOMI_SPEC, filtered), (THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2),
    ):
        await home.meter("xiaomi").measure(AdvertisedRecord(weight=81.2))
        await sink.until(lambda heard: len(heard.ended) == 1)
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: len(heard.ended) == 2)
        await home.meter("xiaomi").measure(AdvertisedRecord(weight=82.0))
        await sink.until(lambda heard: len(heard.ended) == 3)
    assert [frame.characteristic for frame in sink.frames] == ["181D", "2A1C", "181D"]


async def test_a_weighing_is_heard_while_another_meter_has_the_only_connection(bus: str) -> None:
    sink = RecordingSink()
    stays = replace(THERMOMETER_SPEC, held_open=True)
    async with (
        SimulatedHome(bus, [XIAOMI_SPEC, stays], home_zone=UTC) as home,
        collecting([(XIAOMI_SPEC, XIAOMI), (stays, THERMOMETER)], sink, idle_s=60),
    ):
        await home.until(lambda events: MeterHappening.SUBSCRIBED in [event.event for event in events])
        await home.meter("xiaomi").measure(AdvertisedRecord(weight=81.2))
        await sink.until(lambda heard: [frame.characteristic for frame in heard.frames] == ["181D"])
        assert home.meter("thermometer").connected
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: heard.frames[-1].characteristic == "2A1C")
