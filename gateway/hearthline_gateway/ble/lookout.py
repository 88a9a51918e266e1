"""Who is there: scans on one adapter until a meter shows up that may be connected now."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog
from bleak import BleakAdapter, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.sharing import COMPARE_S, FRESH_S, Sharing

log = structlog.get_logger(__name__)

NO_RSSI: Final = -127
"""What bleak reports of a device that changed without being heard, such as one that just hung up."""
SCANNER_LIMIT_S: Final = 20.0
"""Starting or stopping a scan takes milliseconds; a bluetoothd whose adapter hangs may never answer."""
_GENERIC_ATTRIBUTE: Final = normalize_uuid_16(0x1801)
"""A service that practically every device has."""


class Lookout:
    """The scanner of one adapter. It scans only while nobody is worth connecting, since scanning disturbs connecting.

    ``heard`` is told of every advertisement, whoever sent it: it shows that the adapter lives. What a meter says that
    is never connected is handed to ``advertised`` with its service data.
    """

    def __init__(
        self,
        states: Mapping[str, MeterState],
        adapter: str,
        sharing: Sharing,
        now: Callable[[], datetime],
        heard: Callable[[], None],
        advertised: Callable[[MeterState, Mapping[str, bytes]], None],
    ) -> None:
        self._states = states
        self._adapter = adapter
        self._sharing = sharing
        self._now = now
        self._heard = heard
        self._advertised = advertised
        self._seen: dict[str, tuple[float, BLEDevice]] = {}
        self._arrived = asyncio.Event()
        self._anybody = asyncio.Event()
        self._scanning: BleakScanner | None = None
        self._connected: BleakAdapter | None = None

    async def next_meter(self, interrupted: asyncio.Event) -> tuple[MeterState, BLEDevice] | None:
        """The meter that has been waiting longest to be connected, now marked as busy, scanning until there is one;
        None once ``interrupted`` is set. The scanner is at rest when this returns."""
        found: tuple[MeterState, BLEDevice] | None = None
        try:
            while found is None and not interrupted.is_set():
                self._arrived.clear()
                found = self._take() or await self._left_connected()
                if found is not None:
                    found[0].busy = True  # at once: another adapter may have heard it too
                else:
                    await self._scan(self._services())
                    await self._until_arrival(interrupted)
            await self.rest()
        except BaseException:
            if found is not None:
                found[0].busy = False
            await self.rest()
            raise
        return found

    async def anything(self, seconds: float, interrupted: asyncio.Event) -> None:
        """Listen to every device there is, until one is heard, ``interrupted`` is set, or time is up. A meter of ours
        that is heard meanwhile is not forgotten."""
        self._arrived.clear()
        self._anybody.clear()
        try:
            await self._scan(None)
            await _first_of(self._anybody, interrupted, seconds)
        finally:
            await self.rest()

    @property
    def overhears(self) -> bool:
        """Whether there are meters that are never connected and have to be heard meanwhile."""
        return any(state.meter.model.advertises is not None for state in self._states.values())

    async def overhear(self, interrupted: asyncio.Event) -> None:
        """Listen while nobody can be connected, until ``interrupted`` is set."""
        try:
            await self._scan(self._services())
            await interrupted.wait()
        finally:
            await self.rest()

    async def rest(self) -> None:
        """Stop scanning."""
        if self._scanning is not None:
            scanner, self._scanning = self._scanning, None
            async with asyncio.timeout(SCANNER_LIMIT_S):
                await scanner.stop()

    def wake(self) -> None:
        """A pause was forgotten: look again at who is there."""
        self._arrived.set()

    def _take(self) -> tuple[MeterState, BLEDevice] | None:
        now = asyncio.get_running_loop().time()
        for address, (seen_at, device) in sorted(self._seen.items(), key=lambda item: item[1][0]):
            state = self._states.get(address)
            if state is None or now - seen_at > FRESH_S:
                del self._seen[address]
            elif not state.busy and state.not_before <= now and self._sharing.takes(self._adapter, state, now):
                del self._seen[address]
                return state, device
        return None

    async def _left_connected(self) -> tuple[MeterState, BLEDevice] | None:
        """A meter that a killed gateway left connected: bluetoothd keeps its links, and a connected meter does not
        advertise."""
        if self._connected is None:
            self._connected = await BleakAdapter.get(bluez={"adapter": self._adapter})
        listed = {uuid for state in self._states.values() for uuid in state.meter.model.services}
        services = [normalize_uuid_16(int(uuid, 16)) for uuid in sorted(listed)] or [_GENERIC_ATTRIBUTE]
        now = asyncio.get_running_loop().time()
        for device in await self._connected.get_connected_devices(services):
            state = self._states.get(device.address.upper())
            if state is not None and not state.busy and state.not_before <= now:
                log.info("meter_adopted", meter=device.address)
                return state, device
        return None

    async def _until_arrival(self, interrupted: asyncio.Event) -> None:
        """Wait for an advertisement, for an interruption, or until a meter heard a moment ago may be taken."""
        now = asyncio.get_running_loop().time()
        waiting = [state for address in self._seen if (state := self._states.get(address)) and not state.busy]
        resting = [state.not_before - now if state.not_before > now else COMPARE_S for state in waiting]
        await _first_of(self._arrived, interrupted, min(resting) if resting else None)

    async def _scan(self, services: list[str] | None) -> None:
        if self._scanning is None:
            bluez = BlueZScannerArgs(adapter=self._adapter)
            scanner = BleakScanner(self._on_advertisement, services, bluez=bluez)
            async with asyncio.timeout(SCANNER_LIMIT_S):
                await scanner.start()
            self._scanning = scanner

    def _on_advertisement(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        if advertisement.rssi == NO_RSSI:
            return
        self._heard()
        self._anybody.set()
        state = self._states.get(device.address.upper())
        if state is None:
            return
        now = asyncio.get_running_loop().time()
        state.last_heard = self._now()
        state.signal_dbm = advertisement.rssi
        state.seen(self._adapter, now, advertisement.rssi, FRESH_S)
        if state.meter.model.advertises is not None:
            self._advertised(state, advertisement.service_data)
        else:
            self._note(device, state, now)

    def _note(self, device: BLEDevice, state: MeterState, now: float) -> None:
        """It may not speak again: one who may be taken only in a moment is looked at now, and then again."""
        address = device.address.upper()
        first_seen = self._seen[address][0] if address in self._seen else now
        anew = first_seen == now or now - first_seen > FRESH_S
        self._seen[address] = (now if anew else first_seen, device)
        if state.busy or state.not_before > now + FRESH_S:
            return
        if anew or (state.not_before <= now and self._sharing.takes(self._adapter, state, now)):
            self._arrived.set()

    def _services(self) -> list[str] | None:
        """What to filter by; None, for everything, as soon as one meter's model does not say what it advertises."""
        listed = [state.meter.model.services for state in self._states.values()]
        if not all(listed):
            return None
        return sorted({normalize_uuid_16(int(uuid, 16)) for services in listed for uuid in services})


async def _first_of(one: asyncio.Event, other: asyncio.Event, seconds: float | None) -> None:
    """Return when either is set, or so many seconds have passed."""
    waits = [asyncio.ensure_future(one.wait()), asyncio.ensure_future(other.wait())]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
