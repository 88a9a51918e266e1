"""A look at Bluetooth on this machine that disturbs nobody: adapters, bluetoothd's version, bonds, the agent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import BusType, DBusError
from dbus_fast.aio import MessageBus

from hearthline_gateway.ble.bluez_bus import ADAPTER, AGENT_MANAGER, BLUEZ, DEVICE, OBJECT_MANAGER, call
from hearthline_gateway.ble.problems import adapter_problem
from hearthline_gateway.errors import GatewayError

_AGENT_PATH: Final = "/org/hearthline/inspection"
_OWN_MODALIAS: Final = re.compile(r"v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})", re.IGNORECASE)
"""The adapter's Modalias: the Linux Foundation's vendor number, BlueZ's product number, and its version in hex digits
(d0552 is 5.82). Source: bluetoothd's default DeviceID, main.conf(5)."""


class BluetoothUnseenError(GatewayError):
    """There is no bluetoothd to ask; the message says why and what to do next."""


@dataclass(frozen=True, slots=True)
class SeenAdapter:
    """One adapter, by its kernel name such as ``hci0``."""

    name: str
    powered: bool


@dataclass(frozen=True, slots=True)
class SeenBluetooth:
    """``version`` is bluetoothd's, None where it does not say. ``bonds`` tells of each device that bluetoothd
    remembers whether any adapter is bonded with it. ``agent_problem`` is why no pairing agent can be registered; None
    where one can, or where that was not tried."""

    adapters: tuple[SeenAdapter, ...]
    version: tuple[int, int] | None
    bonds: Mapping[str, bool]
    agent_problem: str | None = None


async def look(*, try_agent: bool) -> SeenBluetooth:
    """Ask bluetoothd. ``try_agent`` registers a pairing agent and takes it back; not while a gateway runs, which has
    its own. Raises :class:`BluetoothUnseenError`."""
    try:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    except (OSError, EOFError, DBusError) as error:
        raise BluetoothUnseenError(adapter_problem(error)) from error
    try:
        objects: dict[str, dict[str, dict[str, Any]]] = (
            await call(bus, BLUEZ, "/", OBJECT_MANAGER, "GetManagedObjects", "")
        )[0]
        agent_problem = await _agent_problem(bus) if try_agent else None
    except (OSError, EOFError, DBusError) as error:
        raise BluetoothUnseenError(adapter_problem(error)) from error
    finally:
        bus.disconnect()
    return _seen(objects, agent_problem)


def _seen(objects: Mapping[str, Mapping[str, Mapping[str, Any]]], agent_problem: str | None) -> SeenBluetooth:
    adapters = {path: found[ADAPTER] for path, found in objects.items() if ADAPTER in found}
    devices = [found[DEVICE] for found in objects.values() if DEVICE in found]
    bonded = {str(_value(device, "Address")).upper() for device in devices if _value(device, "Paired")}
    versions = [version for adapter in adapters.values() if (version := _version(adapter)) is not None]
    return SeenBluetooth(
        tuple(SeenAdapter(path.rpartition("/")[2], _value(adapter, "Powered")) for path, adapter in adapters.items()),
        versions[0] if versions else None,
        {address: address in bonded for device in devices if (address := str(_value(device, "Address")).upper())},
        agent_problem,
    )


def _version(adapter: Mapping[str, Any]) -> tuple[int, int] | None:
    found = _OWN_MODALIAS.search(str(_value(adapter, "Modalias")))
    return None if found is None else (int(found[1], 16), int(found[2], 16))


def _value(properties: Mapping[str, Any], name: str) -> Any:
    variant = properties.get(name)
    return None if variant is None else variant.value


async def _agent_problem(bus: MessageBus) -> str | None:
    try:
        await call(bus, BLUEZ, "/org/bluez", AGENT_MANAGER, "RegisterAgent", "os", _AGENT_PATH, "NoInputNoOutput")
        await call(bus, BLUEZ, "/org/bluez", AGENT_MANAGER, "UnregisterAgent", "o", _AGENT_PATH)
    except DBusError as error:
        return f"no pairing agent can be registered ({error.text}): run this as the gateway's user"
    return None
