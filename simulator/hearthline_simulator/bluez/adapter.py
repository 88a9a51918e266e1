"""One adapter of the simulated bluetoothd: its radio, what it hears, the devices it knows, and how it breaks."""

import asyncio
from typing import Final

import structlog
from bumble import hci
from bumble.device import Advertisement, Connection, Device
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig
from dbus_fast import Variant

from hearthline_simulator.bluez import names
from hearthline_simulator.bluez.agents import Agents
from hearthline_simulator.bluez.discovery import Discovery, advertised
from hearthline_simulator.bluez.errors import BluezError
from hearthline_simulator.bluez.object_tree import ObjectTree
from hearthline_simulator.bluez.remote_device import RemoteDevice
from hearthline_simulator.radio import Radio

log = structlog.get_logger(__name__)

_SWEEP_S: Final = 0.25


class SimulatedAdapter:
    """``org.bluez.Adapter1``. Unpaired devices that nobody is connected to are forgotten ``temporary_timeout_s`` after
    they were last heard.

    ``signals`` are the strengths, in dBm, at which this adapter hears some addresses; None is out of its reach.
    """

    def __init__(self, name: str, radio: Radio, address: str, *, temporary_timeout_s: float) -> None:
        controller = radio.adapter(name)
        self.name, self.path = name, names.adapter_path(name)
        self.devices: dict[str, RemoteDevice] = {}
        self.signals: dict[str, int | None] = {}
        self.plugged = True
        self._host = Device.with_hci(name, hci.Address(address), controller, controller)
        self._host.keystore = MemoryKeyStore()
        self._host.pairing_config_factory = self._pairing_config
        self._address = address
        self._temporary_timeout_s = temporary_timeout_s
        self._connecting = asyncio.Lock()
        self._heard_at: dict[str, float] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._deaf_for_resets = 0
        self._frozen = False
        self._thawed = asyncio.Event()
        self._bonded: list[hci.Address] = []

    async def start(self, tree: ObjectTree, agents: Agents) -> None:
        """Power the radio and publish the adapter."""
        await self._host.power_on()
        self._tree, self._agents = tree, agents
        self.discovery = Discovery(self._host, self._on_scan_stopped)
        if self._sweeper is None:
            self._host.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        self._publish()
        self._remember_bonds()
        self._sweeper = asyncio.get_running_loop().create_task(self._forget_temporary())

    async def stop(self) -> None:
        """Every link ends. What it has bonds with it knows again at the next :meth:`start`."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._disconnect_all()
        self._lose_devices()

    async def power_off(self) -> None:
        """The radio itself, after everybody has let go of it."""
        await self._host.power_off()

    @property
    def powered(self) -> bool:
        """Whether it is there and switched on."""
        return self.plugged and bool(self._tree.properties(self.path, names.ADAPTER)["Powered"].value)

    def device(self, address: str) -> RemoteDevice | None:
        """What the adapter knows of that address."""
        return self.devices.get(names.device_path(self.name, address))

    # How it breaks

    def hang(self, resets: int = 1) -> None:
        """Hear nothing and reach nobody any more, while everything looks well, until switched off and on that many
        times: the way in which USB and UART adapters are most often reported to fail."""
        self._deaf_for_resets = resets

    @property
    def hangs(self) -> bool:
        """Whether it still does."""
        return self._deaf_for_resets > 0

    def freeze(self) -> None:
        """Leave every call that needs the controller without an answer (bluez/bluez issue 367)."""
        self._frozen = True
        self._thawed.clear()

    def thaw(self) -> None:
        """Answer again."""
        self._frozen = False
        self._thawed.set()

    async def unplug(self) -> None:
        """Pull it out: it and everything it knew are gone from the bus."""
        await self.discovery.end_all()
        await self._disconnect_all()
        self._lose_devices()
        self.plugged = False
        self._tree.remove(self.path)

    def plug_in(self) -> None:
        """Put it back. Its bonds are still on the disk, and so are the devices it has them with."""
        self.plugged = True
        self._publish()
        self._remember_bonds()

    async def answering(self) -> None:
        """Return once the controller would answer."""
        if self._frozen:
            await self._thawed.wait()

    # What bluetoothd does with it

    async def set_powered(self, *, on: bool) -> None:
        """``Powered``: off ends every scan and link."""
        await self.answering()
        if self.powered and not on:
            self._deaf_for_resets = max(self._deaf_for_resets - 1, 0)
        self._tree.change(self.path, names.ADAPTER, {"Powered": Variant("b", on)})
        if not on:
            await self.discovery.end_all()
            self.follow_discovery()
            await self._disconnect_all()

    def follow_discovery(self) -> None:
        """Tell whether anybody scans."""
        if self.plugged:
            self._tree.change(self.path, names.ADAPTER, {"Discovering": Variant("b", self.discovery.active)})

    def reach(self, device: RemoteDevice) -> None:
        """Check that a link can be made at all; raises :class:`BluezError`."""
        if self.hangs and not device.connected:
            raise BluezError("Failed", "le-connection-abort-by-local")

    async def forget(self, path: str) -> None:
        """``RemoveDevice``."""
        device = self.devices.pop(path)
        self._heard_at.pop(path)
        await device.forget()

    def _lose_devices(self) -> None:
        """Only the bonds are on the disk."""
        self._bonded = [device.address for device in self.devices.values() if device.paired]
        self.devices.clear()

    def _remember_bonds(self) -> None:
        for address in self._bonded:
            self._know(address).appear({}, bonded=True)

    def _publish(self) -> None:
        self._tree.add(
            self.path,
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
                    "Modalias": Variant("s", "usb:v1D6Bp0246d0552"),
                    "Roles": Variant("as", ["central", "peripheral"]),
                },
                names.MONITOR_MANAGER: {
                    "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
                    "SupportedFeatures": Variant("as", []),
                },
            },
        )

    async def _disconnect_all(self) -> None:
        for device in list(self.devices.values()):
            await device.disconnect()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(False)
        signal = self.signals.get(address, advertisement.rssi)
        if signal is None or self.hangs or not (self.plugged and self.discovery.listening):
            return
        path = names.device_path(self.name, address)
        properties = advertised(advertisement) | {"RSSI": Variant("n", signal)}
        device = self.devices.get(path)
        if device is not None:
            self._heard_at[path] = asyncio.get_running_loop().time()
            device.heard(properties)
        elif self.discovery.wants(properties["UUIDs"].value if "UUIDs" in properties else []):
            self._know(advertisement.address).appear(properties)

    def _know(self, address: hci.Address) -> RemoteDevice:
        path = names.device_path(self.name, address.to_string(False))
        device = RemoteDevice(self._host, self._connecting, self._tree, self._agents, address, path)
        self.devices[path] = device
        self._heard_at[path] = asyncio.get_running_loop().time()
        return device

    def _on_scan_stopped(self) -> None:
        for path in self.devices:
            self._tree.invalidate(path, names.DEVICE, ("RSSI",))

    async def _forget_temporary(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, self._temporary_timeout_s))
            now = asyncio.get_running_loop().time()
            for path, device in list(self.devices.items()):
                if not device.temporary:
                    self._heard_at[path] = now
                elif now - self._heard_at[path] > self._temporary_timeout_s:
                    await self.forget(path)

    def _pairing_config(self, connection: Connection) -> PairingConfig:
        device = self.device(connection.peer_address.to_string(False))
        if device is None:
            raise LookupError(f"no device at {connection.peer_address}")
        return device.pairing_config()
