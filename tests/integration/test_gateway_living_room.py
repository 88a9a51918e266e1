"""The receipt in the living room through the gateway's own wiring: real bus, outbox, broker and receipts."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hearthline_gateway import app, living_room
from hearthline_gateway.control.client import command, talking
from hearthline_gateway.indicator.engine import IndicatorEngine
from hearthline_gateway.indicator.patterns import PATTERNS, Pattern, Sign
from hearthline_gateway.settings import GatewaySettings, IndicatorSection
from hearthline_gateway.settings_file import load_settings
from hearthline_protocol.commands import Identify
from hearthline_protocol.configuration import IndicatorWanted
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.private_bus import private_bus
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.real_parts import require_program
from tests.fixtures.receipt_backend import ReceiptBackend, silent, stored

CUFF = MeterSpec("cuff", "blood_pressure", "F0:F1:00:00:18:10")
WITHIN_S = 30.0


class Lamp:
    """Notes which settings it was made for and what it is asked to show."""

    def __init__(self) -> None:
        self.shown: list[Sign] = []
        self.made_for: list[tuple[str | None, IndicatorWanted | None]] = []
        self._more = asyncio.Event()

    def made(self, settings: IndicatorSection, wanted: IndicatorWanted | None) -> list[IndicatorEngine]:
        self.made_for.append((settings.led, wanted))
        return [self]

    async def open(self) -> None:
        return

    async def play(self, pattern: Pattern) -> None:
        sign = next(sign for sign, known in PATTERNS.items() if known.light == pattern.light)
        if self.shown[-1:] != [sign]:
            self.shown.append(sign)
            self._more.set()

    async def close(self) -> None:
        self.shown.append(Sign.NOTHING)

    async def until(self, sign: Sign) -> None:
        async with asyncio.timeout(WITHIN_S):
            while sign not in self.shown:
                self._more.clear()
                await self._more.wait()


async def said(listening: socket.socket, *, until: bytes) -> list[bytes]:
    """What the service manager hears, up to and with ``until``."""
    heard: list[bytes] = []
    async with asyncio.timeout(WITHIN_S):
        while until not in heard:
            heard.append(await asyncio.get_running_loop().sock_recv(listening, 4096))
    return heard


@pytest.fixture
def lamp(monkeypatch: pytest.MonkeyPatch) -> Lamp:
    lamp = Lamp()
    monkeypatch.setattr(living_room, "engines_of", lamp.made)
    monkeypatch.setattr(living_room, "WAITS_S", 0.2)
    monkeypatch.setattr(living_room, "_LOOK_EVERY_S", 0.1)
    return lamp


@pytest.fixture
async def bus(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    require_program("dbus-daemon")
    async with private_bus() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path / "broker") as running:
        yield running


def settings(folder: Path, broker: Broker) -> GatewaySettings:
    file = folder / "gateway.toml"
    file.write_text(
        '[gateway]\nname = "home-1"\ntime_zone = "UTC"\ndata_dir = "data"\ntrust_clock = true\n'
        f'[mqtt]\nurl = "{broker.url}"\n[uplink]\nresend_first_s = 1\n'
        '[indicator]\nled = "ACT"\nquiet_from = "00:00"\nquiet_to = "00:00"\n'
        f'[[meters]]\naddress = "{CUFF.address}"\nmodel = "generic-blood-pressure"\n'
    )
    return load_settings(file, {})


async def test_measured_waiting_stored_and_here_i_am(
    tmp_path: Path, bus: str, broker: Broker, lamp: Lamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "notify"))
    listening.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    wanted = settings(tmp_path, broker)
    async with ReceiptBackend(broker.port, answer=silent) as backend, SimulatedHome(bus, [CUFF]) as home:
        running = asyncio.create_task(app.run(wanted))
        try:
            heard = await said(listening, until=b"WATCHDOG=1")
            assert heard[0].startswith(b"READY=1\nSTATUS=reads 1 meter; Bluetooth ")
            cuff = home.meter("cuff")
            await cuff.advertise()
            await home.until(lambda events: any(event.event == "paired" for event in events), within_s=WITHIN_S)
            await cuff.measure(PressureRecord(systolic=128, diastolic=82, pulse=70))
            await lamp.until(Sign.MEASURED)
            await lamp.until(Sign.WAITING)
            assert lamp.made_for == [("ACT", None)]
            backend.answer = stored
            await lamp.until(Sign.STORED)
            assert lamp.shown.index(Sign.MEASURED) < lamp.shown.index(Sign.WAITING) < lamp.shown.index(Sign.STORED)
            async with talking(wanted.control_socket) as gateway:
                replies = [reply async for reply in gateway.do(command(Identify(seconds=60)))]
            assert replies[-1].state == "done"
            await lamp.until(Sign.IDENTIFY)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert lamp.shown[-1] is Sign.NOTHING, "the light is left as it was found"
        assert (await said(listening, until=b"STOPPING=1"))[-1] == b"STOPPING=1"
    listening.close()
