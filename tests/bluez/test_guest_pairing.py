"""Who may pair on a real bluetoothd, and what becomes of a bond."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.ble import meter_link
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.bluez.collected import gateway
from tests.bluez.daemon import until_known
from tests.bluez.home_models import MENDING_CUFF
from tests.bluez.kernel_home import WITHIN_S, KernelHome
from tests.fixtures.ble_home import CUFF, CUFF_SPEC, THERMOMETER, THERMOMETER_SPEC, eventually

READING = PressureRecord(systolic=186, diastolic=112)
STRANGER = replace(CUFF_SPEC, name="stranger", address="F0:F1:00:00:66:66")


async def test_without_our_agent_nobody_pairs() -> None:
    async with KernelHome([CUFF_SPEC]) as home:
        await home.meter("cuff").advertise()
        device = await BleakScanner.find_device_by_address(CUFF_SPEC.address, timeout=WITHIN_S)
        assert device is not None
        with pytest.raises(BleakDBusError, match="AuthenticationFailed"):
            await BleakClient(device, pair=True).connect()
        assert home.count(MeterHappening.PAIRED) == 0


async def test_the_bond_survives_a_restart_of_the_gateway(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC]) as home:
        for number in range(2):
            async with gateway([(CUFF_SPEC, CUFF)], tmp_path) as (collector, collected):
                await home.meter("cuff").measure(READING.model_copy(update={"minutes_ago": number}))
                await collected.until_ended(1)
                assert collector.status().meters[0].paired
                assert len(collected.frames()) == number + 1
        assert home.count(MeterHappening.PAIRED) == 1


@pytest.mark.parametrize(("entered", "paired"), [(123456, True), (654321, False)], ids=["right", "wrong"])
async def test_the_passkey_that_the_meter_shows_is_entered(tmp_path: Path, entered: int, paired: bool) -> None:
    shows = replace(CUFF_SPEC, passkey=123456)
    async with KernelHome([shows]) as home:
        async with gateway([(replace(shows, passkey=entered), CUFF)], tmp_path) as (collector, collected):
            await home.meter("cuff").measure(READING)
            await collected.until_ended(1)
            status = collector.status().meters[0]
            assert status.paired is paired
            assert len(collected.frames()) == int(paired)
        assert (status.problem is None) is paired
        assert home.meter("cuff").stored == int(not paired), "nothing is lost with a wrong passkey"


async def test_who_was_not_asked_to_pair_is_refused(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC, STRANGER]) as home, gateway([(CUFF_SPEC, CUFF)], tmp_path) as (_, collected):
        await home.meter("cuff").measure(READING)
        await collected.until_ended(1)  # the agent is there
        await home.meter("stranger").advertise()
        await until_known(STRANGER.address)  # the collector's own scan hears it
        device = BLEDevice(STRANGER.address, None, {"path": home.adapter.device_path(STRANGER.address)})
        async with BleakClient(device, timeout=WITHIN_S) as client:
            with pytest.raises((BleakDBusError, TimeoutError)):  # bluetoothd may just never answer
                async with asyncio.timeout(3):
                    await client.read_gatt_char(normalize_uuid_16(0x2A08))  # it wants encryption: the agent is asked
        assert [event.event for event in home.events if event.meter == "stranger"].count(MeterHappening.PAIRED) == 0


async def test_a_meter_that_waits_for_a_refused_bond_does_not_keep_the_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bluetoothd never answers a request for which it would have to pair and may not."""
    monkeypatch.setattr(meter_link, "REQUEST_LIMIT_S", 3.0)
    meters = [(CUFF_SPEC, replace(CUFF, pair=False)), (THERMOMETER_SPEC, THERMOMETER)]
    async with KernelHome([CUFF_SPEC, THERMOMETER_SPEC]) as home, gateway(meters, tmp_path) as (collector, collected):
        await home.meter("cuff").measure(READING)
        await collected.until_ended(1)
        assert collector.status().meters[0].problem is not None
        assert home.meter("cuff").stored == 1
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await collected.until(lambda: len(collected.frames("2A1C")) == 1)


async def test_a_stale_bond_is_recognised_and_keeps_the_reading(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC]) as home, gateway([(CUFF_SPEC, CUFF)], tmp_path) as (collector, collected):
        cuff = home.meter("cuff")
        await cuff.measure(READING)
        await collected.until_ended(1)
        await cuff.forget_bond()
        await cuff.measure(READING)
        await collected.until_ended(2)
        problem = collector.status().meters[0].problem
        assert problem is not None
        assert "forgotten this gateway" in problem
        assert CUFF.steps[0] in problem
        assert cuff.stored == 1


async def test_a_stale_bond_is_mended_where_the_model_allows_it(tmp_path: Path) -> None:
    async with (
        KernelHome([CUFF_SPEC]) as home,
        gateway([(CUFF_SPEC, MENDING_CUFF)], tmp_path) as (collector, collected),
    ):
        cuff = home.meter("cuff")
        await cuff.measure(READING)
        await collected.until_ended(1)
        await cuff.forget_bond()
        await cuff.measure(READING.model_copy(update={"systolic": 187.0}))
        await collected.until(lambda: len(collected.frames()) == 2)
        await eventually(lambda: cuff.stored == 0, WITHIN_S)
        assert collector.status().meters[0].paired
        assert home.count(MeterHappening.PAIRED) == 2
