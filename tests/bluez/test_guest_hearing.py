"""What a real bluetoothd confirms must be heard: once, and all of it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.uuids import normalize_uuid_16

from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.bluez.collected import gateway
from tests.bluez.daemon import another_subscriber, call, until_known
from tests.bluez.home_models import EAGER_CUFF_SPEC
from tests.bluez.kernel_home import WITHIN_S, KernelHome
from tests.fixtures.ble_home import CUFF, CUFF_SPEC, THERMOMETER, THERMOMETER_SPEC


def pair(number: int) -> tuple[PressureRecord, PressureRecord]:
    return (
        PressureRecord(systolic=120 + number, diastolic=80, minutes_ago=2),
        PressureRecord(systolic=140 + number, diastolic=90, minutes_ago=1),
    )


def confirmed(home: KernelHome) -> list[str]:
    return [str(event.payload) for event in home.events if event.event is MeterHappening.CONFIRMED]


async def test_an_eager_cuffs_readings_are_all_durable_once(tmp_path: Path) -> None:
    """It indicates as the link is encrypted again, before bleak could subscribe, and forgets what was confirmed."""
    async with KernelHome([EAGER_CUFF_SPEC]) as home:
        async with gateway([(EAGER_CUFF_SPEC, CUFF)], tmp_path) as (_, collected):
            for number in range(4):
                await home.meter("cuff").measure(*pair(number))
                await collected.until_ended(number + 1)
            assert collected.frames() == confirmed(home)
            assert collected.delivered == confirmed(home)
        assert len(confirmed(home)) == 8
        assert home.meter("cuff").stored == 0


async def test_bleak_alone_loses_what_an_eager_cuff_sends(tmp_path: Path) -> None:
    """Why there is an early listener: bluetoothd confirms what nobody has subscribed to yet."""
    async with KernelHome([EAGER_CUFF_SPEC]) as home:
        cuff = home.meter("cuff")
        async with gateway([(EAGER_CUFF_SPEC, CUFF)], tmp_path) as (_, collected):
            await cuff.measure(*pair(0))
            await collected.until_ended(1)
        heard: list[bytes] = []
        await cuff.measure(*pair(1))
        device = await BleakScanner.find_device_by_address(CUFF_SPEC.address, timeout=WITHIN_S)
        assert device is not None
        gone = asyncio.Event()
        client = BleakClient(device, lambda _: gone.set())
        await client.connect()
        await client.start_notify(normalize_uuid_16(0x2A35), lambda _, value: heard.append(bytes(value)))
        await asyncio.wait_for(gone.wait(), WITHIN_S)
        await client.disconnect()
        assert len(confirmed(home)) == 4
        assert cuff.stored == 0
        assert len(heard) < 2


async def test_deliveries_never_multiply_after_the_cuff_hung_up(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC]) as home, gateway([(CUFF_SPEC, CUFF)], tmp_path) as (_, collected):
        for number in range(5):
            await home.meter("cuff").measure(*pair(number))
            await collected.until_ended(number + 1)
            assert collected.frames() == confirmed(home)
            assert collected.delivered == confirmed(home)
        assert len(confirmed(home)) == 10


async def test_bluetoothd_says_a_value_once_for_each_subscriber() -> None:
    """Why the gateway subscribes once for each characteristic: all hear what is said for any of them."""
    held = replace(THERMOMETER_SPEC, held_open=True)
    async with KernelHome([held]) as home:
        device = await BleakScanner.find_device_by_address(held.address, timeout=WITHIN_S)
        assert device is not None
        heard: list[bytes] = []
        async with BleakClient(device, timeout=WITHIN_S) as client:
            temperature = client.services.get_characteristic(normalize_uuid_16(0x2A1C))
            assert temperature is not None
            await client.start_notify(temperature, lambda _, value: heard.append(bytes(value)))
            await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
            await home.until_count(MeterHappening.CONFIRMED, 1)
            await asyncio.sleep(1)
            assert len(heard) == 1
            async with another_subscriber(temperature.obj[0]) as again:
                assert again is None, "asking a second time changes nothing"
                await home.meter("thermometer").measure(TemperatureRecord(temperature=36.7))
                await home.until_count(MeterHappening.CONFIRMED, 2)
                await asyncio.sleep(1)
            assert len(heard) == 1 + 2


async def test_a_link_that_we_end_can_be_made_again(tmp_path: Path) -> None:
    """Ending a link takes bluetoothd 2 to 3 s; the thermometer is free for the next reading afterwards."""
    patient = replace(THERMOMETER_SPEC, held_open=True)
    async with KernelHome([patient]) as home:
        async with gateway([(patient, THERMOMETER)], tmp_path, idle_s=0.3) as (_, collected):
            for number in range(2):
                await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6 + number))
                await collected.until(lambda wanted=number + 1: len(collected.frames()) == wanted)  # type: ignore[misc]
                await collected.until_ended(number + 1)
            assert len(collected.frames()) == 2
        assert not home.meter("thermometer").connected


async def test_a_device_nobody_connected_vanishes_when_scanning_stops() -> None:
    """Why the gateway connects by the device it just heard and never by an address it remembers."""
    async with KernelHome([CUFF_SPEC]) as home:
        await home.meter("cuff").advertise()
        assert await BleakScanner.find_device_by_address(CUFF_SPEC.address, timeout=WITHIN_S) is not None
        await until_known(CUFF_SPEC.address)
        await until_known(CUFF_SPEC.address, known=False)
        with pytest.raises(AssertionError, match="UnknownObject"):
            await call(home.adapter.device_path(CUFF_SPEC.address), "org.bluez.Device1", "Connect")


async def test_a_meter_that_vanished_while_another_was_read_is_found_again(tmp_path: Path) -> None:
    meters = [(THERMOMETER_SPEC, THERMOMETER), (CUFF_SPEC, CUFF)]
    async with KernelHome([THERMOMETER_SPEC, CUFF_SPEC]) as home:
        thermometer, cuff = home.meter("thermometer"), home.meter("cuff")
        async with gateway(meters, tmp_path, idle_s=7.0) as (_, collected):
            thermometer.hang_up_after_s = 60.0  # type: ignore[misc] # this one keeps its link until we end it
            await thermometer.measure(TemperatureRecord(temperature=36.6))
            await collected.until(lambda: len(collected.frames()) == 1)
            await cuff.measure(*pair(0))
            await collected.until_ended(2)
            assert collected.frames("2A35") == [f for f in confirmed(home) if len(f) > 30]
            assert cuff.stored == 0
