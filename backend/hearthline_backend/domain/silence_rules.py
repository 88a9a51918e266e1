"""Rules about what does not come: a measurement the plan expects, and the technical reasons for it.

No reading fires them: they are looked at when something is due. See ``alerting/silence``.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hearthline_backend.domain.rules import Priority, RuleError, kind_of


@dataclass(frozen=True, slots=True)
class MissingRule:
    """A measurement of ``kind`` that the plan's slots expect and that did not come: yellow after so many missed slots
    in a row, red after so many (None: never)."""

    id: str
    kind: str
    source: str
    advice: str
    yellow_after: int = 1
    red_after: int | None = None
    priority: Priority | None = None
    type: Literal["missing"] = "missing"

    def __post_init__(self) -> None:
        kind_of(self.id, self.kind)
        if self.yellow_after < 1:
            raise RuleError(f"rule {self.id}: yellow comes after 1 missed slot or more, not after {self.yellow_after}")
        if self.red_after is not None and self.red_after <= self.yellow_after:
            raise RuleError(f"rule {self.id}: red comes after more than {self.yellow_after} missed slots")


@dataclass(frozen=True, slots=True)
class TechnicalRule:
    """A state of a home that wants a technician: ``battery`` at or under ``limit`` percent, ``clock`` wrong by
    ``limit`` seconds or more, ``silent_hop`` broken for ``lasting``."""

    id: str
    signal: Literal["battery", "clock", "silent_hop"]
    source: str
    advice: str
    limit: float | None = None
    lasting: timedelta = timedelta(0)
    priority: Priority | None = Priority.LOW
    type: Literal["technical"] = "technical"

    def __post_init__(self) -> None:
        if self.lasting < timedelta(0):
            raise RuleError(f"rule {self.id}: a state lasts some time, not {self.lasting}")
        if self.signal == "silent_hop":
            if self.limit is not None:
                raise RuleError(f"rule {self.id}: a silent hop has a time that it lasts, no limit")
            return
        unit, most = ("percent", 100.0) if self.signal == "battery" else ("seconds", 86_400.0)
        if self.limit is None or not 0 < self.limit <= most:
            raise RuleError(f"rule {self.id}: a {self.signal} limit is over 0 and at most {most:g} {unit}")
