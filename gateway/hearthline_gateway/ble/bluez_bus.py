"""Calls to bluetoothd that always end: with an answer, with its error, or because it gave none in time."""

import asyncio
from typing import Any, Final

from dbus_fast import DBusError, Message, MessageType
from dbus_fast.aio import MessageBus

BLUEZ: Final = "org.bluez"
DBUS: Final = "org.freedesktop.DBus"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
BATTERY: Final = "org.bluez.Battery1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
AGENT_MANAGER: Final = "org.bluez.AgentManager1"

NO_REPLY: Final = "org.freedesktop.DBus.Error.NoReply"
_ANSWER_LIMIT_S: Final = 25.0
"""What D-Bus libraries commonly wait for an answer; dbus-fast itself waits for ever."""


def adapter_path(name: str) -> str:
    """Where the adapter of that name, such as ``hci0``, lives."""
    return f"/org/bluez/{name}"


async def call(
    bus: MessageBus,
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str,
    *arguments: Any,
    within_s: float = _ANSWER_LIMIT_S,
) -> list[Any]:
    """Call a method and answer with what it returns. Raises :class:`DBusError`; its type is ``NO_REPLY`` where none
    came within ``within_s`` seconds."""
    message = Message(
        destination=destination,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=list(arguments),
    )
    try:
        async with asyncio.timeout(within_s):
            reply = await bus.call(message)
    except TimeoutError as error:
        raise DBusError(NO_REPLY, f"{member}: no answer within {within_s:g} s") from error
    if reply is None or reply.message_type is MessageType.ERROR:
        name = reply.error_name if reply is not None else None
        text = str(reply.body[0]) if reply is not None and reply.body else "no answer"
        raise DBusError(name or "org.freedesktop.DBus.Error.Failed", f"{member}: {text}")
    return reply.body
