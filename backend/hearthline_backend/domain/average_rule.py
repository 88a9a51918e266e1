"""An average by protocol, such as home blood pressure by NICE NG136: never one reading, always the days together."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Literal

from hearthline_backend.domain.rules import (
    Level,
    Limit,
    Priority,
    RuleError,
    check_limits,
    check_order,
    check_some,
    check_times,
    kind_of,
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """How readings make an average: of the last ``days`` local days, the newest reading's included, at least
    ``least_days`` are complete, and the first ``drop_days`` of the complete ones are left out. A day is complete with
    ``a_session`` readings, at least ``apart`` from each other, before ``noon`` and as many from then on, local time of
    the patient. Every reading of the days that count is in the average.

    The defaults are those of NICE NG136, 1.2.8: two readings at least a minute apart, twice a day, for at least 4 and
    ideally 7 days, without the first day.
    """

    days: int = 7
    least_days: int = 4
    drop_days: int = 1
    a_session: int = 2
    apart: timedelta = timedelta(minutes=1)
    noon: time = time(12)


@dataclass(frozen=True, slots=True)
class AverageRule:
    """The protocol's average past a limit on one side. Until the protocol is complete nothing fires."""

    id: str
    kind: str
    direction: Literal["above", "below"]
    red: tuple[Limit, ...]
    yellow: tuple[Limit, ...]
    source: str
    advice: str
    protocol: Protocol = Protocol()
    look_back: timedelta = timedelta(days=9)
    rejoin_within: timedelta = timedelta(days=7)
    priority: Priority | None = None
    type: Literal["average"] = "average"

    def __post_init__(self) -> None:
        kind = kind_of(self.id, self.kind)
        check_some(self.id, self.red, self.yellow)
        for limits in (self.red, self.yellow):
            check_limits(self.id, kind, limits, above=self.above)
        check_order(self.id, self.red, self.yellow, above=self.above)
        protocol = self.protocol
        if not 0 <= protocol.drop_days < protocol.least_days <= protocol.days <= 28:
            raise RuleError(
                f"rule {self.id}: a protocol drops fewer days than it needs, and needs at most its 28 or fewer days"
            )
        if not 1 <= protocol.a_session <= 10:
            raise RuleError(f"rule {self.id}: a session has 1 to 10 readings, not {protocol.a_session}")
        if not timedelta(0) <= protocol.apart <= timedelta(hours=1):
            raise RuleError(f"rule {self.id}: readings of a session are up to an hour apart, not {protocol.apart}")
        # Local days are up to 25 hours long.
        check_times(self.id, self.look_back, self.rejoin_within, timedelta(days=protocol.days, hours=1))

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it looks at."""
        return frozenset((self.kind,))

    @property
    def above(self) -> bool:
        """True when values over the limit fire, False when values under it do."""
        return self.direction == "above"

    def limits(self, level: Level) -> tuple[Limit, ...]:
        """The limits of one level."""
        return self.red if level is Level.RED else self.yellow
