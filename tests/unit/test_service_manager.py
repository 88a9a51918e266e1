"""What systemd hears: ready, alive, stopping; and nothing when it is not there."""

import asyncio
import os
import socket
import subprocess
from pathlib import Path

import pytest

from hearthline_gateway.service_manager import ServiceManager
from tests.fixtures.real_parts import require_program

UNIT = Path(__file__).parents[2] / "firmware-config" / "systemd" / "hearthline-gateway.service"


@pytest.fixture
def manager_socket(tmp_path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "notify"))
    listening.settimeout(15)
    return listening


def test_ready_and_stopping_are_said(manager_socket: socket.socket) -> None:
    with manager_socket:
        manager = ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname()})
        manager.ready("reads 3 meters")
        assert manager_socket.recv(999) == b"READY=1\nSTATUS=reads 3 meters"
        manager.doing("waits for the broker")
        assert manager_socket.recv(999) == b"STATUS=waits for the broker"
        manager.stopping()
        assert manager_socket.recv(999) == b"STOPPING=1"


async def test_alive_is_said_only_after_a_proof_of_life(manager_socket: socket.socket) -> None:
    manager_socket.setblocking(False)
    proofs = asyncio.Semaphore(2)
    loop = asyncio.get_running_loop()
    with manager_socket:
        manager = ServiceManager({"NOTIFY_SOCKET": manager_socket.getsockname(), "WATCHDOG_USEC": "30000"})
        assert manager.watchdog_s == pytest.approx(0.03)

        async def alive() -> None:
            await proofs.acquire()

        keeping = asyncio.create_task(manager.keep_alive(alive))
        async with asyncio.timeout(15):
            assert await loop.sock_recv(manager_socket, 99) == b"WATCHDOG=1"
            assert await loop.sock_recv(manager_socket, 99) == b"WATCHDOG=1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await loop.sock_recv(manager_socket, 99)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.parametrize("environment", [{}, {"WATCHDOG_USEC": "30000", "WATCHDOG_PID": str(os.getpid() + 1)}])
async def test_without_a_listener_nothing_is_said_and_nothing_breaks(environment: dict[str, str]) -> None:
    manager = ServiceManager(environment)
    manager.ready("reads 1 meter")
    assert manager.watchdog_s is None
    async with asyncio.timeout(15):
        await manager.keep_alive(asyncio.Event().wait)  # type: ignore[arg-type]  # never asked


def test_a_manager_that_went_away_does_not_end_the_gateway(tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("reads 1 meter")


def test_the_unit_is_hardened() -> None:
    analyze = require_program("systemd-analyze", install="systemd")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=29", "--no-pager", str(UNIT)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_the_unit_has_no_unknown_word() -> None:
    analyze = require_program("systemd-analyze", install="systemd")
    done = subprocess.run([analyze, "verify", str(UNIT)], check=False, capture_output=True, text=True)
    wrong = [line for line in done.stderr.splitlines() if "hearthline" in line and "not executable" not in line]
    assert wrong == []
