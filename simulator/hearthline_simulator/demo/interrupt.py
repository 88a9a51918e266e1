"""Ctrl-C: the first one ends everything in order, the second one at once."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_interrupted(
    work: Coroutine[Any, Any, T], *, at_once: Callable[[], None], first: Callable[[], None] = lambda: None
) -> T | None:
    """The result of ``work``; None when it was interrupted, after it has cleaned up.

    ``first`` is called for the first interruption, ``at_once`` for every further one while it is still being obeyed.
    """
    task = asyncio.create_task(work)
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        if interrupted:
            at_once()
        else:
            interrupted = True
            first()
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if interrupted:
            return None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
