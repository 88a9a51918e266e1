"""A cable between two programs on this machine: a TCP forwarder that can be unplugged and plugged in again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from hearthline_simulator.demo.ports import LOOPBACK

_CHUNK: Final = 65_536


class Cable:
    """Carries bytes from its own ``port`` to ``far_port``. Unplugged it behaves as a dead line: what is on it is gone,
    and who calls hears nothing at all, not even a refusal."""

    def __init__(self, far_port: int) -> None:
        self.port = 0
        self._far_port = far_port
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._dead_end: list[socket.socket] = []

    async def plug_in(self) -> None:
        """Carry from now on."""
        self._end_playing_dead()
        self._server = await asyncio.start_server(self._on_call, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def unplug(self) -> None:
        """Every connection breaks; whoever tries to make one waits in vain."""
        if self._server is not None:
            await self._hang_up()
            self._play_dead()

    async def remove(self) -> None:
        """Leave nothing behind."""
        await self._hang_up()
        self._end_playing_dead()

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def _end_playing_dead(self) -> None:
        for end in self._dead_end:
            end.close()
        self._dead_end.clear()

    def _play_dead(self) -> None:
        """A queue of callers that is full and that nobody serves: the kernel lets further calls go unanswered."""
        dead = socket.socket()
        dead.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        dead.bind((LOOPBACK, self.port))
        dead.listen(0)
        self._dead_end.append(dead)
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            with suppress(BlockingIOError):
                caller.connect((LOOPBACK, self.port))
            self._dead_end.append(caller)

    def _on_call(self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(near_reader, near_writer), name="cable")
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        writers = [near_writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._far_port)
            writers.append(far_writer)
            ways = [_pump(near_reader, far_writer), _pump(far_reader, near_writer)]
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            pass  # nobody at the far end: the near end sees its call end
        finally:
            for writer in writers:
                writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def cable_to(far_port: int) -> AsyncIterator[Cable]:
    """A cable that is plugged in; gone at the end."""
    cable = Cable(far_port)
    await cable.plug_in()
    try:
        yield cable
    finally:
        await cable.remove()
