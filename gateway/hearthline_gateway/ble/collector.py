"""Hop 1: hears the home's meters and hands every value on, for as long as it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final

import structlog
from bleak.backends.device import BLEDevice
from dbus_fast import DBusError

from hearthline_gateway.ble.adapter_health import Patience
from hearthline_gateway.ble.advertised_scale import AdvertisedScale
from hearthline_gateway.ble.agent import PairingAgent, adapter_of
from hearthline_gateway.ble.bluez_client import BluezClient
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.delivery import Delivery
from hearthline_gateway.ble.hearing import Hearing
from hearthline_gateway.ble.meter_errors import MeterError
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.open_air import Air, first_adapter
from hearthline_gateway.ble.problems import (
    AdapterMissingError,
    adapter_problem,
    is_link_failure,
    meter_problem,
    stale_bond_problem,
)
from hearthline_gateway.ble.session import Session, SessionSettings
from hearthline_gateway.ble.sharing import Sharing
from hearthline_gateway.ble.stale_bond import BondMender, Staleness, staleness
from hearthline_gateway.ble.station import BLUETOOTH_ERRORS, Station
from hearthline_gateway.ble.unasked import Unasked
from hearthline_gateway.frame import FrameSink, RecordMemory
from hearthline_gateway.radio import RadioError
from hearthline_protocol.messages import AdapterStatus, MeterStatus

log = structlog.get_logger(__name__)

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 30.0
_DRAIN_LIMIT_S: Final = 5.0
_START_S: Final = 10.0
"""How long who asks for the air while Bluetooth starts waits for it: that takes a second on a small machine."""
_STILL_STARTS: Final = (
    "Bluetooth is starting and does not finish: try again in a minute; if it stays so, run 'hearthline-gateway doctor'"
)
_LET_GO_S: Final = 60.0
"""How long a technician waits for the air: a connection being made takes up to 15 s, its end up to 12 s."""
_METER_ERRORS: Final = (*BLUETOOTH_ERRORS, MeterError)


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """The Bluetooth side as it is now. ``adapter`` is its state in words, with the next step where it is wrong."""

    adapter: str
    adapters: tuple[AdapterStatus, ...]
    meters: tuple[MeterStatus, ...]


class Collector:
    """Scans for the listed meters, connects to each that shows up, and delivers what it says.

    ``adapters`` are the names of those to use, such as ``hci0``; without any the first one that is switched on. Through
    each, ``max_connections`` meters may be connected at once; they are connected one after the other. A meter that does
    not hang up by itself is left ``idle_s`` after its last value, unless there is a connection for every meter: then
    each is kept for as long as it stays. ``mend_bonds`` lets a stale bond be renewed where that needs nobody.
    ``clock_synchronised`` tells whether this machine's clock may be trusted; without it no meter's clock is set.
    ``memory`` knows which stored records are durable already; without it a meter with numbered records is asked for all
    of them every time. An error with one meter never stops the others, nor does one with an adapter.
    """

    def __init__(
        self,
        meters: Sequence[ConfiguredMeter],
        sink: FrameSink,
        *,
        adapters: Sequence[str] = (),
        max_connections: int = 1,
        mend_bonds: bool = True,
        idle_s: float = 10.0,
        home_zone: tzinfo | None = None,
        clock_synchronised: Callable[[], bool] = lambda: False,
        memory: RecordMemory | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        if max_connections < 1:
            raise ValueError("at least one connection is needed")
        self._adapters = tuple(adapters)
        self._max_connections = max_connections
        self._patience = patience
        self._states: dict[str, MeterState] = {}
        self._agent = PairingAgent({})
        self._delivery = Delivery(sink)
        self._scales: dict[str, AdvertisedScale] = {}
        self._hearings: dict[str, tuple[Hearing, Session]] = {}
        self._leaving: dict[str, MeterState] = {}
        self._mender = BondMender(allowed=mend_bonds)
        self._stations: dict[str, Station] = {}
        self._sharing = Sharing(self._stations, self._mender.may_pair_anew)
        self._bluez: BluezClient | None = None
        self._trouble: str | None = "not started"
        self._begun = asyncio.Event()
        self._resettle = asyncio.Event()
        self._relisted = asyncio.Event()
        zone = home_zone if home_zone is not None else datetime.now(UTC).astimezone().tzinfo or UTC
        self._settings = SessionSettings(zone, now, clock_synchronised, idle_s, memory)
        self._unasked = Unasked(self._delivery, now)
        self.set_meters(meters)

    def status(self) -> CollectorStatus:
        """Adapters and meters as they are now."""
        return CollectorStatus(
            self._delivery.problem or self._trouble or self._words(),
            tuple(station.status() for station in self._stations.values()),
            tuple(self._meter_status(state) for state in self._states.values()),
        )

    @property
    def listed(self) -> dict[str, ConfiguredMeter]:
        """The meters to read, by address."""
        return {address: state.meter for address, state in self._states.items()}

    def set_meters(self, meters: Iterable[ConfiguredMeter]) -> None:
        """Read these from now on. A connection under way goes on to its end, that of a meter taken off the list
        included; what is known of a meter that stays is kept."""
        wanted = {meter.address: meter for meter in meters}
        for address in self._states.keys() - wanted.keys():
            state = self._states.pop(address)
            if state.busy:
                self._leaving[address] = state
        for address, meter in wanted.items():
            if address not in self._states:
                left = self._leaving.pop(address, None)
                self._states[address] = MeterState(meter) if left is None else left
            self._states[address].meter = meter
        self._agent.list_meters({meter.address: meter.passkey for meter in wanted.values() if meter.model.pair})
        self._relisted.set()
        for station in self._stations.values():
            station.interrupt()

    def collect_now(self, address: str | None) -> int:
        """Forget the pauses of one meter or all; returns how many meters that concerns."""
        concerned = [state for known, state in self._states.items() if address in (None, known)]
        for state in concerned:
            state.hurry()
        for station in self._stations.values():
            station.wake()
        return len(concerned)

    @asynccontextmanager
    async def air(self, leave: str | None = None) -> AsyncIterator[Air]:
        """Every working adapter, with collecting at rest: nothing scans, no link is being made. Connections that exist
        go on, but for the one to the meter ``leave``, which is ended. Waits while Bluetooth starts. Raises
        :class:`RadioError`."""
        await self._started()
        bluez, stations = self._bluez, [station for station in self._stations.values() if station.up]
        if bluez is None or not stations:
            raise RadioError(f"Bluetooth cannot be used now: {self._trouble or self._words()}")
        async with AsyncExitStack() as stack:
            try:
                for station in stations:
                    await stack.enter_async_context(station.air.alone(_LET_GO_S))
            except TimeoutError as error:
                raise RadioError("a meter is being connected and does not finish: try again in a minute") from error
            if leave is not None:
                for station in stations:
                    await station.leave(leave)
            try:
                yield Air(bluez, tuple(station.adapter for station in stations))
            finally:
                self._relisted.set()  # what was done may have made or removed a bond

    async def run(self) -> None:
        """Collect until cancelled; then every meter is disconnected and everything heard is delivered."""
        delivering = asyncio.create_task(self._delivery.run(), name="frame delivery")
        pause = _FIRST_RETRY_S
        try:
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    await self._collect()
                except (*BLUETOOTH_ERRORS, AdapterMissingError) as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():  # stopping failed: we are to end all the same
                        raise asyncio.CancelledError from error
                    self._trouble = adapter_problem(error)
                    self._begun.set()
                    log.warning("bluetooth_unavailable", why=self._trouble, retry_s=pause)
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
            self._trouble = "stopped"

    async def _collect(self) -> None:
        """Until daemon or bus go away, or another adapter is the one to use."""
        bluez = await BluezClient.open(self._agent, self)
        tasks: list[asyncio.Task[object]] = []
        try:
            self._resettle.clear()
            await self._settle(bluez)
            self._bluez, self._trouble = bluez, None
            self._begun.set()
            tasks += [
                asyncio.create_task(station.run(bluez), name=f"bluetooth {station.adapter}")
                for station in self._stations.values()
            ]
            tasks.append(asyncio.create_task(self._follow_list(bluez), name="bluetooth meters"))
            tasks.append(asyncio.create_task(bluez.disturbed.wait(), name="bluetooth daemon"))
            tasks.append(asyncio.create_task(self._resettle.wait(), name="bluetooth adapters"))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._trouble = "went away: waiting for it to come back"
            for task in done:
                task.result()
        finally:
            self._bluez = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await bluez.close()

    async def _started(self) -> None:
        """Return once it is known what can be used. A gateway answers its broker before its adapters are up, and a
        technician who asks then is not to be turned away. Raises :class:`RadioError` where that takes too long."""
        try:
            async with asyncio.timeout(_START_S):
                await self._begun.wait()
                if self._bluez is not None:
                    for station in tuple(self._stations.values()):
                        await station.looked_at()
        except TimeoutError as error:
            raise RadioError(_STILL_STARTS) from error

    async def _settle(self, bluez: BluezClient) -> None:
        """Find the adapters to use, and the bonds they hold."""
        names = self._adapters or (await first_adapter(bluez),)
        for name in [name for name in self._stations if name not in names]:
            del self._stations[name]
        for name in names:
            if name not in self._stations:
                self._stations[name] = Station(
                    name,
                    self._states,
                    self._sharing,
                    self._attend,
                    self._on_advertised,
                    slots=self._max_connections,
                    now=self._settings.now,
                    patience=self._patience,
                )
        await self._learn_bonds(bluez)

    async def _learn_bonds(self, bluez: BluezClient) -> None:
        devices = await bluez.known_devices()
        for address, state in self._states.items():
            state.bonds = {known.adapter for known in devices if known.paired and known.address == address}

    async def _follow_list(self, bluez: BluezClient) -> None:
        """bluetoothd has to hear what the agent can do for another list of meters."""
        while True:
            await self._relisted.wait()
            self._relisted.clear()
            await self._learn_bonds(bluez)
            await bluez.offer_agent()

    async def _attend(
        self, station: Station, state: MeterState, device: BLEDevice, radio_free: Callable[[], None]
    ) -> None:
        """One connection."""
        address, bluez = state.meter.address, self._bluez
        if bluez is None:
            return
        clock = asyncio.get_running_loop().time
        linked = False

        def on_link() -> None:
            nonlocal linked
            linked = True
            station.health.linked(clock())
            radio_free()

        state.paired = station.adapter in state.bonds
        hearing = Hearing(state.meter, self._delivery.frame, self._settings.now)
        session = Session(state, device, bluez, hearing, replace(self._settings, idle_s=self._patience_with_idle()))
        try:
            self._unasked.ended(address)
            self._hearings[address] = hearing, session
            await session.run(nullcontext(), on_link)
            state.succeeded(clock())
        except _METER_ERRORS as error:
            if hearing.frames and session.hung_up:  # it said what it had and did not wait for our last question
                state.succeeded(clock())
                return
            if not linked and is_link_failure(error):
                station.health.link_failed(address)
            problem = await self._problem(bluez, state, device.details["path"], error)
            pause = state.failed(clock(), problem, self._settings.now())
            log.warning("meter_failed", meter=address, error=str(error), problem=problem, retry_s=pause)
        except Exception as error:  # a library's bug with one meter must not stop the others
            problem = meter_problem(error, state.meter.model, paired=state.paired)
            state.failed(clock(), problem, self._settings.now())
            log.exception("meter_failed_unexpectedly", meter=address)
        finally:
            log.info("meter_left", meter=address, adapter=station.adapter, frames=hearing.frames)
            self._hearings.pop(address, None)
            self._leaving.pop(address, None)
            if state.paired:
                state.bonds.add(station.adapter)
            else:
                state.bonds.discard(station.adapter)
            self._delivery.ended(address)

    async def _problem(self, bluez: BluezClient, state: MeterState, path: str, error: BaseException) -> str:
        """What went wrong with the meter, in words; a stale bond is mended on the way, where it may be."""
        model, now = state.meter.model, asyncio.get_running_loop().time()
        sign = staleness(error, paired=state.paired)
        if sign is Staleness.NO:
            return meter_problem(error, model, paired=state.paired, mended=state.mended_at is not None)
        against = self._mender.reason_against(state, sign, now)
        if against is None:
            try:
                await bluez.remove_device(path)
            except DBusError as refused:
                against = f"its bond could not be removed ({refused})"
            else:
                self._mender.mended(state, adapter_of(path), now)
                log.warning("stale_bond_removed", meter=state.meter.address)
                return "The meter had forgotten this gateway. Its bond was removed; it is paired anew when next heard."
        return stale_bond_problem(model, against, certain=sign is Staleness.CERTAIN)

    def _patience_with_idle(self) -> float | None:
        """How long an idle meter is kept; None, for ever, where there is room for all."""
        room = self._max_connections * len(self._stations)
        return None if self._max_connections > 1 and room >= len(self._states) else self._settings.idle_s

    def _meter_status(self, state: MeterState) -> MeterStatus:
        stranded = self._sharing.stranded(state) if self._bluez is not None else frozenset()
        if not stranded or state.problem is not None:
            return state.status()
        where = " and ".join(sorted(stranded))
        problem = f"Its bond is on {where}, which does not work. Mend that adapter, or pair the meter again."
        return state.status().model_copy(update={"problem": problem})

    def _words(self) -> str:
        words = {station.adapter: station.words for station in self._stations.values()}
        if len(set(words.values())) == 1:
            return next(iter(words.values()))
        return "; ".join(f"{name}: {text}" for name, text in words.items())

    def _on_advertised(self, state: MeterState, service_data: Mapping[str, bytes]) -> None:
        address = state.meter.address
        if address not in self._scales:
            self._scales[address] = AdvertisedScale(state.meter, self._settings.now)
        frame = self._scales[address].heard(service_data)
        if frame is not None:
            state.last_reading, state.problem = frame.received_time, None
            self._delivery.frame(frame)
            self._delivery.ended(frame.sensor)

    def on_early_value(self, address: str, characteristic: str, payload: bytes) -> None:
        """Called by the bus: a value that our early listener heard."""
        found = self._hearings.get(address)
        if found is not None:
            hearing, session = found
            hearing.hear(characteristic, payload)
            session.value_heard(characteristic, payload)
            return
        state = self._states.get(address)
        if state is None:
            log.warning("value_of_unlisted_meter", meter=address, characteristic=characteristic)
            return
        self._unasked.heard(state, characteristic, payload)

    def on_battery(self, address: str, percent: int) -> None:
        """Called by the bus: a meter's battery."""
        state = self._states.get(address)
        if state is not None:
            state.battery_percent = min(percent, 100)

    def on_adapter(self, adapter: str, *, moved: bool) -> None:
        """Called by the bus: an adapter came or went (``moved``), or was switched on or off."""
        station = self._stations.get(adapter)
        if moved and not self._adapters:
            self._resettle.set()
        elif station is not None:
            station.changed()
