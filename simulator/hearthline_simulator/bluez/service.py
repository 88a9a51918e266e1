"""``org.bluez`` itself: takes method calls off the bus and answers them as bluetoothd does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from bumble import hci
from bumble.device import Advertisement, Connection, Device
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from hearthline_simulator.bluez import names
from hearthline_simulator.bluez.agents import Agents
from hearthline_simulator.bluez.discovery import Discovery, advertised
from hearthline_simulator.bluez.errors import INVALID_ARGS, UNKNOWN_METHOD, UNKNOWN_OBJECT, BluezError
from hearthline_simulator.bluez.object_tree import ObjectTree
from hearthline_simulator.bluez.outgoing import Outgoing
from hearthline_simulator.bluez.remote_device import RemoteDevice
from hearthline_simulator.radio import Radio

log = structlog.get_logger(__name__)

Answer = tuple[str, list[Any]]
_NOTHING: Final[Answer] = ("", [])
_DBUS: Final = "org.freedesktop.DBus"
_SWEEP_S: Final = 0.25
Method = Callable[[Message], Awaitable[Answer]]


class SimulatedBluez:
    """One adapter, ``hci0``, on a virtual radio, served on a bus of its own.

    Unpaired devices that nobody is connected to are forgotten ``temporary_timeout_s`` after they were last heard.
    Connections outlive the client that made them, as bluetoothd's do; scans, notifications and agents do not.
    """

    def __init__(self, radio: Radio, address: str, *, temporary_timeout_s: float = 30.0) -> None:
        controller = radio.adapter("hci0")
        self._host = Device.with_hci("hci0", hci.Address(address), controller, controller)
        self._host.keystore = MemoryKeyStore()
        self._host.pairing_config_factory = self._pairing_config
        self._address = address
        self._temporary_timeout_s = temporary_timeout_s
        self._connecting = asyncio.Lock()
        self._devices: dict[str, RemoteDevice] = {}
        self._heard_at: dict[str, float] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
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
        """Power the adapter and take the name ``org.bluez`` on that bus."""
        await self._host.power_on()
        self._bus = await MessageBus(bus_address=bus_address, bus_type=BusType.SYSTEM).connect()
        self._outgoing = Outgoing(self._bus)
        self._tree = ObjectTree(self._outgoing)
        self._agents = Agents(self._bus)
        self._discovery = Discovery(self._host, self._on_scan_stopped)
        self._bus.add_message_handler(self._on_message)
        self._host.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        self._publish_adapter()
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
        self._sweeper = asyncio.get_running_loop().create_task(self._forget_temporary())

    async def stop(self) -> None:
        """Leave the bus; every link ends."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for device in self._devices.values():
            await device.disconnect()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._outgoing.close()
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast leaves it unannotated
        await self._host.power_off()

    def device(self, address: str) -> RemoteDevice | None:
        """What the adapter knows of that address."""
        return self._devices.get(names.device_path(address))

    def _publish_adapter(self) -> None:
        self._tree.add(names.ROOT_PATH, {names.AGENT_MANAGER: {}})
        self._tree.add(
            names.ADAPTER_PATH,
            {
                names.ADAPTER: {
                    "Address": Variant("s", self._address),
                    "AddressType": Variant("s", "public"),
                    "Name": Variant("s", "hearthline"),
                    "Alias": Variant("s", "hearthline"),
                    "Class": Variant("u", 0),
                    "Powered": Variant("b", True),
                    "Discoverable": Variant("b", False),
                    "Pairable": Variant("b", True),
                    "Discovering": Variant("b", False),
                    "UUIDs": Variant("as", []),
                    "Roles": Variant("as", ["central", "peripheral"]),
                },
                names.MONITOR_MANAGER: {
                    "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
                    "SupportedFeatures": Variant("as", []),
                },
            },
        )

    # What happens on the air

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        if not self._discovery.listening:
            return
        address = advertisement.address.to_string(False)
        path = names.device_path(address)
        properties = advertised(advertisement)
        device = self._devices.get(path)
        if device is not None:
            self._heard_at[path] = asyncio.get_running_loop().time()
            device.heard(properties)
        elif self._discovery.wants(properties["UUIDs"].value if "UUIDs" in properties else []):
            device = RemoteDevice(self._host, self._connecting, self._tree, self._agents, advertisement.address, path)
            self._devices[path] = device
            self._heard_at[path] = asyncio.get_running_loop().time()
            device.appear(properties)

    def _on_scan_stopped(self) -> None:
        for path in self._devices:
            self._tree.invalidate(path, names.DEVICE, ("RSSI",))

    async def _forget_temporary(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, self._temporary_timeout_s))
            now = asyncio.get_running_loop().time()
            for path, device in list(self._devices.items()):
                if not device.temporary:
                    self._heard_at[path] = now
                elif now - self._heard_at[path] > self._temporary_timeout_s:
                    await self._forget(path)

    async def _forget(self, path: str) -> None:
        device = self._devices.pop(path)
        self._heard_at.pop(path)
        await device.forget()

    def _pairing_config(self, connection: Connection) -> PairingConfig:
        device = self.device(connection.peer_address.to_string(False))
        if device is None:
            raise LookupError(f"no device at {connection.peer_address}")
        return device.pairing_config()

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
            if not self._powered and interface not in (names.AGENT_MANAGER, names.CHARACTERISTIC, names.DESCRIPTOR):
                raise BluezError("NotReady", "Resource Not Ready")
        return await method(message)

    async def _client_left(self, client: str) -> None:
        await self._discovery.client_left(client)
        self._follow_discovery()
        self._agents.client_left(client)
        for device in list(self._devices.values()):
            await device.gatt.client_left(client)

    @property
    def _powered(self) -> bool:
        return bool(self._tree.properties(names.ADAPTER_PATH, names.ADAPTER)["Powered"].value)

    def _device_of(self, message: Message) -> RemoteDevice:
        device = self._devices.get(names.path_of_device(message.path or ""))
        if device is None:
            raise BluezError(UNKNOWN_OBJECT, f"no device at {message.path}")
        return device

    def _follow_discovery(self) -> None:
        self._tree.change(names.ADAPTER_PATH, names.ADAPTER, {"Discovering": Variant("b", self._discovery.active)})

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
        self._tree.change(path, interface, {name: value})
        if name == "Powered" and not value.value:
            await self._discovery.end_all()
            self._follow_discovery()
            for device in self._devices.values():
                await device.disconnect()
        return _NOTHING

    # org.bluez.Adapter1 and AdvertisementMonitorManager1

    async def _set_discovery_filter(self, message: Message) -> Answer:
        self._discovery.set_filter(message.sender or "", message.body[0])
        return _NOTHING

    async def _start_discovery(self, message: Message) -> Answer:
        await self._discovery.start(message.sender or "")
        self._follow_discovery()
        return _NOTHING

    async def _stop_discovery(self, message: Message) -> Answer:
        await self._discovery.stop(message.sender or "")
        self._follow_discovery()
        return _NOTHING

    async def _remove_device(self, message: Message) -> Answer:
        if message.body[0] not in self._devices:
            raise BluezError("DoesNotExist", "Does Not Exist")
        await self._forget(message.body[0])
        return _NOTHING

    async def _register_monitor(self, message: Message) -> Answer:
        client, path = message.sender or "", message.body[0]
        await self._discovery.add_monitor(client, path)
        self._run(self._activate(client, path))
        return _NOTHING

    async def _activate(self, client: str, path: str) -> None:
        await self._bus.call(Message(destination=client, path=path, interface=names.MONITOR, member="Activate"))

    async def _unregister_monitor(self, message: Message) -> Answer:
        await self._discovery.remove_monitor(message.sender or "", message.body[0])
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
        await self._device_of(message).connect()
        return _NOTHING

    async def _disconnect(self, message: Message) -> Answer:
        await self._device_of(message).disconnect()
        return _NOTHING

    async def _pair(self, message: Message) -> Answer:
        await self._device_of(message).pair(message.sender or "")
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
