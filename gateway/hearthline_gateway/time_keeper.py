"""What was heard before this machine knew the time gets its date here.

- As soon as the time is known, every frame of this boot is dated exactly; of one of an earlier boot, which ended before
  the time was known, only bounds are: it is made a reading of unknown time, never live, for a person to review.
- A patient in danger must not wait for a time server. Once the broker has been reached for a while and the time still
  is not known, what waits is sent as of unknown time without a latest moment, which the backend adds from its own
  clock; what was seen measured is live, so that the backend calls. While no broker is reached nothing would be won by
  that, and the exact date would be lost.

What is known is written down now and then, so that it survives the process within this boot, and the last moment known
is a bound for what comes after a power cut.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from hearthline_gateway.clock import NEVER_BEFORE, Clock
from hearthline_gateway.dating import BootBounds, dated, dated_reading, of_unknown_time, stand_in
from hearthline_gateway.frame import BootMoment, Frame
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.outbox.frame_rows import KeptFrame
from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.outbox.trouble import OutboxFullError
from hearthline_gateway.pipeline import log_bad, log_fault
from hearthline_protocol.readings import Reading, TimeBounds

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
SETTLE_S: Final = 120.0
"""A network that has just come up brings the time within a minute or two, and with it the exact dates."""
STILL_LIVE: Final = timedelta(hours=12)
"""The age up to which a red calls as if it were now, by default: what is older is no emergency of this moment."""
_NOTE_EVERY_S: Final = 3600.0
_LOOK_AGAIN_S: Final = 60.0
_TOGETHER: Final = 50
"""Frames settled side by side, which the outbox commits together."""


class TimeKeeper:
    """Runs beside the pipeline until it is cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        reader: FrameReader,
        clock: Clock,
        *,
        added: Callable[[Sequence[Pending]], None],
        reached: Callable[[], bool],
        patience_s: float,
    ) -> None:
        """``added`` is told of new readings as by the pipeline; ``reached`` is whether the broker is now;
        ``patience_s`` how long a frame waits for its date while it is."""
        self._outbox = outbox
        self._reader = reader
        self._clock = clock
        self._added = added
        self._reached = reached
        self._patience_s = patience_s
        self._took_up = False
        self._reached_since: float | None = None
        self._noted: float | None = None
        self._looked: float | None = None

    async def start(self) -> None:
        """Take up what an earlier process knew. Call once, before anything is heard."""
        await self._try_to(self.look)
        log.info("gateway_time", known=self._clock.trusted)

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._try_to(self.look)

    async def close(self) -> None:
        """End of the process: write down what is known."""
        await self._try_to(self._note)

    async def _try_to(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await work()
        except OutboxFullError:
            return  # the outbox itself says so, once; we look again every second
        except OutboxError as error:
            log.warning("outbox_not_written", reason=str(error))

    async def _note(self) -> None:
        began = self._clock.boot_began
        if began is not None:
            await self._outbox.note_time(self._clock.now(), self._clock.boot_id, began)

    async def look(self) -> None:
        """Do what is due at this moment."""
        now = self._clock.moment().seconds
        if not self._took_up:
            known = await self._outbox.known_time()
            self._took_up = True
            if known.boot is not None:
                self._clock.resume(*known.boot)
        if not self._reached():
            self._reached_since = None
        elif self._reached_since is None:
            self._reached_since = now
        if self._clock.trusted:
            if self._looked is None or now - self._looked >= _LOOK_AGAIN_S:
                await self._date_all()
                self._looked = now
            if self._noted is None or now - self._noted >= _NOTE_EVERY_S:
                await self._note()
                self._noted = now
        elif self._reached_since is not None:
            await self._give_up_waiting(now - self._reached_since)

    async def _date_all(self) -> None:
        waiting = await self._outbox.waiting_frames()
        if not waiting:
            return
        bounds = await self._bounds(waiting)
        began = self._clock.boot_began
        if began is None:
            return
        log.info("frames_dated", count=len(waiting))

        def read(kept: KeptFrame, moment: BootMoment) -> tuple[Frame, tuple[Reading, ...]]:
            if moment.boot_id != self._clock.boot_id:
                return self._unknown(kept, bounds.of(moment), recent=False)
            if kept.reading is not None:
                return dated(kept.frame, began), (dated_reading(_window(kept.reading), began),)
            frame = dated(kept.frame, began)
            return frame, self._reader.readings(frame, kept.context)

        await self._settle_all(waiting, read)

    async def _give_up_waiting(self, reached_s: float) -> None:
        if reached_s < min(SETTLE_S, self._patience_s):
            return
        waiting = await self._outbox.waiting_frames()
        current = self._clock.moment()
        late = [
            kept
            for kept in waiting
            if reached_s >= self._patience_s
            or (age := _age(kept, current)) is None
            or age.total_seconds() >= self._patience_s
        ]
        if not late:
            return
        bounds = await self._bounds(waiting)
        log.warning(
            "frames_sent_without_time",
            count=len(late),
            next_step="let this machine reach a time server, or set gateway.trust_clock where its clock is right",
        )

        def read(kept: KeptFrame, moment: BootMoment) -> tuple[Frame, tuple[Reading, ...]]:
            age = _age(kept, current)
            return self._unknown(kept, bounds.of(moment), recent=age is not None and age <= STILL_LIVE)

        await self._settle_all(late, read)

    async def _bounds(self, waiting: Sequence[KeptFrame]) -> BootBounds:
        known = await self._outbox.known_time()
        return BootBounds(
            [kept.since_boot for kept in waiting],
            earliest=max(NEVER_BEFORE, known.last) if known.last is not None else NEVER_BEFORE,
            current=self._clock.moment(),
            current_began=self._clock.boot_began,
        )

    def _unknown(self, kept: KeptFrame, bounds: TimeBounds, *, recent: bool) -> tuple[Frame, tuple[Reading, ...]]:
        frame = replace(kept.frame, received_time=stand_in(bounds), clock=None)
        if kept.reading is not None:
            return frame, (of_unknown_time(_window(kept.reading), bounds, live=recent),)
        return frame, self._reader.unknown(kept.frame, bounds, kept.context, recent=recent)

    async def _settle_all(
        self,
        waiting: Sequence[KeptFrame],
        read: Callable[[KeptFrame, BootMoment], tuple[Frame, tuple[Reading, ...]]],
    ) -> None:
        for start in range(0, len(waiting), _TOGETHER):
            await asyncio.gather(*(self._settle(kept, read) for kept in waiting[start : start + _TOGETHER]))

    async def _settle(
        self, kept: KeptFrame, read: Callable[[KeptFrame, BootMoment], tuple[Frame, tuple[Reading, ...]]]
    ) -> None:
        try:
            frame, readings = read(kept, kept.since_boot)
        except DecodeError as error:  # decoded when it was heard, by an earlier version
            await self._outbox.settle_bad(kept.id, kept.frame, type(error).__name__, str(error))
            log_bad(kept.frame, error)
        except Exception:  # noqa: BLE001 - logged; one frame our code trips over must not hold up the others
            log_fault(kept.frame)
        else:
            added = await self._outbox.settle(kept.id, frame, readings, complete=False)  # noted when it was heard
            if added:
                self._added(added)


def _age(kept: KeptFrame, current: BootMoment) -> timedelta | None:
    """How long ago a frame was heard; None where that was before this boot."""
    moment = kept.since_boot
    return timedelta(seconds=current.seconds - moment.seconds) if moment.boot_id == current.boot_id else None


def _window(text: str) -> Reading:
    return Reading.model_validate_json(text)
