"""What rules see of a reading."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_protocol.readings import Quality, Reading, Value


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading, as far as judging is concerned. Ordered by effective time, then id: never by arrival."""

    reading_id: UUID
    kind: str
    quality: Quality
    effective_time: datetime
    received_time: datetime
    values: Mapping[str, Value]
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, reading: Reading) -> "Observation":
        """The observation in a reading."""
        return cls(
            reading.id,
            reading.kind,
            reading.quality,
            reading.effective_time,
            reading.received_time,
            reading.values,
            reading.flags,
        )

    @property
    def order(self) -> tuple[datetime, UUID]:
        """The one order that every engine and every replay agrees on."""
        return (self.effective_time, self.reading_id)
