"""Adapters to oneself: what scanning and pairing work with, whether a collector lends it or nobody else is there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hearthline_gateway.ble.agent import PairingAgent
from hearthline_gateway.ble.bluez_client import BluezClient
from hearthline_gateway.ble.problems import AdapterMissingError


@dataclass(frozen=True, slots=True)
class Air:
    """A client of bluetoothd and the adapters that are free to use, such as ``hci0``."""

    bluez: BluezClient
    adapters: tuple[str, ...]


async def first_adapter(bluez: BluezClient) -> str:
    """The adapter to use where none is named: the first one that is switched on, else the first. Raises
    :class:`AdapterMissingError`."""
    known = await bluez.adapters()
    powered = [name for name, adapter in known.items() if adapter.powered]
    if not known:
        raise AdapterMissingError(None)
    return powered[0] if powered else next(iter(known))


@asynccontextmanager
async def own_air(adapters: Sequence[str]) -> AsyncIterator[Air]:
    """Without a collector: a client of our own for as long as this lasts. Raises what bluetoothd or the bus answer."""
    bluez = await BluezClient.open(PairingAgent({}), _Deaf())
    try:
        known = await bluez.adapters()
        there = tuple(name for name in adapters if name in known)
        if adapters and not there:
            raise AdapterMissingError(adapters[0])
        yield Air(bluez, there or (await first_adapter(bluez),))
    finally:
        await bluez.close()


class _Deaf:
    """Nothing that bluetoothd tells matters to a client that leaves soon."""

    def on_early_value(self, address: str, characteristic: str, payload: bytes) -> None:
        del address, characteristic, payload

    def on_battery(self, address: str, percent: int) -> None:
        del address, percent

    def on_adapter(self, adapter: str, *, moved: bool) -> None:
        del adapter, moved
