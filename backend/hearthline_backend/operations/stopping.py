"""How the process ends: when it is told to once, with nothing half done; when it is told to twice, at once.

The whole end is bounded. What was not settled by then was not acknowledged, and comes again.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self

import structlog

log = structlog.get_logger(__name__)

DRAIN_WITHIN_S: Final = 7.0
"""How long what is in hand may take to be finished."""
END_WITHIN_S: Final = 9.5
"""After so long the kernel ends us, whatever hangs: a container's supervisor waits 10 s before it kills."""
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """As a context: SIGTERM and SIGINT ask for the end, and the same one again ends the process on the spot."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._heard: set[int] = set()

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._hear, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)

    @property
    def asked(self) -> bool:
        """Whether the end has begun."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Until the process is told to end."""
        await self._asked.wait()

    def _hear(self, number: signal.Signals) -> None:
        if number in self._heard:
            log.warning("ended_at_once", signal=number.name)
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._heard.add(number)
        if not self._asked.is_set():
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, END_WITHIN_S)
        self._asked.set()


class Drain:
    """What is finished before the end: all of it side by side, within one bound."""

    def __init__(self, within_s: float = DRAIN_WITHIN_S) -> None:
        self._within_s = within_s
        self._work: list[tuple[str, Callable[[], Coroutine[Any, Any, object]]]] = []

    def add(self, name: str, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Finish this too. Where it is cut off it must leave nothing that is not done again."""
        self._work.append((name, work))

    async def run(self) -> bool:
        """Finish everything; False, with a line in the log, where the time was not enough."""
        if not self._work:
            return True
        tasks = [asyncio.create_task(work(), name=name) for name, work in self._work]
        done, late = await asyncio.wait(tasks, timeout=self._within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            task.result()
        if late:
            names = sorted(task.get_name() for task in late)
            log.warning("not_drained", within_s=self._within_s, unfinished=names, next_step="it is done again later")
        return not late
