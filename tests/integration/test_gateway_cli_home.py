"""A whole home: simulated meters over a real D-Bus, the real gateway process, a real broker, receipts."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hearthline_protocol.messages import GatewayStatus
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.thermometer import TemperatureRecord
from hearthline_simulator.meters.weight_scale import WeightRecord
from hearthline_simulator.private_bus import private_bus
from tests.fixtures.ble_home import CUFF_SPEC, OXIMETER_SPEC, SCALE_SPEC, THERMOMETER_SPEC
from tests.fixtures.broker import running_broker
from tests.fixtures.real_parts import require_program
from tests.fixtures.receipt_backend import ReceiptBackend, silent, stored

SPECS = (CUFF_SPEC, OXIMETER_SPEC, SCALE_SPEC, THERMOMETER_SPEC)
MODELS = ("generic-blood-pressure", "generic-oximeter", "generic-weight-scale", "generic-thermometer")


def configuration(url: str) -> str:
    meters = "".join(
        f'[[meters]]\naddress = "{spec.address}"\nmodel = "{model}"\n'
        for spec, model in zip(SPECS, MODELS, strict=True)
    )
    return (
        f'[gateway]\nname = "home-1"\ntime_zone = "UTC"\ndata_dir = "data"\ntrust_clock = true\n[mqtt]\nurl = "{url}"\n'
        f"[uplink]\nresend_first_s = 1\n{meters}"
    )


@asynccontextmanager
async def gateway(config: Path, bus: str) -> AsyncIterator[asyncio.subprocess.Process]:
    with (config.parent / "gateway.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from hearthline_gateway.cli import main; main()",
            "run",
            "--config",
            str(config),
            stderr=log,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": bus},
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.timeout(90)
async def test_from_the_cuff_to_the_receipt_and_killed_in_the_middle(tmp_path: Path) -> None:
    require_program("dbus-daemon")
    config = tmp_path / "gateway.toml"
    async with (
        private_bus() as bus,
        running_broker(tmp_path / "broker") as broker,
        ReceiptBackend(broker.port, answer=silent) as backend,
        SimulatedHome(bus, SPECS) as home,
    ):
        config.write_text(configuration(broker.url))
        async with gateway(config, bus) as first:
            await home.meter("thermometer").measure(TemperatureRecord(temperature=36.6))
            await backend.until(lambda: "body_temperature" in kinds(backend), within=30)
            await home.meter("cuff").measure(PressureRecord(systolic=186, diastolic=112))
            await backend.until(lambda: "blood_pressure" in kinds(backend), within=30)
            first.send_signal(signal.SIGKILL)
        backend.answer = stored
        heard = set(backend.ids)
        async with gateway(config, bus) as second:
            await backend.until(lambda: pending(backend) == 0, within=30)
            assert set(backend.ids) == heard, "the same readings again, and no others"
            await home.meter("scale").measure(WeightRecord(weight=81.2))
            await backend.until(lambda: "body_weight" in kinds(backend) and pending(backend) == 0, within=30)
            cuff = next(meter for meter in newest(backend).meters if meter.address == CUFF_SPEC.address)
            assert cuff.paired
            assert cuff.last_reading is not None, "heard before the restart, and not forgotten"
            second.send_signal(signal.SIGTERM)
            assert await second.wait() == 0
    values = {
        name: value["value"]
        for batch in backend.batches
        for reading in batch.readings
        for name, value in reading["values"].items()
    }
    assert (values["systolic"], values["diastolic"], values["weight"]) == (186, 112, 81.2)
    assert values["temperature"] == pytest.approx(36.6)
    assert all(reading["live"] for batch in backend.batches for reading in batch.readings)
    for line in (tmp_path / "gateway.log").read_text().splitlines():
        assert "186" not in json.loads(line).get("event", "")


def kinds(backend: ReceiptBackend) -> set[str]:
    return {reading["kind"] for batch in backend.batches for reading in batch.readings}


def newest(backend: ReceiptBackend) -> GatewayStatus:
    return backend.statuses[-1][1]


def pending(backend: ReceiptBackend) -> int:
    """How much the gateway itself says is waiting; as much as can be while it has said nothing."""
    said = newest(backend).outbox
    return 1_000_000 if said is None else said.pending
