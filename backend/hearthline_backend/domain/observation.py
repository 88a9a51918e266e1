"""What rules see of a reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hearthline_protocol.readings import Quality


class Measured(Protocol):
    """A number with its unit, or only that it is beyond what the meter can process."""

    @property
    def value(self) -> float | None:
        """In ``unit``; None where the meter only said low or high."""

    @property
    def comparator(self) -> str | None:
        """``<`` or ``>`` for a value beyond what the meter can process."""


class Observed(Protocol):
    """What is looked at of a reading, whichever model it comes in."""

    @property
    def id(self) -> UUID:
        """The reading's."""

    @property
    def kind(self) -> str:
        """A name in the table of kinds."""

    @property
    def quality(self) -> Quality:
        """What it is worth."""

    @property
    def effective_time(self) -> datetime:
        """When it was measured."""

    @property
    def received_time(self) -> datetime:
        """When the gateway had it."""

    @property
    def values(self) -> Mapping[str, Measured]:
        """By field."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Findings beside the value."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading, as far as judging is concerned. Ordered by effective time, then id: never by arrival."""

    reading_id: UUID
    kind: str
    quality: Quality
    effective_time: datetime
    received_time: datetime
    values: Mapping[str, Measured]
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, reading: Observed, at: datetime | None = None) -> "Observation":
        """The observation in a reading; ``at`` is when it was measured, where that was corrected."""
        return cls(
            reading.id,
            reading.kind,
            reading.quality,
            at or reading.effective_time,
            reading.received_time,
            reading.values,
            reading.flags,
        )

    @property
    def order(self) -> tuple[datetime, UUID]:
        """The one order that every engine and every replay agrees on."""
        return (self.effective_time, self.reading_id)
