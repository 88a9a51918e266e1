"""Everything the demo and its check consist of: sinks, broker, backend, bus, simulated home, gateway."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final, Self

from hearthline_simulator.demo.backend_service import Backend, data_folder
from hearthline_simulator.demo.broker import BrokerAccess, BrokerMissingError, DemoBroker
from hearthline_simulator.demo.cable import Cable, cable_to
from hearthline_simulator.demo.gateway_home import gateway_child
from hearthline_simulator.demo.home_link import HomeLink
from hearthline_simulator.demo.ports import LOOPBACK, NoFreePortError, free_port
from hearthline_simulator.demo.processes import Child, ChildError
from hearthline_simulator.demo.sinks import Deliveries, mail_sink, webhook_sink
from hearthline_simulator.demo.subscriber import Subscriber, subscribed
from hearthline_simulator.private_bus import PrivateBusError, private_bus
from hearthline_simulator.ward.meters import meters_of
from hearthline_simulator.ward.profiles import ASTRID
from hearthline_simulator.ward.staff import Reach, Staff

MAIL_DOMAIN: Final = "demo.example"
_STOP_ORDER: Final = (("gateway", "backend"), ("simulated home", "broker"))
_WATCH_EVERY_S: Final = 0.1
_PORT_TRIES: Final = 3

WriteWard = Callable[[Path, Reach], Awaitable[Staff]]
"""Fills the backend's folder before the backend starts."""


class Stack:
    """The whole chain. :meth:`start` starts it, leaving the ``async with`` block ends every part of it.

    ``choose_port`` names a port for the web; ``given`` is a broker to use instead of one of our own. ``spare`` puts a
    meter into the home that the gateway does not read yet; ``pluggable`` lays a cable between gateway and broker that
    can be unplugged.
    """

    def __init__(
        self,
        folder: Path,
        write_ward: WriteWard,
        choose_port: Callable[[], int],
        given: BrokerAccess | None,
        *,
        spare: bool = False,
        pluggable: bool = False,
    ) -> None:
        self.folder = folder
        self._spare, self._pluggable = spare, pluggable
        self._write_ward, self._choose_port, self._given = write_ward, choose_port, given
        self._exit = AsyncExitStack()
        self._first_process = time.monotonic()
        self._reach: Reach | None = None
        self._smtp_port = 0
        self.bus = ""
        self.cable: Cable | None = None
        self.access = BrokerAccess(f"mqtt://{LOOPBACK}:{free_port()}")
        self.deliveries = Deliveries()
        self.broker: DemoBroker | None = None
        self.backend: Backend | None = None
        self.gateway: Child | None = None
        self.home: HomeLink | None = None
        self.staff: Staff | None = None
        self.broken: dict[str, Exception] = {}
        """Parts that could not be started, by name, and why."""

    async def __aenter__(self) -> Self:
        await self._exit.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stop()
        finally:
            await self._exit.aclose()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first process was started."""
        return time.monotonic() - self._first_process

    @property
    def children(self) -> list[Child]:
        """Every process there is."""
        parts = (self.broker, self.backend, self.home)
        return [part.child for part in parts if part is not None] + ([self.gateway] if self.gateway else [])

    def child(self, name: str) -> Child | None:
        """The process of that part, if there is one."""
        return next((child for child in self.children if child.name == name), None)

    async def start(self) -> None:
        """Start every part, side by side where they do not need each other. What fails stands in :attr:`broken`."""
        secret = secrets.token_urlsafe(24)
        self._smtp_port = await self._exit.enter_async_context(mail_sink(self.deliveries))
        webhook = await self._exit.enter_async_context(webhook_sink(self.deliveries, secret))
        self._reach = Reach(MAIL_DOMAIN, webhook, secret)
        self._first_process = time.monotonic()
        await self._part("broker", self._start_broker())
        await asyncio.gather(self._start_service(), self._start_place())

    def why_broken(self, part: str) -> str:
        """Why that part could not be started, in words."""
        error = self.broken[part]
        known = isinstance(error, ChildError | BrokerMissingError | NoFreePortError | PrivateBusError)
        return str(error) if known else f"{part}: {type(error).__name__}: {error}"

    async def listen(self) -> Subscriber:
        """An ear of our own on the broker, for as long as the stack lives."""
        return await self._exit.enter_async_context(subscribed(self.access))

    async def casualty(self) -> ChildError:
        """Returns when a process has ended that nobody ended, with what there is to say about it. One that asks to be
        started again is."""
        while True:
            for child in self.children:
                if child.asks_for_restart:
                    await child.start()
                elif child.lost:
                    return child.loss()
            await asyncio.sleep(_WATCH_EVERY_S)

    def kill_now(self) -> None:
        """End everything at once, without manners."""
        for child in self.children:
            if child.running:
                with suppress(ProcessLookupError):
                    child.process.kill()

    async def _start_broker(self) -> None:
        if self._given is not None:
            self.access = self._given
            return
        self.broker = DemoBroker(self.folder)
        await self.broker.start()
        self.access = self.broker.access

    async def _start_service(self) -> None:
        await self._part("backend", self._start_backend())

    async def _start_backend(self) -> None:
        if self._reach is None:
            raise RuntimeError("the sinks come first")
        self.staff = await self._write_ward(data_folder(self.folder), self._reach)
        for tries_left in reversed(range(_PORT_TRIES)):
            self.backend = Backend(self.folder, self._choose_port(), self._smtp_port, self.access)
            try:
                await self.backend.start()
            except ChildError as error:
                if not tries_left or "is taken" not in error.tail:  # by another demo, between our look and its bind
                    raise
            else:
                return

    async def _start_place(self) -> None:
        """The home: its bus, its meters, its gateway."""
        if not await self._part("simulated home", self._start_home()):
            return
        access = await self._over_a_cable() if self._pluggable else self.access
        self.gateway = gateway_child(self.folder, self.bus, ASTRID.gateway, access, meters_of(ASTRID))
        await self._part("gateway", self.gateway.start())

    async def _over_a_cable(self) -> BrokerAccess:
        if self.broker is None:
            return self.access
        self.cable = await self._exit.enter_async_context(cable_to(self.broker.port))
        return BrokerAccess(f"mqtt://{LOOPBACK}:{self.cable.port}")

    async def _start_home(self) -> None:
        self.bus = await self._exit.enter_async_context(private_bus())
        self.home = HomeLink(self.folder, self.bus, meters_of(ASTRID), spare=self._spare)
        await self.home.start()

    async def _part(self, name: str, starting: Coroutine[Any, Any, None]) -> bool:
        try:
            await starting
        except Exception as error:  # noqa: BLE001  # whatever stops a part is the answer to why its hop failed
            self.broken[name] = error
            return False
        return True

    async def _stop(self) -> None:
        for names in _STOP_ORDER:
            await asyncio.gather(*(child.stop() for child in self.children if child.name in names))
        if self.home is not None:
            await self.home.stop()
