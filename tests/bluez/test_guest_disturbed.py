"""The adapter, the daemon or the gateway itself goes away in the middle; nothing that was confirmed is lost."""

import asyncio
from dataclasses import replace
from pathlib import Path

from hearthline_gateway.ble.adapter_health import Patience
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.glucose import GlucoseRecord
from hearthline_simulator.meters.thermometer import TemperatureRecord
from tests.bluez.collected import gateway, kept_frames, kept_readings
from tests.bluez.daemon import Daemon
from tests.bluez.gateway_process import GatewayProcess
from tests.bluez.kernel_home import WITHIN_S, KernelHome, plug_in
from tests.fixtures.ble_home import CUFF, CUFF_SPEC, THERMOMETER, THERMOMETER_SPEC, eventually
from tests.fixtures.ble_meters import GLUCOSE_SPEC

READING = PressureRecord(systolic=118, diastolic=76)
RECORDS = 150
LATER = PressureRecord(systolic=186, diastolic=112)


async def test_the_adapter_is_switched_off_and_on(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC]) as home, gateway([(CUFF_SPEC, CUFF)], tmp_path) as (collector, collected):
        await home.meter("cuff").measure(READING)
        await collected.until_ended(1)
        await home.adapter.power(False)
        await eventually(lambda: collector.status().adapter != "powered", WITHIN_S)
        await home.adapter.power(True)
        await home.meter("cuff").measure(LATER)
        await collected.until(lambda: len(collected.frames()) == 2)
        assert collector.status().adapter == "powered"


async def test_the_adapter_is_pulled_out_and_another_plugged_in(tmp_path: Path) -> None:
    meters = [(THERMOMETER_SPEC, THERMOMETER)]
    async with KernelHome([THERMOMETER_SPEC]) as home, gateway(meters, tmp_path) as (collector, collected):
        await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
        await collected.until_ended(1)
        await home.adapter.unplug()
        await eventually(lambda: collector.status().adapter != "powered", WITHIN_S)
        home.adapters[0] = await plug_in(home.radio, "00:1A:7D:DA:72:01")
        await home.meter("thermometer").measure(TemperatureRecord(temperature=38.9))
        await collected.until(lambda: len(collected.frames()) == 2)


async def test_an_adapter_that_went_deaf_is_found_by_its_silence_and_reset(tmp_path: Path) -> None:
    attentive = Patience(quiet_s=2.0, probe_s=1.0, pauses=(60.0,))
    meters = [(THERMOMETER_SPEC, THERMOMETER)]
    async with (
        KernelHome([THERMOMETER_SPEC]) as home,
        gateway(meters, tmp_path, idle_s=0.5, patience=attentive) as (collector, collected),
    ):
        await eventually(lambda: collector.status().adapter == "powered", WITHIN_S)
        home.adapter.go_deaf()
        await home.meter("thermometer").measure(TemperatureRecord(temperature=38.9))
        await collected.until(lambda: len(collected.frames()) == 1)
        assert collector.status().adapters[0].resets >= 1
        await eventually(lambda: collector.status().adapters[0].problem is None, WITHIN_S)


async def test_bluetoothd_is_killed_and_started_again(tmp_path: Path, daemon: Daemon) -> None:
    async with KernelHome([CUFF_SPEC]) as home, gateway([(CUFF_SPEC, CUFF)], tmp_path) as (collector, collected):
        await home.meter("cuff").measure(READING)
        await collected.until_ended(1)
        daemon.kill()
        try:
            await eventually(lambda: "systemctl start bluetooth" in collector.status().adapter, WITHIN_S)
        finally:
            daemon.start()
        await home.meter("cuff").measure(LATER)
        await collected.until(lambda: len(collected.frames()) == 2)
        assert collector.status().adapter == "powered"
        assert collector.status().meters[0].paired, "the bond is on disk"


async def test_bluetoothd_is_killed_in_the_middle_of_a_replay(tmp_path: Path, daemon: Daemon) -> None:
    records = [minutes_ago(READING, 60 - number) for number in range(20)]
    async with KernelHome([CUFF_SPEC]) as home, gateway([(CUFF_SPEC, CUFF)], tmp_path) as (_, collected):
        await home.meter("cuff").measure(*records)
        await collected.until(lambda: len(collected.frames()) >= 5)
        daemon.kill()
        daemon.start()
        await eventually(lambda: home.meter("cuff").stored == 0, WITHIN_S)
        await collected.until(lambda: kept_readings(tmp_path / "outbox.sqlite3") == len(records))


async def test_the_gateway_is_killed_while_a_meter_tells_its_records(tmp_path: Path) -> None:
    """A meter that keeps its records is asked again: each is there, and once."""
    process = GatewayProcess(tmp_path, [(GLUCOSE_SPEC, "generic-glucose")])
    async with KernelHome([GLUCOSE_SPEC]) as home:
        meter = home.meter("glucose")
        await process.start()
        try:
            await meter.measure(*(GlucoseRecord(glucose=90 + n % 100, minutes_ago=500 - n) for n in range(RECORDS)))
            for _ in range(2):
                enough = home.count(MeterHappening.NOTIFIED) + 20
                await home.until_count(MeterHappening.NOTIFIED, enough)
                await process.kill()
                assert len(kept_frames(process.outbox)) < RECORDS, "it was killed in the middle"
                await eventually(lambda: not meter.connected, WITHIN_S)
                await process.start()
                await meter.measure()  # its owner wakes it
            await eventually(lambda: kept_readings(process.outbox) == RECORDS, WITHIN_S)
        finally:
            await process.kill()
        frames = kept_frames(process.outbox, "2A18")
        assert len(frames) == len(set(frames)) == RECORDS


async def test_the_gateway_is_killed_while_a_cuff_replays(tmp_path: Path) -> None:
    """bluetoothd confirms before the gateway has anything on disk, so a cuff that forgets what was confirmed loses what
    was between the two at that instant. What was committed stays, and the rest comes, once."""
    records = [minutes_ago(READING, 120 - number) for number in range(40)]
    process = GatewayProcess(tmp_path, [(CUFF_SPEC, "generic-blood-pressure")])
    async with KernelHome([CUFF_SPEC]) as home:
        cuff = home.meter("cuff")
        await process.start()
        try:
            await cuff.measure(*records)
            await eventually(lambda: len(kept_frames(process.outbox)) >= 5, WITHIN_S)
            await process.kill()
            committed = kept_frames(process.outbox)
            await eventually(lambda: not cuff.connected, WITHIN_S)  # what bluetoothd still confirms is nobody's
            left = cuff.stored
            assert left > 0
            await process.start()
            await eventually(lambda: len(kept_frames(process.outbox)) == len(committed) + left, WITHIN_S)
        finally:
            await process.kill()
        frames = kept_frames(process.outbox)
        assert frames[: len(committed)] == committed
        assert len(set(frames)) == len(frames) == kept_readings(process.outbox)


async def test_a_killed_gateways_link_is_taken_over(tmp_path: Path) -> None:
    """bluetoothd keeps the links of a client that died, and a connected meter does not advertise."""
    held = replace(CUFF_SPEC, held_open=True)
    process = GatewayProcess(tmp_path, [(held, "generic-blood-pressure")])
    async with KernelHome([held]) as home:
        await process.start()
        try:
            await home.until_count(MeterHappening.SUBSCRIBED, 1)
            await process.kill()
            assert home.meter("cuff").connected
            await process.start()
            await home.meter("cuff").measure(LATER)
            await eventually(lambda: len(kept_frames(process.outbox)) == 1, WITHIN_S)
        finally:
            await process.kill()


async def test_two_adapters_are_used_by_the_names_they_have(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with KernelHome([CUFF_SPEC, THERMOMETER_SPEC], adapters=2) as home:
        one, two = (adapter.name for adapter in home.adapters)
        async with (
            gateway([(CUFF_SPEC, CUFF)], first, adapters=(one,)) as (_, by_first),
            gateway([(THERMOMETER_SPEC, THERMOMETER)], second, adapters=(two,)) as (_, by_second),
        ):
            await asyncio.gather(
                home.meter("cuff").measure(READING, LATER),
                home.meter("thermometer").measure(TemperatureRecord(temperature=38.9)),
            )
            await by_first.until_ended(1)
            await by_second.until_ended(1)
            assert len(by_first.frames()) == 2
            assert len(by_second.frames()) == 1


async def test_one_gateway_reads_through_two_adapters_and_through_the_one_that_is_left(tmp_path: Path) -> None:
    async with KernelHome([CUFF_SPEC, THERMOMETER_SPEC], adapters=2) as home:
        names = tuple(adapter.name for adapter in home.adapters)
        meters = [(CUFF_SPEC, CUFF), (THERMOMETER_SPEC, THERMOMETER)]
        async with gateway(meters, tmp_path, adapters=names, idle_s=0.5) as (collector, collected):
            await eventually(lambda: [adapter.state for adapter in collector.status().adapters] == ["powered"] * 2)
            await home.meter("cuff").measure(READING, LATER)
            await home.meter("thermometer").measure(TemperatureRecord(temperature=38.9))
            await collected.until(lambda: len(collected.frames()) == 3)
            await home.adapters[0].unplug()
            await eventually(lambda: collector.status().adapters[0].problem is not None, WITHIN_S)
            await home.meter("thermometer").measure(TemperatureRecord(temperature=37.2))
            await collected.until(lambda: len(collected.frames()) == 4)


def minutes_ago(record: PressureRecord, minutes: float) -> PressureRecord:
    return record.model_copy(update={"minutes_ago": minutes})
