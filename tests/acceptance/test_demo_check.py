"""The whole chain in processes of its own, as somebody at a terminal starts it."""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

HOPS = [
    "decoded",
    "outbox",
    "published",
    "stored",
    "receipted",
    "judged",
    "alert",
    "mail",
    "webhook",
    "visible",
    "acknowledged",
]
DEMO = (sys.executable, "-m", "hearthline_simulator.demo.cli")
WITHIN_S = {None: 90, "gateway": 120, "broker": 120, "backend": 120}


async def run(folder: Path, *arguments: str, within_s: float, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error. ``folder`` is the one for temporary files."""
    process = await asyncio.create_subprocess_exec(
        *DEMO,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder), **environment},
    )
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def started_from(folder: Path) -> list[psutil.Process]:
    """Processes that carry this folder for temporary files in their environment: everything a demo has started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    """A folder for temporary files, in which nothing may be left: short, since a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as name:
        yield Path(name)
        assert started_from(Path(name)) == []
        assert list(Path(name).iterdir()) == []


def report_of(out: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(out)
    assert list(content) == ["ok", "hops", "stored", "alerts", "notifications", "quarantined"]
    assert [hop["name"] for hop in content["hops"]] == HOPS
    return content


@pytest.mark.timeout(150)
@pytest.mark.parametrize("victim", [None, "gateway", "broker", "backend"])
async def test_every_hop_has_its_evidence(folder: Path, victim: str | None) -> None:
    kill = () if victim is None else ("--kill", victim)
    code, out, err = await run(folder, "--check", "--json", *kill, within_s=WITHIN_S[victim])
    report = report_of(out)
    assert report["ok"], (out, err)
    assert code == 0
    assert (report["stored"], report["alerts"], report["quarantined"]) == (1, 1, 0)
    assert report["notifications"]["mail"] >= 1
    assert report["notifications"]["webhook"] >= 1
    times = [hop["at_s"] for hop in report["hops"]]
    assert times == sorted(times)
    if victim is not None:
        assert any("was killed" in hop["evidence"] for hop in report["hops"])


@pytest.mark.timeout(100)
async def test_a_missing_broker_fails_at_the_hop_that_needs_it(folder: Path) -> None:
    code, out, _ = await run(
        folder, "--check", "--json", within_s=90, HEARTHLINE_MOSQUITTO=str(folder / "no-such-mosquitto")
    )
    report = report_of(out)
    assert code == 1
    assert not report["ok"]
    first = next(hop for hop in report["hops"] if not hop["ok"])
    assert first["name"] == "published"
    assert "mosquitto was not found" in first["evidence"]


@pytest.mark.timeout(60)
async def test_interrupted_it_still_answers_in_json_and_leaves_nothing(folder: Path) -> None:
    async with started(folder, "--check", "--json") as process:
        async with asyncio.timeout(20):
            while len(started_from(folder)) < 2:  # noqa: ASYNC110  # another process tells nobody
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            out, _ = await process.communicate()
    assert process.returncode == 1
    first = next(hop for hop in report_of(out.decode())["hops"] if not hop["ok"])
    assert "interrupted" in first["evidence"]


@asynccontextmanager
async def started(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *DEMO,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def lines_until(process: asyncio.subprocess.Process, text: str, within_s: float) -> list[str]:
    assert process.stdout is not None
    seen: list[str] = []
    try:
        async with asyncio.timeout(within_s):
            while not any(text in line for line in seen):
                line = await process.stdout.readline()
                assert line, seen
                seen.append(line.decode())
    except TimeoutError:
        pytest.fail(f"no {text!r} within {within_s} s in:\n{''.join(seen)}")
    return seen


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.timeout(120)
async def test_the_demo_calls_the_nurse_within_a_minute_and_ctrl_c_ends_all_of_it(folder: Path) -> None:
    began = time.monotonic()
    async with started(folder) as process:
        lines = await lines_until(process, "webhook reached the nurse", 60)
        assert time.monotonic() - began < 60
        text = "".join(lines)
        url = next(word for word in text.split() if word.startswith("http://127.0.0.1:"))
        port = int(url.rsplit(":", 1)[1])
        assert all(f"login {login} " in text for login in ("nurse", "technician", "astrid"))
        assert listens(port)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/login") as page:
            assert page.status == 200
        ports = {port, *(one.laddr.port for process in started_from(folder) for one in process.net_connections("inet"))}
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(15):
            rest, _ = await process.communicate()
    assert process.returncode == 0, rest
    assert "Stopped" in rest.decode()
    assert not any(listens(port) for port in ports)


@pytest.mark.timeout(120)
async def test_a_part_that_dies_ends_the_demo_with_the_end_of_its_log(folder: Path) -> None:
    async with started(folder) as process:
        await lines_until(process, "Astrid measures", 60)
        gateway = next(one for one in started_from(folder) if any("gateway.toml" in part for part in one.cmdline()))
        gateway.kill()
        async with asyncio.timeout(20):
            rest, _ = await process.communicate()
    assert process.returncode == 1
    assert "gateway: ended unexpectedly (signal SIGKILL)" in rest.decode()
    assert "gateway_started" in rest.decode()


@pytest.mark.timeout(150)
async def test_a_hop_is_unplugged_by_a_word_and_the_doctor_names_it(folder: Path) -> None:
    async with started(folder) as process:
        assert process.stdin is not None
        await lines_until(process, "acknowledge it", 60)
        for word, said in (
            ("unplug meters", "Broken at meters:"),
            ("plug meters", "Every hop is well."),
            ("unplug internet", "Broken at internet:"),
            ("plug internet", "Every hop is well."),
            ("unplug the sofa", "type unplug or plug and one of: meters, bluetooth, gateway"),
        ):
            process.stdin.write(f"{word}\n".encode())
            await lines_until(process, said, 60)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(15):
            rest, _ = await process.communicate()
    assert process.returncode == 0, rest
