"""Which readings go next, and when those without a receipt go again. Pure: the caller brings the time.

Live readings go first, the newest of them first; the backlog goes oldest first. Of the four batches that may be under
way, neither lane takes more than three, so that a live reading never waits for a backlog and a backlog always moves.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hearthline_gateway.outbox.rows import Pending

MAX_UNDER_WAY: Final = 4
_MAX_PER_LANE: Final = 3


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. Without a receipt a reading goes again after ``resend_first``, doubling to ``resend_max``. While nobody
    listens, one reading knocks after ``knock_first``, doubling to ``knock_max``. Without a connection the next try
    comes after ``reconnect_first``, doubling to ``reconnect_max``."""

    resend_first: float = 30.0
    resend_max: float = 600.0
    knock_first: float = 0.5
    knock_max: float = 15.0
    reconnect_first: float = 0.2
    reconnect_max: float = 30.0


class Lane(StrEnum):
    """Where a reading waits for its turn."""

    LIVE = "live"
    BACKLOG = "backlog"
    SINGLE = "single"
    """Alone in its batch, to find the one at fault in a batch that the backend could not parse."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Readings to send now, of one lane."""

    lane: Lane
    seqs: tuple[int, ...]


@dataclass(slots=True)
class _Row:
    lane: Lane
    attempts: int = 0
    ready: bool = True
    due: float = 0.0


@dataclass(slots=True)
class _Batch:
    lane: Lane
    seqs: set[int]
    sent: float
    slot_until: float
    due: float


@dataclass(slots=True)
class _Lanes:
    heaps: Mapping[Lane, list[tuple[int, int]]] = field(default_factory=lambda: {lane: [] for lane in Lane})

    def push(self, seq: int, lane: Lane) -> None:
        heapq.heappush(self.heaps[lane], (-seq if lane is Lane.LIVE else seq, seq))


class Schedule:
    """The state of sending within one connection."""

    def __init__(self, timing: Timing, *, batch_readings: int, jitter: Callable[[], float]) -> None:
        """``jitter`` gives a factor around 1 for every waiting time."""
        self._timing = timing
        self._batch_readings = batch_readings
        self._jitter = jitter
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._lanes = _Lanes()
        self._waiting: list[tuple[float, int]] = []
        self._batches: dict[str, _Batch] = {}
        self._refusals = 0
        self._paused_until = 0.0
        self._last_receipt = 0.0
        self._silent = False

    @property
    def under_way(self) -> int:
        """How many batches hold a slot."""
        return len(self._batches)

    @property
    def knocking(self) -> bool:
        """Whether nobody listens at the broker, so that one batch after the other asks whether somebody is back."""
        return self._refusals > 0

    def restart(self, rows: Iterable[Pending]) -> None:
        """A new connection: everything without a receipt may go at once."""
        self._clear()
        self.offer(rows)

    def offer(self, rows: Iterable[Pending]) -> None:
        """Rows that the outbox has now."""
        for row in rows:
            if row.seq not in self._rows:
                lane = Lane.LIVE if row.live else Lane.BACKLOG
                self._rows[row.seq] = _Row(lane)
                self._lanes.push(row.seq, lane)

    def turn(self, now: float) -> Turn | None:
        """Take what goes next, or None while nothing may. The caller answers with :meth:`sent` or :meth:`put_back`."""
        self._expire(now)
        if now < self._paused_until or self.under_way >= (1 if self._refusals else MAX_UNDER_WAY):
            return None
        for lane in (Lane.LIVE, Lane.SINGLE, Lane.BACKLOG):
            if sum(batch.lane is lane for batch in self._batches.values()) >= _MAX_PER_LANE:
                continue
            alone = self._refusals or lane is Lane.SINGLE
            seqs = self._pop(lane, 1 if alone else self._batch_readings)
            if seqs:
                return Turn(lane, seqs)
        return None

    def _pop(self, lane: Lane, limit: int) -> tuple[int, ...]:
        heap = self._lanes.heaps[lane]
        taken: list[int] = []
        while heap and len(taken) < limit:
            _, seq = heapq.heappop(heap)
            row = self._rows.get(seq)
            if row is not None and row.ready and row.lane is lane:
                row.ready = False
                taken.append(seq)
        return tuple(taken)

    def put_back(self, seqs: Iterable[int]) -> None:
        """Taken but not sent: first in their lane again."""
        for seq in seqs:
            self._make_ready(seq)

    def _make_ready(self, seq: int) -> None:
        row = self._rows.get(seq)
        if row is not None and not row.ready:
            row.ready = True
            self._lanes.push(seq, row.lane)

    def sent(self, batch: str, turn: Turn, seqs: Sequence[int], now: float) -> None:
        """These rows of the turn travel in this batch. One that a late receipt settled meanwhile is no longer ours."""
        seqs = [seq for seq in seqs if seq in self._rows]
        if not seqs:
            return
        attempts = max(self._rows[seq].attempts for seq in seqs)
        for seq in seqs:
            self._rows[seq].attempts = attempts + 1
        slot = self._timing.resend_first * self._jitter()
        wait = min(self._timing.resend_first * 2**attempts, self._timing.resend_max) * self._jitter()
        self._batches[batch] = _Batch(turn.lane, set(seqs), now, now + slot, now + max(slot, wait))

    def postpone(self, seq: int, now: float) -> None:
        """A row that cannot be sent for now: looked at again after the longest wait."""
        self._wait(seq, now + self._timing.resend_max * self._jitter())

    def _wait(self, seq: int, due: float) -> None:
        row = self._rows.get(seq)
        if row is not None:
            row.due = due
            heapq.heappush(self._waiting, (due, seq))

    def accepted(self) -> None:
        """A PUBACK says that the backend was there."""
        self._refusals = 0
        self._paused_until = 0.0

    def refused(self, batch: str, now: float) -> float:
        """A PUBACK says that the batch reached nobody; returns the seconds until the next knock."""
        gone = self._batches.pop(batch, None)
        if now >= self._paused_until:
            wait = min(self._timing.knock_first * 2**self._refusals, self._timing.knock_max) * self._jitter()
            self._paused_until = now + wait
            self._refusals += 1
        for seq in gone.seqs if gone is not None else ():
            if seq in self._rows:
                self._rows[seq].attempts -= 1
            self._make_ready(seq)
        return self._paused_until - now

    def settled(self, seqs: Iterable[int]) -> None:
        """Rows that left ``pending``: they go no more."""
        gone = set(seqs)
        for seq in gone:
            self._rows.pop(seq, None)
        for name, batch in list(self._batches.items()):
            batch.seqs -= gone
            if not batch.seqs:
                del self._batches[name]

    def split(self, batch: str, seqs: Iterable[int]) -> None:
        """The backend could not parse the batch: each of its rows goes alone."""
        self._batches.pop(batch, None)
        for seq in seqs:
            row = self._rows.get(seq)
            if row is not None:
                row.lane, row.ready = Lane.SINGLE, False
                self._make_ready(seq)

    def heard_receipt(self, now: float) -> None:
        """The backend answers. After a silence everything that waits for its time may go at once."""
        self._last_receipt = now
        if self._silent:
            self._silent = False
            for _, seq in self._waiting:
                self._make_ready(seq)
            self._waiting.clear()

    def _expire(self, now: float) -> None:
        for name in [name for name, batch in self._batches.items() if batch.slot_until <= now]:
            batch = self._batches.pop(name)
            self._silent = self._silent or self._last_receipt < batch.sent
            for seq in batch.seqs:
                self._wait(seq, batch.due)
        while self._waiting and self._waiting[0][0] <= now:
            due, seq = heapq.heappop(self._waiting)
            row = self._rows.get(seq)
            if row is not None and row.due == due:
                self._make_ready(seq)

    def next_change(self, now: float) -> float | None:
        """When :meth:`turn` should be asked again although nothing happened; None when only an event can change it."""
        times = [batch.slot_until for batch in self._batches.values()]
        if self._waiting:
            times.append(self._waiting[0][0])
        if self._paused_until > now:
            times.append(self._paused_until)
        return min(times, default=None)
