"""Who is there: scans until a meter shows up that may be connected now."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from bleak import BleakAdapter, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.ble.meter_state import MeterState

log = structlog.get_logger(__name__)

_FRESH_S: Final = 5.0
"""How long an advertisement is good for: longer, and the meter may sleep again or bluetoothd have forgotten it."""
_NO_RSSI: Final = -127
"""What bleak reports of a device that changed without being heard, such as one that just hung up."""

_GENERIC_ATTRIBUTE: Final = normalize_uuid_16(0x1801)
"""A service that practically every device has."""


class Lookout:
    """The scanner. It scans only while nobody is worth connecting, since scanning disturbs connecting."""

    def __init__(self, states: Sequence[MeterState], adapter: str | None, now: Callable[[], datetime]) -> None:
        self._states = {state.meter.address: state for state in states}
        self._now = now
        self._seen: dict[str, tuple[float, BLEDevice]] = {}
        self._arrived = asyncio.Event()
        self._scanning = False
        self._adapter = adapter
        self._connected: BleakAdapter | None = None
        listed = {uuid for state in states for uuid in state.meter.model.services}
        self._adoptable = [normalize_uuid_16(int(uuid, 16)) for uuid in sorted(listed)] or [_GENERIC_ATTRIBUTE]
        bluez = BlueZScannerArgs() if adapter is None else BlueZScannerArgs(adapter=adapter)
        self._scanner = BleakScanner(self._on_advertisement, self._services(), bluez=bluez)

    async def next_meter(self, disturbed: asyncio.Event) -> BLEDevice | None:
        """The meter that has been waiting longest to be connected, scanning until there is one; None once ``disturbed``
        is set. The scanner is at rest when this returns."""
        try:
            while not disturbed.is_set():
                self._arrived.clear()
                device = self._take() or await self._left_connected()
                if device is not None:
                    return device
                await self._scan()
                await self._until_arrival(disturbed)
            return None
        finally:
            await self._rest()

    async def close(self) -> None:
        """Stop scanning."""
        await self._rest()

    def _take(self) -> BLEDevice | None:
        now = asyncio.get_running_loop().time()
        for address, (seen_at, device) in sorted(self._seen.items(), key=lambda item: item[1][0]):
            state = self._states[address]
            if now - seen_at > _FRESH_S:
                del self._seen[address]
            elif not state.busy and state.not_before <= now:
                del self._seen[address]
                return device
        return None

    async def _left_connected(self) -> BLEDevice | None:
        """A meter that a killed gateway left connected: bluetoothd keeps its links, and a connected meter does not
        advertise."""
        if self._connected is None:
            self._connected = await BleakAdapter.get(bluez={} if self._adapter is None else {"adapter": self._adapter})
        now = asyncio.get_running_loop().time()
        for device in await self._connected.get_connected_devices(self._adoptable):
            state = self._states.get(device.address.upper())
            if state is not None and not state.busy and state.not_before <= now:
                log.info("meter_adopted", meter=device.address)
                return device
        return None

    async def _until_arrival(self, disturbed: asyncio.Event) -> None:
        """Wait for an advertisement, for trouble, or until a meter heard a moment ago may be connected again."""
        now = asyncio.get_running_loop().time()
        resting = [self._states[address].not_before - now for address in self._seen if not self._states[address].busy]
        waits = [asyncio.ensure_future(self._arrived.wait()), asyncio.ensure_future(disturbed.wait())]
        try:
            await asyncio.wait(
                waits, timeout=max(min(resting), 0.0) if resting else None, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()

    async def _scan(self) -> None:
        if not self._scanning:
            await self._scanner.start()
            self._scanning = True

    async def _rest(self) -> None:
        if self._scanning:
            self._scanning = False
            await self._scanner.stop()

    def _on_advertisement(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        state = self._states.get(device.address.upper())
        if state is None or advertisement.rssi == _NO_RSSI:
            return
        state.last_heard = self._now()
        state.signal_dbm = advertisement.rssi
        self._note(device)

    def _note(self, device: BLEDevice) -> None:
        address = device.address.upper()
        now = asyncio.get_running_loop().time()
        first_seen = self._seen[address][0] if address in self._seen else now
        self._seen[address] = (first_seen if now - first_seen <= _FRESH_S else now, device)
        if not self._states[address].busy and self._states[address].not_before <= now:
            self._arrived.set()

    def _services(self) -> list[str] | None:
        """What to filter by; None, for everything, as soon as one meter's model does not say what it advertises."""
        listed = [state.meter.model.services for state in self._states.values()]
        if not all(listed):
            return None
        return sorted({normalize_uuid_16(int(uuid, 16)) for services in listed for uuid in services})
