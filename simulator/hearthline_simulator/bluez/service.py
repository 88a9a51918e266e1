"""``org.bluez`` itself: takes method calls off the bus and answers them as bluetoothd does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from hearthline_simulator.bluez import names
from hearthline_simulator.bluez.adapter import SimulatedAdapter
from hearthline_simulator.bluez.agents import Agents, RegisteredAgent
from hearthline_simulator.bluez.errors import INVALID_ARGS, UNKNOWN_METHOD, UNKNOWN_OBJECT, BluezError
from hearthline_simulator.bluez.object_tree import ObjectTree
from hearthline_simulator.bluez.outgoing import Outgoing
from hearthline_simulator.bluez.remote_device import RemoteDevice
from hearthline_simulator.radio import Radio

log = structlog.get_logger(__name__)

Answer = tuple[str, list[Any]]
_NOTHING: Final[Answer] = ("", [])
_DBUS: Final = "org.freedesktop.DBus"
Method = Callable[[Message], Awaitable[Answer]]


class SimulatedBluez:
    """Adapters on a virtual radio, served on a bus of its own: ``hci0`` at ``address``, then one for each of
    ``more_addresses``.

    Unpaired devices that nobody is connected to are forgotten ``temporary_timeout_s`` after they were last heard.
    Connections outlive the client that made them, as bluetoothd's do; scans, notifications and agents do not.
    """

    def __init__(
        self, radio: Radio, address: str, *, more_addresses: Sequence[str] = (), temporary_timeout_s: float = 30.0
    ) -> None:
        self.adapters = {
            f"hci{number}": SimulatedAdapter(f"hci{number}", radio, each, temporary_timeout_s=temporary_timeout_s)
            for number, each in enumerate((address, *more_addresses))
        }
        self._calls: set[asyncio.Task[None]] = set()
        self._methods: dict[tuple[str, str], Method] = {
            (names.OBJECT_MANAGER, "GetManagedObjects"): self._managed_objects,
            (names.PROPERTIES, "Get"): self._get,
            (names.PROPERTIES, "GetAll"): self._get_all,
            (names.PROPERTIES, "Set"): self._set,
            (names.ADAPTER, "SetDiscoveryFilter"): self._set_discovery_filter,
            (names.ADAPTER, "StartDiscovery"): self._start_discovery,
            (names.ADAPTER, "StopDiscovery"): self._stop_discovery,
            (names.ADAPTER, "RemoveDevice"): self._remove_device,
            (names.MONITOR_MANAGER, "RegisterMonitor"): self._register_monitor,
            (names.MONITOR_MANAGER, "UnregisterMonitor"): self._unregister_monitor,
            (names.AGENT_MANAGER, "RegisterAgent"): self._register_agent,
            (names.AGENT_MANAGER, "UnregisterAgent"): self._unregister_agent,
            (names.AGENT_MANAGER, "RequestDefaultAgent"): self._request_default_agent,
            (names.DEVICE, "Connect"): self._connect,
            (names.DEVICE, "Disconnect"): self._disconnect,
            (names.DEVICE, "Pair"): self._pair,
            (names.DEVICE, "CancelPairing"): self._cancel_pairing,
            (names.CHARACTERISTIC, "ReadValue"): self._read_value,
            (names.CHARACTERISTIC, "WriteValue"): self._write_value,
            (names.CHARACTERISTIC, "StartNotify"): self._start_notify,
            (names.CHARACTERISTIC, "StopNotify"): self._stop_notify,
            (names.DESCRIPTOR, "ReadValue"): self._read_value,
            (names.DESCRIPTOR, "WriteValue"): self._write_descriptor,
        }

    async def start(self, bus_address: str) -> None:
        """Power the adapters and take the name ``org.bluez`` on that bus."""
        self._bus = await MessageBus(bus_address=bus_address, bus_type=BusType.SYSTEM).connect()
        self._outgoing = Outgoing(self._bus)
        self._tree = ObjectTree(self._outgoing)
        self._agents = Agents(self._bus)
        self._bus.add_message_handler(self._on_message)
        self._tree.add(names.ROOT_PATH, {names.AGENT_MANAGER: {}})
        for adapter in self.adapters.values():
            await adapter.start(self._tree, self._agents)
        await self._bus.call(
            Message(
                destination=_DBUS,
                path="/org/freedesktop/DBus",
                interface=_DBUS,
                member="AddMatch",
                signature="s",
                body=[f"type='signal',sender='{_DBUS}',interface='{_DBUS}',member='NameOwnerChanged'"],
            )
        )
        await self._bus.request_name(names.SERVICE)

    async def stop(self) -> None:
        """Leave the bus; every link ends."""
        for adapter in self.adapters.values():
            await adapter.stop()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._outgoing.close()
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it unannotated
        for adapter in self.adapters.values():
            await adapter.power_off()

    def device(self, address: str) -> RemoteDevice | None:
        """What the first adapter knows of that address."""
        return self.adapters["hci0"].device(address)

    def agent(self) -> RegisteredAgent | None:
        """The default pairing agent."""
        return self._agents.answering(None)

    # What happens on the bus

    def _on_message(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and message.sender == _DBUS:
                name, _, new_owner = message.body
                if name.startswith(":") and not new_owner:
                    self._run(self._client_left(name))
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.interface == "org.freedesktop.DBus.Peer":
            return None
        self._run(self._reply(message))
        return True

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _reply(self, message: Message) -> None:
        try:
            signature, body = await self._call(message)
        except BluezError as error:
            self._outgoing.send(Message.new_error(message, error.name, error.text))
        except Exception as error:  # the caller must get an answer, whatever broke
            log.exception("simulated_bluez_failed", member=message.member, path=message.path)
            self._outgoing.send(Message.new_error(message, "org.bluez.Error.Failed", repr(error)))
        else:
            self._outgoing.send(Message.new_method_return(message, signature, body))

    async def _call(self, message: Message) -> Answer:
        interface, member, path = message.interface or "", message.member or "", message.path or ""
        method = self._methods.get((interface, member))
        if method is None:
            raise BluezError(UNKNOWN_METHOD, f'Method "{member}" with interface "{interface}" doesn\'t exist')
        if interface not in (names.OBJECT_MANAGER, names.PROPERTIES):
            self._tree.properties(path, interface)
            if interface not in (names.AGENT_MANAGER, names.CHARACTERISTIC, names.DESCRIPTOR):
                await self._ready(path)
        return await method(message)

    async def _ready(self, path: str) -> None:
        adapter = self._adapter(path)
        await adapter.answering()
        if not adapter.powered:
            raise BluezError("NotReady", "Resource Not Ready")

    async def _client_left(self, client: str) -> None:
        self._agents.client_left(client)
        for adapter in self.adapters.values():
            await adapter.discovery.client_left(client)
            adapter.follow_discovery()
            for device in list(adapter.devices.values()):
                await device.gatt.client_left(client)

    def _adapter(self, path: str) -> SimulatedAdapter:
        adapter = self.adapters.get(names.adapter_of(path))
        if adapter is None or not adapter.plugged:
            raise BluezError(UNKNOWN_OBJECT, f"no adapter at {path}")
        return adapter

    def _device_of(self, message: Message) -> RemoteDevice:
        path = message.path or ""
        device = self._adapter(path).devices.get(names.path_of_device(path))
        if device is None:
            raise BluezError(UNKNOWN_OBJECT, f"no device at {path}")
        return device

    # org.freedesktop.DBus.ObjectManager and Properties

    async def _managed_objects(self, _: Message) -> Answer:
        return "a{oa{sa{sv}}}", [self._tree.all]

    async def _get(self, message: Message) -> Answer:
        interface, name = message.body
        value = self._tree.properties(message.path or "", interface).get(name)
        if value is None:
            raise BluezError(INVALID_ARGS, f"No such property '{name}'")
        return "v", [value]

    async def _get_all(self, message: Message) -> Answer:
        return "a{sv}", [self._tree.properties(message.path or "", message.body[0])]

    async def _set(self, message: Message) -> Answer:
        interface, name, value = message.body
        path = message.path or ""
        if (interface, name) not in {(names.DEVICE, "Trusted"), (names.DEVICE, "Blocked"), (names.ADAPTER, "Powered")}:
            raise BluezError("org.freedesktop.DBus.Error.PropertyReadOnly", f"Property '{name}' is not writable")
        if name == "Powered":
            await self._adapter(path).set_powered(on=bool(value.value))
        else:
            self._tree.change(path, interface, {name: value})
        return _NOTHING

    # org.bluez.Adapter1 and AdvertisementMonitorManager1

    async def _set_discovery_filter(self, message: Message) -> Answer:
        self._adapter(message.path or "").discovery.set_filter(message.sender or "", message.body[0])
        return _NOTHING

    async def _start_discovery(self, message: Message) -> Answer:
        adapter = self._adapter(message.path or "")
        await adapter.discovery.start(message.sender or "")
        adapter.follow_discovery()
        return _NOTHING

    async def _stop_discovery(self, message: Message) -> Answer:
        adapter = self._adapter(message.path or "")
        await adapter.discovery.stop(message.sender or "")
        adapter.follow_discovery()
        return _NOTHING

    async def _remove_device(self, message: Message) -> Answer:
        adapter = self._adapter(message.path or "")
        if message.body[0] not in adapter.devices:
            raise BluezError("DoesNotExist", "Does Not Exist")
        await adapter.forget(message.body[0])
        return _NOTHING

    async def _register_monitor(self, message: Message) -> Answer:
        client, path = message.sender or "", message.body[0]
        await self._adapter(message.path or "").discovery.add_monitor(client, path)
        self._run(self._activate(client, path))
        return _NOTHING

    async def _activate(self, client: str, path: str) -> None:
        await self._bus.call(Message(destination=client, path=path, interface=names.MONITOR, member="Activate"))

    async def _unregister_monitor(self, message: Message) -> Answer:
        await self._adapter(message.path or "").discovery.remove_monitor(message.sender or "", message.body[0])
        return _NOTHING

    # org.bluez.AgentManager1

    async def _register_agent(self, message: Message) -> Answer:
        path, capability = message.body
        self._agents.register(message.sender or "", path, capability)
        return _NOTHING

    async def _unregister_agent(self, message: Message) -> Answer:
        self._agents.unregister(message.sender or "", message.body[0])
        return _NOTHING

    async def _request_default_agent(self, message: Message) -> Answer:
        self._agents.make_default(message.sender or "", message.body[0])
        return _NOTHING

    # org.bluez.Device1

    async def _connect(self, message: Message) -> Answer:
        device = self._device_of(message)
        self._adapter(message.path or "").reach(device)
        await device.connect()
        return _NOTHING

    async def _disconnect(self, message: Message) -> Answer:
        await self._device_of(message).disconnect()
        return _NOTHING

    async def _pair(self, message: Message) -> Answer:
        device = self._device_of(message)
        self._adapter(message.path or "").reach(device)
        await device.pair(message.sender or "")
        return _NOTHING

    async def _cancel_pairing(self, message: Message) -> Answer:
        await self._device_of(message).cancel_pairing()
        return _NOTHING

    # org.bluez.GattCharacteristic1 and GattDescriptor1

    async def _read_value(self, message: Message) -> Answer:
        return "ay", [await self._device_of(message).gatt.read(message.path or "")]

    async def _write_value(self, message: Message) -> Answer:
        value, options = message.body
        with_response = "type" not in options or options["type"].value == "request"
        await self._device_of(message).gatt.write(message.path or "", bytes(value), with_response=with_response)
        return _NOTHING

    async def _write_descriptor(self, message: Message) -> Answer:
        await self._device_of(message).gatt.write_descriptor(message.path or "", bytes(message.body[0]))
        return _NOTHING

    async def _start_notify(self, message: Message) -> Answer:
        await self._device_of(message).gatt.start_notify(message.path or "", message.sender or "")
        return _NOTHING

    async def _stop_notify(self, message: Message) -> Answer:
        await self._device_of(message).gatt.stop_notify(message.path or "", message.sender or "")
        return _NOTHING
