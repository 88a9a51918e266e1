"""Each profile's way through the real stack, from the meter's bytes to durable frames."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.body_composition import CompositionRecord
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.glucose import GlucoseMeter, GlucoseRecord
from hearthline_simulator.meters.heart_rate import HeartRateRecord, HeartRateSample
from hearthline_simulator.meters.pulse_oximeter import OximeterRecord, OximeterSample
from hearthline_simulator.meters.thermometer import TemperatureRecord
from hearthline_simulator.meters.weight_scale import WeightRecord
from tests.bluez.collected import gateway, kept_readings
from tests.bluez.home_models import GLUCOSE
from tests.bluez.kernel_home import KernelHome
from tests.fixtures.ble_home import (
    CUFF,
    CUFF_SPEC,
    OXIMETER,
    OXIMETER_SPEC,
    SCALE,
    SCALE_SPEC,
    THERMOMETER,
    THERMOMETER_SPEC,
)
from tests.fixtures.ble_meters import COMPOSITION, COMPOSITION_SPEC, GLUCOSE_SPEC, STRAP, STRAP_SPEC

REPORT, COUNT = "01", "04"


async def test_cuff_bonds_takes_the_time_before_it_is_subscribed_replays_and_hangs_up(tmp_path: Path) -> None:
    wrong = replace(CUFF_SPEC, clock_offset=timedelta(minutes=61))
    async with KernelHome([wrong]) as home, gateway([(wrong, CUFF)], tmp_path) as (collector, collected):
        cuff = home.meter("cuff")
        await cuff.measure(
            PressureRecord(systolic=118, diastolic=76, pulse=60, minutes_ago=2000),
            PressureRecord(systolic=125, diastolic=80, pulse=62, minutes_ago=600),
            PressureRecord(systolic=186, diastolic=112, pulse=95),
        )
        await collected.until_ended(1)
        assert [frame[2:6] for frame in collected.frames("2A35")] == ["7600", "7d00", "ba00"]
        assert kept_readings(tmp_path / "outbox.sqlite3") == 3
        order = [event.event for event in home.events]
        assert order.index(MeterHappening.PAIRED) < order.index(MeterHappening.CLOCK_SET)
        assert order.index(MeterHappening.CLOCK_SET) < order.index(MeterHappening.SUBSCRIBED)
        assert order[-1] is MeterHappening.DISCONNECTED
        assert abs(cuff.clock.face().minus(datetime.now(UTC)).total_seconds()) < 10
        status = collector.status().meters[0]
        assert status.battery_percent == wrong.battery_percent
        assert status.problem is None
        assert cuff.stored == 0


async def test_glucose_is_asked_for_what_is_new_and_again_after_a_break(tmp_path: Path) -> None:
    async with KernelHome([GLUCOSE_SPEC]) as home, gateway([(GLUCOSE_SPEC, GLUCOSE)], tmp_path) as (_, collected):
        meter = home.meter("glucose")
        assert isinstance(meter, GlucoseMeter)
        await meter.measure(*(GlucoseRecord(glucose=90 + n, meal="fasting", minutes_ago=60 - n) for n in range(3)))
        await collected.until_ended(1)
        assert len(collected.frames("2A18")) == 3
        meter.hang_up_after = 2  # in the middle of the next five
        await meter.measure(*(GlucoseRecord(glucose=110 + n, minutes_ago=30 - n) for n in range(5)))
        await collected.until(lambda: len(collected.frames("2A18")) == 8)
        await collected.until_ended(3)
        assert kept_readings(tmp_path / "outbox.sqlite3") == 8
        asked = [str(event.payload) for event in home.events if event.event is MeterHappening.REQUESTED]
        assert asked[0].startswith(COUNT)
        assert "0103010400" in asked, "from record 4 on"
        assert any(request.startswith(REPORT) and request != "0103010400" for request in asked[-2:])


async def test_oximeter_sends_a_spot_check_and_a_stream(tmp_path: Path) -> None:
    nothing = OximeterSample(spo2=float("nan"), pulse=float("nan"))
    stream = (*(OximeterSample(spo2=96, pulse=65) for _ in range(12)), nothing)
    async with KernelHome([OXIMETER_SPEC]) as home, gateway([(OXIMETER_SPEC, OXIMETER)], tmp_path) as (_, collected):
        await home.meter("oximeter").measure(OximeterRecord(spo2=97, pulse=66, continuous=stream, period_s=0.1))
        await collected.until_ended(1)
        assert [frame[:10] for frame in collected.frames("2A5E")] == ["0161004200"]
        assert home.count(MeterHappening.NOTIFIED) == 13


async def test_scale_sends_a_weight_and_takes_the_time(tmp_path: Path) -> None:
    slow = replace(SCALE_SPEC, clock_offset=timedelta(seconds=-90))
    async with KernelHome([slow]) as home, gateway([(slow, SCALE)], tmp_path) as (_, collected):
        await home.meter("scale").measure(WeightRecord(weight=81.2))
        await collected.until_ended(1)
        assert [frame[:6] for frame in collected.frames("2A9D")] == ["02703f"]
        assert abs(home.meter("scale").clock.face().minus(datetime.now(UTC)).total_seconds()) < 10


async def test_composition_scale_opens_each_persons_slot(tmp_path: Path) -> None:
    meters = [(COMPOSITION_SPEC, COMPOSITION)]
    async with KernelHome([COMPOSITION_SPEC]) as home, gateway(meters, tmp_path) as (collector, collected):
        scale = home.meter("composition")
        await scale.measure(
            CompositionRecord(weight=81.2, user=1, fat=22.1, minutes_ago=5),
            CompositionRecord(weight=63.4, user=2, fat=28.0),
        )
        await collected.until_ended(1)
        assert len(collected.frames("2A9D")) == 2
        assert len(collected.frames("2A9C")) == 2
        assert scale.stored == 0
        assert collector.status().meters[0].problem is None


async def test_composition_scale_with_a_wrong_code_says_so(tmp_path: Path) -> None:
    wrong = [(replace(COMPOSITION_SPEC, consents={1: 9999}), COMPOSITION)]
    async with KernelHome([COMPOSITION_SPEC]) as home, gateway(wrong, tmp_path) as (collector, collected):
        scale = home.meter("composition")
        await scale.measure(CompositionRecord(weight=81.2, user=1, fat=22.1))
        await collected.until_ended(1)
        assert collected.frames() == []
        assert scale.stored == 2
        problem = collector.status().meters[0].problem
        assert problem is not None
        assert "code" in problem


async def test_thermometer_sends_a_temperature(tmp_path: Path) -> None:
    meters = [(THERMOMETER_SPEC, THERMOMETER)]
    async with KernelHome([THERMOMETER_SPEC]) as home, gateway(meters, tmp_path) as (_, collected):
        await home.meter("thermometer").measure(TemperatureRecord(temperature=38.9))
        await collected.until_ended(1)
        assert [frame[:10] for frame in collected.frames("2A1C")] == ["06850100ff"]


async def test_heart_rate_strap_streams_with_intervals(tmp_path: Path) -> None:
    samples = tuple(HeartRateSample(rate=72, intervals=(0.83,), energy=10) for _ in range(12))
    async with KernelHome([STRAP_SPEC]) as home, gateway([(STRAP_SPEC, STRAP)], tmp_path) as (_, collected):
        await home.meter("strap").measure(HeartRateRecord(samples=samples, period_s=0.1))
        await collected.until_ended(1)
        assert home.count(MeterHappening.NOTIFIED) == 12
        assert all(frame.startswith("1e48") for frame in collected.frames("2A37"))
