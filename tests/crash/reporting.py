"""A patient turns yellow and nobody confirms the report, in processes that die at a step, and the count afterwards."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

import structlog

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.alerting.links import ReportLinks
from hearthline_backend.alerting.report_calls import ReportCalls
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.events import EventBus
from hearthline_backend.storage.ports import PatientReading, Records
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.reports import ReportHappened
from tests.crash.engines import open_readings
from tests.crash.failpoints import Failpoint, failing_records
from tests.fixtures.clinic import START, Clinic
from tests.fixtures.forked import forking
from tests.fixtures.readings import pressure

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

STEPS: Final = ("records begun", "records before commit", "records committed")
"""Of the transaction in which the report is made, and of those in which somebody is called for it."""
PASSINGS: Final = (1, 2, 4)
"""It is made; the team's steps are called, once in 2 and once in 3; the last resort is."""
NOW: Final = START + timedelta(hours=8)
_LOOKS: Final = tuple(NOW + timedelta(hours=4, minutes=15 * number) for number in range(3))
_WAIT_S: Final = 60
_SPACE: Final = UUID("0b9a3a0e-6c39-4d19-8c0c-8d4f1f0a7a11")


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where everything is. ``step`` and ``passing`` say where the process dies; no step: nowhere."""

    readings: str
    records: str
    patient: UUID
    step: str = ""
    passing: int = 1


async def enrol(clinic: Clinic, patient: UUID) -> None:
    """One more patient of the clinic's team."""
    since = START - timedelta(days=100)
    plan = build_plan(patient_id=patient, version=1, valid_from=since, conditions=["hypertension"], reason="template")
    async with clinic.records.begin() as unit:
        await unit.care.add_patient(Patient(patient, clinic.team, "Ana", "Test", 1950, "Europe/Stockholm", since))
        await unit.care.add_plan(plan, created_at=since)


async def live(wiring: Wiring) -> int | None:
    """A process that does all that is to be done, or dies; returns how it ended."""
    process: ForkServerProcess = forking().Process(target=_work, args=(wiring,), daemon=True)
    process.start()
    await asyncio.to_thread(process.join, _WAIT_S)
    if process.is_alive():
        process.kill()
    return process.exitcode


def _work(wiring: Wiring) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(_run(wiring))


async def _run(wiring: Wiring) -> None:
    plain = SqlRecords.open(wiring.records)
    records = failing_records(plain, Failpoint(wiring.step, wiring.passing)) if wiring.step else plain
    async with open_readings(wiring.readings, plain) as store:
        rows = _yellow(wiring.patient)
        await store.write(rows)
        async with records.begin() as unit:
            await Judge(store).judge(unit, rows, NOW)
        for at in _LOOKS:
            await _calls(records, at).run_due()
    await plain.close()


def _calls(records: Records, at: datetime) -> ReportCalls:
    return ReportCalls(records, path=ReportLinks(b"key").path, clock=lambda: at, events=EventBus())


def _yellow(patient: UUID) -> list[PatientReading]:
    """The same readings in every process."""
    times = [NOW - timedelta(minutes=minutes) for minutes in (40, 20, 0)]
    return [
        PatientReading(
            patient,
            "home-0001",
            pressure(166, 92, id=uuid5(_SPACE, f"{patient}/{at.isoformat()}"), effective_time=at, received_time=at),
            NOW,
        )
        for at in times
    ]


async def wrong_of(clinic: Clinic, patient: UUID) -> list[str]:
    """What is not as it has to be, in words: one alert, one report, each call of it once and in order."""
    found: list[str] = []
    async with clinic.records.read() as unit:
        alerts = await unit.alerts.of_patient(patient, START - timedelta(days=100))
        reports = await unit.reports.of_patient(patient, 10)
        if (len(alerts), len(reports)) != (1, 1):
            return [f"{len(alerts)} alerts, {len(reports)} reports"]
        events = [(one.what, one.detail.get("user")) for one in await unit.reports.events(reports[0].id)]
        notices = await unit.reports.notices_of(reports[0].id)
        told = await unit.calls.of_notices(notices)
    first, second = (str(one.id) for one in clinic.people)
    last = str(next(user for what, user in events[::-1] if what is ReportHappened.CALLED))
    expected = [
        (ReportHappened.MADE, None),
        (ReportHappened.ESCALATED, None),
        (ReportHappened.CALLED, first),
        (ReportHappened.ESCALATED, None),
        (ReportHappened.CALLED, second),
        (ReportHappened.LAST_RESORT, None),
        (ReportHappened.CALLED, last),
    ]
    if events != expected:
        found.append(f"another history: {[what.value for what, _user in events]}")
    if len(notices) != 3 or sorted({str(one.notification.user_id) for one in told}) != sorted({first, second, last}):
        found.append(f"{len(notices)} notices to {len(told)} contacts")
    return found
