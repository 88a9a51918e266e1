"""A technician's radio: scanning and pairing, beside a running collector and alone, against simulated meters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest
from bumble.pairing import PairingDelegate

from hearthline_gateway.ble import collector as collecting_module
from hearthline_gateway.ble.agent import AGENT_PATH
from hearthline_gateway.ble.bluez_radio import BluezRadio, radio_of
from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.standalone import standalone_radio
from hearthline_gateway.meter_models import MeterModel
from hearthline_gateway.radio import PairedMeter, RadioError
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.spec import MeterSpec
from tests.fixtures.ble_home import (
    CUFF,
    CUFF_SPEC,
    OXIMETER_SPEC,
    SCALE,
    SCALE_SPEC,
    THERMOMETER,
    THERMOMETER_SPEC,
    WITHIN_S,
    RecordingSink,
    bus,
    collecting,
    eventually,
)
from tests.fixtures.meter_displays import Keys, Person, Refusal, YesNo, pairs_by

if TYPE_CHECKING:
    from hearthline_protocol.commands import FoundMeter

__all__ = ["bus"]

READING = PressureRecord(systolic=186, diastolic=112)
SHOWS = replace(CUFF_SPEC, passkey=123456)
SHOWING = replace(CUFF, digits="shown")


@asynccontextmanager
async def alone(**options: float) -> AsyncIterator[BluezRadio]:
    async with standalone_radio(**options) as radio:  # type: ignore[arg-type]  # options are heard_limit_s only
        yield radio


async def pair(radio: BluezRadio, spec: MeterSpec, model: MeterModel, person: Person) -> PairedMeter:
    async with asyncio.timeout(60):
        return await radio.pair(spec.address, model, person, person.progress)


async def test_a_scan_tells_health_meters_nearest_first(bus: str) -> None:
    found: list[FoundMeter] = []
    async with SimulatedHome(bus, [CUFF_SPEC, OXIMETER_SPEC, SCALE_SPEC], home_zone=UTC) as home, alone() as radio:
        home.bluez.adapters["hci0"].signals |= {CUFF_SPEC.address: -80, SCALE_SPEC.address: None}
        for meter in home.meters.values():
            await meter.advertise()
        meters = await radio.scan(2.0, found.append)
    assert [(meter.address, meter.device, meter.signal_dbm) for meter in meters] == [
        (OXIMETER_SPEC.address, "oximeter", -50),
        (CUFF_SPEC.address, "cuff", -80),
    ]
    assert {meter.address for meter in found} == {CUFF_SPEC.address, OXIMETER_SPEC.address}
    assert "generic-blood-pressure" in meters[1].candidates
    assert not meters[1].listed


async def test_a_scan_has_the_adapter_to_itself_and_collecting_goes_on(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home,
        collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC) as collector,
    ):
        await eventually(lambda: collector.status().adapter == "powered")
        found = asyncio.Event()
        scanning = asyncio.create_task(radio_of(collector).scan(1.5, lambda _: found.set()))
        await home.meter("cuff").measure(READING)
        await asyncio.wait_for(found.wait(), WITHIN_S)
        assert not home.meter("cuff").connected, "the meter stays free while it is looked for"
        (meter,) = await scanning
        assert meter.listed
        await sink.until(lambda heard: len(heard.frames) == 1)


async def test_who_asks_while_bluetooth_starts_is_served(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
        await home.meter("cuff").advertise()
        async with collecting([], RecordingSink(), home_zone=UTC) as collector:
            assert collector.status().adapter == "not started"
            (meter,) = await radio_of(collector).scan(2.0, lambda _: None)
        assert meter.address == CUFF_SPEC.address


async def test_who_asks_while_bluetooth_starts_with_its_adapter_off_is_told(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
        await home.bluez.adapters["hci0"].set_powered(on=False)
        async with collecting([], RecordingSink(), home_zone=UTC) as collector, asyncio.timeout(WITHIN_S):
            assert collector.status().adapter == "not started"
            with pytest.raises(RadioError, match="bluetoothctl power on"):
                await radio_of(collector).scan(2.0, lambda _: None)


async def test_who_asks_while_bluetooth_does_not_finish_starting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting_module, "_START_S", 0.05)
    never_runs = Collector([], RecordingSink(), home_zone=UTC)
    with pytest.raises(RadioError, match="hearthline-gateway doctor"):
        await radio_of(never_runs).scan(2.0, lambda _: None)


@pytest.mark.parametrize("beside_collector", [False, True])
async def test_pairing_just_works_and_says_what_the_meter_is(bus: str, beside_collector: bool) -> None:
    person = Person()
    async with SimulatedHome(bus, [CUFF_SPEC, THERMOMETER_SPEC], home_zone=UTC) as home, AsyncExitStack() as stack:
        if beside_collector:
            collector = await stack.enter_async_context(collecting([(THERMOMETER_SPEC, THERMOMETER)], RecordingSink()))
            await eventually(lambda: collector.status().adapter == "powered")
            radio = radio_of(collector)
        else:
            radio = await stack.enter_async_context(alone())
        await home.meter("cuff").advertise()
        paired = await pair(radio, CUFF_SPEC, CUFF, person)
        known = home.bluez.device(CUFF_SPEC.address)
        assert known is not None
        assert known.paired
        assert not home.meter("cuff").connected
        assert await radio.unpair(CUFF_SPEC.address)
        assert not await radio.unpair(CUFF_SPEC.address)
        assert home.bluez.device(CUFF_SPEC.address) is None
    assert paired.bonded
    assert paired.model_number == CUFF_SPEC.model
    assert person.asked == []
    assert CUFF.steps[0] in person.heard[0]


async def test_a_model_without_bond_is_only_looked_at(bus: str) -> None:
    person = Person()
    async with SimulatedHome(bus, [THERMOMETER_SPEC], home_zone=UTC) as home, alone() as radio:
        await home.meter("thermometer").advertise()
        assert not (await pair(radio, THERMOMETER_SPEC, THERMOMETER, person)).bonded


async def test_a_meter_that_shows_its_digits(bus: str) -> None:
    person = Person(digits=123456)
    async with SimulatedHome(bus, [SHOWS], home_zone=UTC) as home, alone() as radio:
        await home.meter("cuff").advertise()
        assert (await pair(radio, SHOWS, SHOWING, person)).bonded
    assert person.asked == [("passkey", SHOWS.address)]


@pytest.mark.parametrize(("digits", "why"), [(654321, "did not take the digits"), (None, "nobody gave them")])
async def test_digits_that_do_not_fit_say_so(bus: str, digits: int | None, why: str) -> None:
    async with SimulatedHome(bus, [SHOWS], home_zone=UTC) as home, alone() as radio:
        await home.meter("cuff").advertise()
        with pytest.raises(RadioError, match=why):
            await pair(radio, SHOWS, SHOWING, Person(digits=digits))
        known = home.bluez.device(SHOWS.address)
        assert known is None or not known.paired


async def test_digits_to_type_on_the_meter(bus: str) -> None:
    keys = Keys()
    person = Person(keys=keys)
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home, alone() as radio:
        pairs_by(home.meter("cuff"), keys)
        await home.meter("cuff").advertise()
        assert (await pair(radio, CUFF_SPEC, SHOWING, person)).bonded
    assert [digits for digits, _ in person.asked] == [f"{keys.typed.result():06}"]


@pytest.mark.parametrize("same", [True, False])
async def test_digits_to_compare(bus: str, same: bool) -> None:
    display, person = YesNo(), Person(says_same=same)
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home, alone() as radio:
        pairs_by(home.meter("cuff"), display)
        await home.meter("cuff").advertise()
        if same:
            assert (await pair(radio, CUFF_SPEC, SHOWING, person)).bonded
        else:
            with pytest.raises(RadioError, match="not the same"):
                await pair(radio, CUFF_SPEC, SHOWING, person)
    assert [digits for digits, _ in person.asked] == display.shown


async def test_a_meter_outside_its_pairing_mode_refuses(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home, alone() as radio:
        pairs_by(home.meter("cuff"), Refusal(), mitm=False)
        await home.meter("cuff").advertise()
        with pytest.raises(RadioError, match="refused to pair") as refused:
            await pair(radio, CUFF_SPEC, CUFF, Person())
    assert CUFF.steps[0] in str(refused.value)


async def test_a_meter_that_is_not_there_is_not_waited_for_for_ever(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC), alone(heard_limit_s=0.5) as radio:
        with pytest.raises(RadioError, match="not heard"):
            await pair(radio, CUFF_SPEC, CUFF, Person())


async def test_a_name_for_pairing_mode_is_waited_for(bus: str) -> None:
    named = replace(CUFF, names=("cuff",), pairing_names=("PAIR",))
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home, alone(heard_limit_s=1.0) as radio:
        await home.meter("cuff").advertise()
        with pytest.raises(RadioError, match="not in its pairing mode"):
            await pair(radio, CUFF_SPEC, named, Person())


async def test_another_kind_of_meter_is_not_kept(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home, alone() as radio:
        await home.meter("cuff").advertise()
        with pytest.raises(RadioError, match="another model"):
            await pair(radio, CUFF_SPEC, replace(SCALE, pair=True), Person())
        known = home.bluez.device(CUFF_SPEC.address)
        assert known is None or not known.paired


async def test_pairing_again_keeps_a_good_bond_and_mends_a_stale_one(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home, alone() as radio:
        cuff = home.meter("cuff")
        await cuff.measure(READING)  # with something to tell it advertises again after each connection
        for forgotten, bonds in ((False, 1), (False, 1), (True, 2)):
            if forgotten:
                await cuff.forget_bond()
            person = Person()
            assert (await pair(radio, CUFF_SPEC, CUFF, person)).bonded
            assert sum(event.event is MeterHappening.PAIRED for event in home.events) == bonds
            assert any("forgotten" in words for words in person.heard) is forgotten
        assert cuff.stored == 1, "pairing takes nothing from the meter"


async def test_where_nothing_runs_the_radio_says_what_to_start(bus: str) -> None:
    async with alone() as radio:
        with pytest.raises(RadioError, match="systemctl start bluetooth"):
            await radio.scan(1.0, lambda _: None)
    async with collecting([(CUFF_SPEC, CUFF)], RecordingSink()) as collector:
        await eventually(lambda: "bluetoothd" in collector.status().adapter)
        with pytest.raises(RadioError, match="systemctl start bluetooth"):
            await radio_of(collector).unpair(CUFF_SPEC.address)


async def test_pairing_beside_a_collector_leaves_its_agent_in_place(bus: str) -> None:
    sink = RecordingSink()
    async with (
        SimulatedHome(bus, [SHOWS, THERMOMETER_SPEC], home_zone=UTC) as home,
        collecting([(THERMOMETER_SPEC, THERMOMETER)], sink) as collector,
    ):
        await eventually(lambda: collector.status().adapter == "powered")
        await home.meter("cuff").advertise()
        person = Person(digits=123456)
        assert (await pair(radio_of(collector), SHOWS, SHOWING, person)).bonded
        assert await radio_of(collector).unpair(SHOWS.address)
        agent = home.bluez.agent()
        assert agent is not None
        assert agent.path == AGENT_PATH
        assert agent.io_capability == PairingDelegate.NO_OUTPUT_NO_INPUT, "everything only while a person pairs"
