"""One device as the adapter knows it: connecting, pairing, and what becomes of it when nobody needs it."""

import asyncio
from typing import Final

import structlog
from bumble import core, hci
from bumble.device import Connection, Device
from bumble.pairing import PairingConfig
from dbus_fast import Variant

from hearthline_simulator.bluez.agents import AgentDelegate, Agents, RegisteredAgent
from hearthline_simulator.bluez.errors import BluezError
from hearthline_simulator.bluez.names import BATTERY, DEVICE, adapter_of, adapter_path
from hearthline_simulator.bluez.object_tree import ObjectTree, PropertyMap
from hearthline_simulator.bluez.remote_gatt import RemoteGatt

log = structlog.get_logger(__name__)

_CONNECT_LIMIT_S: Final = 20.0
_PAIR_LIMIT_S: Final = 30.0
_REPORT_AGAIN_S: Final = 1.0
"""How often an unchanged advertisement is told again."""
_RSSI_STEP: Final = 8


class RemoteDevice:
    """``org.bluez.Device1``. Unless paired it is temporary: the adapter forgets it some time after it fell silent."""

    def __init__(
        self, host: Device, connecting: asyncio.Lock, tree: ObjectTree, agents: Agents, address: hci.Address, path: str
    ) -> None:
        self._host, self._connecting, self._tree, self._agents = host, connecting, tree, agents
        self.address, self.path = address, path
        self.gatt = RemoteGatt(tree, path, self)
        self._connection: Connection | None = None
        self._pending: asyncio.Task[Connection] | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._asked_to_pair = False
        self._cancelled = False
        self._told_at = 0.0

    def appear(self, advertised: PropertyMap, *, bonded: bool = False) -> None:
        """Put a device on the bus: one heard for the first time, or one that is remembered for its bond."""
        text = self.address.to_string(False)
        self._tree.add(
            self.path,
            {
                DEVICE: {
                    "Address": Variant("s", text),
                    "AddressType": Variant("s", "public" if self.address.is_public else "random"),
                    "Alias": Variant("s", text.replace(":", "-")),
                    "Paired": Variant("b", bonded),
                    "Bonded": Variant("b", bonded),
                    "Trusted": Variant("b", False),
                    "Blocked": Variant("b", False),
                    "LegacyPairing": Variant("b", False),
                    "Connected": Variant("b", False),
                    "ServicesResolved": Variant("b", False),
                    "UUIDs": Variant("as", []),
                    "Adapter": Variant("o", adapter_path(adapter_of(self.path))),
                }
                | advertised
            },
        )
        self._told_at = asyncio.get_running_loop().time()

    def heard(self, advertised: PropertyMap) -> None:
        """Tell of an advertisement: at once when something in it is new, otherwise now and then."""
        current = self._tree.properties(self.path, DEVICE)
        before = current.get("RSSI")
        now = asyncio.get_running_loop().time()
        same = all(current.get(name) == value for name, value in advertised.items() if name not in ("RSSI", "UUIDs"))
        if (
            same
            and before is not None
            and abs(before.value - advertised["RSSI"].value) < _RSSI_STEP
            and now - self._told_at < _REPORT_AGAIN_S
        ):
            return
        self._told_at = now
        if self.gatt.discovered:
            advertised = {name: value for name, value in advertised.items() if name != "UUIDs"}
        self._tree.change(self.path, DEVICE, {"RSSI": advertised["RSSI"]}, always=True)
        self._tree.change(self.path, DEVICE, advertised)

    @property
    def connected(self) -> bool:
        """Whether there is a link."""
        return self._connection is not None

    @property
    def paired(self) -> bool:
        """Whether there is a bond."""
        return bool(self._tree.properties(self.path, DEVICE)["Paired"].value)

    @property
    def temporary(self) -> bool:
        """Whether nothing keeps the adapter from forgetting it."""
        return not (self.connected or self.paired or self._pending is not None)

    async def connect(self) -> None:
        """``Connect``. A bonded link is encrypted at once, as the kernel does; then the services are resolved."""
        if await self._link():
            if self.paired:
                await self.raise_security()
            self._resolve()

    async def disconnect(self) -> None:
        """``Disconnect``; also ends a connection that is still being made."""
        if self._pending is not None:
            self._pending.cancel()
        connection = self._connection
        if connection is not None:
            try:
                await connection.disconnect()
            except core.BaseError as error:
                log.debug("already_disconnected", path=self.path, error=str(error))

    async def pair(self, client: str) -> None:
        """``Pair``: connects where needed, and needs an agent to answer for the person."""
        if self.paired:
            raise BluezError("AlreadyExists", "Already Exists")
        if self._agents.answering(client) is None:
            log.debug("no_agent_for_pairing", path=self.path)
            raise BluezError("AuthenticationFailed", "Authentication Failed")
        await self._link()
        self._asked_to_pair, self._cancelled = True, False
        try:
            await self._bond()
        finally:
            self._asked_to_pair = False
            await self._agents.stop_asking(self.path)
        self._resolve()

    async def cancel_pairing(self) -> None:
        """``CancelPairing``."""
        if not self._asked_to_pair:
            raise BluezError("DoesNotExist", "Does Not Exist")
        self._cancelled = True
        await self.disconnect()

    async def raise_security(self) -> None:
        """Encrypt with the bond, or pair without having been asked to. A bond that the device has forgotten ends the
        connection: the client sees ``br-connection-canceled``."""
        if not self.paired:
            await self._bond()
            return
        connection = self._linked()
        if connection.is_encrypted:
            return
        try:
            await connection.encrypt()
        except (core.BaseError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and self._connection is not None:
                raise
            await self.disconnect()
            raise BluezError("Failed", "br-connection-canceled") from error

    async def forget(self) -> None:
        """``RemoveDevice``: link, bond and objects."""
        await self.disconnect()
        if self._host.keystore is not None and self.paired:
            await self._host.keystore.delete(str(self.address))
        self._tree.remove(self.path)

    def pairing_config(self) -> PairingConfig:
        """How the host pairs with this device just now."""
        agent = self._agents.answering(None)
        if agent is None:
            return PairingConfig(sc=True, mitm=False, bonding=True)
        delegate = AgentDelegate(self._agents, agent, self.path, asked_for=self._asked_to_pair)
        return PairingConfig(sc=True, mitm=_can_enter(agent), bonding=True, delegate=delegate)

    async def _link(self) -> bool:
        """Make the link; False when there was one."""
        if self._connection is not None:
            return False
        if self._pending is not None:
            raise BluezError("InProgress", "Operation already in progress")
        self._pending = asyncio.get_running_loop().create_task(self._make_link())
        try:
            self._connection = connection = await self._pending
        except (TimeoutError, core.BaseError, asyncio.CancelledError) as error:
            raise BluezError("Failed", "le-connection-abort-by-local") from error
        finally:
            self._pending = None
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        self._tree.change(self.path, DEVICE, {"Connected": Variant("b", True)})
        return True

    async def _make_link(self) -> Connection:
        async with self._connecting:
            return await self._host.connect(self.address, timeout=_CONNECT_LIMIT_S)

    async def _bond(self) -> None:
        connection = self._linked()
        if self._agents.answering(None) is None:
            raise BluezError("NotPermitted", "Not paired")
        try:
            async with asyncio.timeout(_PAIR_LIMIT_S):
                await connection.pair()
        except (TimeoutError, core.BaseError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and self._connection is not None:
                raise
            if not self._asked_to_pair:
                raise BluezError("NotPermitted", "Not paired") from error
            if self._cancelled:
                raise BluezError("AuthenticationCanceled", "Authentication Canceled") from error
            raise BluezError("AuthenticationFailed", "Authentication Failed") from error
        self._tree.change(self.path, DEVICE, {"Paired": Variant("b", True), "Bonded": Variant("b", True)})

    def _resolve(self) -> None:
        if self._resolving is None or self._resolving.done():
            self._resolving = asyncio.get_running_loop().create_task(self._resolve_services())

    async def _resolve_services(self) -> None:
        try:
            uuids = await self.gatt.resolve(self._linked())
            self._tree.change(self.path, DEVICE, {"UUIDs": Variant("as", uuids)})
            self._tree.change(self.path, DEVICE, {"ServicesResolved": Variant("b", True)})
            await self.gatt.resubscribe()
            percent = await self.gatt.battery_percent()
        except (BluezError, core.BaseError, TimeoutError) as error:
            log.debug("services_not_resolved", path=self.path, error=str(error))
            return
        if percent is not None:
            self._tree.add(self.path, {BATTERY: {"Percentage": Variant("y", percent)}})

    def _on_disconnection(self, _: object) -> None:
        self._connection = None
        self.gatt.disconnected()
        if self._resolving is not None:
            self._resolving.cancel()
        if self.path in self._tree:
            self._tree.remove_interface(self.path, BATTERY)
            self._tree.change(
                self.path, DEVICE, {"ServicesResolved": Variant("b", False), "Connected": Variant("b", False)}
            )

    def _linked(self) -> Connection:
        if self._connection is None:
            raise BluezError("NotConnected", "Not Connected")
        return self._connection


def _can_enter(agent: RegisteredAgent) -> bool:
    """Whether somebody could type or compare digits, so that more than just-works may be asked for."""
    return agent.io_capability not in (agent.io_capability.NO_OUTPUT_NO_INPUT, agent.io_capability.DISPLAY_OUTPUT_ONLY)
