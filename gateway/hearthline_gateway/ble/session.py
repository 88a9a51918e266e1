"""One connection to one meter, from the first advertisement to the last disconnect."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import structlog
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.ble.bluez_client import BluezClient
from hearthline_gateway.ble.hearing import Ear, Hearing
from hearthline_gateway.ble.meter_clock import needs_setting, read_clock, set_clock, wrong_by
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.problems import MeterLacksCharacteristicError

log = structlog.get_logger(__name__)

_CONNECT_LIMIT_S: Final = 15.0
_DISCONNECT_LIMIT_S: Final = 12.0
"""bleak itself waits up to 10 s for the link to end."""
_HUNG_AFTER_S: Final = 30.0
"""A meter that should hang up and neither does nor sends anything for so long never will."""
_BATTERY_LEVEL: Final = "2A19"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What is the same for every connection. ``idle_s`` is how long a meter that does not hang up is kept without a
    value; None keeps it for as long as it stays."""

    home_zone: tzinfo
    now: Callable[[], datetime]
    clock_synchronised: Callable[[], bool]
    idle_s: float | None


class Session:
    """Connect, pair where the model wants it, read the clock, correct it, subscribe, listen, disconnect."""

    def __init__(
        self, state: MeterState, device: BLEDevice, bluez: BluezClient, hearing: Hearing, settings: SessionSettings
    ) -> None:
        self._state, self._device, self._bluez, self._hearing = state, device, bluez, hearing
        self._settings = settings
        self._model = state.meter.model
        self._path: str = device.details["path"]
        self._gone = asyncio.Event()
        self._last_value = asyncio.Event()
        self._client = BleakClient(device, lambda _: self._gone.set(), pair=self._model.pair, timeout=_CONNECT_LIMIT_S)

    @property
    def hung_up(self) -> bool:
        """Whether the meter ended the connection."""
        return self._gone.is_set()

    async def run(self, radio: AbstractAsyncContextManager[object], connected: Callable[[], None]) -> None:
        """The whole connection. ``radio`` is held while the link is made, ``connected`` called when it is. Raises what
        went wrong; the link has then been taken down."""
        try:
            async with radio:
                await self._connect()
            connected()
            await self._prepare()
            await self._listen()
        finally:
            self._hearing.clock_read(self._state.clock)
            await self._disconnect()

    async def _connect(self) -> None:
        await self._client.connect()
        if self._model.pair:
            await self._client.pair()
        self._state.paired = await self._bluez.is_paired(self._path)
        log.info("meter_connected", meter=self._state.meter.address, model=self._model.name)

    async def _prepare(self) -> None:
        measurements = self._measurements()
        self._state.problem = None
        if self._model.settle_s:
            await asyncio.sleep(self._model.settle_s)
        await self._attend_clock()
        for uuid, characteristic in measurements.items():
            await self._subscribe(uuid, characteristic)
        if self._characteristic(_BATTERY_LEVEL) is not None:  # only where bluetoothd does not read it for itself
            self._state.battery_percent = min((await self.read(_BATTERY_LEVEL))[0], 100)

    async def _attend_clock(self) -> None:
        """Read the meter's clock, always before setting it: what it measured for every record stored until now."""
        characteristic, state, settings = self._model.clock, self._state, self._settings
        if characteristic is None or self._characteristic(characteristic) is None:
            self._hearing.clock_read(None)
            return
        clock = await read_clock(self, characteristic, settings.now)
        state.clock = clock
        state.clock_offset_s = None if clock is None else wrong_by(clock, settings.home_zone).total_seconds()
        self._hearing.clock_read(clock)
        if not (self._model.set_clock and needs_setting(clock, settings.home_zone)):
            return
        if not settings.clock_synchronised():
            log.info("meter_clock_left_wrong", meter=state.meter.address, why="the gateway's own is not synchronised")
            return
        corrected = await set_clock(self, characteristic, settings.home_zone, settings.now)
        if corrected is None:
            state.problem = "The meter did not take the time. Set its clock by hand."
        else:
            state.clock = corrected
            self._hearing.clock_set(corrected)
        log.info(
            "meter_clock_set", meter=state.meter.address, was_ahead_s=state.clock_offset_s, taken=corrected is not None
        )

    async def _subscribe(self, uuid: str, characteristic: BleakGATTCharacteristic) -> None:
        def heard(_: BleakGATTCharacteristic, value: bytearray) -> None:
            if self._hearing.hear(Ear.SESSION, uuid, bytes(value)):
                self.value_heard()

        await self._client.start_notify(characteristic, heard)
        if self._state.paired:
            await self._bluez.listen_early(characteristic.obj[0], uuid)

    def value_heard(self) -> None:
        """A value arrived: the meter is not idle."""
        self._state.last_reading = self._state.last_heard = self._settings.now()
        self._last_value.set()

    async def _listen(self) -> None:
        """Until the meter hangs up, or has nothing more to say."""
        patience = self._settings.idle_s
        if patience is not None and self._model.hangs_up:
            patience = max(patience, _HUNG_AFTER_S)
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            while not self._gone.is_set():
                self._last_value.clear()
                value = asyncio.ensure_future(self._last_value.wait())
                done, _ = await asyncio.wait({gone, value}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                value.cancel()
                if not done:
                    log.info("meter_idle", meter=self._state.meter.address, after_s=patience)
                    return
        finally:
            gone.cancel()

    async def _disconnect(self) -> None:
        """Always, even after the meter hung up: a client left behind doubles every later delivery."""
        try:
            async with asyncio.timeout(_DISCONNECT_LIMIT_S):
                await self._client.disconnect()
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            log.warning("meter_disconnect_failed", meter=self._state.meter.address, error=str(error))

    async def read(self, characteristic: str) -> bytes:
        """Read a characteristic by its 16-bit UUID."""
        return bytes(await self._client.read_gatt_char(normalize_uuid_16(int(characteristic, 16))))

    async def write(self, characteristic: str, value: bytes) -> None:
        """Write a characteristic by its 16-bit UUID, with response."""
        await self._client.write_gatt_char(normalize_uuid_16(int(characteristic, 16)), value, response=True)

    def _measurements(self) -> dict[str, BleakGATTCharacteristic]:
        found = {uuid: self._characteristic(uuid) for uuid in self._model.measurements}
        there = {uuid: characteristic for uuid, characteristic in found.items() if characteristic is not None}
        if not there:
            raise MeterLacksCharacteristicError(self._model.name, self._model.measurements)
        return there

    def _characteristic(self, uuid: str) -> BleakGATTCharacteristic | None:
        return self._client.services.get_characteristic(normalize_uuid_16(int(uuid, 16)))
