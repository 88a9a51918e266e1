"""The simulated home as a process: commands in, events out, and a clean end however it is asked to end."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fixtures.ble_home import CUFF, CUFF_SPEC, WITHIN_S, RecordingSink, bus, collecting
from tests.fixtures.ble_meters import GLUCOSE, GLUCOSE_SPEC

__all__ = ["bus"]

OPTIONS: Final = f"""
home_zone = "Europe/Madrid"

[[meters]]
name = "cuff"
profile = "blood_pressure"
address = "{CUFF_SPEC.address}"
clock_offset_s = 3660
"""


class Process:
    """One home, its events as they come."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        assert child.stdin is not None
        assert child.stdout is not None
        self.commands = child.stdin
        self._lines = child.stdout

    def send(self, command: dict[str, Any]) -> None:
        self.commands.write((json.dumps(command) + "\n").encode())

    async def until(self, event: str) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            while line := await self._lines.readline():
                table: dict[str, Any] = json.loads(line)
                if table["event"] == event:
                    return table
        raise AssertionError(f"the home ended without {event}")

    async def ended(self) -> int:
        async with asyncio.timeout(WITHIN_S):
            await self._lines.read()
            return await self.child.wait()


@asynccontextmanager
async def home_process(folder: Path, text: str = OPTIONS) -> AsyncIterator[Process]:
    options = folder / "home.toml"
    options.write_text(text, encoding="utf-8")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hearthline_simulator.home",
        str(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(child)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_a_measurement_goes_all_the_way_and_every_step_is_told(bus: str, tmp_path: Path) -> None:
    sink = RecordingSink()
    async with home_process(tmp_path) as home, collecting([(CUFF_SPEC, CUFF)], sink) as _:
        assert (await home.until("ready"))["meters"] == ["cuff"]
        home.send(
            {
                "measure": "cuff",
                "systolic": 186,
                "diastolic": 112,
                "pulse": 95,
                "stored": [{"systolic": 120, "diastolic": 80, "at": "2026-11-22T07:04:00"}],
            }
        )
        for step in ("advertising", "connected", "paired", "clock_set", "subscribed", "indicated", "confirmed"):
            told = await home.until(step)
            assert told["meter"] == "cuff"
            assert told["at"].endswith("Z")
        await home.until("disconnected")
        await sink.until(lambda heard: bool(heard.ended))
        home.commands.close()
        assert await home.ended() == 0
    assert [frame.payload[1] for frame in sink.frames] == [120, 186]
    assert sink.frames[0].payload[7:14].hex() == "ea070b16070400"


async def test_every_kind_of_meter_can_be_played(bus: str, tmp_path: Path) -> None:
    meters = [
        ("glucose", "glucose", GLUCOSE_SPEC.address),
        ("strap", "heart_rate", "F0:F1:00:00:18:0D"),
        ("scale", "body_composition", "F0:F1:00:00:18:1B"),
        ("xiaomi", "xiaomi_scale", "F0:F1:00:00:18:5D"),
        ("xiaomi-2", "xiaomi_composition_scale", "F0:F1:00:00:18:5B"),
    ]
    tables = [
        f'[[meters]]\nname = "{n}"\nprofile = "{p}"\naddress = "{a}"\nconsents = {{ 1 = 1234 }}' for n, p, a in meters
    ]
    sink = RecordingSink()
    async with home_process(tmp_path, "\n".join(tables)) as home, collecting([(GLUCOSE_SPEC, GLUCOSE)], sink) as _:
        assert (await home.until("ready"))["meters"] == [name for name, _, _ in meters]
        for command in (
            {"measure": "strap", "samples": [{"rate": 72, "intervals": [0.8]}]},
            {"measure": "scale", "weight": 80, "user": 1, "fat": 24.0},
            {"measure": "xiaomi", "weight": 80},
            {"measure": "xiaomi-2", "weight": 80, "impedance": 500},
            {
                "measure": "glucose",
                "glucose": "-inf",
                "stored": [{"glucose": 5.4, "unit": "mmol/L", "meal": "fasting"}],
            },
        ):
            home.send(command)
            assert (await home.until("done"))["command"] == command
        await sink.until(lambda heard: bool(heard.ended))
        home.send({"clear_memory": "glucose"})
        await home.until("done")
        home.commands.close()
        assert await home.ended() == 0
    assert [frame.characteristic for frame in sink.frames] == ["2A18", "2A34", "2A18"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ({"measure": "cuff", "systolic": 186}, "diastolic: Field required"),
        ({"measure": "scale", "weight": 80}, "no meter is called 'scale'; known meters: cuff"),
        ({"explode": "cuff"}, "exactly one of measure"),
        ({"measure": "cuff", "stored": 3}, "stored is a list"),
    ],
)
async def test_a_wrong_command_is_answered_in_words(
    bus: str, tmp_path: Path, command: dict[str, Any], message: str
) -> None:
    async with home_process(tmp_path) as home:
        await home.until("ready")
        home.send(command)
        assert message in (await home.until("error"))["message"]
        home.child.send_signal(signal.SIGTERM)
        assert await home.ended() == 0


async def test_the_home_ends_when_whoever_started_it_is_gone(bus: str, tmp_path: Path) -> None:
    async with home_process(tmp_path) as home:
        await home.until("ready")
        transport = home.child._transport  # type: ignore[attr-defined]  # asyncio has no public way to close one pipe
        transport.get_pipe_transport(1).close()
        async with asyncio.timeout(WITHIN_S):
            while home.child.returncode is None:  # it learns that nobody reads when it next has something to say
                home.send({"advertise": "cuff"})
                await asyncio.sleep(0.05)
        assert home.child.returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OPTIONS.replace("blood_pressure", "radar"), "no profile is called 'radar'"),
        (OPTIONS.replace(CUFF_SPEC.address, "nonsense"), "meters.0.address"),
        (OPTIONS.replace("Europe/Madrid", "Europe/Atlantis"), "no time zone is called 'Europe/Atlantis'"),
        ("meters = ", "neither TOML nor JSON"),
    ],
)
async def test_a_wrong_options_file_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    options = tmp_path / "home.toml"
    options.write_text(text, encoding="utf-8")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hearthline_simulator.home", str(options), "--bus", "unix:path=/nowhere"),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        _, said = await child.communicate()
    assert child.returncode == 2
    assert message in said.decode()
