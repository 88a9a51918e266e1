"""Rules about what does not come: a measurement the plan expects, and the technical reasons for it.

No reading fires them: they are looked at when something is due. See ``alerting/silence``.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hearthline_backend.domain.rules import Priority


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
