"""What is known of the values in a time that moves along: the lowest, the middle one."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from hearthline_backend.domain.verdict import MOST_READINGS


class Seen(NamedTuple):
    """One value, in parts, turned so that larger is worse."""

    number: int
    at: datetime
    reading_id: UUID


class LowestWindow:
    """The lowest value of the last ``span``. A step costs amortised constant time."""

    __slots__ = ("_candidates", "_former", "_newest", "_span")

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._candidates: deque[Seen] = deque()
        self._former: Seen | None = None
        self._newest: Seen | None = None

    def add(self, seen: Seen) -> None:
        """The next value, not older than any before."""
        candidates = self._candidates
        while candidates and candidates[-1].number >= seen.number:
            candidates.pop()
        candidates.append(seen)
        self._former, self._newest = self._newest, seen

    def rise(self, at: datetime) -> tuple[int, Seen, Seen] | None:
        """How far the newest value lies over the lowest one, as of ``at``, with the lowest and the newest; None with
        fewer than two values in the time."""
        newest, former = self._newest, self._former
        if newest is None or former is None or at - former.at > self._span:
            return None
        candidates = self._candidates
        while at - candidates[0].at > self._span:
            candidates.popleft()
        return newest.number - candidates[0].number, candidates[0], newest


class MedianWindow:
    """The median of the values between ``delay`` + ``span`` and ``delay`` ago: what is usual, without what is new."""

    __slots__ = ("_delay", "_inside", "_oldest", "_sorted", "_waiting")

    def __init__(self, delay: timedelta, span: timedelta) -> None:
        self._delay = delay
        self._oldest = delay + span
        self._waiting: deque[Seen] = deque()
        self._inside: deque[Seen] = deque()
        self._sorted: list[int] = []

    def add(self, seen: Seen) -> None:
        """The next value, not older than any before."""
        self._waiting.append(seen)

    def move_to(self, at: datetime) -> None:
        """What is as old as the delay goes in, what is older than all goes out."""
        waiting, inside, numbers = self._waiting, self._inside, self._sorted
        while waiting and at - waiting[0].at > self._delay:
            seen = waiting.popleft()
            inside.append(seen)
            insort(numbers, seen.number)
        while inside and at - inside[0].at > self._oldest:
            del numbers[bisect_left(numbers, inside.popleft().number)]

    def __len__(self) -> int:
        return len(self._inside)

    @property
    def median(self) -> int:
        """In parts. Only where there is a value."""
        return median(self._sorted)

    @property
    def entries(self) -> tuple[Seen, ...]:
        """Those it rests on, oldest first; the newest of them."""
        return tuple(islice(self._inside, max(0, len(self._inside) - MOST_READINGS), None))


def median(numbers: list[int]) -> int:
    """The middle of sorted numbers; between two, their middle, which is whole because every number is even."""
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) // 2


def newest_ids(entries: Iterable[Seen], most: int = MOST_READINGS) -> tuple[UUID, ...]:
    """The ids of the newest of these, oldest first."""
    entries = entries if isinstance(entries, deque) else deque(entries)
    return tuple(one.reading_id for one in islice(entries, max(0, len(entries) - most), None))
