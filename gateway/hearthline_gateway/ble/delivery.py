"""The one way from Bluetooth to the outbox: strictly in order, and never past a frame that is not durable yet."""

import asyncio
from typing import Final

import structlog

from hearthline_gateway.frame import Frame, FrameSink

log = structlog.get_logger(__name__)

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 30.0


class Delivery:
    """Hands frames, and the ends of connections, to the sink one after the other.

    The queue has no bound: meters send slowly, and dropping is the one thing it must not do. A sink that fails (a full
    disk) is asked again, since the meter has already forgotten what it sent.
    """

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._queue: asyncio.Queue[Frame | str] = asyncio.Queue()
        self.problem: str | None = None
        """Why frames wait, with the next step; None while they do not."""

    def frame(self, frame: Frame) -> None:
        """Hand on a frame; may be called from a callback."""
        self._queue.put_nowait(frame)

    def ended(self, sensor: str) -> None:
        """Say that a connection is over, after everything it brought."""
        self._queue.put_nowait(sensor)

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            item = await self._queue.get()
            await self._deliver(item)
            self._queue.task_done()

    async def drained(self) -> None:
        """Return once everything has been delivered."""
        await self._queue.join()

    async def _deliver(self, item: Frame | str) -> None:
        pause = _FIRST_RETRY_S
        while True:
            try:
                if isinstance(item, Frame):
                    await self._sink.heard(item)
                else:
                    await self._sink.connection_ended(item)
            except Exception as error:
                self.problem = f"readings cannot be kept ({error}): check the disk's space and health"
                log.exception("frame_not_kept", retry_s=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_RETRY_S)
            else:
                self.problem = None
                return
