"""The outbox as the rest of the gateway uses it: every method returns once its effect is on the disk."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Self

from hearthline_gateway.frame import Frame
from hearthline_gateway.outbox import rows
from hearthline_gateway.outbox.retention import Pruned, Retention, prune
from hearthline_gateway.outbox.rows import Applied, Pending, Sendable
from hearthline_gateway.outbox.schema import connect
from hearthline_gateway.outbox.writer import Writer
from hearthline_protocol.messages import BadFrames, OutboxStatus, Receipt
from hearthline_protocol.readings import Reading


def _now() -> datetime:
    return datetime.now(UTC)


def _keep(db: Connection, frame: Frame, readings: Sequence[Reading], now: datetime) -> tuple[Pending, ...]:
    known = rows.known(db, readings)
    rows.heard_again(db, known, now)
    if len(known) == len(readings):
        return ()
    return rows.insert_readings(db, rows.insert_frame(db, frame, "decoded"), readings, now)


def _settle(
    db: Connection, frame_id: int, frame: Frame, readings: Sequence[Reading], now: datetime
) -> tuple[Pending, ...]:
    rows.heard_again(db, rows.known(db, readings), now)
    added = rows.insert_readings(db, frame_id, readings, now)
    rows.finish_frame(db, frame_id, alone=frame.alone, added=bool(added))
    return added


class Outbox:
    """Frames and readings of this home, until the backend's receipt names them. Use as ``async with Outbox(path)``."""

    def __init__(self, path: Path, *, retention: Retention | None = None, now: Callable[[], datetime] = _now) -> None:
        self.path = path
        self._retention = retention if retention is not None else Retention()
        self._now = now
        self._writer = Writer(connect(path))

    async def keep(self, frame: Frame, readings: Sequence[Reading]) -> tuple[Pending, ...]:
        """Keep a decoded frame and its readings in one commit; returns the readings never seen before."""
        now = self._now()
        return await self._writer.do(lambda db: _keep(db, frame, readings, now))

    async def keep_raw(self, frame: Frame) -> int:
        """Keep a frame whose meaning is not known yet; returns its id for :meth:`settle`."""
        return await self._writer.do(lambda db: rows.insert_frame(db, frame, "raw"))

    async def keep_bad(self, frame: Frame, error_type: str, reason: str) -> None:
        """Keep a frame that cannot be decoded with its reason, and count it."""
        await self._writer.do(
            lambda db: rows.mark_bad(db, rows.insert_frame(db, frame, "raw"), frame, error_type, reason)
        )

    async def settle(self, frame_id: int, frame: Frame, readings: Sequence[Reading]) -> tuple[Pending, ...]:
        """Add the readings of a frame kept raw; returns those never seen before."""
        now = self._now()
        return await self._writer.do(lambda db: _settle(db, frame_id, frame, readings, now))

    async def settle_bad(self, frame_id: int, frame: Frame, error_type: str, reason: str) -> None:
        """Mark a frame kept raw as one that cannot be decoded."""
        await self._writer.do(lambda db: rows.mark_bad(db, frame_id, frame, error_type, reason))

    async def raw_frames(self) -> tuple[tuple[int, Frame], ...]:
        """Frames that a crash left undecoded, oldest first, each with its id."""
        return await self._writer.do(rows.raw_frames)

    async def knows(self, readings: Sequence[Reading]) -> bool:
        """Whether every one of these was heard before."""
        return len(await self._writer.do(lambda db: rows.known(db, readings))) == len(readings)

    async def pending(self) -> tuple[Pending, ...]:
        """Everything without a receipt, in order of arrival."""
        return await self._writer.do(rows.pending)

    async def load(self, seqs: Sequence[int]) -> tuple[Sendable, ...]:
        """What to send for these rows; those that have left ``pending`` are left out."""
        return await self._writer.do(lambda db: rows.load(db, seqs))

    async def sent(self, batch: str, seqs: Sequence[int]) -> None:
        """Note the batch that these rows travel in."""
        now = self._now()
        await self._writer.do(lambda db: rows.mark_sent(db, batch, seqs, now))

    async def answered(self, receipt: Receipt) -> Applied:
        """Do what the backend's receipt says."""
        now = self._now()
        return await self._writer.do(lambda db: rows.apply_receipt(db, receipt, now))

    async def status(self) -> OutboxStatus:
        """How much waits."""
        return await self._writer.do(rows.status)

    async def counts(self) -> dict[str, int]:
        """Readings by state."""
        return await self._writer.do(rows.counts)

    async def fact(self, name: str) -> str | None:
        """A single value of the ``facts`` table."""
        return await self._writer.do(lambda db: rows.fact(db, name))

    async def bad_frames(self, sensor: str, limit: int = 20) -> tuple[BadFrames, ...]:
        """What could not be decoded from one meter, most recent first."""
        return await self._writer.do(lambda db: rows.bad_frames(db, sensor, limit))

    async def last_heard(self, sensor: str) -> datetime | None:
        """When the newest kept frame of a meter was heard, before a restart too."""
        return await self._writer.do(lambda db: rows.last_heard(db, sensor))

    async def prune(self) -> Pruned:
        """Let go of what may go."""
        now = self._now()
        return await self._writer.do(lambda db: prune(db, self._retention, now))

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
