"""What ingest needs from judging, which it calls inside the transaction that registers the judged readings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.quiet_register import QuietGroup
from hearthline_backend.storage.records.unit import Unit


class ChangedAlert(Protocol):
    """One alert that was raised or changed."""

    @property
    def alert_id(self) -> int:
        """Its number."""

    @property
    def patient_id(self) -> UUID:
        """Whose it is."""

    @property
    def team_id(self) -> UUID:
        """Who cares for the patient."""


class Verdict(Protocol):
    """What judging changed, for those who watch a screen."""

    @property
    def alerts(self) -> Sequence[ChangedAlert]:
        """Alerts raised or changed."""

    @property
    def teams(self) -> Sequence[tuple[UUID, UUID]]:
        """Every patient whose readings were given, each once, with the team."""


class Quieted(Protocol):
    """Readings sorted by what is remembered: those that say nothing, and the others."""

    @property
    def group(self) -> QuietGroup:
        """Those that say nothing, as rows of the register."""

    @property
    def readings(self) -> Sequence[PatientReading]:
        """The same, one to one."""

    @property
    def rest(self) -> Sequence[PatientReading]:
        """Those that have to be judged."""

    @property
    def teams(self) -> Sequence[tuple[UUID, UUID]]:
        """As in :class:`Verdict`, for all of them."""


class Judging(Protocol):
    """Judges readings that are stored and not yet judged."""

    def quieted(self, readings: Sequence[PatientReading]) -> Quieted | None:
        """Those that say nothing, by what is remembered; None where too little is."""

    async def judge(self, unit: Unit, readings: Sequence[PatientReading], now: datetime) -> Verdict:
        """Write everything that follows from ``readings``, their ``judged`` rows included, into ``unit``."""
