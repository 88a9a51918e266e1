"""Hop 1: hears the home's meters and hands every value on, for as long as it runs."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import structlog
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from dbus_fast import DBusError

from hearthline_gateway.ble.agent import PairingAgent
from hearthline_gateway.ble.bluez_client import BluezClient
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.delivery import Delivery
from hearthline_gateway.ble.hearing import Ear, Hearing
from hearthline_gateway.ble.lookout import Lookout
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.problems import MeterLacksCharacteristicError, adapter_problem, meter_problem
from hearthline_gateway.ble.session import Session, SessionSettings
from hearthline_gateway.frame import FrameSink
from hearthline_protocol.messages import MeterStatus

log = structlog.get_logger(__name__)

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 30.0
_DRAIN_LIMIT_S: Final = 5.0
_BLUETOOTH_ERRORS: Final = (BleakError, DBusError, OSError, EOFError, TimeoutError)
_METER_ERRORS: Final = (*_BLUETOOTH_ERRORS, MeterLacksCharacteristicError)


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """The Bluetooth side as it is now. ``adapter`` is its state in words, with the next step where it is wrong."""

    adapter: str
    meters: tuple[MeterStatus, ...]


class Collector:
    """Scans for the configured meters, connects to each that shows up, and delivers what it says.

    ``max_connections`` meters may be connected at once; they are connected one after the other. A meter that does not
    hang up by itself is left ``idle_s`` after its last value, unless there is a connection for every meter
    (``1 < max_connections >= len(meters)``): then each is kept for as long as it stays. ``clock_synchronised`` tells
    whether this machine's clock may be trusted; without it no meter's clock is set. An error with one meter never stops
    the others.
    """

    def __init__(
        self,
        meters: Sequence[ConfiguredMeter],
        sink: FrameSink,
        *,
        adapter: str | None = None,
        max_connections: int = 1,
        idle_s: float = 10.0,
        home_zone: tzinfo | None = None,
        clock_synchronised: Callable[[], bool] = lambda: False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if max_connections < 1:
            raise ValueError("at least one connection is needed")
        self._adapter = adapter
        self._slots = asyncio.Semaphore(max_connections)
        self._connecting = asyncio.Lock()
        self._states = {meter.address: MeterState(meter) for meter in meters}
        self._agent_meters = {meter.address: meter.passkey for meter in meters if meter.model.pair}
        self._delivery = Delivery(sink)
        self._hearings: dict[str, tuple[Hearing, Session]] = {}
        self._sessions: set[asyncio.Task[None]] = set()
        self._adapter_words = "not started"
        kept = 1 < max_connections >= len(meters)
        zone = home_zone if home_zone is not None else datetime.now(UTC).astimezone().tzinfo or UTC
        self._settings = SessionSettings(zone, now, clock_synchronised, None if kept else idle_s)

    def status(self) -> CollectorStatus:
        """Adapter and meters as they are now."""
        words = self._delivery.problem or self._adapter_words
        return CollectorStatus(words, tuple(state.status() for state in self._states.values()))

    async def run(self) -> None:
        """Collect until cancelled; then every meter is disconnected and everything heard is delivered."""
        delivering = asyncio.create_task(self._delivery.run(), name="frame delivery")
        pause = _FIRST_RETRY_S
        try:
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    await self._collect()
                except _BLUETOOTH_ERRORS as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():  # stopping failed: we are to end all the same
                        raise asyncio.CancelledError from error
                    self._adapter_words = adapter_problem(error)
                    log.warning("bluetooth_unavailable", why=self._adapter_words, retry_s=pause)
                if asyncio.get_running_loop().time() - began > _LAST_RETRY_S:
                    pause = _FIRST_RETRY_S
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_RETRY_S)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_LIMIT_S):
                    await self._delivery.drained()
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
            self._adapter_words = "stopped"

    async def _collect(self) -> None:
        """Until adapter, daemon or bus go away."""
        bluez = await BluezClient.open(PairingAgent(self._agent_meters), self._adapter, self)
        lookout = Lookout(list(self._states.values()), self._adapter, self._settings.now)
        try:
            for address, known in (await bluez.known_devices()).items():
                if address in self._states:
                    self._states[address].paired = known.paired
            self._adapter_words = "powered"
            while not bluez.disturbed.is_set():
                await self._slots.acquire()
                device = await lookout.next_meter(bluez.disturbed)
                if device is None:
                    self._slots.release()
                    break
                await self._start_session(bluez, device)
            self._adapter_words = "went away: waiting for it to come back"
        finally:
            await lookout.close()
            for session in self._sessions:
                session.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)
            await bluez.close()

    async def _start_session(self, bluez: BluezClient, device: BLEDevice) -> None:
        """Start a connection and return once the radio is free again."""
        radio_free = asyncio.Event()
        state = self._states[device.address.upper()]
        state.busy = True
        task = asyncio.create_task(self._attend(state, bluez, device, radio_free.set), name=f"meter {device.address}")
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        await radio_free.wait()

    async def _attend(
        self, state: MeterState, bluez: BluezClient, device: BLEDevice, radio_free: Callable[[], None]
    ) -> None:
        address = state.meter.address
        hearing = Hearing(state.meter, self._delivery.frame, self._settings.now)
        session = Session(state, device, bluez, hearing, self._settings)
        clock = asyncio.get_running_loop().time
        try:
            self._hearings[address] = hearing, session
            await session.run(self._connecting, radio_free)
            state.succeeded(clock())
        except _METER_ERRORS as error:
            if hearing.frames and session.hung_up:  # it said what it had and did not wait for our last question
                state.problem = None
                state.succeeded(clock())
                return
            pause = state.failed(clock(), meter_problem(error, state.meter.model, paired=state.paired))
            log.warning("meter_failed", meter=address, error=str(error), problem=state.problem, retry_s=pause)
        except Exception as error:  # a library's bug with one meter must not stop the others
            state.failed(clock(), meter_problem(error, state.meter.model, paired=state.paired))
            log.exception("meter_failed_unexpectedly", meter=address)
        finally:
            log.info("meter_left", meter=address, frames=hearing.frames)
            self._delivery.ended(address)
            state.busy = False
            self._slots.release()
            radio_free()

    def on_early_value(self, address: str, characteristic: str, payload: bytes) -> None:
        """Called by the bus: a value that our early listener heard."""
        found = self._hearings.get(address)
        if found is None:
            log.warning("value_without_connection", meter=address, characteristic=characteristic)
            return
        hearing, session = found
        if hearing.hear(Ear.EARLY, characteristic, payload):
            session.value_heard()

    def on_battery(self, address: str, percent: int) -> None:
        """Called by the bus: a meter's battery."""
        state = self._states.get(address)
        if state is not None:
            state.battery_percent = min(percent, 100)
