"""One adapter at work: looks out, connects one meter after the other, and is reset when it hangs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from dbus_fast import DBusError

from hearthline_gateway.ble.adapter_health import AdapterHealth, Patience
from hearthline_gateway.ble.adapter_recovery import power_cycle, reset_by_kernel
from hearthline_gateway.ble.air_time import AirTime
from hearthline_gateway.ble.bluez_client import BluezClient, KnownAdapter
from hearthline_gateway.ble.lookout import Lookout
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.problems import AdapterMissingError, adapter_problem
from hearthline_gateway.ble.sharing import Sharing
from hearthline_protocol.messages import AdapterStatus

log = structlog.get_logger(__name__)

BLUETOOTH_ERRORS: Final = (BleakError, DBusError, OSError, EOFError, TimeoutError)
POWERED: Final = "powered"
_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 30.0
_POWERED_OFF: Final = "powered off: it is switched on again in a minute, or now with 'bluetoothctl power on'"
_REPLACE: Final = "if that does not arrive, restart the machine, else replace the adapter"
_LEFT_OFF_S: Final = 60.0
"""How long an adapter that somebody switched off is left off. This machine has no use without it."""

Attend = Callable[["Station", MeterState, BLEDevice, Callable[[], None]], Awaitable[None]]
"""Carries out one connection; calls its last argument once the link is made and the air is free."""


class Station:
    """One adapter. ``slots`` meters may be connected through it at once; they are connected one after the other."""

    def __init__(
        self,
        adapter: str,
        states: Mapping[str, MeterState],
        sharing: Sharing,
        attend: Attend,
        advertised: Callable[[MeterState, Mapping[str, bytes]], None],
        *,
        slots: int,
        now: Callable[[], datetime],
        patience: Patience,
    ) -> None:
        self.adapter = adapter
        self.health = AdapterHealth(patience, quiet_since=_clock())
        self.air = AirTime(self.interrupt)
        self._attend = attend
        self._room = slots
        self._slots = asyncio.Semaphore(slots)
        self._interrupted = asyncio.Event()
        self._changed = asyncio.Event()
        self._sessions: dict[str, asyncio.Task[None]] = {}
        self._lookout = Lookout(states, adapter, sharing, now, lambda: self.health.heard(_clock()), advertised)
        self._known = KnownAdapter(adapter, "", powered=False)
        self._up = False
        self._words = "not started"
        self._looked_at = asyncio.Event()
        self._reset_refused = False

    @property
    def up(self) -> bool:
        """Whether bluetoothd has it and it is switched on."""
        return self._up

    async def looked_at(self) -> None:
        """Return once it is known whether the adapter is up."""
        await self._looked_at.wait()

    @property
    def working(self) -> bool:
        """Whether meters can be read through it."""
        return self._up and not self.health.given_up

    @property
    def free(self) -> bool:
        """Whether it could connect a meter now."""
        return self.working and not self.air.asked_for and len(self._sessions) < self._room

    @property
    def words(self) -> str:
        """Its state, with the next step where something is wrong."""
        return self._words if not self._up else self._complaint() or self._words

    def status(self) -> AdapterStatus:
        """The adapter as it is now."""
        problem = self._complaint() if self._up else self._words
        return AdapterStatus(
            name=self.adapter,
            state=POWERED if self._up else "not working",
            problem=None if problem is None else f"{self.adapter} {problem}",
            resets=self.health.resets,
        )

    def changed(self) -> None:
        """The adapter came, went, or was switched: look at it again."""
        self._changed.set()
        self.interrupt()

    def interrupt(self) -> None:
        """End the lookout's turn: something has to be looked at first."""
        self._interrupted.set()

    def wake(self) -> None:
        """A meter's pause was forgotten."""
        self._lookout.wake()

    async def leave(self, address: str) -> None:
        """End the connection to a meter, where there is one."""
        session = self._sessions.get(address)
        if session is not None:
            session.cancel()
            await asyncio.wait({session})

    async def run(self, bluez: BluezClient) -> None:
        """Work until cancelled; then every connection is ended."""
        pause = _FIRST_RETRY_S
        try:
            while True:
                began = _clock()
                self._changed.clear()
                try:
                    await self._work(bluez)
                except (*BLUETOOTH_ERRORS, AdapterMissingError) as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():  # stopping failed: we are to end all the same
                        raise asyncio.CancelledError from error
                    await self._faulted(error, pause)
                if _clock() - began > _LAST_RETRY_S:
                    pause = _FIRST_RETRY_S
                await _either(self._changed, pause)
                pause = min(pause * 2, _LAST_RETRY_S)
        finally:
            self._up, self._words = False, "stopped"
            self._looked_at.clear()
            await self._end_sessions()

    async def _work(self, bluez: BluezClient) -> None:
        """Until the adapter changes, fails or was reset."""
        reason = self.health.reset_for(_clock())
        if reason is not None:
            await self._reset(bluez, reason)
        self._known = await self._switched_on(bluez)
        self._up, self._words = True, POWERED
        self._looked_at.set()
        while not self._changed.is_set() and self.health.reset_for(_clock()) is None:
            await self._turn()

    async def _switched_on(self, bluez: BluezClient) -> KnownAdapter:
        while True:
            self._changed.clear()
            known = (await bluez.adapters()).get(self.adapter)
            if known is None:
                raise AdapterMissingError(self.adapter)
            if known.powered:
                return known
            self._up, self._words = False, _POWERED_OFF
            self._looked_at.set()
            log.warning("bluetooth_adapter_off", adapter=self.adapter, left_off_s=_LEFT_OFF_S)
            await self._end_sessions()
            if not await _either(self._changed, _LEFT_OFF_S):
                await bluez.set_powered(self.adapter, on=True)

    async def _reset(self, bluez: BluezClient, reason: str) -> None:
        """The gentle way first; what helps is seen by what happens next."""
        by_force = self.health.escalate
        self.health.was_reset(_clock())
        self._up, self._words = False, f"{reason}: it is being reset"
        log.warning("bluetooth_adapter_reset", adapter=self.adapter, why=reason, resets=self.health.resets)
        await self._end_sessions()
        done = await power_cycle(bluez, self.adapter)
        if by_force or not done:
            done = await reset_by_kernel(self._known) or done
        self._reset_refused = not done

    async def _turn(self) -> None:
        """Look out until a meter is there, and connect it; or until something else has to be seen to."""
        if not await self._slot():
            return
        slot_taken = False
        try:
            async with self.air.turn():
                self._interrupted.clear()
                if self._changed.is_set() or self.air.asked_for:
                    return
                found = await self._look()
                if found is not None:
                    slot_taken = True
                    await self._start_session(*found)
        finally:
            if not slot_taken:
                self._slots.release()

    async def _slot(self) -> bool:
        """Wait for a connection to be free; False when the adapter changed first."""
        listens = self._slots.locked() and self._lookout.overhears
        slot = asyncio.ensure_future(self._slots.acquire())
        changed = asyncio.ensure_future(self._changed.wait())
        overhearing = asyncio.ensure_future(self._overhear()) if listens else None
        try:
            await asyncio.wait({slot, changed}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not slot.cancel():
                self._slots.release()
            raise
        finally:
            changed.cancel()
            if overhearing is not None:
                overhearing.cancel()
                await asyncio.wait({overhearing})
        return slot.done() or not slot.cancel()

    async def _overhear(self) -> None:
        """While every connection is taken, hear the meters that only advertise."""
        try:
            while True:
                async with self.air.turn():
                    self._interrupted.clear()
                    if not self.air.asked_for:
                        await self._lookout.overhear(self._interrupted)
        except BLUETOOTH_ERRORS as error:  # the adapter's trouble is found and seen to when it is next needed
            log.info("bluetooth_not_overheard", adapter=self.adapter, error=str(error))

    async def _look(self) -> tuple[MeterState, BLEDevice] | None:
        now = asyncio.get_running_loop().time()
        quiet = asyncio.get_running_loop().call_later(self.health.probe_in(now), self.interrupt)
        try:
            found = await self._lookout.next_meter(self._interrupted)
        finally:
            quiet.cancel()
        self.health.answered()
        if found is None and not self.health.probe_in(_clock()) and not (self._changed.is_set() or self.air.asked_for):
            await self._probe()
        return found

    async def _probe(self) -> None:
        """None of the home's meters was heard for long: is anything?"""
        self._interrupted.clear()
        began = _clock()
        await self._lookout.anything(self.health.patience.probe_s, self._interrupted)
        if not self._interrupted.is_set():
            self.health.probed(began, _clock())
            log.info("bluetooth_silence_probed", adapter=self.adapter, silent=self.health.silent)

    async def _start_session(self, state: MeterState, device: BLEDevice) -> None:
        """Start a connection and return once the air is free again."""
        radio_free = asyncio.Event()
        address = state.meter.address
        task = asyncio.create_task(self._session(state, device, radio_free.set), name=f"meter {address}")
        self._sessions[address] = task
        await radio_free.wait()

    async def _session(self, state: MeterState, device: BLEDevice, radio_free: Callable[[], None]) -> None:
        try:
            await self._attend(self, state, device, radio_free)
        finally:
            state.busy = False
            self._sessions.pop(state.meter.address, None)
            self._slots.release()
            radio_free()

    async def _end_sessions(self) -> None:
        sessions = list(self._sessions.values())
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def _faulted(self, error: BaseException, retry_s: float) -> None:
        self._up, self._words = False, adapter_problem(error)
        self._looked_at.set()
        log.warning("bluetooth_adapter_fails", adapter=self.adapter, why=self._words, retry_s=retry_s)
        if isinstance(error, AdapterMissingError):
            await self._end_sessions()
        else:
            self.health.call_failed()

    def _complaint(self) -> str | None:
        """What is wrong with an adapter that seems to work."""
        reason = self.health.complaint or self.health.reason
        if reason is None:
            return None
        if self._reset_refused:
            return f"{reason} and could not be reset: restart the machine, or unplug the adapter and plug it in again"
        if self.health.given_up:
            return f"{reason}, and {self.health.tries} resets did not help: measure once beside it; {_REPLACE}"
        return f"{reason}: it was reset, and it shows soon whether that helped"


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def _either(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event or so many seconds; whether it was the event."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
