"""A reading with its patient: what a time series is made of, and where in it the reading stands."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from uuid import UUID

from hearthline_backend.quick_reading import QuickReading, quick_reading
from hearthline_protocol.readings import Reading

NOBODY: Final = UUID(int=0)
"""Whose a reading is that a person took back from a patient: it stands aside until somebody says whose it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose series a reading stands in, and at which moment. ``aside``: kept and found by its id, but in no series and
    no last value, such as one that was entered in error."""

    patient_id: UUID
    effective_time: datetime
    aside: bool = False


class PatientReading:
    """``stored_time`` is the backend's clock. ``body`` is the reading as JSON; ``reading`` is made of it when it is
    first asked for, so that who only writes, counts or charts never pays for it. Immutable.

    ``effective_time`` is where it stands: a recorded correction may have moved it from where its body says. ``reading``
    says the corrected time too.
    """

    __slots__ = ("_body", "_content", "_effective_time", "_reading", "aside", "gateway", "patient_id", "stored_time")

    def __init__(
        self,
        patient_id: UUID,
        gateway: str,
        reading: Reading | None,
        stored_time: datetime,
        *,
        aside: bool = False,
        body: bytes | None = None,
        effective_time: datetime | None = None,
        content: QuickReading | None = None,
    ) -> None:
        """Of a reading, or of what it can be made of: see :meth:`kept` and :meth:`quick`."""
        if reading is None and body is None:
            raise ValueError("a reading or its body is needed")
        self.patient_id = patient_id
        self.gateway = gateway
        self.stored_time = stored_time
        self.aside = aside
        self._reading = reading
        self._content: Reading | QuickReading | None = reading or content
        self._body = body
        self._effective_time = effective_time

    @classmethod
    def kept(
        cls,
        patient_id: UUID,
        gateway: str,
        body: bytes,
        stored_time: datetime,
        *,
        effective_time: datetime | None = None,
        aside: bool = False,
    ) -> Self:
        """From JSON that was validated before it was kept. ``effective_time`` where it may differ from the body's, in
        UTC."""
        return cls(patient_id, gateway, None, stored_time, aside=aside, body=body, effective_time=effective_time)

    @classmethod
    def quick(cls, patient_id: UUID, gateway: str, body: bytes, stored_time: datetime, content: QuickReading) -> Self:
        """As it comes in on the hot path, its times in UTC."""
        one = cls.__new__(cls)  # past ``__init__``, which takes longer than all of this
        one._begin(patient_id, gateway, body, stored_time, content)  # noqa: SLF001  # its own class
        return one

    def _begin(self, patient_id: UUID, gateway: str, body: bytes, stored_time: datetime, content: QuickReading) -> None:
        self.patient_id = patient_id
        self.gateway = gateway
        self.stored_time = stored_time
        self.aside = False
        self._reading = None
        self._content = content
        self._body = body
        self._effective_time = content.effective_time

    @property
    def content(self) -> Reading | QuickReading:
        """The reading as its body says it, by whichever model is at hand: the names and meanings are the same."""
        if self._content is None:
            self._content = quick_reading(self.body) or Reading.model_validate_json(self.body)
        return self._content

    @property
    def reading(self) -> Reading:
        """The reading, its effective time as it stands."""
        if self._reading is None:
            found = Reading.model_validate_json(self.body)
            at = self._effective_time
            if at is not None and found.effective_time != at:
                found = found.model_copy(update={"effective_time": at})
            self._reading = found
        return self._reading

    @property
    def body(self) -> bytes:
        """The reading as JSON, as it was first said."""
        if self._body is None:
            self._body = self.reading.model_dump_json(exclude_defaults=True).encode()
        return self._body

    @property
    def id(self) -> UUID:
        """The reading's id."""
        return self.content.id

    @property
    def kind(self) -> str:
        """The reading's kind."""
        return self.content.kind

    @property
    def effective_time(self) -> datetime:
        """When it was measured, in UTC."""
        if self._effective_time is None:
            self._effective_time = self.content.effective_time.astimezone(UTC)
        return self._effective_time

    def moved(self, place: Place) -> "PatientReading":
        """The same reading at another place."""
        return PatientReading.kept(
            place.patient_id,
            self.gateway,
            self.body,
            self.stored_time,
            effective_time=place.effective_time.astimezone(UTC),
            aside=place.aside,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PatientReading):
            return NotImplemented
        return (self.patient_id, self.gateway, self.stored_time, self.aside, self.reading) == (
            other.patient_id,
            other.gateway,
            other.stored_time,
            other.aside,
            other.reading,
        )

    def __hash__(self) -> int:
        return hash((self.patient_id, self.id))

    def __repr__(self) -> str:
        return f"PatientReading({self.id}, patient {self.patient_id}, {self.kind})"  # never a value: it may be logged
