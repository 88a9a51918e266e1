"""When the operator is called: once when something breaks, again after a long while, and once when all is good. Pure.

Everything that one failure breaks stops at about the same moment and is noticed one after the other. So a further hop
is a reason for a further call only where it still worked long after the first one had stopped, and no other hop that
is broken explains it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hearthline_backend.watch.hops import Hop, Rhythm, first_broken

_ROUNDS_APART: Final = 2


class Occasion(StrEnum):
    """Why the operator is called."""

    BROKEN = "broken"
    STILL_BROKEN = "still_broken"
    ALSO_BROKEN = "also_broken"
    GOOD_AGAIN = "good_again"


@dataclass(slots=True)
class _Open:
    began: float
    called_at: float
    told: set[Hop]
    good_since: float | None = None


class Incidents:
    """Asked again and again with the broken hops; answers with the occasion for a call, if there is one."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._open: _Open | None = None

    @property
    def under_way(self) -> bool:
        """Whether the operator was called and not yet told that all is good."""
        return self._open is not None

    @property
    def began(self) -> float | None:
        """Since when something is broken."""
        return None if self._open is None else self._open.began

    def look(self, late: Mapping[Hop, float], now: float) -> Occasion | None:
        """``late`` are the broken hops with the time of their last proof."""
        found = self._open
        if found is None:
            return self._begin(late, now) if late else None
        if not late:
            return self._good(found, now)
        found.good_since = None
        apart = found.began + _ROUNDS_APART * self._rhythm.every_s
        more = {hop for hop in first_broken(late) if hop not in found.told and late[hop] > apart}
        found.told |= late.keys()
        if more:
            found.called_at = now
            return Occasion.ALSO_BROKEN
        if now - found.called_at >= self._rhythm.repeat_every_s:
            found.called_at = now
            return Occasion.STILL_BROKEN
        return None

    def _begin(self, late: Mapping[Hop, float], now: float) -> Occasion:
        self._open = _Open(min(late.values()), now, set(late))
        return Occasion.BROKEN

    def _good(self, found: _Open, now: float) -> Occasion | None:
        """Good for a whole round: what only flickers is not over."""
        if found.good_since is None:
            found.good_since = now
        if now - found.good_since < self._rhythm.every_s:
            return None
        self._open = None
        return Occasion.GOOD_AGAIN
