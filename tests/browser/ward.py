"""A ward to look at: its parts, one fixed moment, a clock whose hands a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from aiohttp import web

from hearthline_backend.alerting.actions import AlertActions
from hearthline_backend.alerting.judge import Judge
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.corrections import ReadingCorrections
from hearthline_backend.events import Event, EventBus
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.remote.desk import RemoteDesk
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.people import User
from hearthline_backend.web.context import WebContext
from hearthline_backend.web.site import create_site
from hearthline_protocol.readings import AsMeasured, Quality, Reading, TimeQuality, Value
from tests.fixtures.uplinks import FakeUplink

MOMENT: Final = datetime(2026, 11, 22, 2, 12, tzinfo=UTC)
"""Sunday 22 November 2026, 03:12 in Stockholm."""
PASSWORD: Final = "a long enough password"
ZONE: Final = "Europe/Stockholm"
_SPACE: Final = UUID("4d6f2c1e-8f0a-4b6e-9a51-0c8d5f7e2b10")


def named(*parts: object) -> UUID:
    """The same id for the same words in every run."""
    return uuid5(_SPACE, "/".join(str(part) for part in parts))


class Hands:
    """A clock whose hands a test moves."""

    def __init__(self, now: datetime = MOMENT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Ward:
    """Everything a test of the site needs."""

    records: SqlRecords
    clock: Hands = field(default_factory=Hands)
    readings: MemoryReadings = field(default_factory=MemoryReadings)
    events: EventBus = field(default_factory=EventBus)
    uplink: FakeUplink = field(default_factory=FakeUplink)
    organisation: UUID = field(default_factory=lambda: named("organisation"))
    team: UUID = field(default_factory=lambda: named("team"))
    other_team: UUID = field(default_factory=lambda: named("other team"))
    users: dict[str, User] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    delayed_since: datetime | None = None

    @property
    def actions(self) -> AlertActions:
        return AlertActions(self.records, self.events, self.clock)

    @property
    def desk(self) -> RemoteDesk:
        return RemoteDesk(self.records, self.uplink, self.events, self.clock)

    @property
    def ingest(self) -> Ingest:
        """What a home of the ward sends goes through here."""
        judge = Judge(self.readings)
        settlement = Settlement(self.records, self.readings, judge, self.clock)
        health = StoreHealth(self.events, self.clock)
        return Ingest(self.uplink, self.records, settlement, self.events, health, self.clock)

    @property
    def corrections(self) -> ReadingCorrections:
        finishing = CorrectionFinishing(self.records, self.readings, Judge(self.readings), self.events, self.clock)
        return ReadingCorrections(self.records, self.readings, finishing, self.events, self.clock, self.ingest.retry)

    def context(self, **other: Any) -> WebContext:
        """What the site is given."""
        given: dict[str, Any] = {
            "records": self.records,
            "readings": self.readings,
            "events": self.events,
            "actions": self.actions,
            "desk": self.desk,
            "corrections": self.corrections,
            "retry": self.ingest.retry,
            "clock": self.clock,
            "delayed_since": lambda: self.delayed_since,
            "secure_cookies": False,
        }
        return WebContext(**(given | other))

    def site(self, **other: Any) -> web.Application:
        """The site itself."""
        return create_site(self.context(**other))

    def patient_id(self, name: str) -> UUID:
        """A patient by given name."""
        return named("patient", name)

    async def alert_of(self, name: str) -> int:
        """The number of a patient's oldest live alert."""
        async with self.records.read() as unit:
            return (await unit.alerts.open_of_patient(self.patient_id(name)))[0].alert.id

    async def report_of(self, name: str) -> str:
        """Where a patient's newest report is read."""
        async with self.records.read() as unit:
            (report, *_) = await unit.reports.of_patient(self.patient_id(name), 1)
        return f"/patients/{report.patient_id}/reports/{report.number}"

    async def report_number(self, name: str) -> int:
        """The number of a patient's newest report among all, of which its link is made."""
        async with self.records.read() as unit:
            (report, *_) = await unit.reports.of_patient(self.patient_id(name), 1)
        return report.id

    async def arrive(self, name: str, *readings: Reading, at: datetime | None = None) -> None:
        """Stored and judged as if it had just come, then told to every open page."""
        now = at or self.clock.now
        rows = [PatientReading(self.patient_id(name), "home-0417", reading, now) for reading in readings]
        await self.readings.write(rows)
        async with self.records.begin() as unit:
            judged = await Judge(self.readings).judge(unit, rows, now)
        self.events.publish(Event("reading", now, self.patient_id(name), self.team))
        for one in judged.alerts:
            self.events.publish(Event("alert", now, one.patient_id, self.team, alert_id=one.alert_id))


def reading(
    kind: str, at: datetime, *, received: datetime | None = None, sensor: str = "C0:00:00:00:04:17", **values: Any
) -> Reading:
    """A reading that is right in every way; ``values`` are numbers by field, ``quality`` and ``flags`` may be given."""
    quality, flags = values.pop("quality", Quality.VALID), values.pop("flags", ())
    units = {
        "systolic": ("mm[Hg]", 0),
        "diastolic": ("mm[Hg]", 0),
        "pulse": ("/min", 0),
        "spo2": ("%", 0),
        "weight": ("kg", 1),
        "temperature": ("Cel", 1),
        "glucose": ("mg/dL", 0),
    }
    made = {}
    for name, number in values.items():
        unit, precision = units[name]
        measured = AsMeasured(number=number, unit=unit, precision=precision)
        made[name] = Value(value=number, unit=unit, as_measured=measured)
    return Reading(
        id=named("reading", kind, sensor, at.isoformat(), *sorted(values.items())),
        kind=kind,
        quality=quality,
        values=made,
        flags=flags,
        received_time=received or at + timedelta(seconds=1),
        effective_time=at,
        time_quality=TimeQuality.SYNCED,
        live=received is None,
        sensor=sensor,
        characteristic="2A35",
        model="A-30",
    )


def pressure(at: datetime, systolic: float, diastolic: float, **other: Any) -> Reading:
    """A cuff's reading."""
    return reading("blood_pressure", at, systolic=systolic, diastolic=diastolic, pulse=other.pop("pulse", 74), **other)
