"""An average by protocol, such as home blood pressure by NICE NG136: never one reading, always the days together."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Literal

from hearthline_backend.domain.rules import Level, Limit, Priority


@dataclass(frozen=True, slots=True)
class Protocol:
    """How readings make an average: ``days`` local days, of which ``least_days`` have to be complete, the first
    ``drop_days`` of them left out. A day is complete with ``a_session`` readings, at least ``apart`` from each other,
    before ``noon`` and as many after it, local time of the patient.

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

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind it looks at."""
        return frozenset((self.kind,))

    def limits(self, level: Level) -> tuple[Limit, ...]:
        """The limits of one level."""
        return self.red if level is Level.RED else self.yellow
