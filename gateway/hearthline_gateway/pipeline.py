"""From a heard frame to readings in the outbox: the joint between hops 1 and 4.

Three things may keep a frame from being read at once; each time it is committed raw first.

- A first record whose meter's clock was not measured can mean two things: measured just now with a wrong clock, or the
  first of a replay. Only whether others follow tells. It is read when the second one comes, when the connection ends,
  or after :data:`QUIET_S`.
- A glucose record that announces its circumstances is read when they come, be it behind all other records, when the
  connection ends, or :data:`CONTEXT_S` after the meter fell silent.
- While this machine does not know the time, a frame waits for its date: see ``time_keeper``.

After a crash what was raw is read at the next start.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from hearthline_gateway.clock import Clock, counted
from hearthline_gateway.dating import dated, dated_reading, has_date
from hearthline_gateway.frame import Frame
from hearthline_gateway.frame_reader import CONTEXT, FrameReader
from hearthline_gateway.gatt.characteristics import STREAMS
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.stable_window import StableReading
from hearthline_gateway.streams import Streams
from hearthline_gateway.weighing import Weighings
from hearthline_protocol.readings import Reading

log = structlog.get_logger(__name__)

QUIET_S: Final = 2.0
"""A meter that replays sends its records within fractions of a second; after this long the first was the only one."""
CONTEXT_S: Final = 5.0
"""A meter that has more to say says it within a second; a low glucose must not wait for its circumstances longer."""
_RETRY_S: Final = 10.0


@dataclass(slots=True)
class _Held:
    """``undecided`` while it is open whether the record is the only one, ``awaits`` while its circumstances are."""

    frame_id: int
    frame: Frame
    undecided: bool
    awaits: bool
    context: Frame | None = None


class Pipeline:
    """The sink of every Bluetooth session: makes each frame durable, and its readings with it."""

    def __init__(
        self,
        outbox: Outbox,
        reader: FrameReader,
        clock: Clock,
        *,
        added: Callable[[Sequence[Pending]], None],
        quiet_s: float = QUIET_S,
        context_s: float = CONTEXT_S,
    ) -> None:
        """``added`` is told of readings never seen before once they are committed."""
        self._outbox = outbox
        self._reader = reader
        self._clock = clock
        self._added = added
        self._quiet_s = quiet_s
        self._context_s = context_s
        self._turns: dict[str, asyncio.Lock] = {}
        self._held: dict[str, list[_Held]] = {}
        self._quiet: dict[str, asyncio.Task[None]] = {}
        self._streams = Streams(self._window_closed, self._stream_paused)
        self._weighings = Weighings()

    async def recover(self) -> None:
        """Read the frames that a crash left raw, or that an exchanged outbox has to have read again."""
        held = {one.frame_id for ones in self._held.values() for one in ones}
        for kept in await self._outbox.raw_frames():
            if kept.id in held:
                continue
            frame = kept.frame
            log.info("raw_frame_recovered", characteristic=frame.characteristic, length=len(frame.payload))
            await self._try_to_settle(kept.id, frame, kept.context)

    async def heard(self, frame: Frame) -> None:
        """Make the frame durable; returns only once a power cut can no longer take it. One of a continuous stream is
        durable with the window it belongs to."""
        if frame.since_boot is None:
            frame = replace(frame, since_boot=self._clock.since_boot(frame.received_time))
        async with self._turn(frame.sensor):
            try:
                await self._take(frame)
            except OutboxError:
                raise
            except Exception:  # noqa: BLE001 - logged; the fault is ours and must not lose the frame or hold up others
                await self._outbox.keep_raw(frame)
                log_fault(frame)
            self._wait_for_quiet(frame.sensor)

    async def _take(self, frame: Frame) -> None:
        if frame.characteristic == CONTEXT:
            await self._take_context(frame)
        elif frame.characteristic in STREAMS:
            await self._decide(frame.sensor, alone=False)
            await self._stream(frame)
        else:
            await self._keep(await self._placed(frame))

    async def _placed(self, frame: Frame) -> Frame:
        """A frame with its place in the connection. The second half of a weighing is no second record: it has the
        place of the first half."""
        whole = self._weighings.complete(frame)
        if whole is not frame and any(one.undecided for one in self._held.get(frame.sensor, [])):
            return replace(whole, first=True)
        await self._decide(frame.sensor, alone=False)
        return whole

    async def connection_ended(self, sensor: str) -> None:
        """What was held back is read now, and an open window of a stream is closed."""
        async with self._turn(sensor):
            self._weighings.forget(sensor)
            await self._release(sensor)
            self._wait_for_quiet(sensor)
            await self._streams.end(sensor)

    async def close(self) -> None:
        """End of the process: every connection is over. Raises ``OutboxError`` for what could not be written; what was
        held is kept raw."""
        ended = [self.connection_ended(sensor) for sensor in {*self._held, *self._streams.sensors}]
        for error in await asyncio.gather(*ended, return_exceptions=True):
            if error is not None:
                raise error

    def _turn(self, sensor: str) -> asyncio.Lock:
        return self._turns.setdefault(sensor, asyncio.Lock())

    async def _keep(self, frame: Frame) -> None:
        frame = self._dated(frame)
        try:
            readings = self._reader.readings(frame)
            awaits = self._reader.awaits_context(frame)
            undecided = frame.first and not frame.alone and self._matters(frame, readings)
        except DecodeError as error:
            await self._keep_bad(frame, error)
            return
        if not readings:
            return
        if (undecided or awaits) and not await self._outbox.knows(readings):
            held = _Held(await self._outbox.keep_raw(frame), frame, undecided, awaits)
            self._held.setdefault(frame.sensor, []).append(held)
        elif has_date(frame):
            self._tell(frame, await self._outbox.keep(frame, readings, complete=not awaits))
        else:
            await self._outbox.keep_waiting(frame, readings, complete=not awaits)

    async def _keep_bad(self, frame: Frame, error: DecodeError) -> None:
        await self._outbox.keep_bad(frame, type(error).__name__, str(error))
        log_bad(frame, error)

    def _matters(self, frame: Frame, readings: Sequence[Reading]) -> bool:
        """Whether it makes a difference that the record is the only one. Without a date nobody can say yet."""
        return not has_date(frame) or self._reader.readings(replace(frame, alone=True)) != readings

    async def _decide(self, sensor: str, *, alone: bool) -> None:
        """It is known whether the first record is the only one."""
        for held in self._held.get(sensor, []):
            if held.undecided:
                held.undecided, held.frame = False, replace(held.frame, alone=alone)
        await self._settle_ready(sensor)

    async def _release(self, sensor: str) -> None:
        """Nothing more will come for what is held."""
        await self._decide(sensor, alone=True)
        for held in self._held.get(sensor, []):
            held.awaits = False
        await self._settle_ready(sensor)

    async def _settle_ready(self, sensor: str) -> None:
        """In the order of arrival. One that cannot be written stays held, and is tried again."""
        held = self._held.get(sensor, [])
        for one in [one for one in held if not (one.undecided or one.awaits)]:
            await self._try_to_settle(one.frame_id, one.frame, one.context)
            held.remove(one)
        if not held:
            self._held.pop(sensor, None)

    def _wait_for_quiet(self, sensor: str) -> None:
        earlier = self._quiet.pop(sensor, None)
        if earlier is not None:
            earlier.cancel()
        if sensor in self._held:
            self._quiet[sensor] = asyncio.create_task(self._after_quiet(sensor))

    async def _after_quiet(self, sensor: str) -> None:
        await asyncio.sleep(self._quiet_s)
        await self._done(sensor, lambda: self._decide(sensor, alone=True))
        if sensor in self._held:
            await asyncio.sleep(self._context_s)
            await self._done(sensor, lambda: self._release(sensor))
        self._quiet.pop(sensor, None)

    async def _done(self, sensor: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """For work that no session waits for: tried until it can be written."""
        while True:
            async with self._turn(sensor):
                try:
                    await work()
                except OutboxError as error:
                    log.warning("outbox_not_written", reason=str(error), retry_s=_RETRY_S)
                else:
                    return
            await asyncio.sleep(_RETRY_S)

    async def _try_to_settle(self, frame_id: int, frame: Frame, context: Frame | None) -> None:
        """One that our own code trips over stays raw; raises ``OutboxError``."""
        try:
            await self._settle(frame_id, frame, context)
        except OutboxError:
            raise
        except Exception:  # noqa: BLE001 - logged; one frame must not hold up the others
            log_fault(frame)

    async def _settle(self, frame_id: int, frame: Frame, context: Frame | None) -> None:
        frame = self._dated(frame)
        try:
            readings = self._reader.readings(frame, context)
            complete = context is not None or not self._reader.awaits_context(frame)
            if not complete:
                await self._outbox.ask_from(frame.sensor, frame.characteristic, self._reader.record_number(frame))
                self._reader.must_be_complete_alone(frame)
        except DecodeError as error:
            await self._outbox.settle_bad(frame_id, frame, type(error).__name__, str(error))
            log_bad(frame, error)
            return
        if has_date(frame):
            self._tell(frame, await self._outbox.settle(frame_id, frame, readings, complete=complete))
        else:
            await self._outbox.let_wait(frame_id, frame, readings, complete=complete)

    async def _take_context(self, frame: Frame) -> None:
        """The circumstances of a record that is held, or of one that could not wait for them."""
        try:
            join = self._reader.joining(frame)
            held = self._awaiting(frame)
        except DecodeError as error:
            await self._keep_bad(frame, error)
            return
        if held is None:
            if not await self._outbox.add_context(frame, join):
                log.info("context_not_joined", characteristic=frame.characteristic)
            return
        await self._outbox.keep_raw(frame, context_of=held.frame_id)
        held.context, held.awaits = frame, False
        await self._settle_ready(frame.sensor)

    def _awaiting(self, context: Frame) -> _Held | None:
        held = [one for one in self._held.get(context.sensor, []) if one.awaits]
        return next((one for one in held if self._reader.belongs(context, one.frame)), None)

    async def _stream(self, frame: Frame) -> None:
        try:
            await self._streams.hear(frame)
        except DecodeError as error:
            await self._keep_bad(frame, error)

    async def _stream_paused(self, sensor: str) -> None:
        await self._done(sensor, lambda: self._streams.end_silent(sensor))

    async def _window_closed(self, closed: StableReading) -> None:
        began, reading, last = self._clock.boot_began, closed.reading, closed.last
        if began is not None:
            last, reading = dated(last, began), dated_reading(reading, began)
        if counted(reading.received_time):
            await self._outbox.keep_window(last, reading)
        else:
            self._tell(last, await self._outbox.keep(last, (reading,)))

    def _dated(self, frame: Frame) -> Frame:
        """With its date, where that is known by now. One of an earlier boot has none that this boot could tell."""
        began = self._clock.boot_began
        earlier = frame.since_boot is not None and frame.since_boot.boot_id != self._clock.boot_id
        return frame if began is None or earlier or has_date(frame) else dated(frame, began)

    def _tell(self, frame: Frame, added: tuple[Pending, ...]) -> None:
        if added:
            log.info("readings_kept", characteristic=frame.characteristic, count=len(added), live=added[0].live)
            self._added(added)


def log_bad(frame: Frame, error: DecodeError) -> None:
    """Say what was not decoded, without its bytes."""
    log.warning(
        "frame_not_decoded",
        characteristic=frame.characteristic,
        length=len(frame.payload),
        reason=str(error),
        missing=error.missing,
        model=frame.model,
    )


def log_fault(frame: Frame) -> None:
    """Say that our own code tripped over a frame. Called while that error is handled."""
    log.exception(
        "decoder_fault",
        characteristic=frame.characteristic,
        length=len(frame.payload),
        model=frame.model,
        next_step="report this: the frame is kept raw and read at the start of a mended version",
    )
