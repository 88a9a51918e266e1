"""Who may scan and connect with an adapter: collecting, until somebody asks for it; then that one, alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class AirTime:
    """Collecting takes the air in turns that end soon after ``interrupt`` is called; whoever asks gets it next."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._lock = asyncio.Lock()
        self._asked = 0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def asked_for(self) -> bool:
        """Whether somebody has it or waits for it."""
        return self._asked > 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Collecting's: once nobody else wants it."""
        while True:
            await self._nobody.wait()
            async with self._lock:
                if not self._asked:
                    yield
                    return

    @asynccontextmanager
    async def alone(self, within_s: float) -> AsyncIterator[None]:
        """A technician's. Raises ``TimeoutError`` when collecting does not let go in time."""
        self._asked += 1
        self._nobody.clear()
        self._interrupt()
        try:
            async with asyncio.timeout(within_s):
                await self._lock.acquire()
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._asked -= 1
            if not self._asked:
                self._nobody.set()
