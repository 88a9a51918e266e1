"""The outbox as the rest of the gateway uses it: every method returns once its effect is on the disk."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Final, Self, TypeVar

from hearthline_gateway.clock import counted
from hearthline_gateway.frame import Frame
from hearthline_gateway.outbox import condition, frame_rows, rows
from hearthline_gateway.outbox.frame_rows import KeptFrame
from hearthline_gateway.outbox.opening import OutboxFile
from hearthline_gateway.outbox.retention import Pruned, Retention, prune
from hearthline_gateway.outbox.rows import Applied, Pending, Sendable
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.trouble import OutboxFullError
from hearthline_gateway.outbox.writer import Weight, Writer
from hearthline_protocol.messages import BadFrames, OutboxStatus, Receipt
from hearthline_protocol.readings import Reading

T = TypeVar("T")
_TRY_FOR_ROOM_S: Final = 2.0
_LIVE_FOR: Final = timedelta(hours=12)
"""The page age of a red (docs/design.md): what waited for longer is backlog and goes oldest first."""


def _now() -> datetime:
    return datetime.now(UTC)


def _keep(
    db: Connection, frame: Frame, readings: Sequence[Reading], now: datetime, *, complete: bool
) -> tuple[Pending, ...]:
    if complete:
        frame_rows.note_sequences(db, frame, readings)
    known = rows.known(db, readings)
    rows.heard_again(db, known, now)
    if len(known) == len(readings):
        return ()
    return rows.insert_readings(db, frame_rows.insert_frame(db, frame, "decoded"), readings, now)


def _settle(
    db: Connection, frame_id: int, frame: Frame, readings: Sequence[Reading], now: datetime, *, complete: bool
) -> tuple[Pending, ...]:
    if complete:
        frame_rows.note_sequences(db, frame, readings)
    rows.heard_again(db, rows.known(db, readings), now)
    added = rows.insert_readings(db, frame_id, readings, now)
    frame_rows.finish_frame(db, frame_id, frame, added=bool(added))
    return added


def _let_wait(
    db: Connection, frame_id: int | None, frame: Frame, readings: Sequence[Reading], now: datetime, *, complete: bool
) -> None:
    if complete:
        frame_rows.note_sequences(db, frame, readings)
    known = rows.known(db, readings)
    rows.heard_again(db, known, now)
    if len(known) == len(readings) or (_named_by_meter(readings) and frame_rows.waits_already(db, frame)):
        if frame_id is not None:
            frame_rows.finish_frame(db, frame_id, frame, added=False)
    elif frame_id is None:
        frame_rows.insert_frame(db, frame, "raw", waits=True)
    else:
        frame_rows.let_wait(db, frame_id, frame)


def _add_context(db: Connection, context: Frame, join: Callable[[Reading], Reading]) -> bool:
    found = frame_rows.measurement_of(db, context)
    if found is not None:
        frame_rows.note_completed_by(db, context)  # the meter has nothing more to say of it, in time or not
        if frame_rows.has_context(db, found[0]):
            return True  # a replay
        if found[1]:
            frame_rows.insert_frame(db, context, "raw", context_of=found[0])
            return True
    frame_id = None if found is None else found[0]
    frame_rows.insert_frame(db, context, "decoded", context_of=frame_id)
    if frame_id is None or rows.complete_unsent(db, frame_id, join) is None:
        rows.add_to_fact(db, "contexts_not_joined", 1)
        return False
    return True


def _named_by_meter(readings: Sequence[Reading]) -> bool:
    """Whether the same bytes are the same measurement. Without a stamp and a number they may be the next one."""
    return all(
        reading.sequence is not None or (reading.device_time is not None and reading.device_time.known)
        for reading in readings
    )


@dataclass(frozen=True, slots=True)
class KnownTime:
    """What earlier processes knew of the time: ``last`` is the newest moment at which they certainly knew it, ``boot``
    the boot in which they learned it and when that was."""

    last: datetime | None
    boot: tuple[str, datetime] | None


@dataclass(frozen=True, slots=True)
class OutboxReport:
    """What a status says of the outbox and, out of it, of the meters by address. ``problems`` are in words, each with
    its next step."""

    status: OutboxStatus
    problems: tuple[str, ...]
    bad_frames: Mapping[str, tuple[BadFrames, ...]]
    last_heard: Mapping[str, datetime]


def _known_time(db: Connection) -> KnownTime:
    last, boot = rows.fact(db, "time_known"), rows.fact(db, "boot")
    moments = [frame_rows.newest_dated(db), None if last is None else datetime.fromisoformat(last)]
    dated = [moment for moment in moments if moment is not None]
    boot_id, _, began = (boot or "").partition(" ")
    return KnownTime(max(dated, default=None), (boot_id, datetime.fromisoformat(began)) if began else None)


def _note_time(db: Connection, now: datetime, boot_id: str, boot_began: datetime) -> None:
    rows.set_fact(db, "time_known", rows.text(now))
    rows.set_fact(db, "boot", f"{boot_id} {rows.text(boot_began)}")


class Outbox:
    """Frames and readings of this home, until the backend's receipt names them. Use as ``async with Outbox(path)``."""

    def __init__(
        self,
        path: Path,
        *,
        retention: Retention | None = None,
        now: Callable[[], datetime] = _now,
        linger_s: float = 0.0,
    ) -> None:
        """Opens the file, and exchanges it for a new one where it is damaged. ``linger_s`` is how long a commit waits
        for company. Raises ``OutboxError``, but not for a full disk: what is to be kept then waits for room."""
        self.path = path
        self._retention = retention if retention is not None else Retention()
        self._now = now
        self._counted = True
        self._ending = asyncio.Event()
        self._waiting: dict[object, str] = {}
        self.mended = asyncio.Event()
        """Set after a damaged file was exchanged while the gateway ran: its raw frames have to be read again."""
        self._writer = Writer(OutboxFile(path, now), linger_s=linger_s, mended=self.mended.set)

    async def keep(self, frame: Frame, readings: Sequence[Reading], *, complete: bool = True) -> tuple[Pending, ...]:
        """Keep a decoded frame and its readings in one commit; returns the readings never seen before. ``complete``
        is False where a numbered record announced more that did not come, and has to be asked for again."""
        now = self._moment()
        return await self._promise(lambda db: _keep(db, frame, readings, now, complete=complete))

    async def keep_raw(self, frame: Frame, *, context_of: int | None = None) -> int:
        """Keep a frame whose meaning is not known yet; returns its id for :meth:`settle`. ``context_of`` is the id of
        the frame whose circumstances this one tells: it is settled with that one."""
        return await self._promise(lambda db: frame_rows.insert_frame(db, frame, "raw", context_of=context_of))

    async def keep_waiting(self, frame: Frame, readings: Sequence[Reading], *, complete: bool = True) -> None:
        """Keep a frame that has no date yet, unless it is here already. ``readings`` are what it will be."""
        now = self._moment()
        await self._promise(lambda db: _let_wait(db, None, frame, readings, now, complete=complete))

    async def keep_window(self, frame: Frame, reading: Reading) -> None:
        """Keep a stream's window that has no date yet; ``frame`` is the one that closed it."""
        text = reading.model_dump_json()
        await self._promise(lambda db: frame_rows.insert_frame(db, frame, "raw", waits=True, reading=text))

    async def let_wait(
        self, frame_id: int, frame: Frame, readings: Sequence[Reading], *, complete: bool = True
    ) -> None:
        """A frame kept raw has everything but its date."""
        now = self._moment()
        await self._promise(lambda db: _let_wait(db, frame_id, frame, readings, now, complete=complete))

    async def keep_bad(self, frame: Frame, error_type: str, reason: str) -> None:
        """Keep a frame that cannot be decoded with its reason, and count it."""
        self._counted = self._counted or counted(frame.received_time)
        await self._promise(
            lambda db: frame_rows.mark_bad(db, frame_rows.insert_frame(db, frame, "raw"), frame, error_type, reason)
        )

    async def settle(
        self, frame_id: int, frame: Frame, readings: Sequence[Reading], *, complete: bool = True
    ) -> tuple[Pending, ...]:
        """Add the readings of a frame kept raw; returns those never seen before."""
        now = self._moment()
        return await self._promise(lambda db: _settle(db, frame_id, frame, readings, now, complete=complete))

    async def settle_bad(self, frame_id: int, frame: Frame, error_type: str, reason: str) -> None:
        """Mark a frame kept raw as one that cannot be decoded."""
        self._counted = self._counted or counted(frame.received_time)
        await self._promise(lambda db: frame_rows.mark_bad(db, frame_id, frame, error_type, reason))

    async def add_context(self, context: Frame, join: Callable[[Reading], Reading]) -> bool:
        """Add circumstances to a measurement that did not wait for them, as long as it was not sent. False where they
        came too late, or without their measurement: that is counted, and the frame kept beside the measurement's."""
        return await self._promise(lambda db: _add_context(db, context, join))

    async def raw_frames(self) -> tuple[KeptFrame, ...]:
        """Frames that a crash left undecoded, oldest first."""
        return await self._writer.do(frame_rows.raw_frames, Weight.LOOK)

    async def waiting_frames(self) -> tuple[KeptFrame, ...]:
        """Frames that wait for their date, oldest first."""
        return await self._writer.do(frame_rows.waiting_frames, Weight.LOOK)

    async def known_time(self) -> KnownTime:
        """What earlier processes knew of the time."""
        return await self._writer.do(_known_time, Weight.LOOK)

    async def note_time(self, now: datetime, boot_id: str, boot_began: datetime) -> None:
        """The time is known; what happened while it was not is dated as of now."""
        await self._date_counted(now)
        await self._writer.do(lambda db: _note_time(db, now, boot_id, boot_began))

    async def _date_counted(self, now: datetime) -> None:
        """Looks at every row, so only after something was counted, be it by an earlier process."""
        if not self._counted or counted(now):
            return
        self._counted = False
        try:
            await self._writer.do(lambda db: rows.date_counted(db, now))
        except OutboxError:
            self._counted = True
            raise

    def _moment(self) -> datetime:
        now = self._now()
        self._counted = self._counted or counted(now)
        return now

    async def last_sequence(self, sensor: str, characteristic: str) -> int | None:
        """The highest sequence number whose record is complete and durable; None when there is none."""
        return await self._writer.do(lambda db: frame_rows.last_sequence(db, sensor, characteristic), Weight.LOOK)

    async def ask_from(self, sensor: str, characteristic: str, number: int) -> None:
        """A numbered record is not complete here: next time the meter is asked from it on, whatever came behind it."""
        await self._promise(lambda db: frame_rows.ask_from(db, sensor, characteristic, number))

    async def forget_sequence(self, sensor: str, characteristic: str) -> None:
        """The meter numbers from the start again: its memory was cleared."""
        await self._promise(lambda db: frame_rows.forget_sequence(db, sensor, characteristic))

    async def knows(self, readings: Sequence[Reading]) -> bool:
        """Whether every one of these was heard before."""
        return len(await self._promise(lambda db: rows.known(db, readings))) == len(readings)

    async def pending(self) -> tuple[Pending, ...]:
        """Everything without a receipt, in order of arrival; live is what can still call somebody."""
        since = self._moment() - _LIVE_FOR
        return await self._writer.do(lambda db: rows.pending(db, since), Weight.LOOK)

    async def load(self, seqs: Sequence[int]) -> tuple[Sendable, ...]:
        """What to send for these rows; those that have left ``pending`` are left out."""
        return await self._writer.do(lambda db: rows.load(db, seqs), Weight.LOOK)

    async def sent(self, batch: str, seqs: Sequence[int]) -> None:
        """Note the batch that these rows travel in."""
        now = self._moment()
        await self._writer.do(lambda db: rows.mark_sent(db, batch, seqs, now), Weight.NOTE)

    async def answered(self, receipt: Receipt) -> Applied:
        """Do what the backend's receipt says."""
        now = self._moment()
        return await self._writer.do(lambda db: rows.apply_receipt(db, receipt, now), Weight.NOTE)

    async def status(self) -> OutboxStatus:
        """How much waits."""
        return (await self.report(())).status

    async def report(self, sensors: Sequence[str]) -> OutboxReport:
        """How much waits, what is wrong, and what is remembered of these meters, in one look."""
        full, now = await self._still_full(), self._moment()
        found = await self._writer.do(
            lambda db: OutboxReport(
                condition.completed(rows.status(db), db, self.path),
                condition.problems(db, self.path, now),
                frame_rows.bad_frames(db, sensors),
                frame_rows.last_heard(db, sensors),
            ),
            Weight.LOOK,
        )
        return found if full is None else replace(found, problems=(full, *found.problems))

    async def _still_full(self) -> str | None:
        """While the last write found no room, try one: nobody else may write for hours, and the word has to go."""
        if self._waiting:  # a smaller write than theirs might still find room
            return next(iter(self._waiting.values()))
        if not self._writer.full:
            return None
        now = self._moment()
        try:
            await self._writer.do(lambda db: rows.set_fact(db, "room_tried", rows.text(now)), Weight.NOTE)
        except OutboxFullError as error:
            return str(error)[:300]
        return None

    async def alive(self) -> None:
        """Returns once the writing thread has come round. A full or damaged disk is said elsewhere; another start of
        the gateway would not mend it."""
        with suppress(OutboxError):
            await self._writer.do(lambda db: db.execute("SELECT 1").fetchone(), Weight.LOOK)

    @property
    def synced_commits(self) -> int:
        """How often the disk was waited for since the start: what wears a memory card out."""
        return self._writer.synced_commits

    async def counts(self) -> dict[str, int]:
        """Readings by state."""
        return await self._writer.do(rows.counts, Weight.LOOK)

    async def fact(self, name: str) -> str | None:
        """A single value of the ``facts`` table."""
        return await self._writer.do(lambda db: rows.fact(db, name), Weight.LOOK)

    async def prune(self) -> Pruned:
        """Let go of what may go. Without the time nothing is too old."""
        now = self._moment()
        await self._date_counted(now)
        return await self._writer.do(lambda db: prune(db, self._retention, now))

    async def _promise(self, work: Callable[[Connection], T]) -> T:
        """Do it; while the disk is full, wait for room. What waits so is in memory, and its meter has forgotten it."""
        me = object()
        try:
            while True:
                try:
                    return await self._writer.do(work)
                except OutboxFullError as error:
                    if self._ending.is_set():
                        raise
                    self._waiting[me] = str(error)[:300]
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TRY_FOR_ROOM_S):
                        await self._ending.wait()
        finally:
            self._waiting.pop(me, None)

    def stop_waiting(self) -> None:
        """The gateway ends: what still waits for room on the disk is given up, and fails with ``OutboxFullError``."""
        self._ending.set()

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
