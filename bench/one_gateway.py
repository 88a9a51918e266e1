"""One gateway alone: the real process, simulated meters behind a simulated ``org.bluez``, a real broker, and a backend
that answers every batch at once."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bench.receipting import ReceiptingBackend
from bench.rounds import BenchError
from bench.wire import WireTap
from hearthline_gateway.control.client import command as control_command
from hearthline_gateway.control.client import talking
from hearthline_gateway.control.place import FILE_NAME as CONTROL_SOCKET
from hearthline_protocol.commands import Collect
from hearthline_simulator.demo.broker import DemoBroker
from hearthline_simulator.demo.commands import command
from hearthline_simulator.demo.home_link import Event, HomeLink
from hearthline_simulator.demo.processes import Child
from hearthline_simulator.private_bus import private_bus

GATEWAY: Final = "bench-0001"
_POLL_S: Final = 0.05
_CONNECTED_WITHIN_S: Final = 30.0
_WARM_UP_S: Final = 60.0
_COMPILED: Final[Mapping[str, str]] = {"PYTHONDONTWRITEBYTECODE": ""}
"""An installed gateway finds its modules compiled; one that compiles them first needs a fifth more memory for it."""


@dataclass(frozen=True, slots=True)
class BenchMeter:
    """A simulated meter: its name in the home, profile, address and model, and whether its connection stays open."""

    name: str
    profile: str
    address: str
    model: str
    held_open: bool = False

    def option(self) -> dict[str, Any]:
        """As the simulated home wants it."""
        return {"name": self.name, "profile": self.profile, "address": self.address, "held_open": self.held_open}


@dataclass(slots=True)
class _Heard:
    """What the meters' side said, by name of the meter."""

    indicated: dict[str, list[Event]] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)


class OneGateway:
    """Everything is started on entering the ``async with`` block and ended on leaving it."""

    def __init__(self, folder: Path, meters: Sequence[BenchMeter]) -> None:
        self.folder, self.meters = folder, tuple(meters)
        self.heard = _Heard()
        self._exit = AsyncExitStack()
        self._children: list[Child] = []
        self.home: HomeLink
        self.gateway: Child
        self.tap: WireTap
        self.backend: ReceiptingBackend

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        for child in reversed(self._children):
            await child.stop()
        await self._exit.aclose()

    async def _start(self) -> None:
        broker = DemoBroker(self.folder)
        self._children.append(broker.child)
        await broker.start()
        self.tap = await self._exit.enter_async_context(WireTap(broker.port))
        self.backend = await self._exit.enter_async_context(ReceiptingBackend(broker.port))
        bus = await self._exit.enter_async_context(private_bus())
        self.home = _BenchHome(self.folder, bus, self.meters, self._hear)
        self._children.append(self.home.child)
        self._exit.push_async_callback(self.home.stop)
        await self.home.start()
        await self._start_gateway(bus)

    async def _start_gateway(self, bus: str) -> None:
        await _compile()
        config = self.folder / "gateway.toml"
        config.write_text(self._configuration())
        self.gateway = Child(
            "gateway",
            command("hearthline-gateway", "run", "--config", str(config)),
            log=self.folder / "gateway.log",
            environment={"DBUS_SYSTEM_BUS_ADDRESS": bus, **_COMPILED},
        )
        self._children.append(self.gateway)
        await self.gateway.start()
        await self.until(lambda: self.backend.statuses > 0, _CONNECTED_WITHIN_S, "the gateway's first status")

    def _configuration(self) -> str:
        held = sum(meter.held_open for meter in self.meters)
        lines = [
            f'[gateway]\nname = "{GATEWAY}"\ntime_zone = "Europe/Madrid"\ndata_dir = "{self.folder / "gateway"}"',
            f'trust_clock = true\n[mqtt]\nurl = "mqtt://127.0.0.1:{self.tap.port}"',
            f"[bluetooth]\nmax_connections = {max(1, held)}",
        ]
        lines += [f'[[meters]]\naddress = "{meter.address}"\nmodel = "{meter.model}"' for meter in self.meters]
        return "\n".join(lines) + "\n"

    @property
    def control_socket(self) -> Path:
        """By which the gateway is told what to do."""
        return self.folder / "gateway" / CONTROL_SOCKET

    async def collect(self) -> None:
        """End the pause in which the gateway leaves a meter alone that hung up."""
        async with talking(self.control_socket) as gateway:
            async for _ in gateway.do(control_command(Collect())):
                pass

    async def until(self, done: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for it. Raises :class:`BenchError` when it does not come, ``ChildError`` when a process ends."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not done():
            for child in self._children:
                if child.lost:
                    raise child.loss()
            if asyncio.get_running_loop().time() > deadline:
                raise BenchError(
                    f"not within {within_s:.0f} s: {what}\nThe end of the log of the gateway:\n{self.gateway.tail()}"
                )
            await asyncio.sleep(_POLL_S)

    def _hear(self, event: Event) -> None:
        match event["event"]:
            case "indicated":
                self.heard.indicated.setdefault(event["meter"], []).append(event)
            case "subscribed":
                self.heard.subscribed.add(event["meter"])
            case _:
                pass


class _BenchHome(HomeLink):
    def __init__(self, folder: Path, bus: str, meters: Sequence[BenchMeter], told: Callable[[Event], None]) -> None:
        super().__init__(folder, bus, ())
        options = {"bus": bus, "home_zone": "Europe/Madrid", "meters": [meter.option() for meter in meters]}
        (folder / "simulated-home.json").write_text(json.dumps(options))
        self.told = told


async def _compile() -> None:
    """Have the gateway's modules compiled, as pip leaves them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import hearthline_gateway.app", env={**os.environ, **_COMPILED}
    )
    async with asyncio.timeout(_WARM_UP_S):
        await process.wait()
