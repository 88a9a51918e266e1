"""The GATT database of one connected device, exported on the bus, and what clients do with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import structlog
from bumble import att, core
from bumble.core import UUID
from bumble.device import Connection, Peer
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR, Characteristic
from bumble.gatt_client import CharacteristicProxy, Client, ServiceProxy
from dbus_fast import Variant

from hearthline_simulator.bluez.errors import NEEDS_SECURITY, BluezError, from_att
from hearthline_simulator.bluez.names import CHARACTERISTIC, DESCRIPTOR, GATT_SERVICE, long_uuid
from hearthline_simulator.bluez.object_tree import ObjectTree

log = structlog.get_logger(__name__)

T = TypeVar("T")
_MTU: Final = 517
_TRANSACTION_LIMIT_S: Final = 30.0
_GAP: Final = UUID.from_16_bits(0x1800)
_BATTERY: Final = UUID.from_16_bits(0x180F)
_BATTERY_LEVEL: Final = UUID.from_16_bits(0x2A19)
_KEPT_TO_ITSELF: Final = (_GAP, _BATTERY)
"""bluetoothd claims these services and shows their content as Device1 and Battery1 instead."""
_FLAGS: Final = {
    Characteristic.Properties.BROADCAST: "broadcast",
    Characteristic.Properties.READ: "read",
    Characteristic.Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Characteristic.Properties.WRITE: "write",
    Characteristic.Properties.NOTIFY: "notify",
    Characteristic.Properties.INDICATE: "indicate",
}


class Secures(Protocol):
    """The device side of a GATT database: what an insufficiently secure link needs."""

    async def raise_security(self) -> None:
        """Encrypt with the bond, or pair; raises :class:`BluezError`."""


@dataclass(slots=True)
class _Characteristic:
    handle: int
    configuration: int | None
    indicates: bool
    notifiers: set[str] = field(default_factory=set)


class RemoteGatt:
    """One device's services. They stay on the bus while the device is known, as with BlueZ's attribute cache, and so do
    the clients that asked for notifications: at the next connection their subscription is written again."""

    def __init__(self, tree: ObjectTree, path: str, device: Secures) -> None:
        self._tree, self._path, self._device = tree, path, device
        self._client: Client | None = None
        self._characteristics: dict[str, _Characteristic] = {}
        self._descriptors: dict[str, int] = {}
        self._uuids: list[str] = []
        self._battery_handle: int | None = None

    @property
    def discovered(self) -> bool:
        """Whether the services are known."""
        return bool(self._uuids)

    async def resolve(self, connection: Connection) -> list[str]:
        """Discover the services, or recognise those known from before; answers with their UUIDs."""
        self._client = client = Peer(connection).gatt_client
        for known in self._characteristics.values():
            self._listen(client, known)
        await client.request_mtu(_MTU)
        if not self._uuids:
            services = await client.discover_services()
            for service in services:
                await self._export(service, connection.att_mtu)
            self._uuids = [long_uuid(service.uuid) for service in services]
        return self._uuids

    async def resubscribe(self) -> None:
        """Write the subscription again for every characteristic that still has a client listening."""
        for path, known in self._characteristics.items():
            if known.notifiers:
                await self._configure(path, known, on=True)

    async def battery_percent(self) -> int | None:
        """The battery level, which bluetoothd reads for itself; None where there is none."""
        if self._client is None or self._battery_handle is None:
            return None
        handle, client = self._battery_handle, self._client
        return (await self._transact(lambda: client.read_value(handle)))[0]

    def disconnected(self) -> None:
        """The link is gone; what is on the bus stays."""
        self._client = None

    async def read(self, path: str) -> bytes:
        """``ReadValue`` of a characteristic or descriptor; a characteristic's answer is signalled as its Value too."""
        handle, client = self._handle(path), self._connected()
        value = await self._transact(lambda: client.read_value(handle))
        interface = CHARACTERISTIC if path in self._characteristics else DESCRIPTOR
        self._tree.change(path, interface, {"Value": Variant("ay", value)}, always=True)
        return value

    async def write(self, path: str, value: bytes, *, with_response: bool) -> None:
        """``WriteValue``."""
        handle, client = self._handle(path), self._connected()
        await self._transact(lambda: client.write_value(handle, value, with_response))

    async def write_descriptor(self, path: str, value: bytes) -> None:
        """``WriteValue`` of a descriptor; subscriptions are BlueZ's own business and refused."""
        handle = self._handle(path)
        if any(handle == known.configuration for known in self._characteristics.values()):
            raise BluezError("NotPermitted", "Write not permitted")
        await self.write(path, value, with_response=True)

    async def start_notify(self, path: str, client: str) -> None:
        """``StartNotify``: the first client's call writes the subscription, later ones share it."""
        known = self._known(path)
        self._connected()
        if known.configuration is None:
            raise BluezError("NotSupported", "Operation is not supported")
        if client in known.notifiers:
            return
        if not known.notifiers:
            known.notifiers.add(client)
            try:
                await self._configure(path, known, on=True)
            except BluezError:
                known.notifiers.discard(client)
                raise
        known.notifiers.add(client)
        self._tree.change(path, CHARACTERISTIC, {"Notifying": Variant("b", True)})

    async def stop_notify(self, path: str, client: str) -> None:
        """``StopNotify``: the last client's call takes the subscription back."""
        known = self._known(path)
        if client not in known.notifiers:
            raise BluezError("Failed", "No notify session started")
        await self._release(path, known, client)

    async def client_left(self, client: str) -> None:
        """A client vanished from the bus: its notifications end as if it had stopped them."""
        for path, known in self._characteristics.items():
            if client in known.notifiers:
                await self._release(path, known, client)

    async def _release(self, path: str, known: _Characteristic, client: str) -> None:
        known.notifiers.discard(client)
        if known.notifiers:
            return
        self._tree.change(path, CHARACTERISTIC, {"Notifying": Variant("b", False)})
        if self._client is not None:
            try:
                await self._configure(path, known, on=False)
            except BluezError as error:
                log.debug("subscription_not_taken_back", path=path, error=error.text)

    async def _configure(self, path: str, known: _Characteristic, *, on: bool) -> None:
        handle, client = known.configuration, self._connected()
        if handle is None:
            raise BluezError("NotSupported", "Operation is not supported")
        value = (b"\x02\x00" if known.indicates else b"\x01\x00") if on else b"\x00\x00"
        await self._transact(lambda: client.write_value(handle, value, True))
        log.debug("subscription_written", path=path, on=on)

    async def _export(self, service: ServiceProxy, mtu: int) -> None:
        characteristics = await service.discover_characteristics()
        if service.uuid in _KEPT_TO_ITSELF:
            if service.uuid == _BATTERY:
                self._battery_handle = next((c.handle for c in characteristics if c.uuid == _BATTERY_LEVEL), None)
            return
        path = f"{self._path}/service{service.handle:04x}"
        self._tree.add(
            path,
            {
                GATT_SERVICE: {
                    "UUID": Variant("s", long_uuid(service.uuid)),
                    "Device": Variant("o", self._path),
                    "Primary": Variant("b", True),
                    "Includes": Variant("ao", []),
                }
            },
        )
        for characteristic in characteristics:
            await self._export_characteristic(path, characteristic, mtu)

    async def _export_characteristic(
        self, service_path: str, characteristic: CharacteristicProxy[bytes], mtu: int
    ) -> None:
        path = f"{service_path}/char{characteristic.handle:04x}"
        answers = characteristic.properties & (Characteristic.Properties.NOTIFY | Characteristic.Properties.INDICATE)
        properties = {
            "UUID": Variant("s", long_uuid(characteristic.uuid)),
            "Service": Variant("o", service_path),
            "Value": Variant("ay", b""),
            "Flags": Variant("as", [name for flag, name in _FLAGS.items() if characteristic.properties & flag]),
            "MTU": Variant("q", mtu),
        }
        if answers:
            properties |= {"Notifying": Variant("b", False), "NotifyAcquired": Variant("b", False)}
        descriptors = await characteristic.discover_descriptors()
        configuration = next(
            (d.handle for d in descriptors if d.type == GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR), None
        )
        indicates = not characteristic.properties & Characteristic.Properties.NOTIFY
        known = _Characteristic(characteristic.handle, configuration if answers else None, bool(indicates))
        self._characteristics[path] = known
        self._listen(self._connected(), known)
        self._tree.add(path, {CHARACTERISTIC: properties})
        for descriptor in descriptors:
            below = f"{path}/desc{descriptor.handle:04x}"
            self._descriptors[below] = descriptor.handle
            self._tree.add(
                below,
                {
                    DESCRIPTOR: {
                        "UUID": Variant("s", long_uuid(descriptor.type)),
                        "Characteristic": Variant("o", path),
                        "Value": Variant("ay", b""),
                        "Flags": Variant("as", []),
                    }
                },
            )

    def _listen(self, client: Client, known: _Characteristic) -> None:
        """Take every value; the host confirms an indication even when no client listens, and so it can be lost."""
        path = next(path for path, candidate in self._characteristics.items() if candidate is known)

        def heard(value: bytes) -> None:
            if path not in self._tree:
                return
            for _ in known.notifiers:  # bluetoothd says it once for each, and everybody hears every time
                self._tree.change(path, CHARACTERISTIC, {"Value": Variant("ay", bytes(value))}, always=True)

        subscribers: dict[int, set[Any]] = (
            client.indication_subscribers if known.indicates else client.notification_subscribers
        )
        subscribers[known.handle] = {heard}

    async def _transact(self, operation: Callable[[], Awaitable[T]]) -> T:
        """One ATT transaction. When the link is not secure enough, make it so and try once more, as BlueZ does."""
        try:
            return await self._attempt(operation)
        except att.ATT_Error as error:
            if error.error_code not in NEEDS_SECURITY:
                raise from_att(error) from error
        await self._device.raise_security()
        try:
            return await self._attempt(operation)
        except att.ATT_Error as error:
            raise from_att(error) from error

    async def _attempt(self, operation: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(_TRANSACTION_LIMIT_S):
                return await operation()
        except att.ATT_Error:
            raise
        except (TimeoutError, core.BaseError) as error:
            raise BluezError("Failed", "Operation failed with ATT error: 0x0e") from error
        except asyncio.CancelledError as error:
            if self._client is None:  # the link went away below the transaction
                raise BluezError("Failed", "Operation failed with ATT error: 0x0e") from error
            raise

    def _connected(self) -> Client:
        if self._client is None:
            raise BluezError("Failed", "Not connected")
        return self._client

    def _known(self, path: str) -> _Characteristic:
        known = self._characteristics.get(path)
        if known is None:
            raise BluezError("NotSupported", "Operation is not supported")
        return known

    def _handle(self, path: str) -> int:
        if path in self._descriptors:
            return self._descriptors[path]
        return self._known(path).handle
