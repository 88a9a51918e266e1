"""How late the event loop is: what blocks it delays every home and every screen at once."""

import asyncio
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 0.25


async def measure_loop_lag(tell: Callable[[float], None], every_s: float = EVERY_S) -> None:
    """Ask to be woken, for ever, and tell by how many seconds it was late."""
    loop = asyncio.get_running_loop()
    while True:
        wanted = loop.time() + every_s
        await asyncio.sleep(every_s)
        tell(max(0.0, loop.time() - wanted))
