"""What an extraordinary report says, as one JSON column that is never changed: validated on the way in and out.

Readings are kept as they stood when the report was made, so that a correction made later does not change it silently.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.three_days import FieldFigures, KindFigures
from hearthline_backend.storage.patient_reading import PatientReading
from hearthline_protocol.readings import Reading


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EvidenceContent(_Part):
    """One alert by which the patient turned yellow. ``readings`` are those past a limit and those its opening rests on,
    ``evaluations`` are of the former, oldest first, as the register of judged readings keeps them, with the
    ``reading`` of each; ``policy`` is why who was called."""

    alert: int
    rule: str
    kind: str
    level: Level
    plan_version: int
    readings: tuple[UUID, ...]
    evaluations: tuple[dict[str, Any], ...]
    policy: dict[str, Any]


class FieldContent(_Part):
    """One :class:`~hearthline_backend.domain.three_days.FieldFigures`."""

    field: str
    count: int
    low: float
    mean: float
    high: float
    last: float


class KindContent(_Part):
    """One :class:`~hearthline_backend.domain.three_days.KindFigures`."""

    kind: str
    readings: int
    last: datetime | None
    fields: tuple[FieldContent, ...]
    slots: int
    missed: int
    qualities: dict[str, int]
    flags: dict[str, int]

    @classmethod
    def of(cls, figures: KindFigures) -> Self:
        """From the domain's."""
        return cls(
            kind=figures.kind,
            readings=figures.readings,
            last=figures.last,
            fields=tuple(_field(one) for one in figures.fields),
            slots=figures.slots,
            missed=figures.missed,
            qualities=dict(figures.qualities),
            flags=dict(figures.flags),
        )


class ReadingContent(_Part):
    """A reading as it stood, its effective time included, with when it was stored."""

    reading: Reading
    gateway: str
    stored: datetime

    def row(self, patient_id: UUID) -> PatientReading:
        """As views take it."""
        return PatientReading(patient_id, self.gateway, self.reading, self.stored)


class ReportContent(_Part):
    """The report. ``since`` and ``until`` bound the days that ``kinds`` sum up, of which ``readings`` holds every
    reading, and those of the evidence. ``addressed`` are who was on call."""

    version: Literal[1] = 1
    plan_version: int
    since: datetime
    until: datetime
    evidence: tuple[EvidenceContent, ...]
    kinds: tuple[KindContent, ...]
    readings: tuple[ReadingContent, ...]
    addressed: tuple[UUID, ...]

    def as_json(self) -> Mapping[str, Any]:
        """What the column holds."""
        return self.model_dump(mode="json")

    def of_evidence(self) -> frozenset[UUID]:
        """The readings that fired."""
        return frozenset(reading for one in self.evidence for reading in one.readings)

    def rows(self, patient_id: UUID, kind: str | None = None) -> list[PatientReading]:
        """The readings, of one kind or all, oldest first."""
        return [one.row(patient_id) for one in self.readings if kind in (None, one.reading.kind)]


def kept(rows: Iterable[PatientReading]) -> tuple[ReadingContent, ...]:
    """Each reading once, in the order of effective times."""
    ordered = {row.id: row for row in sorted(rows, key=lambda row: (row.effective_time, row.id))}
    return tuple(
        ReadingContent(reading=row.reading, gateway=row.gateway, stored=row.stored_time) for row in ordered.values()
    )


def _field(one: FieldFigures) -> FieldContent:
    return FieldContent(field=one.field, count=one.count, low=one.low, mean=one.mean, high=one.high, last=one.last)
