"""What systemd is told: that the gateway is ready, what it does, and that it is still alive.

The protocol is a datagram of ``NAME=value`` lines to the socket that ``NOTIFY_SOCKET`` names (sd_notify(3)). Without
the variable nobody listens, and nothing is sent.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

log = structlog.get_logger(__name__)

_MICROSECONDS: Final = 1_000_000


_SAY_EVERY_S: Final = 2.0


class ServiceManager:
    """The one who started us, if it wants to hear of us. ``environment`` is the process's."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET")
        for_us = environment.get("WATCHDOG_PID") in (None, str(os.getpid()))
        allowed = int(environment.get("WATCHDOG_USEC", "0")) if for_us else 0
        self.watchdog_s: float | None = allowed / _MICROSECONDS if allowed else None
        """How long we may be silent before we are killed and started again; None: for ever."""

    def ready(self, doing: str) -> None:
        """Everything is started; ``doing`` is shown by ``systemctl status``."""
        self._say("READY=1", f"STATUS={doing}")

    def doing(self, words: str) -> None:
        """What ``systemctl status`` shows."""
        self._say(f"STATUS={words}")

    def stopping(self) -> None:
        """We have begun to end."""
        self._say("STOPPING=1")

    async def run(self, words: Callable[[], str], alive: Callable[[], Awaitable[None]]) -> None:
        """Ready now; then, until cancelled, ``words`` for what is done and :meth:`keep_alive`."""
        self.ready(words())
        parts = [asyncio.create_task(self._keep_saying(words)), asyncio.create_task(self.keep_alive(alive))]
        try:
            await asyncio.gather(*parts)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _keep_saying(self, words: Callable[[], str]) -> None:
        said = ""
        while True:
            if (now := words()) != said:
                self.doing(now)
            said = now
            await asyncio.sleep(_SAY_EVERY_S)

    async def keep_alive(self, alive: Callable[[], Awaitable[None]]) -> None:
        """Say "alive" three times within the time allowed, each time after ``alive`` has come back: a gateway whose
        outbox no longer answers is started again. Returns at once where nobody watches."""
        if self.watchdog_s is None:
            return
        while True:
            await alive()
            self._say("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 3)

    def _say(self, *lines: str) -> None:
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            log.warning("service_manager_not_told", reason=str(error))
