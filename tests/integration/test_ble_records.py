"""Meters with numbered records, asked by unmodified bleak through the simulated ``org.bluez``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

import pytest

from hearthline_gateway.ble import meter_link
from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement
from hearthline_gateway.gatt.record_access import RecordAccessControlPoint, RecordOpCode, RecordOperator
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.glucose import GlucoseMeter, GlucoseRecord
from tests.fixtures.ble_home import RecordingSink, bus, collecting, eventually
from tests.fixtures.ble_meters import GLUCOSE, GLUCOSE_SPEC

__all__ = ["bus"]


class RememberingSink(RecordingSink):
    """A sink that is its own memory of complete records, as the outbox is."""

    def __init__(self, last: int | None = None) -> None:
        super().__init__()
        self.last = last
        self.forgotten = 0

    async def heard(self, frame: Frame) -> None:
        if frame.characteristic == "2A18":
            number = GlucoseMeasurement.decode(frame.payload).sequence_number
            self.last = number if self.last is None else max(self.last, number)
        await super().heard(frame)

    async def last_sequence(self, sensor: str, characteristic: str) -> int | None:
        assert (sensor, characteristic) == (GLUCOSE_SPEC.address, "2A18")
        return self.last

    async def forget_sequence(self, sensor: str, characteristic: str) -> None:
        assert (sensor, characteristic) == (GLUCOSE_SPEC.address, "2A18")
        self.last = None
        self.forgotten += 1


@asynccontextmanager
async def read(bus: str, sink: RememberingSink, **options: Any) -> AsyncIterator[tuple[GlucoseMeter, Collector]]:
    """A glucose meter in a home whose collector runs."""
    async with (
        SimulatedHome(bus, [GLUCOSE_SPEC], home_zone=UTC) as home,
        collecting([(GLUCOSE_SPEC, GLUCOSE)], sink, memory=sink, home_zone=UTC, **options) as collector,
    ):
        meter = home.meter("glucose")
        assert isinstance(meter, GlucoseMeter)
        yield meter, collector


def numbers(sink: RememberingSink) -> list[int]:
    return [GlucoseMeasurement.decode(f.payload).sequence_number for f in sink.frames if f.characteristic == "2A18"]


def asked(home_events: list[Any]) -> list[tuple[RecordOpCode | int, RecordOperator | int, Any]]:
    requests = [
        RecordAccessControlPoint.decode(bytes.fromhex(event.payload))
        for event in home_events
        if event.event is MeterHappening.REQUESTED
    ]
    return [(request.op_code, request.operator, request.minimum) for request in requests]


async def test_all_records_come_with_their_context_after_everything_was_subscribed(bus: str) -> None:
    sink = RememberingSink()
    events: list[Any] = []
    async with (
        SimulatedHome(bus, [GLUCOSE_SPEC], home_zone=UTC, report=events.append) as home,
        collecting([(GLUCOSE_SPEC, GLUCOSE)], sink, memory=sink, home_zone=UTC) as collector,
    ):
        await home.meter("glucose").measure(
            GlucoseRecord(glucose=95, minutes_ago=900, meal="fasting", carbohydrate=45),
            GlucoseRecord(glucose=5.6, unit="mmol/L", minutes_ago=400),
            GlucoseRecord(glucose=float("-inf"), status=0x0040),
        )
        await sink.until(lambda heard: bool(heard.ended))
        status = collector.status().meters[0]
    assert [frame.characteristic for frame in sink.frames] == ["2A18", "2A34", "2A18", "2A18"]
    assert numbers(sink) == [1, 2, 3]
    assert not any(frame.first or frame.alone for frame in sink.frames), "a replay is not live"
    subscribed = [e.characteristic for e in events if e.event is MeterHappening.SUBSCRIBED]
    assert subscribed == ["2A18", "2A34", "2A52"]
    order = [event.event for event in events]
    assert order.index(MeterHappening.REQUESTED) > len(order) - 1 - order[::-1].index(MeterHappening.SUBSCRIBED)
    assert status.problem is None
    assert (status.manufacturer, status.model_number, status.firmware) == ("Hearthline Simulator", "Simulated", "1.0")
    assert status.battery_percent == GLUCOSE_SPEC.battery_percent


async def test_only_what_is_new_is_asked_for_and_a_single_new_one_is_evidence(bus: str) -> None:
    sink = RememberingSink()
    async with read(bus, sink) as (meter, _):
        await meter.measure(GlucoseRecord(glucose=90), GlucoseRecord(glucose=92))
        await sink.until(lambda heard: len(heard.ended) == 1)
        await meter.measure(GlucoseRecord(glucose=48, minutes_ago=3 * 365 * 1440))
        await sink.until(lambda heard: len(heard.ended) == 2)
        await meter.measure(GlucoseRecord(glucose=110, minutes_ago=1))
        await sink.until(lambda heard: len(heard.ended) == 3)
        await meter.measure(GlucoseRecord(glucose=111), GlucoseRecord(glucose=112))
        await sink.until(lambda heard: len(heard.ended) == 4)
    assert numbers(sink) == [1, 2, 3, 4, 5, 6]
    flags = [(frame.first, frame.alone) for frame in sink.frames]
    assert flags[2] == (True, True), "its stamp lies outside the time in which it must have been measured"
    assert flags[3] == (False, False), "its stamp can be believed"
    assert flags[4:] == [(False, False), (False, False)]


async def test_a_disconnect_in_the_middle_keeps_what_came_and_goes_on_from_there(bus: str) -> None:
    sink = RememberingSink()
    events: list[Any] = []
    async with SimulatedHome(bus, [GLUCOSE_SPEC], home_zone=UTC, report=events.append) as home:
        meter = home.meter("glucose")
        assert isinstance(meter, GlucoseMeter)
        meter.hang_up_after = 2
        async with collecting([(GLUCOSE_SPEC, GLUCOSE)], sink, memory=sink, home_zone=UTC) as collector:
            await meter.measure(*(GlucoseRecord(glucose=90 + n) for n in range(5)))
            await sink.until(lambda heard: len(heard.ended) == 2)
            assert collector.status().meters[0].problem is None
    assert numbers(sink) == [1, 2, 3, 4, 5]
    assert (RecordOpCode.REPORT_STORED_RECORDS, RecordOperator.GREATER_THAN_OR_EQUAL_TO, 3) in asked(events)


async def test_a_meter_still_busy_is_told_to_stop_and_asked_again(bus: str) -> None:
    sink = RememberingSink()
    async with read(bus, sink) as (meter, collector):
        meter.busy = 1
        await meter.measure(GlucoseRecord(glucose=90))
        await sink.until(lambda heard: bool(heard.ended))
        assert collector.status().meters[0].problem is None
    assert numbers(sink) == [1]


async def test_no_new_records_is_success(bus: str) -> None:
    sink = RememberingSink(last=3)
    async with read(bus, sink) as (meter, collector):
        await meter.measure(*(GlucoseRecord(glucose=90 + n) for n in range(3)))
        await sink.until(lambda heard: bool(heard.ended))
        assert collector.status().meters[0].problem is None
    assert numbers(sink) == [3], "the last one is looked at, in case the meter counts anew"
    assert not sink.frames[0].first
    assert sink.forgotten == 0


async def test_an_empty_meter_is_no_failure(bus: str) -> None:
    sink = RememberingSink()
    async with read(bus, sink) as (meter, collector):
        await meter.advertise()
        await sink.until(lambda heard: bool(heard.ended))
        assert collector.status().meters[0].problem is None
    assert sink.frames == []


async def test_a_meter_that_counts_anew_is_read_from_the_start(bus: str) -> None:
    sink = RememberingSink(last=400)
    async with read(bus, sink) as (meter, _):
        await meter.measure(GlucoseRecord(glucose=90), GlucoseRecord(glucose=91))
        await sink.until(lambda heard: bool(heard.ended))
    assert sink.forgotten == 1
    assert numbers(sink) == [2, 1, 2]
    assert sink.last == 2


async def test_a_meter_that_knows_no_filter_tells_everything(bus: str) -> None:
    sink = RememberingSink(last=1)
    async with read(bus, sink) as (meter, collector):
        meter.filters = False
        await meter.measure(GlucoseRecord(glucose=90), GlucoseRecord(glucose=91))
        await sink.until(lambda heard: bool(heard.ended))
        assert collector.status().meters[0].problem is None
    assert numbers(sink) == [1, 2]
    assert not any(frame.first for frame in sink.frames)


async def test_a_meter_that_never_answers_is_left_with_the_reason(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_link, "ANSWER_LIMIT_S", 0.2)
    sink = RememberingSink()
    async with read(bus, sink) as (meter, collector):
        meter.mute = True
        await meter.measure(GlucoseRecord(glucose=90))
        await eventually(lambda: "did not answer" in (collector.status().meters[0].problem or ""))
        await sink.until(lambda heard: bool(heard.ended))
        meter.mute = False
        await meter.advertise()
        await sink.until(lambda heard: bool(heard.frames))
        await sink.until(lambda heard: len(heard.ended) >= 2)
        assert collector.status().meters[0].problem is None
    assert numbers(sink) == [1]


async def test_what_is_measured_while_connected_is_asked_for_before_leaving(bus: str) -> None:
    sink = RememberingSink()
    async with read(bus, sink) as (meter, _):
        await meter.measure(GlucoseRecord(glucose=90))
        await sink.until(lambda heard: len(heard.frames) == 1)
        assert meter.connected
        await meter.measure(GlucoseRecord(glucose=44, minutes_ago=100_000))
        await sink.until(lambda heard: bool(heard.ended))
    assert numbers(sink) == [1, 2]
    assert (sink.frames[1].first, sink.frames[1].alone) == (True, True)


@pytest.mark.parametrize("last", [0xFFFF, None])
async def test_numbers_that_cannot_grow_are_asked_for_all(bus: str, last: int | None) -> None:
    sink = RememberingSink(last=last)
    async with read(bus, sink) as (meter, _):
        await meter.measure(GlucoseRecord(glucose=90))
        await sink.until(lambda heard: bool(heard.ended))
    assert numbers(sink) == [1]
    assert sink.forgotten == (1 if last else 0)
