"""Remote work on a real home: the gateway's process, a real broker, simulated meters, the command line."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.link import Link, Received
from hearthline_protocol import topics
from hearthline_protocol.commands import Command, CommandReply, Pair, Restart, Scan, Work
from hearthline_protocol.configuration import DesiredConfiguration, MeterWanted, ReportedConfiguration
from hearthline_simulator.home import SimulatedHome
from hearthline_simulator.meters.blood_pressure import PressureRecord
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.private_bus import private_bus
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.real_parts import require_program
from tests.fixtures.receipt_backend import ReceiptBackend

NAME = "home-1"
CUFF = MeterSpec("cuff", "blood_pressure", "F0:F1:00:00:18:10")
SHOWS_DIGITS = MeterSpec("shows", "blood_pressure", "F0:F1:00:00:18:11", passkey=123456)
MODEL = "generic-blood-pressure"
WITHIN_S = 30.0
MAIN = "from hearthline_gateway.cli import main; main()"


@pytest.fixture
async def bus(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    require_program("dbus-daemon")
    async with private_bus() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
async def home(bus: str) -> AsyncIterator[SimulatedHome]:
    async with SimulatedHome(bus, [CUFF, SHOWS_DIGITS]) as simulated:
        yield simulated


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, broker: Broker) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'[gateway]\nname = "{NAME}"\ntime_zone = "UTC"\ndata_dir = "data"\ntrust_clock = true\n'
        f'[mqtt]\nurl = "{broker.url}"\n[uplink]\nresend_first_s = 1\n'
    )
    return file


@asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (config.parent / "gateway.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", MAIN, "run", "--config", str(config), stderr=log, env=dict(os.environ)
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def cli(config: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Run a command with --json: exit code and answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", MAIN, *words, "--config", str(config), "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert output.count(b"\n") == 1, (output, errors)
    answer: dict[str, Any] = json.loads(output)
    assert set(answer) == {"command", "ok", "code", "message", "data"}
    assert (answer["code"], answer["ok"]) == (process.returncode, process.returncode == 0)
    return answer["code"], answer


class Backend:
    """The technician's side of the contract."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.replies: list[CommandReply] = []
        self.reported: list[ReportedConfiguration] = []

    def sends(self, work: Work, *, retain: bool = False) -> Command:
        now = datetime.now(UTC)
        command = Command(id=uuid4(), sent_time=now, expires_time=now + timedelta(minutes=2), work=work)
        self._link.publish(topics.commands(NAME), command.model_dump_json().encode(), retain=retain)
        return command

    def wants(self, wanted: DesiredConfiguration | bytes) -> None:
        payload = wanted if isinstance(wanted, bytes) else wanted.model_dump_json().encode()
        self._link.publish(topics.config(NAME), payload, retain=True)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                event = await self._link.next_event()
                if isinstance(event, Received) and event.topic == topics.command_replies(NAME):
                    self.replies.append(CommandReply.model_validate_json(event.payload))
                elif isinstance(event, Received):
                    self.reported.append(ReportedConfiguration.model_validate_json(event.payload))

    async def ends(self, command: Command) -> CommandReply:
        def final() -> list[CommandReply]:
            ends = ("done", "failed", "refused")
            return [reply for reply in self.replies if reply.command == command.id and reply.state in ends]

        await self.until(final)
        return final()[0]

    @property
    def in_force(self) -> list[tuple[str, str]]:
        return [(meter.address, meter.origin) for meter in self.reported[-1].meters] if self.reported else []


@asynccontextmanager
async def technician(broker: Broker) -> AsyncIterator[Backend]:
    address = BrokerAddress("127.0.0.1", broker.port)
    link = await Link.open(address, client_id="technician", will_topic="technician", will=b"")
    try:
        await link.subscribe(topics.command_replies(NAME))
        await link.subscribe(topics.config_reported(NAME))
        yield Backend(link)
    finally:
        await link.close()


@pytest.mark.timeout(180)
async def test_scanned_paired_read_configured_and_dropped_from_a_desk(
    config: Path, home: SimulatedHome, broker: Broker
) -> None:
    cuff = home.meter("cuff")
    async with technician(broker) as desk, ReceiptBackend(broker.port) as backend:
        async with gateway(config) as process:
            await desk.until(lambda: desk.reported)
            await cuff.advertise()
            found = await desk.ends(desk.sends(Scan(seconds=10)))
            assert [(meter.address, meter.listed) for meter in found.found] == [(CUFF.address, False)]
            paired = await desk.ends(desk.sends(Pair(address=CUFF.address, model=MODEL)))
            assert paired.state == "done", paired.message
            await desk.until(lambda: desk.in_force == [(CUFF.address, "paired")])
            await cuff.measure(PressureRecord(systolic=186, diastolic=112))
            await backend.until(lambda: backend.batches, within=WITHIN_S)

            desk.wants(DesiredConfiguration(revision=1, meters=(MeterWanted(address=CUFF.address, model=MODEL),)))
            await desk.until(lambda: desk.in_force == [(CUFF.address, "backend")])
            desk.wants(
                DesiredConfiguration(revision=2, meters=(MeterWanted(address=CUFF.address, model="unheard-of"),))
            )
            await desk.until(lambda: desk.reported[-1].problem)
            assert (desk.reported[-1].revision, desk.in_force) == (1, [(CUFF.address, "backend")])
            assert "Update the gateway" in (desk.reported[-1].problem or "")
            desk.wants(b'{"schema": 9, "revision": 3, "of_tomorrow": true}')
            await desk.until(lambda: "schema 9" in (desk.reported[-1].problem or ""))

            assert (await desk.ends(desk.sends(Restart()))).state == "done"
            async with asyncio.timeout(WITHIN_S):
                assert await process.wait() == 75

        await broker.kill()
        async with gateway(config):
            await running(config)
            _, answer = await cli(config, "meters")
            assert [(row["address"], row["origin"]) for row in answer["data"]["meters"]] == [(CUFF.address, "backend")]
    await broker.start()
    async with technician(broker) as desk, gateway(config):
        await desk.until(lambda: desk.in_force == [(CUFF.address, "backend")])
        kept = desk.sends(Scan(seconds=1), retain=True)
        await desk.ends(kept)
        desk.wants(DesiredConfiguration(revision=4))
        await desk.until(lambda: desk.in_force == [])
        await until(lambda: not known_bond(home, CUFF.address))


def known_bond(home: SimulatedHome, address: str) -> bool:
    device = home.bluez.device(address)
    return device is not None and device.paired


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0.05)


async def running(config: Path) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (await cli(config, "status"))[0] != 0:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def test_a_command_that_the_broker_kept_is_refused(config: Path, home: SimulatedHome, broker: Broker) -> None:
    async with technician(broker) as desk:
        kept = desk.sends(Scan(seconds=1), retain=True)
        async with gateway(config):
            refused = await desk.ends(kept)
    assert (refused.state, "not retained" in refused.message) == ("refused", True)


@pytest.mark.timeout(180)
async def test_beside_the_gateway_and_without_it(config: Path, home: SimulatedHome) -> None:
    cuff = home.meter("cuff")
    await cuff.advertise()
    code, answer = await cli(config, "scan", "--seconds", "3")
    assert (code, [meter["address"] for meter in answer["data"]["meters"]]) == (0, [CUFF.address])
    code, answer = await cli(config, "pair", CUFF.address, "--model", MODEL)
    assert code == 0, answer
    code, answer = await cli(config, "meters")
    assert [(row["address"], row["origin"]) for row in answer["data"]["meters"]] == [(CUFF.address, "paired")]
    for word in ("status", "identify", "collect", "restart"):
        assert (await cli(config, word))[0] == 3, "it needs a running gateway"
    async with gateway(config):
        await running(config)
        code, answer = await cli(config, "status")
        assert [meter["address"] for meter in answer["data"]["status"]["meters"]] == [CUFF.address]
        assert answer["data"]["status"]["bluez_version"] in ("5.82", None)
        assert (await cli(config, "collect", CUFF.address))[0] == 0
        code, answer = await cli(config, "identify")
        assert (code, "[indicator]" in answer["message"]) == (1, True)
        code, answer = await cli(config, "unpair", CUFF.address)
        assert code == 0, answer
        assert not known_bond(home, CUFF.address)
        code, answer = await cli(config, "unpair", CUFF.address)
        assert (code, "does not read" in answer["message"]) == (1, True)
        assert (await cli(config, "pair", "no-address"))[0] == 2
        assert (await cli(config, "pair", CUFF.address, "--model", "unheard-of"))[0] == 2


@pytest.mark.timeout(120)
async def test_a_meter_that_shows_digits_wants_a_person(config: Path, home: SimulatedHome) -> None:
    meter = home.meter("shows")
    async with gateway(config):
        await running(config)
        await meter.advertise()
        code, answer = await cli(config, "pair", SHOWS_DIGITS.address, "--model", MODEL)
        assert (code, "--passkey" in answer["message"]) == (4, True)
        await meter.advertise()
        code, said = await at_a_terminal(config, "pair", SHOWS_DIGITS.address, "--model", MODEL)
        assert code == 0, said
        assert "Enter them" in said
    assert known_bond(home, SHOWS_DIGITS.address)


async def at_a_terminal(config: Path, *words: str) -> tuple[int, str]:
    """Run it on a terminal whose person types the digits when asked."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", MAIN, *words, "--config", str(config)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dict(os.environ),
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    said, typed = "", False
    async with asyncio.timeout(60):
        while process.returncode is None:
            try:
                said += os.read(ours, 4096).decode()
            except (BlockingIOError, OSError):
                await asyncio.sleep(0.05)
            if "Digits:" in said and not typed:
                os.write(ours, b"123456\n")
                typed = True
        await process.wait()
    try:
        said += os.read(ours, 4096).decode()
    except OSError:
        pass  # nothing more was said
    finally:
        os.close(ours)
    assert process.returncode is not None
    return process.returncode, said


async def test_a_marked_reading_proves_the_chain(config: Path, home: SimulatedHome, broker: Broker) -> None:
    async with ReceiptBackend(broker.port) as backend:
        code, answer = await cli(config, "simulate")
        assert (code, [step["hop"] for step in answer["data"]["steps"]]) == (
            0,
            ["gateway", "internet", "broker", "store"],
        )
        async with gateway(config):
            await running(config)
            assert (await cli(config, "simulate"))[0] == 0
        readings = [reading for batch in backend.batches for reading in batch.readings]
        assert len({reading["id"] for reading in readings}) == 2
        assert all(reading["synthetic"] for reading in readings)
    code, answer = await cli(config, "simulate", "--within", "2")
    assert (code, answer["data"]["steps"][-1]["hop"]) == (1, "store")
    await broker.kill()
    code, answer = await cli(config, "simulate", "--within", "2")
    assert (code, answer["data"]["steps"][-1]["hop"]) == (1, "internet")


async def test_export_masks_and_logs_who_looks(config: Path, home: SimulatedHome, broker: Broker) -> None:
    async with ReceiptBackend(broker.port):
        await cli(config, "simulate")
    code, answer = await cli(config, "export")
    (row,) = answer["data"]["readings"]
    assert (code, row["values"], row["quality"], row["state"]) == (0, "***", "measured", "stored")
    assert "36.6" not in json.dumps(answer)
    log = config.parent / "data" / "values-shown.log"
    assert not log.exists()
    code, answer = await cli(config, "export", "--show-values", "--state", "stored")
    assert answer["data"]["readings"][0]["values"]["temperature"]["value"] == pytest.approx(36.6)
    assert json.loads(log.read_text())["command"] == "export"
    out = config.parent / "readings.csv"
    code, answer = await cli(config, "export", "--out", str(out))
    assert (code, answer["data"]["rows"]) == (0, 1)
    assert out.read_text().splitlines()[1].count("***") == 1
    assert (out.stat().st_mode & 0o777) == 0o600


async def test_json_everywhere(config: Path, home: SimulatedHome) -> None:
    for words in (("check-config",), ("outbox",), ("meters",), ("doctor",)):
        code, answer = await cli(config, *words)
        assert (answer["command"], code) == (words[0], {"outbox": 1, "doctor": 1}.get(words[0], 0))
    config.write_text(config.read_text().replace("url =", "urll ="))
    code, answer = await cli(config, "check-config")
    assert (code, any("mqtt.urll" in one for one in answer["data"]["problems"])) == (2, True)
    code, answer = await cli(config, "doctor")
    assert (code, answer["data"]["broken"]) == (1, "gateway")
