"""Scanning: which clients want to hear advertisements, and when the radio listens for them."""

from collections.abc import Callable, Mapping
from typing import Final

from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Device
from dbus_fast import Variant

from hearthline_simulator.bluez.errors import BluezError
from hearthline_simulator.bluez.names import long_uuid

_UUID_LISTS: Final = (
    AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)

_SERVICE_DATA: Final = (
    AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID,
    AdvertisingData.Type.SERVICE_DATA_128_BIT_UUID,
)


class Discovery:
    """Discovery sessions by client. While there is one, the host scans; ``stopped`` is called when the last ends."""

    def __init__(self, host: Device, stopped: Callable[[], None]) -> None:
        self._host = host
        self._stopped = stopped
        self._filters: dict[str, frozenset[str]] = {}
        self._sessions: set[str] = set()
        self._monitors: set[tuple[str, str]] = set()

    @property
    def active(self) -> bool:
        """Whether a client called ``StartDiscovery`` (the adapter's ``Discovering``)."""
        return bool(self._sessions)

    @property
    def listening(self) -> bool:
        """Whether anybody wants advertisements."""
        return bool(self._sessions or self._monitors)

    def set_filter(self, client: str, options: Mapping[str, Variant]) -> None:
        """``SetDiscoveryFilter``: of its options only the service UUIDs matter on this radio."""
        wanted = options.get("UUIDs")
        self._filters[client] = frozenset(uuid.lower() for uuid in wanted.value) if wanted is not None else frozenset()

    def wants(self, uuids: list[str]) -> bool:
        """Whether an advertisement with these services passes any client's filter."""
        if self._monitors:
            return True
        filters = [self._filters.get(client, frozenset[str]()) for client in self._sessions]
        return any(not wanted or wanted.intersection(uuids) for wanted in filters)

    async def start(self, client: str) -> None:
        """``StartDiscovery``."""
        if client in self._sessions:
            raise BluezError("InProgress", "Operation already in progress")
        self._sessions.add(client)
        await self._follow()

    async def stop(self, client: str) -> None:
        """``StopDiscovery``."""
        if client not in self._sessions:
            raise BluezError("Failed", "No discovery started")
        self._sessions.discard(client)
        await self._follow()

    async def add_monitor(self, client: str, path: str) -> None:
        """``RegisterMonitor``."""
        if (client, path) in self._monitors:
            raise BluezError("AlreadyExists", "Already Exists")
        self._monitors.add((client, path))
        await self._follow()

    async def remove_monitor(self, client: str, path: str) -> None:
        """``UnregisterMonitor``."""
        if (client, path) not in self._monitors:
            raise BluezError("DoesNotExist", "Does Not Exist")
        self._monitors.discard((client, path))
        await self._follow()

    async def client_left(self, client: str) -> None:
        """End everything that a client had under way."""
        self._sessions.discard(client)
        self._filters.pop(client, None)
        self._monitors = {monitor for monitor in self._monitors if monitor[0] != client}
        await self._follow()

    async def end_all(self) -> None:
        """End every session, as when the adapter loses its power."""
        self._sessions.clear()
        self._monitors.clear()
        await self._follow()

    async def _follow(self) -> None:
        if self.listening and not self._host.is_scanning:
            await self._host.start_scanning(active=True)
        elif not self.listening and self._host.is_scanning:
            await self._host.stop_scanning()
            self._stopped()


def advertised(advertisement: Advertisement) -> dict[str, Variant]:
    """The ``Device1`` properties an advertisement carries."""
    data = advertisement.data
    properties = {"RSSI": Variant("n", advertisement.rssi)}
    name = data.get(AdvertisingData.Type.COMPLETE_LOCAL_NAME) or data.get(AdvertisingData.Type.SHORTENED_LOCAL_NAME)
    if isinstance(name, str):
        properties |= {"Name": Variant("s", name), "Alias": Variant("s", name)}
    flags = data.get(AdvertisingData.Type.FLAGS)
    if isinstance(flags, int):
        properties["AdvertisingFlags"] = Variant("ay", bytes([flags]))
    uuids = [long_uuid(uuid) for kind in _UUID_LISTS for listed in data.get_all(kind) for uuid in _uuids(listed)]
    if uuids:
        properties["UUIDs"] = Variant("as", uuids)
    services = _service_data(data)
    if services:
        properties["ServiceData"] = Variant("a{sv}", services)
    return properties


def _service_data(data: AdvertisingData) -> dict[str, Variant]:
    listed = [found for kind in _SERVICE_DATA for found in data.get_all(kind)]
    return {long_uuid(found[0]): Variant("ay", bytes(found[1])) for found in listed if isinstance(found, tuple)}


def _uuids(listed: object) -> list[UUID]:
    return [uuid for uuid in listed if isinstance(uuid, UUID)] if isinstance(listed, list) else []
