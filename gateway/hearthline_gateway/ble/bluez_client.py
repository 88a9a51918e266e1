"""Our own, long-lived client of bluetoothd, beside bleak's short ones.

It carries the pairing agent, tells when adapter or daemon go away, and is the early listener: bluetoothd confirms an
indication as soon as it arrives, whether or not anybody has subscribed. bleak opens a new client for each connection
and hears nothing before its own subscription, so what a bonded meter sends right after the link is encrypted would be
confirmed and lost. A client that subscribed in an earlier connection and stayed on the bus hears it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import structlog
from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from hearthline_gateway.ble.agent import AGENT_PATH, PairingAgent, PairingTalk, adapter_of, address_of
from hearthline_gateway.ble.bluez_bus import (
    ADAPTER,
    AGENT_MANAGER,
    BATTERY,
    BLUEZ,
    CHARACTERISTIC,
    DBUS,
    DEVICE,
    OBJECT_MANAGER,
    PROPERTIES,
    adapter_path,
    call,
)
from hearthline_gateway.radio import PairingDialogue

log = structlog.get_logger(__name__)

_RULES: Final = (
    f"type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}',arg0path='/org/bluez/'",
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',path_namespace='/org/bluez',arg0='{BATTERY}'",
    f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',path_namespace='/org/bluez',arg0='{CHARACTERISTIC}'",
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',path_namespace='/org/bluez',arg0='{ADAPTER}'",
)
_POWER_LIMIT_S: Final = 10.0
"""The kernel gives a controller 2 s for a command; switching off or on takes a handful."""


class BluezEvents(Protocol):
    """Who wants to know; called as soon as the signal arrives."""

    def on_early_value(self, address: str, characteristic: str, payload: bytes) -> None:
        """A value of a characteristic (16-bit UUID, upper-case hex) that we listen to."""

    def on_battery(self, address: str, percent: int) -> None:
        """bluetoothd read a battery; it keeps the battery service to itself."""

    def on_adapter(self, adapter: str, *, moved: bool) -> None:
        """The adapter came or went (``moved``), or was switched on or off."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What bluetoothd remembers of a device on one adapter."""

    path: str
    address: str
    paired: bool
    connected: bool

    @property
    def adapter(self) -> str:
        """The adapter that knows it."""
        return adapter_of(self.path)


@dataclass(frozen=True, slots=True)
class KnownAdapter:
    """An adapter as bluetoothd sees it."""

    name: str
    address: str
    powered: bool


class BluezClient:
    """Open with :meth:`open`, close with :meth:`close`. ``disturbed`` is set when daemon or bus went away and
    everything has to be set up again."""

    def __init__(self, bus: MessageBus, agent: PairingAgent, events: BluezEvents) -> None:
        self._bus = bus
        self._agent = agent
        self._events = events
        self._listening: dict[str, tuple[str, str]] = {}
        self._offered: str | None = None
        self._offering = asyncio.Lock()
        self.disturbed = asyncio.Event()
        self._watching = asyncio.create_task(self._watch_bus(), name="bluez bus")

    @classmethod
    async def open(cls, agent: PairingAgent, events: BluezEvents) -> Self:
        """Connect to the system bus, offer the agent and start listening. Raises :class:`DBusError` or ``OSError``."""
        client = cls(await MessageBus(bus_type=BusType.SYSTEM).connect(), agent, events)
        try:
            client._bus.add_message_handler(client._on_message)
            client._bus.export(AGENT_PATH, agent)
            for rule in _RULES:
                await call(client._bus, DBUS, "/org/freedesktop/DBus", DBUS, "AddMatch", "s", rule)
            await client.offer_agent()
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """Leave the bus; bluetoothd then forgets agent and subscriptions by itself."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        self._bus.disconnect()

    async def adapters(self) -> dict[str, KnownAdapter]:
        """Every adapter by its name, in the order of their names."""
        found = {
            adapter_of(path): KnownAdapter(
                adapter_of(path), interfaces[ADAPTER]["Address"].value, interfaces[ADAPTER]["Powered"].value
            )
            for path, interfaces in (await self._objects()).items()
            if ADAPTER in interfaces
        }
        return dict(sorted(found.items()))

    async def known_devices(self) -> tuple[KnownDevice, ...]:
        """Every device that bluetoothd remembers, once for each adapter that knows it."""
        found = (
            (path, interfaces[DEVICE]) for path, interfaces in (await self._objects()).items() if DEVICE in interfaces
        )
        return tuple(
            KnownDevice(path, device["Address"].value.upper(), device["Paired"].value, device["Connected"].value)
            for path, device in found
        )

    async def is_paired(self, device_path: str) -> bool:
        """Whether bluetoothd holds a bond."""
        try:
            answer = await call(self._bus, BLUEZ, device_path, PROPERTIES, "Get", "ss", DEVICE, "Paired")
        except DBusError:
            return False
        return bool(answer[0].value)

    async def remove_device(self, device_path: str) -> None:
        """Forget a device: its link, its bond and its services. Raises :class:`DBusError`."""
        await call(self._bus, BLUEZ, adapter_path(adapter_of(device_path)), ADAPTER, "RemoveDevice", "o", device_path)
        self._forget_listening(device_path)

    async def set_powered(self, adapter: str, on: bool) -> None:
        """Switch an adapter on or off. Raises :class:`DBusError`."""
        await call(
            self._bus,
            BLUEZ,
            adapter_path(adapter),
            PROPERTIES,
            "Set",
            "ssv",
            ADAPTER,
            "Powered",
            Variant("b", on),
            within_s=_POWER_LIMIT_S,
        )

    async def listen_early(self, characteristic_path: str, characteristic: str, address: str) -> bool:
        """Subscribe in our own name, for this connection and so that the next one's first values find somebody. Needs a
        connection, and has to be asked for in each, since bluetoothd may have forgotten; asking again changes nothing.
        False when bluetoothd refused: nothing is heard here then. ``address`` is the meter's own: the path is named
        after the one under which bluetoothd first heard it, which a meter that hides its address has left behind."""
        self._listening[characteristic_path] = address, characteristic
        try:
            await call(self._bus, BLUEZ, characteristic_path, CHARACTERISTIC, "StartNotify", "")
        except DBusError as error:
            if error.type != "org.bluez.Error.InProgress":
                self._listening.pop(characteristic_path, None)
                log.info("early_listening_refused", characteristic=characteristic, error=str(error))
                return False
        return True

    @asynccontextmanager
    async def talking(self, address: str, dialogue: PairingDialogue) -> AsyncIterator[PairingTalk]:
        """Let ``dialogue`` answer what bluetoothd asks while the meter at ``address`` is paired."""
        try:
            with self._agent.talking(address, dialogue) as talk:
                await self.offer_agent()
                yield talk
        finally:
            if not self.disturbed.is_set():
                await self._offer_agent_if_possible()

    async def offer_agent(self) -> None:
        """Offer the agent; anew where what it is capable of has changed, or the last offer failed. Never without need:
        bluetoothd ends a pairing whose agent goes. Raises :class:`DBusError`."""
        async with self._offering:
            capability, before = self._agent.capability, self._offered
            if capability == before:
                return
            self._offered = None  # until it is certain
            if before is not None:
                await call(self._bus, BLUEZ, "/org/bluez", AGENT_MANAGER, "UnregisterAgent", "o", AGENT_PATH)
            await call(self._bus, BLUEZ, "/org/bluez", AGENT_MANAGER, "RegisterAgent", "os", AGENT_PATH, capability)
            await call(self._bus, BLUEZ, "/org/bluez", AGENT_MANAGER, "RequestDefaultAgent", "o", AGENT_PATH)
            self._offered = capability

    async def _offer_agent_if_possible(self) -> None:
        """Where it is not, the pairing's own end is what has to be told; whoever lent the air has it offered again."""
        try:
            await self.offer_agent()
        except DBusError as error:
            log.warning("pairing_agent_not_offered", error=str(error))

    async def _objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        answer = await call(self._bus, BLUEZ, "/", OBJECT_MANAGER, "GetManagedObjects", "")
        objects: dict[str, dict[str, dict[str, Variant]]] = answer[0]
        return objects

    async def _watch_bus(self) -> None:
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it unannotated
        except (OSError, EOFError) as error:
            log.warning("system_bus_lost", error=str(error))
        self.disturbed.set()

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged" and message.body[0] == BLUEZ:
            log.warning("bluetooth_daemon_changed", runs=bool(message.body[2]))
            self.disturbed.set()
        elif message.member == "PropertiesChanged":
            self._on_properties(message.path or "", message.body[0], message.body[1])
        elif message.member == "InterfacesAdded":
            self._on_added(message.body[0], message.body[1])
        elif message.member == "InterfacesRemoved":
            self._on_removed(message.body[0], message.body[1])

    def _on_added(self, path: str, interfaces: dict[str, Any]) -> None:
        if BATTERY in interfaces:
            self._on_properties(path, BATTERY, interfaces[BATTERY])
        if ADAPTER in interfaces:
            log.warning("bluetooth_adapter_came", adapter=adapter_of(path))
            self._events.on_adapter(adapter_of(path), moved=True)

    def _on_removed(self, path: str, interfaces: list[str]) -> None:
        if CHARACTERISTIC in interfaces:
            self._listening.pop(path, None)
        if ADAPTER in interfaces:
            log.warning("bluetooth_adapter_went", adapter=adapter_of(path))
            self._events.on_adapter(adapter_of(path), moved=True)

    def _on_properties(self, path: str, interface: str, changed: dict[str, Any]) -> None:
        if interface == CHARACTERISTIC and "Value" in changed:
            listening = self._listening.get(path)
            if listening is not None:
                self._events.on_early_value(*listening, bytes(changed["Value"].value))
        elif interface == BATTERY and "Percentage" in changed:
            self._events.on_battery(address_of(path), int(changed["Percentage"].value))
        elif interface == ADAPTER and "Powered" in changed:
            log.warning("bluetooth_adapter_power", adapter=adapter_of(path), powered=changed["Powered"].value)
            self._events.on_adapter(adapter_of(path), moved=False)

    def _forget_listening(self, device_path: str) -> None:
        for path in [path for path in self._listening if path.startswith(f"{device_path}/")]:
            del self._listening[path]
