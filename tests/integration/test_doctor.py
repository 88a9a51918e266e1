"""Unplug one hop of a running home after the other: the doctor names it, and what to do."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from hearthline_gateway.control.client import NotRunningError, talking
from hearthline_gateway.control.messages import GatewayState
from hearthline_gateway.doctor.examination import Examination, Senses, diagnose
from hearthline_gateway.doctor.finding import Diagnosis, State
from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.settings_file import load_settings
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.private_bus import private_bus
from tests.fixtures.ble_home import CUFF_SPEC
from tests.fixtures.broker import Broker, free_port, running_broker
from tests.fixtures.cuff_frames import cuff_frame
from tests.fixtures.real_parts import require_program
from tests.fixtures.receipt_backend import ReceiptBackend, silent, stored

WITHIN_S = 20.0
CALM = Senses(synchronised=lambda: True, free_bytes=lambda _: 10**12, rfkill=Path("/nonexistent"))


def written(folder: Path, url: str, more: str = "") -> GatewaySettings:
    file = folder / "gateway.toml"
    file.write_text(
        '[gateway]\nname = "home-1"\ntime_zone = "Europe/Madrid"\ndata_dir = "data"\ntrust_clock = true\n'
        f'[mqtt]\nurl = "{url}"\n{more}\n[uplink]\nresend_first_s = 1\n'
        f'[[meters]]\naddress = "{CUFF_SPEC.address}"\nmodel = "generic-oximeter"\n'
    )
    return load_settings(file, {})


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (folder / "gateway.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from hearthline_gateway.cli import main; main()",
            "run",
            "--config",
            str(folder / "gateway.toml"),
            stderr=log,
            env=dict(os.environ),
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def until_gateway(settings: GatewaySettings, *, connected: bool = True, adapter: str | None = "powered") -> None:
    """Wait until the gateway itself says so."""

    def as_wanted(state: GatewayState) -> bool:
        return state.uplink_connected is connected and adapter in (None, state.status.adapter)

    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                async with talking(settings.control_socket) as running:
                    if as_wanted(await running.state()):
                        return
            except NotRunningError:
                pass
            await asyncio.sleep(0.05)


async def examined(settings: GatewaySettings, senses: Senses = CALM, *, proof: bool = True) -> Diagnosis:
    return await diagnose(Examination(settings, proof=proof, senses=senses), lambda _: None)


def first(diagnosis: Diagnosis) -> str | None:
    return diagnosis.broken[0] if diagnosis.broken else None


@pytest.fixture
async def bus(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    require_program("dbus-daemon")
    async with private_bus() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
async def home(bus: str) -> AsyncIterator[SimulatedHome]:
    async with SimulatedHome(bus, [CUFF_SPEC]) as simulated:
        yield simulated


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path / "broker") as running:
        yield running


async def power(bus: str, *, on: bool) -> None:
    connection = await MessageBus(bus_address=bus, bus_type=BusType.SYSTEM).connect()
    await connection.call(
        Message(
            destination="org.bluez",
            path="/org/bluez/hci0",
            interface="org.freedesktop.DBus.Properties",
            member="Set",
            signature="ssv",
            body=["org.bluez.Adapter1", "Powered", Variant("b", on)],
        )
    )
    connection.disconnect()


@pytest.mark.timeout(180)
async def test_a_running_home_hop_by_hop(tmp_path: Path, bus: str, home: SimulatedHome, broker: Broker) -> None:
    settings = written(tmp_path, broker.url)
    async with ReceiptBackend(broker.port) as backend, gateway(tmp_path) as process:
        await until_gateway(settings)

        well = await examined(settings)
        assert well.broken == (), well.verdict()
        assert any(found.check == "proof" and found.state is State.OK for found in well.findings)
        assert any(found.check == "BlueZ" and "5.82" in found.words for found in well.findings)

        await broker.kill()
        await until_gateway(settings, connected=False)
        unplugged = await examined(settings)
        assert unplugged.broken == ("broker",), unplugged.verdict()
        assert "Broken at broker: nothing listens" in unplugged.verdict()
        await broker.start()
        await until_gateway(settings)

    # From here on the backend is gone, with its subscription.
    async with gateway(tmp_path) as process:
        await until_gateway(settings)
        unplugged = await examined(settings)
        assert unplugged.broken == ("store",), unplugged.verdict()
        assert "does the backend run" in unplugged.verdict()

        broker.pause()
        unplugged = await examined(settings)
        broker.resume()
        assert unplugged.broken == ("broker",), unplugged.verdict()
        assert "does not answer" in unplugged.verdict()

        await power(bus, on=False)
        await until_gateway(settings, adapter=None)
        unplugged = await examined(settings, proof=False)
        assert first(unplugged) == "bluetooth", unplugged.verdict()
        assert "bluetoothctl power on" in unplugged.verdict()
        await power(bus, on=True)

        await home.bluez.stop()
        unplugged = await examined(settings, proof=False)
        assert first(unplugged) == "bluetooth", unplugged.verdict()
        assert "systemctl start bluetooth" in unplugged.verdict()
        assert all(found.state is State.UNKNOWN for found in unplugged.findings if found.hop == "meters")
        await home.bluez.start(bus)

        process.send_signal(signal.SIGKILL)
        await process.wait()
        unplugged = await examined(settings)
        assert first(unplugged) == "gateway", unplugged.verdict()
        assert "systemctl start hearthline-gateway" in unplugged.verdict()
    assert backend.batches


async def test_without_a_gateway_it_looks_for_itself(tmp_path: Path, home: SimulatedHome, broker: Broker) -> None:
    settings = written(tmp_path, broker.url)
    found = {finding.check: finding for finding in (await examined(settings)).findings}
    assert found["process"].state is State.BROKEN
    assert found["agent"].words == "can be registered"
    assert found["MQTT"].words.endswith("lets this gateway in")
    assert found["receipts"].state is State.UNKNOWN


async def test_a_list_of_meters_that_may_not_be_read_is_not_called_empty(
    tmp_path: Path, home: SimulatedHome, broker: Broker
) -> None:
    settings = written(tmp_path, broker.url)
    (settings.gateway.data_dir / "configuration.json").mkdir(parents=True)
    found = {finding.check: finding for finding in (await examined(settings)).findings}
    assert (found["list"].hop, found["list"].state) == ("meters", State.UNKNOWN)
    assert "cannot be read" in found["list"].words


@pytest.mark.parametrize(
    ("url", "hop", "words"),
    [
        ("mqtt://broker.invalid:1883", "internet", "is not known"),
        ("mqtt://127.0.0.1:{free}", "broker", "nothing listens"),
        ("mqtts://127.0.0.1:{broker}", "broker", "Is that port encrypted?"),
    ],
)
async def test_a_wrong_address(
    tmp_path: Path, home: SimulatedHome, broker: Broker, url: str, hop: str, words: str
) -> None:
    settings = written(tmp_path, url.format(free=free_port(), broker=broker.port))
    async with gateway(tmp_path):
        await until_gateway(settings, connected=False)
        unplugged = await examined(settings)
    assert unplugged.broken == (hop,), unplugged.verdict()
    assert words in unplugged.verdict()


async def test_a_backend_that_falls_silent_while_readings_wait(
    tmp_path: Path, home: SimulatedHome, broker: Broker
) -> None:
    settings = written(tmp_path, broker.url)
    async with Outbox(settings.outbox_file, now=lambda: datetime.now(UTC) - timedelta(minutes=5)) as outbox:
        frame = cuff_frame()
        await outbox.keep(frame, normalize(frame, zone=ZoneInfo("UTC")))
    async with ReceiptBackend(broker.port, answer=silent) as backend, gateway(tmp_path):
        await until_gateway(settings)
        await backend.until(lambda: backend.batches, within=WITHIN_S)
        unplugged = await examined(settings)
        assert unplugged.broken == ("store",), unplugged.verdict()
        assert "1 reading waits, the oldest since 5 min" in unplugged.verdict()
        backend.answer = stored


async def test_a_small_disk_and_an_unknown_time(tmp_path: Path, home: SimulatedHome, broker: Broker) -> None:
    settings = written(tmp_path, broker.url)
    async with ReceiptBackend(broker.port), gateway(tmp_path):
        await until_gateway(settings)
        small = await examined(settings, replace(CALM, free_bytes=lambda _: 10**6), proof=False)
        assert first(small) == "gateway"
        assert "MB free" in small.verdict()
        blocked = tmp_path / "rfkill" / "rfkill0"
        blocked.mkdir(parents=True)
        for name, text in {"type": "bluetooth", "name": "hci0", "soft": "1", "hard": "0"}.items():
            (blocked / name).write_text(text + "\n")
        switched = await examined(settings, replace(CALM, rfkill=tmp_path / "rfkill"), proof=False)
        assert first(switched) == "bluetooth"
        assert "rfkill unblock bluetooth" in switched.verdict()


async def test_a_damaged_outbox(tmp_path: Path, home: SimulatedHome, broker: Broker) -> None:
    settings = written(tmp_path, broker.url)
    settings.gateway.data_dir.mkdir()
    settings.outbox_file.write_bytes(b"no database at all, whatever its name says" * 100)
    found = [one for one in (await examined(settings)).findings if one.check == "outbox"]
    assert [one.state for one in found] == [State.BROKEN]
    assert "sets a damaged outbox aside" in (found[0].next_step or "")
