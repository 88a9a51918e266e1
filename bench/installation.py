"""The whole chain on loopback: broker, backend, simulated home and gateway as processes, and a sink for webhooks."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final, Self

from bench.cuffs import BenchCuff, HeldOpenHome
from bench.patients import GATEWAY, write_patients
from hearthline_backend.settings import READINGS_FILE, RECORDS_FILE
from hearthline_gateway.outbox import FILE_NAME as OUTBOX_FILE
from hearthline_simulator.demo import gateway_home
from hearthline_simulator.demo.backend_service import Backend, data_folder
from hearthline_simulator.demo.broker import DemoBroker
from hearthline_simulator.demo.commands import command
from hearthline_simulator.demo.ports import free_port
from hearthline_simulator.demo.processes import Child, ChildError
from hearthline_simulator.demo.sinks import Deliveries, mail_sink, webhook_sink
from hearthline_simulator.private_bus import private_bus

_PORT_TRIES: Final = 3
_STOP_ORDER: Final = (("gateway", "backend", "simulated home"), ("broker",))


class Installation:
    """Everything in one folder. :meth:`start` starts it, leaving the ``async with`` block ends every part of it."""

    def __init__(self, folder: Path, cuffs: Sequence[BenchCuff]) -> None:
        self.folder, self.cuffs = folder, cuffs
        self.outbox_file = gateway_home.outbox_folder(folder) / OUTBOX_FILE
        self.readings_file = data_folder(folder) / READINGS_FILE
        self.records_file = data_folder(folder) / RECORDS_FILE
        self.deliveries = Deliveries()
        self.home: HeldOpenHome
        self.gateway: Child
        self.backend: Child
        self._bus = ""
        self._children: list[Child] = []
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            for names in _STOP_ORDER:
                await asyncio.gather(*(child.stop() for child in self._children if child.name in names))
        finally:
            await self._exit.aclose()

    async def start(self) -> None:
        """Everything but the gateway, ready to work. Raises :class:`ChildError`."""
        broker = DemoBroker(self.folder)
        self._children.append(broker.child)
        await broker.start()
        self.access = broker.access
        self._bus = await self._exit.enter_async_context(private_bus())
        self.home = HeldOpenHome(self.folder, self._bus, self.cuffs)
        self._children.append(self.home.child)
        self._exit.push_async_callback(self.home.stop)
        await asyncio.gather(self.home.start(), self._start_backend())

    async def start_gateway(self) -> None:
        """The gateway begins to connect; it may hold every cuff at once."""
        config = self.folder / "gateway.toml"
        meters = [cuff.meter for cuff in self.cuffs]
        text = gateway_home.configuration(GATEWAY, gateway_home.outbox_folder(self.folder), self.access, meters)
        config.write_text(f"{text}\n[bluetooth]\nmax_connections = {len(meters)}\n")
        self.gateway = Child(
            "gateway",
            command("hearthline-gateway", "run", "--config", str(config)),
            log=self.folder / "gateway.log",
            environment={"DBUS_SYSTEM_BUS_ADDRESS": self._bus},
        )
        self._children.append(self.gateway)
        await self.gateway.start()

    def check(self) -> None:
        """Raises :class:`ChildError` where a process has ended that nobody ended."""
        for child in self._children:
            if child.lost:
                raise child.loss()

    def kill_now(self) -> None:
        """End everything at once, without manners."""
        for child in self._children:
            if child.running:
                with suppress(ProcessLookupError):
                    child.process.kill()

    async def _start_backend(self) -> None:
        secret = secrets.token_urlsafe(24)
        webhook = await self._exit.enter_async_context(webhook_sink(self.deliveries, secret))
        smtp_port = await self._exit.enter_async_context(mail_sink(self.deliveries))
        await write_patients(data_folder(self.folder), self.cuffs, webhook, secret)
        for tries_left in reversed(range(_PORT_TRIES)):
            backend = Backend(self.folder, free_port(), smtp_port, self.access)
            self._children.append(backend.child)
            try:
                await backend.start()
            except ChildError as error:
                if not tries_left or "is taken" not in error.tail:  # by somebody else, between our look and its bind
                    raise
                self._children.remove(backend.child)
            else:
                self.backend = backend.child
                return
