"""The one way from Bluetooth to the outbox: of each meter strictly in order, and never past a frame that is not durable
yet. Meters do not wait for one another, so that those that talk at once share one commit."""

import asyncio
from collections import deque
from typing import Final

import structlog

from hearthline_gateway.frame import Frame, FrameSink

log = structlog.get_logger(__name__)

_FIRST_RETRY_S: Final = 1.0
_LAST_RETRY_S: Final = 30.0


class Delivery:
    """Hands frames, and the ends of connections, to the sink: of one meter one after the other.

    Nothing has a bound: meters send slowly, and dropping is the one thing it must not do. A sink that fails (a full
    disk) is asked again, since the meter has already forgotten what it sent.
    """

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._lanes: dict[str, deque[Frame | str]] = {}
        self._opened: asyncio.Queue[str] = asyncio.Queue()
        self._problems: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """Why frames wait, with the next step; None while they do not."""
        return next(iter(self._problems.values()), None)

    def frame(self, frame: Frame) -> None:
        """Hand on a frame; may be called from a callback."""
        self._put(frame.sensor, frame)

    def ended(self, sensor: str) -> None:
        """Say that a connection is over, after everything it brought."""
        self._put(sensor, sensor)

    def _put(self, sensor: str, item: Frame | str) -> None:
        lane = self._lanes.get(sensor)
        if lane is None:
            self._lanes[sensor] = deque([item])
            self._opened.put_nowait(sensor)
        else:
            lane.append(item)

    async def run(self) -> None:
        """Deliver until cancelled."""
        lanes: set[asyncio.Task[None]] = set()
        try:
            while True:
                sensor = await self._opened.get()
                task = asyncio.create_task(self._empty(sensor), name=f"frames of {sensor}")
                lanes.add(task)
                task.add_done_callback(lanes.discard)
        finally:
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def drained(self) -> None:
        """Return once everything has been delivered."""
        await self._opened.join()

    async def _empty(self, sensor: str) -> None:
        lane = self._lanes[sensor]
        while lane:
            await self._deliver(sensor, lane[0])
            lane.popleft()
        del self._lanes[sensor]
        self._opened.task_done()

    async def _deliver(self, sensor: str, item: Frame | str) -> None:
        pause = _FIRST_RETRY_S
        while True:
            try:
                if isinstance(item, Frame):
                    await self._sink.heard(item)
                else:
                    await self._sink.connection_ended(item)
            except Exception as error:
                self._problems[sensor] = f"readings cannot be kept ({error}): check the disk's space and health"
                log.exception("frame_not_kept", retry_s=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_RETRY_S)
            else:
                self._problems.pop(sensor, None)
                return
