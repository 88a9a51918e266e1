"""The guest's bluetoothd, as a child that a test may kill."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

_PROGRAM: Final = "/usr/libexec/bluetooth/bluetoothd"
LOG: Final = Path("/tmp/bluetoothd.log")
_CONFIGURATION: Final = Path("/tmp/bluetoothd.conf")
_SETTINGS: Final = "[General]\nTemporaryTimeout = 6\n"
"""bluetoothd forgets devices that nobody paired after 30 s; tests need not wait that long."""


class Daemon:
    """bluetoothd. What it says is added to :data:`LOG`."""

    def __init__(self) -> None:
        _CONFIGURATION.write_text(_SETTINGS, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it takes its name on the bus a moment later."""
        with LOG.open("ab") as log:
            self._process = subprocess.Popen([_PROGRAM, "-n", "-f", str(_CONFIGURATION)], stdout=log, stderr=log)

    def kill(self) -> None:
        """``kill -9``: what it did not write to disk is lost, and so are its links."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


async def call(path: str, interface: str, member: str, signature: str = "", *arguments: object) -> list[object]:
    """One call to bluetoothd by a client that leaves again; raises ``AssertionError`` with its refusal."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )
    finally:
        bus.disconnect()
    assert reply is not None
    assert reply.message_type is not MessageType.ERROR, f"{member}: {reply.error_name} {reply.body}"
    return list(reply.body)


@asynccontextmanager
async def another_subscriber(characteristic_path: str) -> AsyncIterator[str | None]:
    """A client of its own that is subscribed meanwhile; answers with the error of its asking a second time."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    subscriber = "org.bluez.GattCharacteristic1"
    try:
        first, second = [
            await bus.call(Message("org.bluez", characteristic_path, subscriber, "StartNotify")) for _ in range(2)
        ]
        assert first is not None
        assert first.error_name is None
        assert second is not None
        yield second.error_name
    finally:
        bus.disconnect()


async def eventually_called(path: str, interface: str, member: str, signature: str, *arguments: object) -> list[object]:
    """:func:`call`, again until it is not refused; what is asked for may not be there yet."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await call(path, interface, member, signature, *arguments)
            except AssertionError:
                await asyncio.sleep(0.05)


async def until_known(address: str, *, known: bool = True) -> None:
    """Wait until bluetoothd has a device, or has forgotten it."""
    async with asyncio.timeout(30):
        while (address in await _devices()) is not known:  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0.1)


async def _devices() -> list[str]:
    (objects,) = await call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    assert isinstance(objects, dict)
    devices = (interfaces.get("org.bluez.Device1") for interfaces in objects.values())
    return [device["Address"].value for device in devices if device is not None]
