"""From a heard frame to readings in the outbox: the joint between hops 1 and 4.

A first record whose meter's clock was not measured can mean two things: measured just now with a wrong clock, or the
first of a replay. Only whether others follow tells. Such a frame is committed raw at once, and read when the second one
comes, when the connection ends, or after :data:`QUIET_S`; after a crash it is read at the next start.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.pulse_oximeter import PlxContinuousMeasurement
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.meter_models import UnknownModelError
from hearthline_gateway.meter_models import model as meter_model
from hearthline_gateway.normalize import normalize, quirks_of
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.stable_window import PAUSE, StableReading, StableWindow
from hearthline_protocol.readings import Reading

log = structlog.get_logger(__name__)

QUIET_S: Final = 2.0
"""A meter that replays sends its records within fractions of a second; after this long the first was the only one."""
_STREAM: Final = PlxContinuousMeasurement.characteristic


@dataclass(slots=True)
class _Held:
    frame_id: int
    frame: Frame
    quiet: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Stream:
    window: StableWindow
    last: Frame
    pause: asyncio.Task[None] | None = None


class Pipeline:
    """The sink of every Bluetooth session: makes each frame durable, and its readings with it."""

    def __init__(
        self, outbox: Outbox, *, zone: ZoneInfo, added: Callable[[Sequence[Pending]], None], quiet_s: float = QUIET_S
    ) -> None:
        """``zone`` is the home's; ``added`` is told of readings never seen before once they are committed."""
        self._outbox = outbox
        self._zone = zone
        self._added = added
        self._quiet_s = quiet_s
        self._turns: dict[str, asyncio.Lock] = {}
        self._held: dict[str, _Held] = {}
        self._streams: dict[str, _Stream] = {}

    async def recover(self) -> None:
        """Read the frames that a crash left raw. Call once, before any session starts."""
        for frame_id, frame in await self._outbox.raw_frames():
            log.info("raw_frame_recovered", characteristic=frame.characteristic, length=len(frame.payload))
            try:
                await self._settle(frame_id, frame)
            except Exception:  # noqa: BLE001 - logged; one frame our code trips over must not stop the gateway
                _log_fault(frame)

    async def heard(self, frame: Frame) -> None:
        """Make the frame durable; returns only once a power cut can no longer take it. One of a continuous stream is
        durable with the window it belongs to."""
        async with self._turn(frame.sensor):
            await self._release(frame.sensor, alone=False)
            if frame.characteristic == _STREAM:
                await self._stream(frame)
            else:
                await self._keep(frame)

    async def connection_ended(self, sensor: str) -> None:
        """What was held back is read now, and an open window of a stream is closed."""
        async with self._turn(sensor):
            await self._release(sensor, alone=True)
            await self._end_stream(sensor)

    async def close(self) -> None:
        """End of the process: every connection is over."""
        for sensor in {*self._held, *self._streams}:
            await self.connection_ended(sensor)

    def _turn(self, sensor: str) -> asyncio.Lock:
        return self._turns.setdefault(sensor, asyncio.Lock())

    async def _keep(self, frame: Frame) -> None:
        try:
            readings = self._normalize(frame)
            undecided = frame.first and not frame.alone and self._normalize(replace(frame, alone=True)) != readings
        except DecodeError as error:
            await self._outbox.keep_bad(frame, type(error).__name__, str(error))
            _log_bad(frame, error)
            return
        except Exception:  # noqa: BLE001 - logged; the fault is ours and must not lose the frame
            await self._outbox.keep_raw(frame)
            _log_fault(frame)
            return
        if not readings:
            return
        if undecided and not await self._outbox.knows(readings):
            await self._hold(frame)
        else:
            self._tell(frame, await self._outbox.keep(frame, readings))

    async def _hold(self, frame: Frame) -> None:
        held = self._held[frame.sensor] = _Held(await self._outbox.keep_raw(frame), frame)
        held.quiet = asyncio.create_task(self._after_quiet(held))

    async def _after_quiet(self, held: _Held) -> None:
        await asyncio.sleep(self._quiet_s)
        async with self._turn(held.frame.sensor):
            held.quiet = None
            if self._held.get(held.frame.sensor) is held:
                await self._while_writable(self._release(held.frame.sensor, alone=True))

    async def _while_writable(self, work: Coroutine[None, None, None]) -> None:
        """For work that no session waits for: a full disk is logged, and a frame kept raw is read at the next start."""
        try:
            await work
        except OutboxError as error:
            log.warning("outbox_not_written", reason=str(error))

    async def _release(self, sensor: str, *, alone: bool) -> None:
        held = self._held.pop(sensor, None)
        if held is None:
            return
        if held.quiet is not None:
            held.quiet.cancel()
        await self._settle(held.frame_id, replace(held.frame, alone=alone))

    async def _settle(self, frame_id: int, frame: Frame) -> None:
        try:
            readings = self._normalize(frame)
        except DecodeError as error:
            await self._outbox.settle_bad(frame_id, frame, type(error).__name__, str(error))
            _log_bad(frame, error)
        else:
            self._tell(frame, await self._outbox.settle(frame_id, frame, readings))

    async def _stream(self, frame: Frame) -> None:
        stream = self._streams.get(frame.sensor)
        if stream is None:
            stream = self._streams[frame.sensor] = _Stream(StableWindow(_quirks(frame)), frame)
        try:
            closed = stream.window.hear(frame)
        except DecodeError as error:
            await self._outbox.keep_bad(frame, type(error).__name__, str(error))
            _log_bad(frame, error)
            return
        last, stream.last = stream.last, frame
        if stream.pause is not None:
            stream.pause.cancel()
        stream.pause = asyncio.create_task(self._after_pause(stream))
        if closed is not None:
            await self._window_closed(closed, frame if closed.reading.received_time == frame.received_time else last)

    async def _after_pause(self, stream: _Stream) -> None:
        """The finger may be gone without the connection ending: what was stable before must not wait for its return."""
        await asyncio.sleep(PAUSE.total_seconds())
        async with self._turn(stream.last.sensor):
            stream.pause = None
            if self._streams.get(stream.last.sensor) is stream:
                await self._while_writable(self._end_stream(stream.last.sensor))

    async def _end_stream(self, sensor: str) -> None:
        stream = self._streams.pop(sensor, None)
        if stream is None:
            return
        if stream.pause is not None:
            stream.pause.cancel()
        await self._window_closed(stream.window.stop(), stream.last)

    async def _window_closed(self, closed: StableReading | None, last: Frame) -> None:
        if closed is not None:
            self._tell(last, await self._outbox.keep(last, (closed.reading,)))

    def _normalize(self, frame: Frame) -> tuple[Reading, ...]:
        return normalize(frame, zone=self._zone, quirks=_quirks(frame))

    def _tell(self, frame: Frame, added: tuple[Pending, ...]) -> None:
        if added:
            log.info("readings_kept", characteristic=frame.characteristic, count=len(added), live=added[0].live)
            self._added(added)


def _quirks(frame: Frame) -> Quirks:
    if frame.model is None:
        return NO_QUIRKS
    try:
        return quirks_of(meter_model(frame.model))
    except UnknownModelError:  # a frame from before an update that renamed the model
        return NO_QUIRKS


def _log_bad(frame: Frame, error: DecodeError) -> None:
    log.warning(
        "frame_not_decoded",
        characteristic=frame.characteristic,
        length=len(frame.payload),
        reason=str(error),
        missing=error.missing,
        model=frame.model,
    )


def _log_fault(frame: Frame) -> None:
    log.exception(
        "decoder_fault",
        characteristic=frame.characteristic,
        length=len(frame.payload),
        model=frame.model,
        next_step="report this: the frame is kept raw and read at the start of a mended version",
    )
