"""Several adapters, and adapters that hang, vanish or are switched off, behind the real collector."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

import pytest

from hearthline_gateway.ble import bluez_client, lookout, station
from hearthline_gateway.ble.adapter_health import Patience
from hearthline_gateway.ble.collector import Collector
from hearthline_protocol.messages import AdapterStatus
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.fixtures.ble_home import (
    CUFF,
    CUFF_SPEC,
    THERMOMETER,
    THERMOMETER_SPEC,
    RecordingSink,
    bus,
    collecting,
    eventually,
)

__all__ = ["bus"]

READING = PressureRecord(systolic=186, diastolic=112)
FEVER = TemperatureRecord(temperature=38.9)
BOTH = ("hci0", "hci1")
SOON = Patience(quiet_s=0.4, probe_s=0.4, pauses=(0.2, 0.4))
ATTENTIVE = replace(SOON, probe_s=3.0)


def _left(times: int) -> Callable[[RecordingSink], bool]:
    return lambda sink: len(sink.ended) == times


def adapter(collector: Collector, name: str) -> AdapterStatus:
    known = (status for status in collector.status().adapters if status.name == name)
    return next(known, AdapterStatus(name=name, state="unknown"))


@pytest.mark.parametrize("stronger", BOTH)
async def test_a_meter_that_two_hear_is_taken_once_by_the_stronger(bus: str, stronger: str) -> None:
    sink = RecordingSink()
    async with SimulatedHome(bus, [CUFF_SPEC], adapters=2, home_zone=UTC) as home:
        for name, each in home.bluez.adapters.items():
            each.signals[CUFF_SPEC.address] = -50 if name == stronger else -80
        async with collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC, adapters=BOTH) as collector:
            await eventually(lambda: collector.status().adapter == "powered")
            for count in (1, 2):
                await home.meter("cuff").measure(READING)
                await sink.until(_left(count))
        bonds = [
            name
            for name, each in home.bluez.adapters.items()
            if (known := each.device(CUFF_SPEC.address)) and known.paired
        ]
    assert len(sink.frames) == 2
    assert bonds == [stronger]


async def test_a_bonded_meter_stays_with_the_adapter_that_holds_its_bond(bus: str) -> None:
    sink = RecordingSink()
    async with SimulatedHome(bus, [CUFF_SPEC], adapters=2, home_zone=UTC) as home:
        for name, signal in (("hci0", -50), ("hci1", -90)):
            home.bluez.adapters[name].signals[CUFF_SPEC.address] = signal
        async with collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC, adapters=BOTH) as collector:
            await eventually(lambda: collector.status().adapter == "powered")
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.ended) == 1)
            home.bluez.adapters["hci1"].signals[CUFF_SPEC.address] = -20
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.ended) == 2)
        other = home.bluez.adapters["hci1"].device(CUFF_SPEC.address)
        assert other is None or not other.paired


async def test_two_adapters_read_two_meters_at_once(bus: str) -> None:
    held = [replace(CUFF_SPEC, held_open=True), replace(THERMOMETER_SPEC, held_open=True)]
    async with (
        SimulatedHome(bus, held, adapters=2, home_zone=UTC) as home,
        collecting([(held[0], CUFF), (held[1], THERMOMETER)], RecordingSink(), adapters=BOTH, idle_s=60),
    ):
        await eventually(lambda: all(meter.connected for meter in home.meters.values()))


async def test_a_missing_adapter_does_not_stop_the_other(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, adapters=BOTH, idle_s=0.2) as collector,
    ):
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 1)
        assert adapter(collector, "hci0").problem is None
        assert "plugged in" in (adapter(collector, "hci1").problem or "")
        assert "hci1: " in collector.status().adapter


async def test_an_adapter_that_is_pulled_out_and_put_back(bus: str) -> None:
    sink = RecordingSink()
    async with SimulatedHome(bus, [CUFF_SPEC], adapters=2, home_zone=UTC) as home:
        home.bluez.adapters["hci1"].signals[CUFF_SPEC.address] = None
        options = {"adapters": BOTH, "mend_bonds": False, "home_zone": UTC}
        async with collecting([(CUFF_SPEC, CUFF)], sink, **options) as collector:
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.ended) == 1)
            await home.bluez.adapters["hci0"].unplug()
            await eventually(lambda: "plugged in" in (adapter(collector, "hci0").problem or ""))
            assert "Its bond is on hci0" in (collector.status().meters[0].problem or "")
            home.bluez.adapters["hci0"].plug_in()
            await eventually(lambda: adapter(collector, "hci0").problem is None)
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.ended) == 2)
    assert len(sink.frames) == 2


async def test_a_hung_adapter_is_found_by_its_silence_and_reset(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2, patience=ATTENTIVE) as collector,
    ):
        await eventually(lambda: collector.status().adapter == "powered")
        home.bluez.adapters["hci0"].hang()
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 1)
        assert adapter(collector, "hci0").resets == 1
        await eventually(lambda: adapter(collector, "hci0").problem is None)


async def test_a_home_where_nothing_is_heard_is_not_power_cycled_for_ever(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2, patience=SOON) as collector,
    ):
        await eventually(lambda: "3 resets did not help" in (adapter(collector, "hci0").problem or ""), within_s=60)
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 1)
        assert adapter(collector, "hci0").problem is None, "it hears again, and all is well"
        assert adapter(collector, "hci0").resets == 3


async def test_a_bluetoothd_that_no_longer_answers_stops_nothing_for_ever(
    bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "SCANNER_LIMIT_S", 0.2)
    monkeypatch.setattr(bluez_client, "_POWER_LIMIT_S", 0.2)
    sink = RecordingSink()
    async with SimulatedHome(bus, [THERMOMETER_SPEC, CUFF_SPEC], adapters=2, home_zone=UTC) as home:
        home.bluez.adapters["hci0"].freeze()
        home.bluez.adapters["hci1"].signals[CUFF_SPEC.address] = None
        meters = [(THERMOMETER_SPEC, THERMOMETER), (CUFF_SPEC, CUFF)]
        async with collecting(meters, sink, adapters=BOTH, idle_s=0.2, home_zone=UTC) as collector:
            await home.meter("thermometer").measure(FEVER)
            await sink.until(lambda heard: len(heard.ended) == 1)
            await eventually(lambda: "does not answer" in (adapter(collector, "hci0").problem or ""))
            home.bluez.adapters["hci0"].thaw()
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.ended) == 2)


async def test_an_adapter_that_somebody_switched_off_is_said_and_switched_on(
    bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2) as collector,
    ):
        await eventually(lambda: collector.status().adapter == "powered")
        await home.bluez.adapters["hci0"].set_powered(on=False)
        await eventually(lambda: "bluetoothctl power on" in collector.status().adapter)
        await home.bluez.adapters["hci0"].set_powered(on=True)
        await eventually(lambda: collector.status().adapter == "powered")
        monkeypatch.setattr(station, "_LEFT_OFF_S", 0.2)
        await home.bluez.adapters["hci0"].set_powered(on=False)
        await eventually(lambda: home.bluez.adapters["hci0"].powered)
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 1)


async def test_another_adapter_is_used_where_none_is_named(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [THERMOMETER_SPEC], adapters=2, home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink, idle_s=0.2) as collector,
    ):
        await eventually(lambda: [status.name for status in collector.status().adapters] == ["hci0"])
        await home.bluez.adapters["hci0"].unplug()
        await eventually(lambda: [status.name for status in collector.status().adapters] == ["hci1"])
        await home.meter("thermometer").measure(FEVER)
        await sink.until(lambda heard: len(heard.ended) == 1)
