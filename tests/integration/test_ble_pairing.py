"""Bonds and agents: who may pair, what a restart keeps, and what happens when one side forgets."""

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.ble.agent import AGENT_PATH
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterHappening
from tests.fixtures.ble_home import CUFF, CUFF_SPEC, WITHIN_S, RecordingSink, bus, collecting, eventually

__all__ = ["bus"]

READING = PressureRecord(systolic=186, diastolic=112)
STRANGER = replace(CUFF_SPEC, name="stranger", address="F0:F1:00:00:66:66")


async def _collect_one(home: SimulatedHome, sink: RecordingSink) -> None:
    ends = len(sink.ended)
    await home.meter("cuff").measure(READING)
    await sink.until(lambda heard: len(heard.ended) > ends)


def _happened(home: SimulatedHome, happening: MeterHappening) -> int:
    return sum(event.event is happening for event in home.events)


async def test_the_bond_survives_a_restart_of_the_gateway(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
        for _ in range(2):
            sink = RecordingSink()
            async with collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC) as collector:
                await _collect_one(home, sink)
                assert collector.status().meters[0].paired
            assert len(sink.frames) == 1
        assert _happened(home, MeterHappening.PAIRED) == 1


async def test_without_an_agent_nobody_pairs(bus: str) -> None:
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
        await home.meter("cuff").advertise()
        device = await BleakScanner.find_device_by_address(CUFF_SPEC.address, timeout=WITHIN_S)
        assert device is not None
        with pytest.raises(BleakDBusError, match="AuthenticationFailed"):
            await BleakClient(device, pair=True).connect()
        assert _happened(home, MeterHappening.PAIRED) == 0


async def test_our_agent_refuses_a_meter_that_is_not_listed(bus: str) -> None:
    sink = RecordingSink()
    async with SimulatedHome(bus, [CUFF_SPEC, STRANGER], home_zone=UTC) as home:
        async with collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC):
            await _collect_one(home, sink)  # the agent is up
            await home.meter("stranger").advertise()
            await eventually(lambda: home.bluez.device(STRANGER.address) is not None)  # the collector's scan hears it
            known = home.bluez.device(STRANGER.address)
            assert known is not None
            async with BleakClient(BLEDevice(STRANGER.address, None, {"path": known.path})) as client:
                with pytest.raises(BleakDBusError, match="Not paired"):
                    await client.read_gatt_char(normalize_uuid_16(0x2A08))
        assert not known.paired


@pytest.mark.parametrize(("configured", "paired"), [(123456, True), (654321, False)])
async def test_a_meter_that_shows_a_passkey(bus: str, configured: int, paired: bool) -> None:
    sink = RecordingSink()
    shows = replace(CUFF_SPEC, passkey=123456)
    listed = [(replace(shows, passkey=configured), CUFF)]
    async with SimulatedHome(bus, [shows], home_zone=UTC) as home:
        async with collecting(listed, sink, home_zone=UTC) as collector:
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: bool(heard.ended))
            status = collector.status().meters[0]
        bonded = home.bluez.device(shows.address)
        assert bonded is not None
        assert bonded.paired is status.paired is paired
        assert bool(sink.frames) is paired
        assert (status.problem is None) is paired


async def test_a_stale_bond_is_recognised_and_says_what_to_do(bus: str) -> None:
    sink = RecordingSink()
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
        async with collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC, mend_bonds=False) as collector:
            await _collect_one(home, sink)
            await home.meter("cuff").forget_bond()
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.ended) == 2)
            problem = collector.status().meters[0].problem
        assert problem is not None
        assert "forgotten this gateway" in problem
        assert CUFF.steps[0] in problem
        assert home.meter("cuff").stored == 1, "the reading is still in the meter"


async def test_a_stale_bond_is_renewed_and_the_reading_arrives(bus: str) -> None:
    sink = RecordingSink()
    async with SimulatedHome(bus, [CUFF_SPEC], home_zone=UTC) as home:
        async with collecting([(CUFF_SPEC, CUFF)], sink, home_zone=UTC) as collector:
            await _collect_one(home, sink)
            await home.meter("cuff").forget_bond()
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.frames) == 2)
            ends = len(sink.ended)
            await sink.until(lambda heard: len(heard.ended) > ends)
            assert collector.status().meters[0].problem is None
            status = collector.status().meters[0]
            assert status.paired
            assert "Its bond was removed" in (status.last_error or "")
            assert status.last_error_time is not None
            await home.meter("cuff").forget_bond()
            await home.meter("cuff").measure(READING)
            await eventually(lambda: "within the last hour" in (collector.status().meters[0].problem or ""))
        assert _happened(home, MeterHappening.PAIRED) == 2, "once an hour at most"


async def test_a_meter_with_digits_is_not_unpaired_behind_anybodys_back(bus: str) -> None:
    shows, model = replace(CUFF_SPEC, passkey=123456), replace(CUFF, digits="shown")
    sink = RecordingSink()
    async with SimulatedHome(bus, [shows], home_zone=UTC) as home:
        async with collecting([(shows, model)], sink, home_zone=UTC) as collector:
            await _collect_one(home, sink)
            await home.meter("cuff").forget_bond()
            await home.meter("cuff").measure(READING)
            await eventually(lambda: "only with its digits" in (collector.status().meters[0].problem or ""))
        bonded = home.bluez.device(shows.address)
        assert bonded is not None
        assert bonded.paired


async def test_what_an_eager_meter_sends_after_its_bond_was_renewed_is_heard(bus: str) -> None:
    """Removing the bond takes the early listener's subscription with it; the next connection has to make it anew."""
    eager = replace(CUFF_SPEC, eager=True)
    sink = RecordingSink()
    async with SimulatedHome(bus, [eager], home_zone=UTC) as home, collecting([(eager, CUFF)], sink, home_zone=UTC):
        await _collect_one(home, sink)
        await home.meter("cuff").forget_bond()
        await home.meter("cuff").measure(READING)
        await sink.until(lambda heard: len(heard.frames) == 2)
        for count in (3, 4):
            await _collect_one(home, sink)
            assert len(sink.frames) == count


async def test_what_an_eager_meter_sends_before_anybody_subscribed_is_heard(bus: str) -> None:
    eager = replace(CUFF_SPEC, eager=True, clock_offset=timedelta(minutes=10))
    sink = RecordingSink()
    async with SimulatedHome(bus, [eager], home_zone=UTC) as home:
        async with collecting([(eager, CUFF)], sink, home_zone=UTC):
            await _collect_one(home, sink)
            for count in (2, 3):
                await _collect_one(home, sink)
                assert len(sink.frames) == count
        assert _happened(home, MeterHappening.CONFIRMED) == 3
    assert all(frame.clock is not None for frame in sink.frames)


async def test_a_killed_gateways_connection_is_taken_over(bus: str) -> None:
    """bluetoothd keeps the links of a client that died; a connected meter does not advertise."""
    held = replace(CUFF_SPEC, held_open=True)
    sink = RecordingSink()
    async with SimulatedHome(bus, [held], home_zone=UTC) as home:
        device = await BleakScanner.find_device_by_address(held.address, timeout=WITHIN_S)
        assert device is not None
        await _connect_and_die(bus, device.details["path"])
        assert home.meter("cuff").connected
        async with collecting([(held, CUFF)], sink, home_zone=UTC):
            await home.until(lambda _: _happened(home, MeterHappening.SUBSCRIBED) == 1, within_s=WITHIN_S)
            await home.meter("cuff").measure(READING)
            await sink.until(lambda heard: len(heard.frames) == 1)
        assert not home.meter("cuff").connected


async def _connect_and_die(bus: str, path: str) -> None:
    """Another process connects through D-Bus and is gone without a word."""
    caller = await asyncio.create_subprocess_exec(
        "dbus-send",
        f"--bus={bus}",
        "--print-reply",
        "--dest=org.bluez",
        path,
        "org.bluez.Device1.Connect",
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await asyncio.wait_for(caller.wait(), WITHIN_S) == 0


def test_the_agents_path_is_our_own() -> None:
    assert AGENT_PATH.startswith("/org/hearthline/")
