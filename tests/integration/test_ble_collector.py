"""The real collector and unmodified bleak against simulated meters: what reaches the sink, and in which order."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from bleak.exc import BleakError

from hearthline_gateway.ble.lookout import Lookout
from hearthline_gateway.frame import Frame
from hearthline_gateway.normalize import normalize
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.pulse_oximeter import OximeterRecord, OximeterSample
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.meters.thermometer import TemperatureRecord
from hearthline_simulator.meters.weight_scale import WeightRecord
from tests.fixtures.ble_home import (
    CUFF,
    CUFF_SPEC,
    OXIMETER,
    OXIMETER_SPEC,
    SCALE,
    SCALE_SPEC,
    THERMOMETER,
    THERMOMETER_SPEC,
    RecordingSink,
    bus,
    collecting,
    eventually,
)

__all__ = ["bus"]

MADRID_WINTER = timezone(timedelta(hours=1))


def values(frames: list[Frame]) -> list[str]:
    return [frame.payload.hex() for frame in frames]


async def test_a_cuff_is_paired_read_corrected_emptied_and_left(bus: str) -> None:
    wrong = replace(CUFF_SPEC, clock_offset=timedelta(minutes=61))
    sink = RecordingSink()
    before = datetime.now(UTC)
    async with SimulatedHome(bus, [wrong], home_zone=MADRID_WINTER) as home:
        async with collecting([(wrong, CUFF)], sink, home_zone=MADRID_WINTER) as collector:
            await home.meter("cuff").measure(
                PressureRecord(systolic=118, diastolic=76, pulse=60, minutes_ago=2000),
                PressureRecord(systolic=125, diastolic=80, pulse=62, minutes_ago=600),
                PressureRecord(systolic=186, diastolic=112, pulse=95),
            )
            await sink.until(lambda heard: heard.ended == [wrong.address])
            status = collector.status().meters[0]
        await home.until(lambda events: events[-1].event is MeterHappening.DISCONNECTED)
        events = [(event.event, event.payload) for event in home.events]
        assert home.meter("cuff").stored == 0
        face = home.meter("cuff").clock.face()

    assert [payload[1:3].hex() for payload in (frame.payload for frame in sink.frames)] == ["7600", "7d00", "ba00"]
    assert [frame.first for frame in sink.frames] == [True, False, False]
    assert sink.log == [f"heard {wrong.address}"] * 3 + [f"ended {wrong.address}"]
    for frame in sink.frames:
        assert frame.characteristic == "2A35"
        assert frame.sensor == wrong.address
        assert frame.model == CUFF.name
        assert before <= frame.received_time <= datetime.now(UTC)
        assert frame.clock is not None
        assert frame.clock.ahead_of_utc.total_seconds() == pytest.approx(2 * 3600 + 60, abs=3)
    assert abs(face.minus(datetime.now(MADRID_WINTER)).total_seconds()) < 5, "the clock was not corrected"
    order = [event for event, _ in events]
    assert order.index(MeterHappening.PAIRED) < order.index(MeterHappening.CLOCK_SET)
    assert order.index(MeterHappening.CLOCK_SET) < order.index(MeterHappening.SUBSCRIBED)
    sent = [(e, p) for e, p in events if e in (MeterHappening.INDICATED, MeterHappening.CONFIRMED)]
    assert sent == [
        (event, payload)
        for payload in values(sink.frames)
        for event in (MeterHappening.INDICATED, MeterHappening.CONFIRMED)
    ], "each record is dropped only after its confirmation"
    assert status.paired
    assert status.battery_percent == CUFF_SPEC.battery_percent
    assert status.clock_offset_s == pytest.approx(3660, abs=3)
    assert status.problem is None
    assert status.last_heard is not None
    assert status.signal_dbm == -50


async def test_a_wrong_clock_stays_when_the_gateways_own_is_not_synchronised(bus: str) -> None:
    wrong = replace(CUFF_SPEC, clock_offset=timedelta(hours=-5))
    sink = RecordingSink()
    async with SimulatedHome(bus, [wrong], home_zone=UTC) as home:
        async with collecting([(wrong, CUFF)], sink, home_zone=UTC, clock_synchronised=lambda: False):
            await home.meter("cuff").measure(PressureRecord(systolic=118, diastolic=76))
            await sink.until(lambda heard: bool(heard.ended))
        assert MeterHappening.CLOCK_SET not in [event.event for event in home.events]
    clock = sink.frames[0].clock
    assert clock is not None
    assert clock.ahead_of_utc.total_seconds() == pytest.approx(-5 * 3600, abs=3)


async def test_a_reading_after_the_clock_was_set_is_dated_by_the_new_time(bus: str) -> None:
    wrong = replace(CUFF_SPEC, clock_offset=timedelta(days=3 * 365), held_open=True)
    idle = replace(THERMOMETER_SPEC, held_open=True)
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [wrong, idle], home_zone=UTC) as home,
        collecting([(wrong, CUFF), (idle, THERMOMETER)], sink, home_zone=UTC, max_connections=2),
    ):
        cuff = home.meter("cuff")
        await cuff.measure(PressureRecord(systolic=118, diastolic=76))
        await sink.until(lambda heard: len(heard.frames) == 1)
        await cuff.measure(PressureRecord(systolic=186, diastolic=112))
        await sink.until(lambda heard: len(heard.frames) == 2)
    for frame in sink.frames:
        (reading,) = normalize(frame, zone=ZoneInfo("UTC"))
        assert abs(frame.received_time - reading.effective_time) < timedelta(seconds=10)
        assert reading.live


async def test_a_clock_nobody_has_set_is_set_and_never_guessed(bus: str) -> None:
    lost = replace(CUFF_SPEC, clock_lost=True)
    sink = RecordingSink()
    async with SimulatedHome(bus, [lost], home_zone=UTC) as home:
        async with collecting([(lost, CUFF)], sink, home_zone=UTC):
            await home.meter("cuff").measure(PressureRecord(systolic=118, diastolic=76))
            await sink.until(lambda heard: bool(heard.ended))
        assert abs(home.meter("cuff").clock.face().minus(datetime.now(UTC)).total_seconds()) < 5
    assert sink.frames[0].clock is None
    assert sink.frames[0].payload[7:14] == bytes(7)


async def test_the_oximeters_spot_check_and_its_stream(bus: str) -> None:
    sink = RecordingSink()
    nothing = float("nan")
    async with (
        SimulatedHome(bus, [OXIMETER_SPEC], home_zone=UTC) as home,
        collecting([(OXIMETER_SPEC, OXIMETER)], sink),
    ):
        await home.meter("oximeter").measure(
            OximeterRecord(
                spo2=97,
                pulse=66,
                continuous=(OximeterSample(spo2=96, pulse=65), OximeterSample(spo2=nothing, pulse=nothing)),
                period_s=0.02,
            )
        )
        await sink.until(lambda heard: len(heard.frames) == 3)
    by_characteristic = {frame.characteristic: frame for frame in sink.frames}
    assert by_characteristic["2A5E"].payload[:5].hex() == "0161004200"
    assert values([frame for frame in sink.frames if frame.characteristic == "2A5F"]) == ["0060004100", "00ff07ff07"]
    assert all(frame.clock is None for frame in sink.frames)
    assert sink.ended == [OXIMETER_SPEC.address], "ending the collector ends the connection"


async def test_the_scale_with_a_current_time_clock(bus: str) -> None:
    slow = replace(SCALE_SPEC, clock_offset=timedelta(seconds=-90))
    sink = RecordingSink()
    async with SimulatedHome(bus, [slow], home_zone=UTC) as home, collecting([(slow, SCALE)], sink, home_zone=UTC):
        await home.meter("scale").measure(WeightRecord(weight=81.2))
        await sink.until(lambda heard: bool(heard.frames))
        assert abs(home.meter("scale").clock.face().minus(datetime.now(UTC)).total_seconds()) < 5
    (frame,) = sink.frames
    assert frame.payload[:3].hex() == "02703f"
    assert frame.clock is not None
    assert frame.clock.ahead_of_utc.total_seconds() == pytest.approx(-90, abs=3)


async def test_the_thermometer_and_an_idle_link_that_we_end(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2),
    ):
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: bool(heard.ended))
    assert sink.frames[0].payload[:5].hex() == "066e0100ff"


async def test_two_meters_at_once_do_not_wait_for_each_other(bus: str) -> None:
    sink = RecordingSink()
    held = [replace(CUFF_SPEC, held_open=True), replace(THERMOMETER_SPEC, held_open=True)]
    async with SimulatedHome(bus, held, home_zone=UTC) as home:
        async with collecting([(held[0], CUFF), (held[1], THERMOMETER)], sink, max_connections=2):
            await home.until(lambda events: _count(events, MeterHappening.SUBSCRIBED) == 2)
            assert all(meter.connected for meter in home.meters.values())
            await home.meter("thermometer").measure(TemperatureRecord(temperature=38.9))
            await sink.until(lambda heard: len(heard.frames) == 1)
            await home.meter("cuff").measure(PressureRecord(systolic=140, diastolic=90))
            await sink.until(lambda heard: len(heard.frames) == 2)
        assert not any(meter.connected for meter in home.meters.values()), "ending must disconnect"
    assert [frame.characteristic for frame in sink.frames] == ["2A1C", "2A35"]


async def test_thirty_meters_held_open(bus: str) -> None:
    sink = RecordingSink()
    specs = [
        MeterSpec(f"cuff-{number}", "blood_pressure", f"F0:F1:00:00:AA:{number:02X}", held_open=True)
        for number in range(30)
    ]
    async with (
        SimulatedHome(bus, specs, home_zone=UTC) as home,
        collecting([(spec, CUFF) for spec in specs], sink, max_connections=30),
    ):
        await home.until(lambda events: _count(events, MeterHappening.SUBSCRIBED) == 30, within_s=60)
        for meter in home.meters.values():
            await meter.measure(PressureRecord(systolic=186, diastolic=112))
        await sink.until(lambda heard: len(heard.frames) == 30)
    assert {frame.sensor for frame in sink.frames} == {spec.address for spec in specs}


async def test_a_meter_that_vanishes_stops_nobody_and_comes_back(bus: str) -> None:
    sink = RecordingSink()
    specs = [replace(CUFF_SPEC, held_open=True), THERMOMETER_SPEC]
    async with (
        SimulatedHome(bus, specs, home_zone=UTC) as home,
        collecting([(specs[0], CUFF), (specs[1], THERMOMETER)], sink, max_connections=2),
    ):
        cuff = home.meter("cuff")
        await home.until(lambda events: _count(events, MeterHappening.SUBSCRIBED) == 1)
        await cuff.stop()
        await sink.until(lambda heard: heard.ended == [specs[0].address])
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: len(heard.frames) == 1)
        await cuff.measure(PressureRecord(systolic=120, diastolic=80))
        await sink.until(lambda heard: len(heard.frames) == 2)
    assert [frame.characteristic for frame in sink.frames] == ["2A1C", "2A35"]


async def test_nothing_is_lost_while_the_outbox_cannot_write(bus: str) -> None:
    sink = RecordingSink(refusals=1)
    async with (
        SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home,
        collecting([(CUFF_SPEC, CUFF)], sink) as collector,
    ):
        await home.meter("cuff").measure(
            PressureRecord(systolic=118, diastolic=76), PressureRecord(systolic=119, diastolic=77)
        )
        await home.until(lambda events: _count(events, MeterHappening.CONFIRMED) == 2)
        assert "cannot be kept" in collector.status().adapter
        await sink.until(lambda heard: bool(heard.ended))
        assert collector.status().adapter == "powered"
    assert [frame.payload[1] for frame in sink.frames] == [118, 119]


async def test_the_adapter_going_away_is_said_and_survived(bus: str) -> None:
    sink = RecordingSink()
    async with collecting([(CUFF_SPEC, CUFF)], sink) as collector:
        await eventually(lambda: "systemctl start bluetooth" in collector.status().adapter)
        async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
            await home.meter("cuff").measure(PressureRecord(systolic=118, diastolic=76))
            await sink.until(lambda heard: bool(heard.ended))
            assert collector.status().adapter == "powered"
        await eventually(lambda: "systemctl start bluetooth" in collector.status().adapter)


def _count(events: Sequence[MeterEvent], happening: MeterHappening) -> int:
    return sum(event.event is happening for event in events)


async def test_it_ends_when_told_to_even_if_bluez_goes_away_at_that_moment(
    bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_lookout: Lookout) -> None:
        raise BleakError("org.bluez went away")

    async with asyncio.timeout(10), SimulatedHome(bus, [CUFF_SPEC]):
        async with collecting([(CUFF_SPEC, CUFF)], RecordingSink()) as collector:
            await eventually(lambda: collector.status().adapter == "powered")
            monkeypatch.setattr(Lookout, "rest", gone)
        assert collector.status().adapter == "stopped"
