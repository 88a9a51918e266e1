"""What a connection does besides measurements: steps in the model's order, people's slots, streams, and its end."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from bumble import att
from bumble.gatt import Service

from hearthline_gateway.ble import session
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters import meter as simulated_meter
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.body_composition import CompositionRecord
from hearthline_simulator.meters.events import MeterEvent, MeterHappening
from hearthline_simulator.meters.gatt_table import live, uuid16
from hearthline_simulator.meters.heart_rate import HeartRateRecord, HeartRateSample
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.fixtures.ble_home import (
    CUFF,
    CUFF_SPEC,
    SCALE,
    SCALE_SPEC,
    THERMOMETER,
    THERMOMETER_SPEC,
    RecordingSink,
    bus,
    collecting,
    eventually,
)
from tests.fixtures.ble_meters import COMPOSITION, COMPOSITION_SPEC, STRAP, STRAP_SPEC

__all__ = ["bus"]


def _refuse() -> bytes:
    raise att.ATT_Error(att.ErrorCode.UNLIKELY_ERROR)


def _stubborn_information(model: str, serial: str) -> Service:
    """A device information service of which one text is refused and one is no text."""
    del model, serial
    return Service(
        uuid16("180A"),
        [
            live("2A29", _refuse, lambda _: None, guarded=False),
            live("2A24", lambda: b"\xff\xfe", lambda _: None, guarded=False),
            live("2A26", lambda: b"1.0\x00", lambda _: None, guarded=False),
        ],
    )


async def test_information_that_is_refused_costs_no_measurement(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_meter, "device_information", _stubborn_information)
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2) as collector,
    ):
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: bool(heard.ended))
        status = collector.status().meters[0]
    assert len(sink.frames) == 1
    assert (status.manufacturer, status.model_number, status.firmware) == (None, None, "1.0")
    assert status.problem is None


async def test_a_model_without_the_clock_step_waits_for_no_clock(bus: str) -> None:
    wrong = replace(SCALE_SPEC, profile="thermometer", name="t", clock_offset=timedelta(hours=3))
    model = replace(THERMOMETER, clock="2A08", set_clock=True, order=("subscribe",))
    sink = RecordingSink()
    async with SimulatedHome(bus, [wrong], home_zone=UTC) as home, collecting([(wrong, model)], sink, idle_s=5) as _:
        await home.meter("t").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: bool(heard.frames))
        assert sink.ended == [], "the frame did not wait for the end of the connection"
        assert MeterHappening.CLOCK_SET not in [event.event for event in home.events]
    assert sink.frames[0].clock is None


async def test_the_clock_is_read_before_anything_is_written_or_subscribed(bus: str) -> None:
    wrong = replace(COMPOSITION_SPEC, clock_offset=timedelta(minutes=-90))
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [wrong], home_zone=UTC) as home,
        collecting([(wrong, COMPOSITION)], sink, home_zone=UTC, idle_s=0.3),
    ):
        await home.meter("composition").measure(CompositionRecord(weight=80.0, user=1))
        await sink.until(lambda heard: bool(heard.ended))
        order = [event.event for event in home.events]
    clock = sink.frames[0].clock
    assert clock is not None
    assert clock.ahead_of_utc.total_seconds() == pytest.approx(-5400, abs=3)
    assert order.index(MeterHappening.CLOCK_SET) < order.index(MeterHappening.SUBSCRIBED)
    assert order.index(MeterHappening.CLOCK_SET) < order.index(MeterHappening.REQUESTED)


async def test_a_meter_that_refuses_the_time_still_tells_what_it_measured(
    bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Any, _value: bytes) -> None:
        raise att.ATT_Error(att.ErrorCode.VALUE_NOT_ALLOWED)

    monkeypatch.setattr(simulated_meter.Meter, "clock_written", refuse)
    wrong = replace(CUFF_SPEC, clock_offset=timedelta(hours=2))
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [wrong], home_zone=UTC) as home,
        collecting([(wrong, CUFF)], sink, home_zone=UTC) as collector,
    ):
        await home.meter("cuff").measure(PressureRecord(systolic=120, diastolic=80))
        await sink.until(lambda heard: bool(heard.ended))
        assert "Set its clock by hand" in (collector.status().meters[0].problem or "")
    assert len(sink.frames) == 1


async def test_every_configured_person_is_asked_for_and_guests_come_anyway(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [COMPOSITION_SPEC], home_zone=UTC) as home,
        collecting([(COMPOSITION_SPEC, COMPOSITION)], sink, home_zone=UTC, idle_s=0.5) as collector,
    ):
        scale = home.meter("composition")
        await scale.measure(
            CompositionRecord(weight=81.2, user=1, fat=24.1, muscle=38.2, minutes_ago=10),
            CompositionRecord(weight=64.0, user=2, fat=30.0, minutes_ago=5),
            CompositionRecord(weight=70.0),
        )
        await sink.until(lambda heard: bool(heard.ended))
        assert scale.stored == 0
        assert collector.status().meters[0].problem is None
        requests = [event.payload for event in home.events if event.event is MeterHappening.REQUESTED]
    assert requests == ["0201d204", "02026712"]
    assert [frame.characteristic for frame in sink.frames] == ["2A9D", "2A9D", "2A9C", "2A9D", "2A9C"]
    assert [frame.payload[1:3].hex() for frame in sink.frames if frame.characteristic == "2A9D"] == [
        "b036",
        "703f",
        "0032",
    ]


async def test_a_wrong_code_is_said_in_words_and_the_guest_still_comes(bus: str) -> None:
    wrong = replace(COMPOSITION_SPEC, consents={1: 1})
    sink = RecordingSink()
    async with SimulatedHome(bus, [COMPOSITION_SPEC], home_zone=UTC) as home:
        async with collecting([(wrong, COMPOSITION)], sink, home_zone=UTC, idle_s=0.3) as collector:
            await home.meter("composition").measure(
                CompositionRecord(weight=81.2, user=1), CompositionRecord(weight=70.0)
            )
            await sink.until(lambda heard: bool(heard.ended))
            problem = collector.status().meters[0].problem or ""
        assert home.meter("composition").stored == 1
    assert "does not accept the code of slot 1" in problem
    assert "consents" in problem
    assert [frame.payload[1:3].hex() for frame in sink.frames] == ["b036"]


async def test_a_scale_with_people_and_no_code_asks_for_one(bus: str) -> None:
    nobody = replace(COMPOSITION_SPEC, consents={})
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [COMPOSITION_SPEC], home_zone=UTC) as home,
        collecting([(nobody, COMPOSITION)], sink, home_zone=UTC, idle_s=0.3) as collector,
    ):
        await home.meter("composition").measure(CompositionRecord(weight=70.0))
        await sink.until(lambda heard: bool(heard.ended))
        assert "none is configured" in (collector.status().meters[0].problem or "")
    assert len(sink.frames) == 1


async def test_a_strap_streams_until_it_is_taken_off(bus: str) -> None:
    sink = RecordingSink()
    samples = (
        HeartRateSample(rate=72, intervals=(0.833, 0.82)),
        HeartRateSample(rate=73, energy=12),
        HeartRateSample(rate=300, contact=False),
    )
    async with (
        SimulatedHome(bus, [STRAP_SPEC], home_zone=UTC) as home,
        collecting([(STRAP_SPEC, STRAP)], sink, idle_s=0.3),
    ):
        await home.meter("strap").measure(HeartRateRecord(samples=samples, period_s=0.02))
        await sink.until(lambda heard: bool(heard.ended))
    assert [frame.payload.hex() for frame in sink.frames] == ["164855034803", "0e490c00", "052c01"]


async def test_an_endless_stream_lets_the_others_be_read(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STREAM_LIMIT_S", 0.4)
    sink = RecordingSink()
    endless = HeartRateRecord(samples=(HeartRateSample(rate=72),) * 1000, period_s=0.02)
    slow = replace(STRAP, reconnect_after_s=30)
    async with (
        SimulatedHome(bus, [STRAP_SPEC, THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(STRAP_SPEC, slow), (THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.3),
    ):
        await home.meter("strap").measure(endless)
        await sink.until(lambda heard: bool(heard.frames))
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await sink.until(lambda heard: heard.frames[-1].characteristic == "2A1C")
    assert sink.ended[0] == STRAP_SPEC.address


async def test_subscriptions_are_never_written_back_when_we_hang_up(bus: str) -> None:
    sink = RecordingSink()
    model = replace(CUFF, hangs_up=False, disconnect_after_s=0.2)
    stays = replace(CUFF_SPEC, held_open=True)
    events: list[MeterEvent] = []
    async with (
        SimulatedHome(bus, [stays], home_zone=UTC, report=events.append) as home,
        collecting([(stays, model)], sink, home_zone=UTC, max_connections=2),
    ):
        await home.meter("cuff").measure(PressureRecord(systolic=120, diastolic=80))
        await sink.until(lambda heard: bool(heard.ended))
        await eventually(lambda: MeterHappening.DISCONNECTED in [event.event for event in events])
    assert MeterHappening.UNSUBSCRIBED not in [event.event for event in events]


async def test_a_scale_is_left_after_its_models_own_time(bus: str) -> None:
    sink = RecordingSink()
    stays = replace(SCALE_SPEC, held_open=True)
    async with (
        SimulatedHome(bus, [stays], home_zone=UTC) as home,
        collecting([(stays, replace(SCALE, disconnect_after_s=0.1))], sink, home_zone=UTC, idle_s=60),
    ):
        await home.meter("scale").advertise()
        await sink.until(lambda heard: bool(heard.ended))
