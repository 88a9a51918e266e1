"""What changes while the collector runs: its list of meters, and pauses that somebody ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from hearthline_gateway.ble.bluez_radio import radio_of
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.fixtures.ble_home import (
    CUFF,
    CUFF_SPEC,
    THERMOMETER,
    THERMOMETER_SPEC,
    WITHIN_S,
    RecordingSink,
    bus,
    collecting,
    eventually,
)
from tests.fixtures.meter_displays import Person

__all__ = ["bus"]

CUFF_LISTED = ConfiguredMeter(CUFF_SPEC.address, CUFF)
THERMOMETER_LISTED = ConfiguredMeter(THERMOMETER_SPEC.address, THERMOMETER)
READING = PressureRecord(systolic=186, diastolic=112)
FEVER = TemperatureRecord(temperature=38.9)


async def test_a_meter_is_read_from_the_moment_it_is_listed(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [CUFF_SPEC, THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(CUFF_SPEC, CUFF)], sink, idle_s=0.2, home_zone=UTC) as collector,
    ):
        await home.meter("cuff").measure(READING)
        await sink.until(lambda heard: len(heard.ended) == 1)
        known = collector.status().meters[0]
        collector.set_meters([CUFF_LISTED, THERMOMETER_LISTED])
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 2)
        assert collector.status().meters[0] == known, "what was known of the other is kept"
    assert [frame.characteristic for frame in sink.frames] == ["2A35", "2A1C"]


async def test_a_connection_under_way_outlives_its_place_on_the_list(bus: str) -> None:
    held = replace(CUFF_SPEC, held_open=True)
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [held], home_zone=UTC) as home,
        collecting([(held, CUFF)], sink, idle_s=60, home_zone=UTC) as collector,
    ):
        await home.until(_subscribed, within_s=WITHIN_S)
        collector.set_meters([])
        await home.meter("cuff").measure(READING)
        await sink.until(lambda heard: len(heard.frames) == 1)
        assert home.meter("cuff").connected
        assert collector.status().meters == ()


async def test_a_meter_listed_anew_after_pairing_is_collected_with_that_bond(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home,
        collecting([], sink, home_zone=UTC) as collector,
    ):
        await eventually(lambda: collector.status().adapter == "powered")
        await home.meter("cuff").measure(READING)
        person = Person()
        await radio_of(collector).pair(CUFF_SPEC.address, CUFF, person, person.progress)
        collector.set_meters([CUFF_LISTED])
        await sink.until(lambda heard: len(heard.frames) == 1)
        assert collector.status().meters[0].paired
    assert sum(event.event is MeterHappening.PAIRED for event in home.events) == 1


async def test_collect_now_ends_the_pause(bus: str) -> None:
    patient = replace(THERMOMETER, reconnect_after_s=3600.0)
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, patient)], sink, idle_s=0.2) as collector,
    ):
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 1)
        await home.meter("thermometer").measure(FEVER)
        radio = radio_of(collector)
        assert radio.collect_now("F0:F1:00:00:66:66") == 0
        assert radio.collect_now(THERMOMETER_SPEC.address) == 1
        assert radio.collect_now(None) == 1
        await sink.until(lambda heard: len(heard.ended) == 2)


def _subscribed(events: Sequence[MeterEvent]) -> bool:
    return any(event.event is MeterHappening.SUBSCRIBED for event in events)
