"""Messages that have arrived and wait to be taken: bounded, handed over in whole groups."""

import asyncio
from collections.abc import Callable
from typing import Final

from hearthline_backend.uplink.port import Message

LIMIT_BYTES: Final = 32 * 1024 * 1024
"""Payloads that may wait; past it nothing more is read from the broker's socket."""


class Intake:
    """A queue between one connection that puts and one task that takes. Nothing is ever dropped: ``full`` asks the
    connection to stop reading, and ``on_room`` tells it to go on."""

    def __init__(
        self, limit_messages: int, *, held_back: Callable[[], bool], on_room: Callable[[], None] = lambda: None
    ) -> None:
        """``held_back`` says whether the broker may send nothing more before something is acknowledged."""
        self._limit_messages = limit_messages
        self._held_back = held_back
        self._on_room = on_room
        self._waiting: list[Message] = []
        self._bytes = 0
        self._wanted = 0
        self._enough: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether reading has to stop. What was read already still comes in."""
        return len(self._waiting) >= self._limit_messages or self._bytes >= LIMIT_BYTES

    def put(self, messages: list[Message], payload_bytes: int) -> None:
        """Take in what one read from the socket brought."""
        self._waiting += messages
        self._bytes += payload_bytes
        if self._enough is not None and (len(self._waiting) >= self._wanted or self._held_back()):
            self._wake()
        if self.full:
            self._room.clear()

    async def room(self) -> None:
        """Wait until reading may go on."""
        await self._room.wait()

    async def take(self, most: int, linger_s: float) -> list[Message]:
        """Wait for a message, then take what else is there or comes within ``linger_s``, up to ``most``."""
        while not self._waiting:
            await self._wait_for(1, None)
        if len(self._waiting) < most and not self._held_back():
            await self._wait_for(most, linger_s)
        found, self._waiting = self._waiting[:most], self._waiting[most:]
        self._bytes = self._bytes - sum(len(one.payload) for one in found) if self._waiting else 0
        if not self.full:
            self._room.set()
            self._on_room()
        return found

    async def _wait_for(self, count: int, within_s: float | None) -> None:
        if self._enough is not None:
            raise RuntimeError("two tasks wait for messages; only one may, or they would share its group")
        loop = asyncio.get_running_loop()
        self._enough = loop.create_future()
        self._wanted = count
        timer = None if within_s is None else loop.call_later(within_s, self._wake)
        try:
            await self._enough
        finally:
            self._enough = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._enough is not None and not self._enough.done():
            self._enough.set_result(None)
