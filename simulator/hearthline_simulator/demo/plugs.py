"""Unplugging a hop of the running demo by hand: ``unplug broker`` and a return, ``plug broker`` to mend it. What the
gateway's doctor makes of it is told beside."""

import asyncio
import os
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Final

from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from hearthline_backend.settings import READINGS_FILE
from hearthline_simulator.demo.backend_service import data_folder
from hearthline_simulator.demo.commands import command
from hearthline_simulator.demo.gateway_home import config_file
from hearthline_simulator.demo.stack import Stack

_DOCTOR_WITHIN_S: Final = 60.0
_PULLED_WITHIN_S: Final = 60.0
WELL: Final = "Every hop is well."
_CHUNK: Final = 4096
_PRESSURE: Final = {"systolic": 139, "diastolic": 86, "pulse": 77}


class Plug(StrEnum):
    """A hop that can be unplugged."""

    METERS = "meters"
    BLUETOOTH = "bluetooth"
    GATEWAY = "gateway"
    INTERNET = "internet"
    BROKER = "broker"
    STORE = "store"


class PlugError(Exception):
    """What was asked for cannot be done; the message says why."""


class Plugs:
    """The plugs of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._holder: sqlite3.Connection | None = None

    async def unplug(self, plug: Plug) -> None:
        """Break that hop. Raises :class:`PlugError`."""
        stack = self._stack
        match plug:
            case Plug.METERS:
                await self._pull_batteries()
            case Plug.BLUETOOTH:
                await self._bluetooth(on=False)
            case Plug.GATEWAY if stack.gateway is not None:
                await stack.gateway.kill()
            case Plug.INTERNET if stack.cable is not None:
                await stack.cable.unplug()
            case Plug.BROKER if stack.broker is not None:
                await stack.broker.child.kill()
            case Plug.STORE:
                self._hold_store()
            case _:
                raise PlugError(f"the {plug} is not the demo's own: it uses the broker that it was given")

    async def plug_in(self, plug: Plug) -> None:
        """Mend it. Raises :class:`PlugError`."""
        stack = self._stack
        match plug:
            case Plug.METERS if stack.home is not None:
                await stack.home.order({"advertise": "cuff"})
            case Plug.BLUETOOTH:
                await self._bluetooth(on=True)
            case Plug.GATEWAY if stack.gateway is not None:
                if not stack.gateway.running:
                    await stack.gateway.start()
            case Plug.INTERNET if stack.cable is not None:
                await stack.cable.plug_in()
            case Plug.BROKER if stack.broker is not None:
                if not stack.broker.child.running:
                    await stack.broker.start()
            case Plug.STORE:
                self.let_go()
            case _:
                raise PlugError(f"the {plug} is not the demo's own: it uses the broker that it was given")

    async def doctor(self, plug: Plug, *, mended: bool) -> str:
        """The last line of ``hearthline-gateway doctor`` in this home, once it says what was to be expected, or what it
        says in the end."""
        expected = WELL if mended else f"Broken at {plug}:"
        deadline = asyncio.get_running_loop().time() + _DOCTOR_WITHIN_S
        verdict = await self._examine()
        while not verdict.startswith(expected) and asyncio.get_running_loop().time() < deadline:
            verdict = await self._examine()
        return verdict

    async def _examine(self) -> str:
        stack = self._stack
        process = await asyncio.create_subprocess_exec(
            *command("hearthline-gateway", "doctor", "--config", str(config_file(stack.folder))),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": stack.bus},
        )
        try:
            async with asyncio.timeout(_DOCTOR_WITHIN_S):
                said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "said nothing"

    def let_go(self) -> None:
        """Give the store back, where it is held."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    async def _pull_batteries(self) -> None:
        """In the middle of a connection: a meter that sleeps looks the same with and without batteries."""
        home = self._stack.home
        if home is None:
            raise PlugError("the simulated home does not run")
        try:
            async with asyncio.timeout(_PULLED_WITHIN_S):
                await home.left_alone("cuff")
                before = len(home.events)
                await home.order({"die_in_use": "cuff"})
                await home.measure("cuff", _PRESSURE)
                await home.happens("connected", "cuff", after=before)
        except TimeoutError as error:
            raise PlugError(
                "nobody connected to the cuff, so that nobody can miss it: plug in the rest first"
            ) from error

    async def _bluetooth(self, *, on: bool) -> None:
        bus = await MessageBus(bus_address=self._stack.bus, bus_type=BusType.SYSTEM).connect()
        try:
            await bus.call(
                Message(
                    destination="org.bluez",
                    path="/org/bluez/hci0",
                    interface="org.freedesktop.DBus.Properties",
                    member="Set",
                    signature="ssv",
                    body=["org.bluez.Adapter1", "Powered", Variant("b", on)],
                )
            )
        finally:
            bus.disconnect()

    def _hold_store(self) -> None:
        if self._holder is None:
            self._holder = sqlite3.connect(data_folder(self._stack.folder) / READINGS_FILE, isolation_level=None)
            self._holder.execute("BEGIN IMMEDIATE")


async def typed_lines() -> AsyncIterator[str]:
    """What the person at the terminal, or at the other end of a pipe, types; ends at once where nobody can."""
    try:
        kind = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # closed
        return
    if not (sys.stdin.isatty() or stat.S_ISFIFO(kind)):
        return
    loop, said = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def readable() -> None:
        data = os.read(sys.stdin.fileno(), _CHUNK)  # never waits: it is there
        said.put_nowait(data)
        if not data:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, readable)
    begun = b""
    try:
        while more := await said.get():
            *whole, begun = (begun + more).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").strip().lower()
    finally:
        loop.remove_reader(sys.stdin)


def understood(line: str) -> tuple[bool, Plug]:
    """Whether to plug in, and what. Raises :class:`PlugError` saying what can be typed."""
    words = line.split()
    if len(words) == 2 and words[0] in ("plug", "unplug") and words[1] in set(Plug):
        return words[0] == "plug", Plug(words[1])
    raise PlugError(f"type unplug or plug and one of: {', '.join(Plug)}")
