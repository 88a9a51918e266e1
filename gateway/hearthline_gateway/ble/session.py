"""One connection to one meter, from the first advertisement to the last disconnect."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

import structlog
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError

from hearthline_gateway.ble import stored_records, user_consent
from hearthline_gateway.ble.bluez_client import BluezClient
from hearthline_gateway.ble.hearing import Hearing
from hearthline_gateway.ble.meter_clock import needs_setting, read_clock, set_clock, wrong_by
from hearthline_gateway.ble.meter_errors import MeterError
from hearthline_gateway.ble.meter_information import read_information
from hearthline_gateway.ble.meter_link import REFUSALS, MeterLink
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.problems import MeterLacksCharacteristicError
from hearthline_gateway.ble.stored_records import StoredRecords
from hearthline_gateway.frame import MeterClock, RecordMemory
from hearthline_gateway.gatt.battery import BatteryLevel
from hearthline_gateway.gatt.characteristics import STREAMS
from hearthline_gateway.gatt.errors import DecodeError

log = structlog.get_logger(__name__)

DISCONNECT_LIMIT_S: Final = 12.0
"""bleak itself waits up to 10 s for the link to end."""
HUNG_AFTER_S: Final = 30.0
"""A meter that should hang up and neither does nor sends anything for so long never will."""
STREAM_LIMIT_S: Final = 180.0
"""How long a stream may keep the others from being read; it is taken up again after the model's pause."""
QUIET_S: Final = 1.0
"""A meter that tells what it has stored says something several times a second."""
_INFORMATION_LASTS: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What is the same for every connection. ``idle_s`` is how long a meter that does not hang up is kept without a
    value; None keeps it for as long as it stays. ``memory`` says which stored records are known already; without it
    all are asked for every time."""

    home_zone: tzinfo
    now: Callable[[], datetime]
    clock_synchronised: Callable[[], bool]
    idle_s: float | None
    memory: RecordMemory | None = None


class Session:
    """Connect, pair where the model wants it, take the model's steps, listen, disconnect."""

    def __init__(
        self, state: MeterState, device: BLEDevice, bluez: BluezClient, hearing: Hearing, settings: SessionSettings
    ) -> None:
        self._state, self._bluez, self._hearing, self._settings = state, bluez, hearing, settings
        self._model = state.meter.model
        self._link = MeterLink(device, pair=self._model.pair)
        self._last_value = asyncio.Event()
        self._records: StoredRecords | None = None
        self._streaming_since: float | None = None

    @property
    def hung_up(self) -> bool:
        """Whether the meter ended the connection."""
        return self._link.gone.is_set()

    async def run(self, radio: AbstractAsyncContextManager[object], connected: Callable[[], None]) -> None:
        """The whole connection. ``radio`` is held while the link is made, ``connected`` called when it is. Raises what
        went wrong; the link has then been taken down."""
        try:
            async with radio:
                await self._connect()
            connected()
            self._state.problem = None
            await self._prepare()
            await self._listen()
        finally:
            self._hearing.clock_read(self._state.clock)
            await self._disconnect()

    async def _connect(self) -> None:
        await self._link.connect()
        self._state.paired = await self._bluez.is_paired(self._link.path)
        log.info("meter_connected", meter=self._state.meter.address, model=self._model.name)

    async def _prepare(self) -> None:
        self._measurements()
        if self._model.settle_s:
            await asyncio.sleep(self._model.settle_s)
        if "clock" not in self._model.order:
            self._hearing.clock_read(None)
        steps = {
            "information": self._read_information,
            "clock": self._attend_clock,
            "subscribe": self._subscribe,
            "consent": self._open_slots,
            "records": self._collect_records,
            "battery": self._read_battery,
        }
        for step in self._model.order:
            await steps[step]()

    async def _read_information(self) -> None:
        state, now = self._state, self._settings.now()
        if state.information_read_at is not None and abs(now - state.information_read_at) < _INFORMATION_LASTS:
            return
        information = await read_information(self._link)
        state.information_read_at = now
        state.manufacturer = information.manufacturer or state.manufacturer
        state.model_number = information.model_number or state.model_number
        state.firmware = information.firmware or state.firmware

    async def _attend_clock(self) -> None:
        """Read the meter's clock, always before setting it: what it measured for every record stored until now."""
        characteristic, state, settings = self._model.clock, self._state, self._settings
        if characteristic is None or self._link.characteristic(characteristic) is None:
            self._hearing.clock_read(None)
            return
        try:
            clock = await read_clock(self._link, characteristic, settings.now)
        except REFUSALS as error:
            if self.hung_up:
                raise
            log.warning("meter_clock_refused", meter=state.meter.address, error=str(error))
            self._hearing.clock_read(None)
            return
        state.clock = clock
        state.clock_offset_s = None if clock is None else wrong_by(clock, settings.home_zone).total_seconds()
        self._hearing.clock_read(clock)
        if not (self._model.set_clock and needs_setting(clock, settings.home_zone)):
            return
        if not settings.clock_synchronised():
            log.info("meter_clock_left_wrong", meter=state.meter.address, why="the gateway's own is not synchronised")
            return
        await self._set_clock(characteristic)

    async def _set_clock(self, characteristic: str) -> None:
        state, settings = self._state, self._settings
        corrected: MeterClock | None = None
        try:
            corrected = await set_clock(self._link, characteristic, settings.home_zone, settings.now)
        except REFUSALS as error:
            if self.hung_up:
                raise
            log.warning("meter_clock_not_set", meter=state.meter.address, error=str(error))
        if corrected is None:
            state.problem = "The meter did not take the time. Set its clock by hand."
        else:
            state.clock = corrected
            self._hearing.clock_set(corrected)
        log.info(
            "meter_clock_set", meter=state.meter.address, was_ahead_s=state.clock_offset_s, taken=corrected is not None
        )

    async def _subscribe(self) -> None:
        for uuid, characteristic in self._measurements().items():
            await self._subscribe_to(uuid, characteristic)

    async def _subscribe_to(self, uuid: str, characteristic: BleakGATTCharacteristic) -> None:
        """Once only: bluetoothd says each value as often as it has subscribers, and everybody hears every time."""

        def heard(value: bytes) -> None:
            self._hearing.hear(uuid, value)
            self.value_heard(uuid, value)

        if self._state.paired and await self._bluez.listen_early(
            characteristic.obj[0], uuid, self._state.meter.address
        ):
            return
        await self._link.listen(characteristic, heard)

    async def _open_slots(self) -> None:
        if not (self._model.consent or self._state.meter.consents):
            return
        if not self._state.meter.consents:
            self._state.problem = user_consent.NO_CODE
            return
        point = await self._link.control_point(user_consent.CHARACTERISTIC)
        if point is None:
            raise MeterLacksCharacteristicError(self._model.name, (user_consent.CHARACTERISTIC,))
        problem = await user_consent.open_slots(point, self._state.meter.consents, self._until_quiet)
        if problem is not None:
            self._state.problem = problem

    async def _collect_records(self) -> None:
        if not self._model.stored_records:
            return
        state, settings = self._state, self._settings
        point = await self._link.control_point(stored_records.CHARACTERISTIC)
        if point is None:
            raise MeterLacksCharacteristicError(self._model.name, (stored_records.CHARACTERISTIC,))
        began = settings.now()
        self._records = StoredRecords(
            point,
            self._hearing,
            settings.memory,
            state.meter.address,
            asked_at=state.records_asked_at,
            now=began,
            zone=settings.home_zone,
        )
        await self._records.collect()
        state.records_asked_at = began if settings.clock_synchronised() else None

    async def _read_battery(self) -> None:
        if not self._link.readable(BatteryLevel.characteristic):  # bluetoothd reads it for itself where it can
            return
        try:
            level = BatteryLevel.decode(await self._link.read(BatteryLevel.characteristic)).level
        except DecodeError as error:
            log.info("meter_battery_unreadable", meter=self._state.meter.address, reason=str(error))
        except REFUSALS as error:
            if self.hung_up:
                raise
            log.info("meter_battery_refused", meter=self._state.meter.address, error=str(error))
        else:
            self._state.battery_percent = min(level, 100)

    def value_heard(self, characteristic: str, payload: bytes) -> None:
        """A value arrived: the meter is not idle."""
        self._state.last_reading = self._state.last_heard = self._settings.now()
        if characteristic in STREAMS and self._streaming_since is None:
            self._streaming_since = asyncio.get_running_loop().time()
        if self._records is not None and characteristic == stored_records.RECORDS:
            self._records.told(payload)
        self._link.active()
        self._last_value.set()

    async def _listen(self) -> None:
        """Until the meter hangs up, has nothing more to say, or has streamed for as long as others can wait."""
        patience = self._patience()
        while not self.hung_up:
            wait = self._wait(patience)
            if wait is not None and wait <= 0:
                log.info("meter_stream_left", meter=self._state.meter.address, after_s=STREAM_LIMIT_S)
                return
            if await self._hear_within(wait) or self.hung_up:
                continue
            if wait != patience:  # the stream's end, not silence
                continue
            if self._records is not None and await self._more_records(self._records):
                continue
            log.info("meter_idle", meter=self._state.meter.address, after_s=patience)
            return

    async def _more_records(self, records: StoredRecords) -> bool:
        """Ask once more before leaving. Everything asked for has come, so no answer now is no failure."""
        try:
            return await records.more(self._settings.now())
        except (MeterError, *REFUSALS) as error:
            log.info("meter_not_asked_again", meter=self._state.meter.address, error=str(error))
            return False

    def _patience(self) -> float | None:
        if self._model.disconnect_after_s is not None:
            return self._model.disconnect_after_s
        patience = self._settings.idle_s
        return max(patience, HUNG_AFTER_S) if patience is not None and self._model.hangs_up else patience

    def _wait(self, patience: float | None) -> float | None:
        """How long to listen for the next value; None for as long as it takes."""
        if patience is None or self._streaming_since is None:
            return patience
        left = self._streaming_since + STREAM_LIMIT_S - asyncio.get_running_loop().time()
        return min(patience, left)

    async def _until_quiet(self) -> None:
        while await self._hear_within(QUIET_S) and not self.hung_up:
            pass

    async def _hear_within(self, seconds: float | None) -> bool:
        """Wait for a value, or for the end of the connection; False when neither came."""
        self._last_value.clear()
        waits: list[asyncio.Future[object]] = [
            asyncio.ensure_future(event.wait()) for event in (self._last_value, self._link.gone)
        ]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)

    async def _disconnect(self) -> None:
        """Always, even after the meter hung up: a client left behind doubles every later delivery."""
        try:
            async with asyncio.timeout(DISCONNECT_LIMIT_S):
                await self._link.disconnect()
        except (BleakError, TimeoutError, OSError, EOFError) as error:
            log.warning("meter_disconnect_failed", meter=self._state.meter.address, error=str(error))

    def _measurements(self) -> dict[str, BleakGATTCharacteristic]:
        found = {uuid: self._link.characteristic(uuid) for uuid in self._model.measurements}
        there = {uuid: characteristic for uuid, characteristic in found.items() if characteristic is not None}
        if not there:
            raise MeterLacksCharacteristicError(self._model.name, self._model.measurements)
        return there
