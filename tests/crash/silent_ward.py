"""A ward of which nothing comes, the processes that look for it, killed or side by side, and the count afterwards."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import select

from hearthline_backend.alerting import silence, silence_homes
from hearthline_backend.alerting.digest import MorningDigest
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.events import EventBus
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.storage.schema import alert_events, alerts, notifications
from hearthline_backend.storage.silence_tables import digests, home_alerts, intake_spans, notices
from tests.crash.failpoints import Failpoint, failing_silence
from tests.fixtures.clinic import Clinic
from tests.fixtures.forked import forking
from tests.fixtures.readings import pressure
from tests.fixtures.records import Engine, migrated_records, opened_records

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

LOOKED_AT: Final = datetime(2026, 11, 22, 10, 1, tzinfo=UTC)
"""A minute after the grace of Sunday's morning slot in Stockholm."""
DONE_WITHIN_S: Final = 60


@dataclass(frozen=True, slots=True)
class Wiring:
    """``measured`` are those of whom a reading of this morning has come; at ``step`` the process dies, at none it ends
    when nothing is due any more. ``at_once`` are taken in one transaction."""

    records: str
    now: datetime
    measured: tuple[UUID, ...] = ()
    step: str = ""
    at_once: int = 200


@dataclass
class SilentWard:
    """``silent`` have not measured, ``paused`` are in hospital, ``measured`` have. Every second home is offline."""

    clinic: Clinic
    url: str
    silent: list[UUID] = field(default_factory=list)
    paused: list[UUID] = field(default_factory=list)
    measured: list[UUID] = field(default_factory=list)

    async def fill(self, number: int) -> None:
        """So many who are silent, and two of each other kind."""
        made, since = self.clinic, LOOKED_AT - timedelta(hours=6)  # one slot ago
        await made.employ("E.S.", ("mail", "es@example.org"))
        technician = User(uuid4(), "tech", "!", Role.TECHNICIAN, "J.T.", "Technician", made.organisation)
        async with made.records.begin() as unit:
            await unit.pauses.begin(made.patient, _hospital(), now=since)
            await unit.people.add_user(technician)
            await unit.people.add_contact(Contact(uuid4(), technician.id, "mail", "jt@example.org", None, 0))
            for kind, count in ((self.silent, number), (self.paused, 2), (self.measured, 2)):
                for _ in range(count):
                    kind.append(await self._enrol(unit, since))
            for patient in self.paused:
                await unit.pauses.begin(patient, _hospital(), now=since)
            span = {"since": since, "until": LOOKED_AT + timedelta(hours=1)}
            await unit.connection.execute(intake_spans.insert().values(**span))

    async def _enrol(self, unit: Any, since: datetime) -> UUID:
        patient, number = uuid4(), len(self.silent) + len(self.paused) + len(self.measured)
        gateway, cuff = f"home-{number:04}", f"C0:00:00:00:00:{number:02X}"
        plan = build_plan(
            patient_id=patient, version=1, valid_from=since, conditions=["hypertension"], reason="template"
        )
        await unit.care.add_patient(Patient(patient, self.clinic.team, "Ana", "Test", 1950, "Europe/Stockholm", since))
        await unit.care.add_plan(plan, created_at=since)
        await unit.homes.add_gateway(
            Gateway(gateway, f"{number:04}", self.clinic.organisation, "Europe/Stockholm", since)
        )
        await unit.homes.heard([gateway], LOOKED_AT - timedelta(days=number % 2))
        await unit.homes.add_sensor(Sensor(cuff, gateway, "Test cuff", "cuff", since))
        await unit.homes.assign(Assignment(uuid4(), cuff, patient, since))
        return patient

    def wiring(
        self, step: str = "", *, later: timedelta = timedelta(0), everybody: bool = False, at_once: int = 200
    ) -> Wiring:
        """Of a process that looks now, or a while later, when ``everybody`` has measured."""
        measured = self.measured + self.silent if everybody else self.measured
        return Wiring(self.url, LOOKED_AT + later, tuple(measured), step, at_once)

    async def said(self) -> Counter[tuple[UUID, str]]:
        """How often each thing happened to an alert of each patient."""
        query = select(alerts.c.patient_id, alert_events.c.what).join(alerts, alerts.c.id == alert_events.c.alert_id)
        async with self.clinic.records.read() as unit:
            return Counter((row.patient_id, row.what) for row in await unit.connection.execute(query))

    async def told(self) -> Counter[str]:
        """How many messages of each kind of notice there are, and of alerts."""
        query = select(notices.c.what).select_from(notifications).outerjoin(notices)
        async with self.clinic.records.read() as unit:
            return Counter(what or "alert" for what in await unit.connection.scalars(query))

    async def counts(self) -> tuple[int, int]:
        """Home alerts and digests."""
        async with self.clinic.records.read() as unit:
            found = [len((await unit.connection.execute(select(one.c.id))).all()) for one in (home_alerts, digests)]
        return found[0], found[1]


def _hospital() -> Pause:
    return Pause(PauseKind.HOSPITAL, LOOKED_AT - timedelta(days=1), LOOKED_AT + timedelta(days=9))


@asynccontextmanager
async def silent_ward(folder: Path, engine: Engine, number: int) -> AsyncIterator[SilentWard]:
    """Filled, without a process yet."""
    async with migrated_records(folder, engine) as url, opened_records(url) as records:
        made = SilentWard(Clinic(records), url)
        await made.clinic.open()
        await made.fill(number)
        yield made


async def run_all(*wirings: Wiring) -> list[int | None]:
    """Processes that begin together; their exit codes when all have ended."""
    context = forking()
    together = context.Barrier(len(wirings))
    started: list[ForkServerProcess] = []
    for wiring in wirings:
        process = context.Process(target=_work, args=(wiring, together), daemon=True)
        process.start()
        started.append(process)
    try:
        await asyncio.gather(*(asyncio.to_thread(one.join, DONE_WITHIN_S) for one in started))
        return [one.exitcode for one in started]
    finally:
        for one in started:
            one.kill()


def _work(wiring: Wiring, together: Any) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    silence.AT_ONCE = silence_homes.AT_ONCE = wiring.at_once  # type: ignore[misc]
    together.wait(DONE_WITHIN_S)
    asyncio.run(_run(wiring))


async def _run(wiring: Wiring) -> None:
    records, readings = SqlRecords.open(wiring.records), MemoryReadings()
    at = wiring.now - timedelta(minutes=90)
    came = [
        (patient, pressure(128, 82, effective_time=at + timedelta(seconds=second), received_time=at))
        for second, patient in enumerate(wiring.measured)
    ]
    await readings.write([PatientReading(patient, "home-0001", reading, at) for patient, reading in came])
    watched = failing_silence(records, Failpoint(wiring.step, 1))

    def clock() -> datetime:
        return wiring.now

    patients = silence.SilenceWatch(watched, readings, clock=clock, events=EventBus())
    homes = silence_homes.HomeWatch(watched, clock=clock, events=EventBus())
    for job in (patients.run_due, homes.run_due, MorningDigest(watched, clock=clock).run_due):
        while await job():
            pass
    await records.close()
