"""What the watchdog proves, hop by hop, and when a proof is late. Pure: times are seconds of one steady clock.

A hop is broken when its last proof is older than its limit, and whole again with the next proof. So one that has never
been proved is given its full time from the start, and one that answers ever later is seen as well: a reading proves the
moment at which it was sent, not the one at which its answer came.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Hop(StrEnum):
    """In the order of a reading's way; the last three are what the people at the screens need."""

    BROKER = "broker"
    """The broker lets us in."""
    RECEIPT = "receipt"
    """A synthetic reading is stored."""
    ALERT = "alert"
    """It is judged, and what is due was gone through."""
    CALLS = "calls"
    """No call waits that nobody makes."""
    SITE = "site"
    """The web site answers."""
    READY = "ready"
    """Every process that is asked says that it can do its work."""
    LIVE = "live"
    """Live events reach the site."""


_BEHIND: Final[Mapping[Hop, frozenset[Hop]]] = {
    Hop.BROKER: frozenset({Hop.RECEIPT, Hop.ALERT, Hop.CALLS, Hop.LIVE}),
    Hop.RECEIPT: frozenset({Hop.ALERT, Hop.CALLS, Hop.LIVE}),
    Hop.ALERT: frozenset({Hop.CALLS, Hop.LIVE}),
    Hop.SITE: frozenset({Hop.LIVE}),
}
"""What cannot be proved while a hop is broken."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the watchdog acts and how long each proof may take, in seconds.

    With these values every hop that stops is told within 3 minutes: see :attr:`longest_s`.
    """

    every_s: float = 60.0
    broker_within_s: float = 60.0
    receipt_within_s: float = 60.0
    alert_within_s: float = 75.0
    site_within_s: float = 90.0
    repeat_every_s: float = 1800.0

    @property
    def probe_s(self) -> float:
        """How often the site is asked."""
        return self.every_s / 4

    @property
    def resend_s(self) -> float:
        """How soon a reading without a receipt goes again: a message lost while something restarts is no outage."""
        return self.every_s / 6

    @property
    def tick_s(self) -> float:
        """How often proofs are looked at."""
        return min(1.0, self.every_s / 20)

    @property
    def waiting_s(self) -> float:
        """How long a call may wait before somebody makes it."""
        return self.every_s / 2

    @property
    def limits(self) -> Mapping[Hop, float]:
        """How old the last proof of each hop may be. What a round proves can be a round old when all is well."""
        alert = self.every_s + self.alert_within_s
        return {
            Hop.BROKER: self.broker_within_s,
            Hop.RECEIPT: self.every_s + self.receipt_within_s,
            Hop.ALERT: alert,
            Hop.CALLS: alert,
            Hop.SITE: self.site_within_s,
            Hop.READY: self.site_within_s,
            Hop.LIVE: alert + self.probe_s,
        }

    @property
    def longest_s(self) -> float:
        """From the moment a hop stops to the moment this is known, at most: a call may have waited for a while before
        it counts."""
        return max(*self.limits.values(), self.limits[Hop.CALLS] + self.waiting_s) + self.tick_s


DEFAULT: Final = Rhythm()


class Proofs:
    """When each of ``hops`` was last proved. ``start`` counts as a proof, so that none is late before its time."""

    def __init__(self, hops: Collection[Hop], rhythm: Rhythm, start: float) -> None:
        self._limits = {hop: limit for hop, limit in rhythm.limits.items() if hop in hops}
        self._at = dict.fromkeys(self._limits, start)
        self._never = set(self._limits)

    def prove(self, hop: Hop, at: float) -> None:
        """It worked at ``at``; an older proof than the one we have changes nothing."""
        if hop in self._at:
            self._at[hop] = max(self._at[hop], at)
            self._never.discard(hop)

    def slept(self, seconds: float) -> None:
        """We ourselves stood still for so long: that says nothing of any hop."""
        for hop in self._at:
            self._at[hop] += seconds

    @property
    def complete(self) -> bool:
        """Whether every hop was proved at least once."""
        return not self._never

    @property
    def unproved(self) -> list[Hop]:
        """Those that never were."""
        return [hop for hop in self._limits if hop in self._never]

    def age(self, hop: Hop, now: float) -> float:
        """Seconds since its last proof."""
        return now - self._at[hop]

    def late(self, now: float) -> dict[Hop, float]:
        """The broken hops and when each was last proved, in order."""
        return {hop: self._at[hop] for hop, limit in self._limits.items() if now - self._at[hop] > limit}

    @property
    def hops(self) -> list[Hop]:
        """All of them, in order."""
        return list(self._limits)


def first_broken(late: Collection[Hop]) -> list[Hop]:
    """Of broken hops those that none of the others explains."""
    explained = {behind for hop in late for behind in _BEHIND.get(hop, ())}
    return [hop for hop in Hop if hop in late and hop not in explained]
