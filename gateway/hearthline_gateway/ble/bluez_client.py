"""Our own, long-lived client of bluetoothd, beside bleak's short ones.

It carries the pairing agent, tells when adapter or daemon go away, and is the early listener: bluetoothd confirms an
indication as soon as it arrives, whether or not anybody has subscribed. bleak opens a new client for each connection
and hears nothing before its own subscription, so what a bonded meter sends right after the link is encrypted would be
confirmed and lost. A client that subscribed in an earlier connection and stayed on the bus hears it.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import structlog
from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus

from hearthline_gateway.ble.agent import AGENT_PATH, PairingAgent, address_of

log = structlog.get_logger(__name__)

_BLUEZ: Final = "org.bluez"
_DBUS: Final = "org.freedesktop.DBus"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_BATTERY: Final = "org.bluez.Battery1"
_OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
_RULES: Final = (
    f"type='signal',sender='{_BLUEZ}',interface='{_OBJECT_MANAGER}',member='InterfacesAdded',arg0path='/org/bluez/'",
    f"type='signal',sender='{_BLUEZ}',interface='{_PROPERTIES}',path_namespace='/org/bluez',arg0='{_BATTERY}'",
    f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{_BLUEZ}'",
    f"type='signal',sender='{_BLUEZ}',interface='{_PROPERTIES}',path_namespace='/org/bluez',arg0='{_CHARACTERISTIC}'",
    f"type='signal',sender='{_BLUEZ}',interface='{_PROPERTIES}',path_namespace='/org/bluez',arg0='{_ADAPTER}'",
)


class BluezEvents(Protocol):
    """Who wants to know; called as soon as the signal arrives."""

    def on_early_value(self, address: str, characteristic: str, payload: bytes) -> None:
        """A value of a characteristic (16-bit UUID, upper-case hex) that we listen to."""

    def on_battery(self, address: str, percent: int) -> None:
        """bluetoothd read a battery; it keeps the battery service to itself."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What bluetoothd remembers of a device."""

    paired: bool
    connected: bool


class BluezClient:
    """Open with :meth:`open`, close with :meth:`close`. ``disturbed`` is set when adapter, daemon or bus went away and
    everything has to be set up again."""

    def __init__(self, bus: MessageBus, agent: PairingAgent, adapter: str | None, events: BluezEvents) -> None:
        self._bus = bus
        self._agent = agent
        self._adapter = adapter
        self._events = events
        self._listening: dict[str, str] = {}
        self.disturbed = asyncio.Event()
        self._watching = asyncio.create_task(self._watch_bus(), name="bluez bus")

    @classmethod
    async def open(cls, agent: PairingAgent, adapter: str | None, events: BluezEvents) -> Self:
        """Connect to the system bus, offer the agent and start listening. ``adapter`` is a name such as ``hci0``, None
        for whichever there is. Raises :class:`DBusError` or ``OSError``."""
        client = cls(await MessageBus(bus_type=BusType.SYSTEM).connect(), agent, adapter, events)
        try:
            client._bus.add_message_handler(client._on_message)
            for rule in _RULES:
                await client._call(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", rule)
            await client._offer_agent()
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """Leave the bus; bluetoothd then forgets agent and subscriptions by itself."""
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        self._bus.disconnect()

    async def known_devices(self) -> dict[str, KnownDevice]:
        """Every device bluetoothd remembers, by address."""
        objects = await self._call(_BLUEZ, "/", _OBJECT_MANAGER, "GetManagedObjects", "")
        found = (interfaces[_DEVICE] for interfaces in objects[0].values() if _DEVICE in interfaces)
        return {
            device["Address"].value: KnownDevice(device["Paired"].value, device["Connected"].value) for device in found
        }

    async def is_paired(self, device_path: str) -> bool:
        """Whether bluetoothd holds a bond."""
        try:
            answer = await self._call(_BLUEZ, device_path, _PROPERTIES, "Get", "ss", _DEVICE, "Paired")
        except DBusError:
            return False
        return bool(answer[0].value)

    async def listen_early(self, characteristic_path: str, characteristic: str) -> None:
        """Subscribe in our own name, so that the next connection's first values find somebody. Needs a connection."""
        if characteristic_path in self._listening:
            return
        self._listening[characteristic_path] = characteristic
        try:
            await self._call(_BLUEZ, characteristic_path, _CHARACTERISTIC, "StartNotify", "")
        except DBusError as error:
            if error.type != "org.bluez.Error.InProgress":
                del self._listening[characteristic_path]
                log.info("early_listening_refused", characteristic=characteristic, error=str(error))

    async def _offer_agent(self) -> None:
        self._bus.export(AGENT_PATH, self._agent)
        manager = "org.bluez.AgentManager1"
        await self._call(_BLUEZ, "/org/bluez", manager, "RegisterAgent", "os", AGENT_PATH, self._agent.capability)
        await self._call(_BLUEZ, "/org/bluez", manager, "RequestDefaultAgent", "o", AGENT_PATH)

    async def _call(
        self, destination: str, path: str, interface: str, member: str, signature: str, *arguments: Any
    ) -> list[Any]:
        reply = await self._bus.call(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )
        if reply is None or reply.message_type is MessageType.ERROR:
            name = reply.error_name if reply is not None else None
            text = str(reply.body[0]) if reply is not None and reply.body else "no answer"
            raise DBusError(name or "org.freedesktop.DBus.Error.Failed", f"{member}: {text}")
        return reply.body

    async def _watch_bus(self) -> None:
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it unannotated
        except (OSError, EOFError) as error:
            log.warning("system_bus_lost", error=str(error))
        self.disturbed.set()

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged" and message.body[0] == _BLUEZ:
            log.warning("bluetooth_daemon_changed", runs=bool(message.body[2]))
            self.disturbed.set()
        elif message.member == "PropertiesChanged":
            self._on_properties(message.path or "", message.body[0], message.body[1])
        elif message.member == "InterfacesAdded" and _BATTERY in message.body[1]:
            self._on_properties(message.body[0], _BATTERY, message.body[1][_BATTERY])

    def _on_properties(self, path: str, interface: str, changed: dict[str, Any]) -> None:
        if interface == _CHARACTERISTIC and "Value" in changed:
            characteristic = self._listening.get(path)
            if characteristic is not None:
                self._events.on_early_value(address_of(path), characteristic, bytes(changed["Value"].value))
        elif interface == _BATTERY and "Percentage" in changed:
            self._events.on_battery(address_of(path), int(changed["Percentage"].value))
        elif interface == _ADAPTER and "Powered" in changed and self._is_ours(path):
            log.warning("bluetooth_adapter_power", powered=changed["Powered"].value)
            self.disturbed.set()

    def _is_ours(self, adapter_path: str) -> bool:
        return self._adapter is None or adapter_path.endswith(f"/{self._adapter}")
