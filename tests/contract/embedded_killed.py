"""A process that works on an embedded readings file and dies, as by kill -9, just before one SQL statement of its work.

The failpoint is SQLite's own trace of statements, hung in here; the product knows nothing of it.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import structlog

from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.embedded_tail import Tail
from tests.fixtures.forked import forking

Work = Callable[[EmbeddedReadings], Awaitable[object]]
"""Something that can be sent to a process: a function at a module's top level, or a partial of one."""

_MOST: Final = 200
_WITHIN_S: Final = 100


async def nothing(_store: EmbeddedReadings) -> None:
    """For who wants to see the opening killed."""


def killed_everywhere(before: Path, work: Work, *, opening: bool = False, fewest: int = 1000) -> list[Path]:
    """Do ``work`` on copies of the file, each in a process of its own: one is killed before its first statement, one
    before its second and so on, and the last when all is done, without closing anything. Returns the copies in that
    order. Statements are counted from where the store is open, or from the ``opening`` on. A shelf is filled in when
    ``fewest`` readings are on it."""
    process = forking().Process(target=_one_after_the_other, args=(before, work, opening, fewest))
    process.start()
    process.join(_WITHIN_S)
    code = process.exitcode
    process.kill()
    process.join()
    process.close()
    assert code == 0, f"the process that has others killed ended with {code}"
    count = len(list(before.parent.glob("killed-*.sqlite3")))
    return [_copy(before, number) for number in range(1, count + 1)]


def _copy(before: Path, number: int) -> Path:
    return before.with_name(f"killed-{number}.sqlite3")


def _one_after_the_other(before: Path, work: Work, opening: bool, fewest: int) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    for statement in range(1, _MOST):
        path = Path(shutil.copy(before, _copy(before, statement)))
        child = os.fork()  # no thread was started in this process
        if child == 0:
            _die(statement, path, work, opening, fewest)
        _, status = os.waitpid(child, 0)
        ended_by = os.WTERMSIG(status)
        if ended_by == signal.SIGTERM:
            return
        if ended_by != signal.SIGKILL:
            raise AssertionError(f"killed before statement {statement}, it ended with {status}")
    raise AssertionError(f"the work has more than {_MOST} statements")


def _die(statement: int, path: Path, work: Work, opening: bool, fewest: int) -> None:
    try:
        trace = _Trace(statement, armed=opening)
        connect = sqlite3.connect

        def traced(*arguments: Any, **named: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **named)
            connection.set_trace_callback(trace)
            return connection

        setattr(sqlite3, "connect", traced)  # noqa: B010
        asyncio.run(_run(trace, path, work, Tail(rows_a_patient=1, fewest=fewest)))
    finally:
        os._exit(1)  # it raised


class _Trace:
    def __init__(self, left: int, *, armed: bool) -> None:
        self.armed = armed
        self._left = left

    def __call__(self, _statement: str) -> None:
        if self.armed:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


async def _run(trace: _Trace, path: Path, work: Work, tail: Tail) -> None:
    store = await EmbeddedReadings.open(path, tail)
    trace.armed = True
    await work(store)
    os.kill(os.getpid(), signal.SIGTERM)
