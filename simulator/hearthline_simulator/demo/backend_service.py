"""The real backend as a child process, set up by its environment alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp

from hearthline_simulator.demo.broker import BrokerAccess
from hearthline_simulator.demo.commands import command
from hearthline_simulator.demo.ports import LOOPBACK
from hearthline_simulator.demo.processes import Child

READY_WITHIN_S: Final = 30.0
SENDER: Final = "hearthline@demo.example"
_PROBE_WITHIN: Final = aiohttp.ClientTimeout(total=2)


def data_folder(folder: Path) -> Path:
    """Where the backend keeps its two files."""
    return folder / "backend"


def environment(folder: Path, port: int, smtp_port: int, broker: BrokerAccess) -> Mapping[str, str]:
    """Its settings."""
    settings = {
        "PROFILE": "demo",
        "DATA_DIR": str(data_folder(folder)),
        "HTTP_HOST": LOOPBACK,
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://{LOOPBACK}:{port}",
        "MQTT_URL": broker.url,
        "SMTP_HOST": LOOPBACK,
        "SMTP_PORT": str(smtp_port),
        "SMTP_FROM": SENDER,
    }
    if broker.username is not None:
        settings["MQTT_USERNAME"] = broker.username
    if broker.password_file is not None:
        settings["MQTT_PASSWORD_FILE"] = str(broker.password_file)
    return {f"HEARTHLINE_{name}": value for name, value in settings.items()}


class Backend:
    """`hearthline serve` on one port, started and, after a kill, started again."""

    def __init__(self, folder: Path, port: int, smtp_port: int, broker: BrokerAccess) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.child = Child(
            "backend",
            command("hearthline", "serve"),
            log=folder / "backend.log",
            environment=environment(folder, port, smtp_port, broker),
        )

    async def start(self) -> None:
        """Returns when it answers over HTTP."""
        await self.child.start()
        async with aiohttp.ClientSession(timeout=_PROBE_WITHIN) as session:
            await self.child.ready(lambda: self._answers(session), READY_WITHIN_S)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/login") as response:
                return response.status == 200
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False
