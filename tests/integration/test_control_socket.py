"""The local socket: who may use it, what it says to nonsense, and that a long path is no matter."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hearthline_gateway.commands.replies import ReplyTo
from hearthline_gateway.control.client import ControlError, NotRunningError, command, talking
from hearthline_gateway.control.messages import GatewayState, ProofStep
from hearthline_gateway.control.place import reachable
from hearthline_gateway.control.server import ControlServer
from hearthline_gateway.errors import GatewayError
from hearthline_protocol.commands import Command, CommandReply, Scan
from hearthline_protocol.configuration import ReportedConfiguration
from hearthline_protocol.messages import GatewayStatus


class Commands:
    """Answers every command in two replies."""

    async def submit(self, command: Command, reply_to: ReplyTo) -> None:
        now = command.sent_time
        reply_to(CommandReply(command=command.id, number=0, state="running", message="It goes on.", time=now))
        reply_to(CommandReply(command=command.id, number=1, state="done", message="Done.", time=now))


async def state() -> GatewayState:
    return GatewayState(
        status=GatewayStatus(state="online"), configuration=ReportedConfiguration(), uplink_connected=True
    )


async def proof(within_s: float) -> AsyncIterator[ProofStep]:
    yield ProofStep(hop="gateway", passed=True, words="Kept.", seconds=0)
    if within_s > 500:
        raise GatewayError("the disk is full: make room")
    yield ProofStep(hop="store", passed=True, words="Stored.", seconds=0.1)


@asynccontextmanager
async def served(path: Path, state: Callable[[], Awaitable[GatewayState]] = state) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, Commands(), state, proof)
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(15):
        while server.problem is None and not await _answers(path):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _answers(path: Path) -> bool:
    try:
        async with talking(path):
            return True
    except NotRunningError:
        return False


async def test_commands_state_and_proof(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    _left_behind_by_a_killed_gateway(path)
    async with served(path), talking(path) as gateway:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert [reply.state async for reply in gateway.do(command(Scan()))] == ["running", "done"]
        assert (await gateway.state()).uplink_connected
        assert [step.hop async for step in gateway.prove(5)] == ["gateway", "store"]
        with pytest.raises(ControlError, match="make room"):
            assert [step.hop async for step in gateway.prove(600)]
    assert not path.exists()


async def test_a_path_longer_than_the_kernel_takes(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 90) / ("b" * 90)
    folder.mkdir(parents=True)
    path = folder / "control.sock"
    async with served(path), talking(path) as gateway:
        assert (await gateway.state()).uplink_connected


async def test_nonsense_is_answered_and_the_next_request_too(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with served(path):
        with reachable(path) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        async with asyncio.timeout(15):
            for line in (b"nonsense\n", b"{}\n", b"\xff\xfe\n"):
                writer.write(line)
                assert "does not understand" in json.loads(await reader.readline())["problem"]
            writer.write(b'{"request":"status"}\n')
            assert json.loads(await reader.readline())["answer"] == "state"
        writer.close()
        await writer.wait_closed()


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        async with talking(tmp_path / "control.sock"):
            pass
    (tmp_path / "dead.sock").touch()
    with pytest.raises(NotRunningError):
        async with talking(tmp_path / "dead.sock"):
            pass


async def test_a_socket_that_cannot_be_made_is_a_problem_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with served(tmp_path / "file" / "control.sock") as server:
        assert "gateway.control_socket" in (server.problem or "")


async def test_what_is_no_socket_is_not_removed_for_one(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("named by mistake")
    async with served(path) as server:
        assert "gateway.control_socket" in (server.problem or "")
    assert path.read_text() == "named by mistake"


async def test_a_fault_of_ours_is_answered_too(tmp_path: Path) -> None:
    async def trip() -> GatewayState:
        raise ZeroDivisionError

    async with served(tmp_path / "control.sock", state=trip), talking(tmp_path / "control.sock") as gateway:
        with pytest.raises(ControlError, match=r"ZeroDivisionError.*log"):
            await gateway.state()


def _left_behind_by_a_killed_gateway(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
