"""A technician's scan and pairing on a real bluetoothd, beside a collector that goes on afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hearthline_gateway.ble.bluez_radio import BluezRadio, radio_of
from hearthline_gateway.meter_models import MeterModel
from hearthline_gateway.radio import PairedMeter, RadioError
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.bluez.collected import Collected, gateway
from tests.bluez.kernel_home import WITHIN_S, KernelHome
from tests.fixtures.ble_home import CUFF, CUFF_SPEC, THERMOMETER, THERMOMETER_SPEC, eventually
from tests.fixtures.meter_displays import Keys, Person, Refusal, YesNo, pairs_by

if TYPE_CHECKING:
    from hearthline_protocol.commands import FoundMeter

SHOWS = replace(CUFF_SPEC, passkey=123456)
SHOWING = replace(CUFF, digits="shown")


@asynccontextmanager
async def radio_beside_thermometer(folder: Path) -> AsyncIterator[tuple[BluezRadio, Collected]]:
    """The radio of a gateway that reads a thermometer and scans for it meanwhile."""
    async with gateway([(THERMOMETER_SPEC, THERMOMETER)], folder, idle_s=0.5) as (collector, collected):
        await eventually(lambda: collector.status().adapter == "powered", WITHIN_S)
        yield radio_of(collector, heard_limit_s=20), collected


async def pair(radio: BluezRadio, model: MeterModel, person: Person) -> PairedMeter:
    return await radio.pair(CUFF_SPEC.address, model, person, person.progress)


async def test_a_scan_finds_what_is_there_and_collecting_goes_on(tmp_path: Path) -> None:
    found: list[FoundMeter] = []
    async with (
        KernelHome([CUFF_SPEC, THERMOMETER_SPEC]) as home,
        radio_beside_thermometer(tmp_path) as (radio, collected),
    ):
        await home.meter("cuff").advertise()
        meters = await radio.scan(4.0, found.append)
        assert [(meter.address, meter.device, meter.listed) for meter in meters] == [(CUFF_SPEC.address, "cuff", False)]
        assert {meter.address for meter in found} == {CUFF_SPEC.address}
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await collected.until(lambda: len(collected.frames()) == 1)


async def test_pairing_just_works_and_is_undone(tmp_path: Path) -> None:
    person = Person()
    async with (
        KernelHome([CUFF_SPEC, THERMOMETER_SPEC]) as home,
        radio_beside_thermometer(tmp_path) as (radio, collected),
    ):
        await home.meter("cuff").advertise()
        paired = await pair(radio, CUFF, person)
        assert paired.bonded
        assert paired.model_number == CUFF_SPEC.model
        assert person.asked == []
        assert not home.meter("cuff").connected
        assert await radio.unpair(CUFF_SPEC.address)
        assert not await radio.unpair(CUFF_SPEC.address)
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await collected.until(lambda: len(collected.frames()) == 1)


async def test_a_meter_paired_by_a_person_is_read_by_the_gateway(tmp_path: Path) -> None:
    """The digits are asked for once; afterwards the bond is enough."""
    async with KernelHome([SHOWS, THERMOMETER_SPEC]) as home:
        person = Person(digits=123456)
        async with radio_beside_thermometer(tmp_path) as (radio, _):
            await home.meter("cuff").advertise()
            assert (await pair(radio, SHOWING, person)).bonded
        assert person.asked == [("passkey", SHOWS.address)]
        async with gateway([(replace(SHOWS, passkey=None), SHOWING)], tmp_path) as (_, collected):
            await home.meter("cuff").measure(PressureRecord(systolic=186, diastolic=112))
            await collected.until_ended(1)
            assert len(collected.frames("2A35")) == 1


@pytest.mark.parametrize(("digits", "why"), [(654321, "did not take the digits"), (None, "nobody gave them")])
async def test_digits_that_do_not_fit_say_so(tmp_path: Path, digits: int | None, why: str) -> None:
    async with KernelHome([SHOWS, THERMOMETER_SPEC]) as home, radio_beside_thermometer(tmp_path) as (radio, _):
        await home.meter("cuff").advertise()
        with pytest.raises(RadioError, match=why):
            await pair(radio, SHOWING, Person(digits=digits))


async def test_digits_are_typed_on_the_meter(tmp_path: Path) -> None:
    keys = Keys()
    person = Person(keys=keys)
    async with KernelHome([CUFF_SPEC, THERMOMETER_SPEC]) as home, radio_beside_thermometer(tmp_path) as (radio, _):
        pairs_by(home.meter("cuff"), keys)
        await home.meter("cuff").advertise()
        assert (await pair(radio, SHOWING, person)).bonded
    assert [digits for digits, _ in person.asked] == [f"{keys.typed.result():06}"]


@pytest.mark.parametrize("same", [True, False])
async def test_digits_are_compared(tmp_path: Path, same: bool) -> None:
    display, person = YesNo(), Person(says_same=same)
    async with KernelHome([CUFF_SPEC, THERMOMETER_SPEC]) as home, radio_beside_thermometer(tmp_path) as (radio, _):
        pairs_by(home.meter("cuff"), display)
        await home.meter("cuff").advertise()
        if same:
            assert (await pair(radio, SHOWING, person)).bonded
        else:
            with pytest.raises(RadioError, match="not the same"):
                await pair(radio, SHOWING, person)
    assert [digits for digits, _ in person.asked] == display.shown


async def test_a_meter_outside_its_pairing_mode_refuses(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC, THERMOMETER_SPEC]) as home, radio_beside_thermometer(tmp_path) as (radio, _):
        pairs_by(home.meter("cuff"), Refusal(), mitm=False)
        await home.meter("cuff").advertise()
        with pytest.raises(RadioError, match="refused to pair"):
            await pair(radio, CUFF, Person())
