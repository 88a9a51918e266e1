"""The way of one red: at what time it was where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final


@dataclass(frozen=True, slots=True)
class Journey:
    """One red, from the cuff's indication to the arrival of its webhook, by one machine's clock.

    What lies between is as the processes noted it, each a moment before its commit: when the gateway ``received`` the
    value and when it ``sent`` it, when the backend began to judge (``judged``) and when it began the call
    (``call_begun``).
    """

    indicated: datetime
    received: datetime
    sent: datetime
    judged: datetime
    call_begun: datetime
    arrived: datetime

    @property
    def seconds(self) -> float:
        """The whole way."""
        return (self.arrived - self.indicated).total_seconds()

    def hops(self) -> Mapping[str, float]:
        """The parts of the way, in seconds; they add up to the whole."""
        return dict(zip(_HOPS, self._between(), strict=True))

    def _between(self) -> Iterator[float]:
        moments = (self.indicated, self.received, self.sent, self.judged, self.call_begun, self.arrived)
        return ((end - start).total_seconds() for start, end in pairwise(moments))


_HOPS: Final = (
    "indication to gateway: air, D-Bus",
    "gateway: decode, outbox, batch",
    "uplink: broker, wait for ingest",
    "backend: store, judge, commit",
    "call: commit of the attempt, POST",
)
