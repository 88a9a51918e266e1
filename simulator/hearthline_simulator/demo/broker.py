"""The demo's broker: mosquitto as a child process with a generated configuration. It runs without root as well."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from hearthline_simulator.demo.ports import LOOPBACK, free_port
from hearthline_simulator.demo.processes import Child, ChildError

URL_VARIABLE: Final = "HEARTHLINE_MQTT_URL"
PROGRAM_VARIABLE: Final = "HEARTHLINE_MOSQUITTO"
QUEUED_BYTES: Final = 64 * 1024 * 1024
PACKET_BYTES: Final = 1024 * 1024
READY_WITHIN_S: Final = 10.0
_UNPACKED: Final = Path(__file__).parents[3] / ".tools"
_SYSTEM: Final = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


class BrokerMissingError(Exception):
    """mosquitto is not installed."""


def find_program() -> str:
    """Where mosquitto is: named by HEARTHLINE_MOSQUITTO, on the path, in a system folder, or unpacked into .tools."""
    named = os.environ.get(PROGRAM_VARIABLE)
    places = f"{os.environ.get('PATH', '')}:{_SYSTEM}:{_UNPACKED / 'usr/sbin'}"
    found = named or shutil.which("mosquitto", path=places)
    if found is None or not os.access(found, os.X_OK):
        raise BrokerMissingError(
            f"mosquitto was not found{f' at {named}' if named else ''}. Run `make setup`, install the package "
            f"mosquitto, or name the program in {PROGRAM_VARIABLE}."
        )
    return found


def libraries(program: str) -> Mapping[str, str]:
    """The environment an unpacked mosquitto needs to find the libraries unpacked beside it."""
    root = Path(program).resolve().parents[2]
    folders = [str(folder) for base in ("usr/lib", "lib") for folder in sorted((root / base).glob("*-linux-*"))]
    if root == Path("/") or not folders:
        return {}
    return {"LD_LIBRARY_PATH": ":".join([*folders, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])}


def configuration(port: int) -> str:
    """What Hearthline asks of a broker: nothing queued without bound, nothing dropped silently, no Nagle delay."""
    as_root = ("user root",) if os.geteuid() == 0 else ()  # else it would become a user who cannot read the folder
    lines = (
        *as_root,
        "persistence false",
        "max_inflight_messages 1000",
        "max_queued_messages 0",
        f"max_queued_bytes {QUEUED_BYTES}",
        f"max_packet_size {PACKET_BYTES}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        f"listener {port} {LOOPBACK}",
        "allow_anonymous true",
    )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """How to reach a broker: its address without credentials, and those where it wants them."""

    url: str
    username: str | None = None
    password_file: Path | None = None


def given_broker(folder: Path) -> BrokerAccess | None:
    """The broker that HEARTHLINE_MQTT_URL names; None where it is not set. A password in it moves into a file."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return None
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if parts.password is None:
        return BrokerAccess(bare, parts.username)
    password_file = folder / "mqtt-password"
    password_file.touch(mode=0o600)
    password_file.write_text(unquote(parts.password) + "\n")
    return BrokerAccess(bare, unquote(parts.username or ""), password_file)


class DemoBroker:
    """One mosquitto on a free loopback port; started again, it takes the same port and remembers nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self._config = folder / "mosquitto.conf"
        program = find_program()
        self.child = Child(
            "broker",
            (program, "-c", str(self._config)),
            log=folder / "broker.log",
            environment=libraries(program),
        )

    @property
    def access(self) -> BrokerAccess:
        """Its address for the gateway and the backend."""
        return BrokerAccess(f"mqtt://{LOOPBACK}:{self.port}")

    async def start(self) -> None:
        """Returns when connections are taken."""
        if self.port:
            await self._start_on(self.port)
            return
        for last in (False, False, False, True):  # another process may take the port between our look and the bind
            try:
                await self._start_on(free_port())
            except ChildError as error:
                if last or "in use" not in error.tail:
                    raise
            else:
                return

    async def _start_on(self, port: int) -> None:
        self._config.write_text(configuration(port))
        await self.child.start()
        await self.child.ready(lambda: listens(port), READY_WITHIN_S)
        self.port = port


async def listens(port: int) -> bool:
    """Whether somebody takes connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return False
    return True
