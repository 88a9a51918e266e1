"""The continuous streams that are heard at this moment, each with its open window."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hearthline_gateway.frame import Frame
from hearthline_gateway.frame_reader import quirks
from hearthline_gateway.stable_window import PAUSE, StableReading, StableWindow


@dataclass(slots=True)
class _Stream:
    """``closed`` is a window until it is written, ``heard`` the frame heard last: one that is offered again, because
    the window that it closed could not be written, is not heard twice."""

    window: StableWindow
    pause: asyncio.Task[None] | None = None
    closed: StableReading | None = None
    heard: Frame | None = None


class Streams:
    """Opens a window with a stream's first frame and hands it on when it closes.

    ``closed`` takes the window; it is offered again where that failed. ``paused`` is called with the sensor when a
    stream fell silent, and is to call :meth:`end_silent` in that sensor's turn: the finger may be gone without the
    connection ending, and what was stable before must not wait for its return.
    """

    def __init__(
        self,
        closed: Callable[[StableReading], Awaitable[None]],
        paused: Callable[[str], Awaitable[None]],
    ) -> None:
        self._closed = closed
        self._paused = paused
        self._open: dict[tuple[str, str], _Stream] = {}

    @property
    def sensors(self) -> set[str]:
        """Whose streams are open."""
        return {sensor for sensor, _ in self._open}

    async def hear(self, frame: Frame) -> None:
        """Take one frame; raises ``DecodeError``, and the stream goes on."""
        key = (frame.sensor, frame.characteristic)
        stream = self._open.get(key)
        if stream is None:
            stream = self._open[key] = _Stream(StableWindow(quirks(frame)))
        await self._write(stream)
        if frame == stream.heard:
            return
        stream.closed, stream.heard = stream.window.hear(frame), frame
        if stream.pause is not None:
            stream.pause.cancel()
        stream.pause = asyncio.create_task(self._after_pause(frame.sensor))
        await self._write(stream)

    async def _write(self, stream: _Stream) -> None:
        if stream.closed is not None:
            await self._closed(stream.closed)
            stream.closed = None

    async def _after_pause(self, sensor: str) -> None:
        await asyncio.sleep(PAUSE.total_seconds())
        await self._paused(sensor)

    async def end(self, sensor: str) -> None:
        """Close what is open of a sensor."""
        await self._end([key for key in self._open if key[0] == sensor])

    async def end_silent(self, sensor: str) -> None:
        """Close what has paused of a sensor. To be called from within ``paused``."""
        current = asyncio.current_task()
        await self._end([key for key, one in self._open.items() if key[0] == sensor and one.pause is current])

    async def _end(self, keys: list[tuple[str, str]]) -> None:
        for key in keys:
            stream = self._open[key]
            await self._write(stream)
            stream.closed = stream.window.stop()
            await self._write(stream)
            del self._open[key]
            if stream.pause is not None and stream.pause is not asyncio.current_task():
                stream.pause.cancel()
