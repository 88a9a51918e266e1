"""One supervised child process: started, watched, held, killed, started again. Ended by its own id, never by a name."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hearthline_simulator.with_parent import dies_with_parent

POLL_S: Final = 0.02
STOP_WITHIN_S: Final = 5.0
TAIL_LINES: Final = 20
_TAIL_BYTES: Final = 16_384


class ChildError(Exception):
    """A child process did not do what it was started for. ``child`` names it, ``tail`` is the end of its log."""

    def __init__(self, child: str, reason: str, tail: str) -> None:
        self.child, self.reason, self.tail = child, reason, tail
        super().__init__(f"{child}: {reason}" + (f"\nThe end of its log:\n{tail}" if tail else ""))


class Child:
    """A process of the demo. It has a session of its own, so that Ctrl-C reaches only the demo, which ends it in order;
    and where the system offers it, the kernel kills it should the demo itself be killed.

    ``talks`` gives it pipes for standard input and output; standard error, and output otherwise, go to ``log``.
    ``restart_code`` is the exit code by which it asks to be started again.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        talks: bool = False,
        restart_code: int | None = None,
    ) -> None:
        self.name, self.command, self.log, self.talks = name, tuple(command), log, talks
        self._restart_code = restart_code
        self._environment = dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self.starts = 0

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running process."""
        if self._process is None:
            raise ChildError(self.name, "is not running", self.tail())
        return self._process

    @property
    def pid(self) -> int:
        """Its id, the only thing signals are sent to."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it; :meth:`ready` says when it can be used. Appends to its log."""
        pipe = asyncio.subprocess.PIPE
        with self.log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *dies_with_parent(),
                    *self.command,
                    stdin=pipe if self.talks else asyncio.subprocess.DEVNULL,
                    stdout=pipe if self.talks else log,
                    stderr=log,
                    env=_clean_environment() | self._environment,
                    start_new_session=True,
                    limit=2**20,
                )
            except OSError as error:
                raise ChildError(self.name, f"could not be started: {error}", "") from error
        self._wanted = True
        self.starts += 1

    async def ready(self, probe: Callable[[], Awaitable[bool]], within_s: float) -> None:
        """Wait until ``probe`` says yes; :class:`ChildError` when the process ends first or the time is over."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not await probe():
            if not self.running:
                raise ChildError(self.name, f"ended at its start ({self.ending()})", self.tail())
            if asyncio.get_running_loop().time() > deadline:
                raise ChildError(self.name, f"was not ready within {within_s:.0f} s", self.tail())
            await asyncio.sleep(POLL_S)

    async def hold(self) -> None:
        """SIGSTOP: from the moment this returns nothing of it runs, and its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)
        while not _is_held(self.pid):
            if not self.running:
                raise ChildError(self.name, f"ended while it was to be held ({self.ending()})", self.tail())
            await asyncio.sleep(POLL_S / 10)

    def resume(self) -> None:
        """SIGCONT after :meth:`hold`."""
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL, as a power cut would; returns when the process is gone."""
        self._wanted = False
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()

    async def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Ask it to end, and kill it when it does not within ``within_s``. Does nothing when it has ended."""
        self._wanted = False
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
            process.send_signal(signal.SIGCONT)  # a held process takes SIGTERM only once it goes on
        try:
            await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            await self.kill()

    @property
    def lost(self) -> bool:
        """Whether it has ended although nobody asked it to."""
        return self._wanted and not self.running

    @property
    def asks_for_restart(self) -> bool:
        """Whether it has ended to be started again, as a service manager would."""
        return self.lost and self._process is not None and self._process.returncode == self._restart_code

    def loss(self) -> ChildError:
        """What there is to say about that."""
        return ChildError(self.name, f"ended unexpectedly ({self.ending()})", self.tail())

    def ending(self) -> str:
        """How it ended, in words."""
        code = None if self._process is None else self._process.returncode
        if code is None:
            return "it is still running"
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def _clean_environment() -> dict[str, str]:
    # What this shell sets for a real installation must not reach the demo's.
    return {name: value for name, value in os.environ.items() if not name.startswith("HEARTHLINE_")}


def _is_held(pid: int) -> bool:
    # WNOWAIT leaves everything for asyncio's own watching of the child.
    return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
