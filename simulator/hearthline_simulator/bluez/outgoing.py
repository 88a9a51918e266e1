"""Messages on their way to the bus, one after the other and never faster than the bus takes them.

dbus-fast 5.2 ends the connection when the socket's buffer is full as it starts to write, which a burst of signals from
a few hundred devices brings about. So a message is handed over only once the one before is written and there is room.
"""

import asyncio
import select
from typing import Final

import structlog
from dbus_fast import Message
from dbus_fast.aio import MessageBus

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 0.002


class Outgoing:
    """The queue and the one task that empties it."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._room = select.poll()
        socket = bus._sock  # noqa: SLF001 - dbus-fast offers no public way to it
        if socket is None:
            raise ValueError("the bus is not connected")
        self._room.register(socket, select.POLLOUT)
        self._sending = asyncio.get_running_loop().create_task(self._run(), name="bluez outgoing")

    def send(self, message: Message) -> None:
        """Queue a message; it leaves in its turn."""
        self._queue.put_nowait(message)

    async def close(self) -> None:
        """Stop sending; what is still queued is dropped."""
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            message = await self._queue.get()
            while not self._room.poll(0):  # noqa: ASYNC110 - the loop's one writer for the socket is dbus-fast's own
                await asyncio.sleep(_LOOK_AGAIN_S)
            try:
                await self._bus.send(message)
            except (OSError, EOFError) as error:
                log.warning("bus_lost", error=str(error))
                return
