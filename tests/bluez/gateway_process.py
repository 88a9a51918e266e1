"""The gateway as it is installed: the command with a settings file, killed and started at will."""

import asyncio
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hearthline_gateway.cli import main
from hearthline_simulator.meters.spec import MeterSpec

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_NOBODY: Final = "mqtt://127.0.0.1:9"
"""The port of the discard service, where nothing listens: the outbox keeps what it has."""
_SETTINGS: Final = f"""
[gateway]
name = "home-1"
time_zone = "UTC"
data_dir = "data"
trust_clock = true

[mqtt]
url = "{_NOBODY}"

"""


_PROCESSES: Final = get_context("forkserver")
"""Imports take an emulated processor ten seconds; a server that has done them forks each gateway from itself."""


class GatewayProcess:
    """``hearthline-gateway run`` in ``folder``. Its log goes where the test's output goes."""

    def __init__(self, folder: Path, meters: Sequence[tuple[MeterSpec, str]]) -> None:
        self._config = folder / "gateway.toml"
        self.outbox = folder / "data" / "outbox.sqlite3"
        listed = "".join(f'[[meters]]\naddress = "{spec.address}"\nmodel = "{model}"\n' for spec, model in meters)
        self._config.write_text(_SETTINGS + listed, encoding="utf-8")
        self._process: BaseProcess | None = None
        _PROCESSES.set_forkserver_preload(["hearthline_gateway.app", "hearthline_gateway.cli", __name__])

    async def start(self) -> None:
        """Start it, anew or for the first time."""
        self._process = _PROCESSES.Process(target=_gateway, args=(str(self._config),))
        await asyncio.to_thread(self._process.start)  # the air must not stand still while the server imports

    async def kill(self) -> None:
        """``kill -9``; it must not have ended by itself before."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.exitcode is None, f"the gateway ended by itself with {process.exitcode}"
        process.kill()
        await asyncio.to_thread(process.join)


def _gateway(config: str) -> None:
    sys.argv = ["hearthline-gateway", "run", "--config", config]
    main()
