"""Reds that nobody takes, called on and on by processes that are killed at any moment, and the count afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select

from hearthline_backend.alerting.clock_set_back import ClockSetBack
from hearthline_backend.alerting.delivery import Delivery, Retry
from hearthline_backend.alerting.escalation import Escalation
from hearthline_backend.alerting.judge import Judge
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.due import Due
from hearthline_backend.events import EventBus
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, Happened
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.schema import due, notifications
from tests.fixtures.clinic import START, Clinic
from tests.fixtures.forked import forking
from tests.fixtures.records import Engine, migrated_records, opened_records
from tests.fixtures.sinks import MailSink, mail_sink

TIMING: Final = Timing(escalate_after=timedelta(seconds=0.4))
RETRY: Final = Retry(first=timedelta(seconds=0.2), lease=timedelta(seconds=1))
LONGEST_S: Final = 0.9
STEPS: Final = 2
"""So many each alert has gone on by when somebody takes it, at least."""
DRAINED_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where everything is, and how far its clock is from this machine's."""

    records: str
    smtp_port: int
    ahead: timedelta

    def now(self) -> datetime:
        """By the clock of the test."""
        return datetime.now(UTC) + self.ahead


@dataclass
class Count:
    """``calls`` were owed, ``arrived`` are those of which there is a mail, ``repeats`` are mails that came again and
    said so; ``wrong`` is what is not right, in words."""

    calls: int = 0
    arrived: int = 0
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Escalating:
    """Alerts in Records and a mailbox."""

    clinic: Clinic
    wiring: Wiring
    mail: MailSink
    alerts: list[Alert] = field(default_factory=list)

    async def raise_reds(self, number: int) -> None:
        """One of each of so many patients, with two nurses on call and a third one in the team."""
        for initials in ("AA", "BB"):
            await self.clinic.employ(initials, ("mail", f"{initials}@example.org"))
        await self.clinic.employ("CC", ("mail", "CC@example.org"), on_call=False)
        since = START - timedelta(days=100)
        for _ in range(number):
            patient = uuid4()
            self.clinic.clock.now = self.wiring.now()
            plan = build_plan(
                patient_id=patient, version=1, valid_from=since, conditions=["hypertension"], reason="template"
            )
            row = PatientReading(patient, "home-0001", self.clinic.measured(186, 112), self.clinic.clock.now)
            await self.clinic.readings.write([row])
            async with self.clinic.records.begin() as unit:
                team = self.clinic.team
                await unit.care.add_patient(Patient(patient, team, "Ana", "Test", 1950, "Europe/Madrid", since))
                await unit.care.add_plan(plan, created_at=since)
                await Judge(self.clinic.readings, TIMING).judge(unit, [row], self.clinic.clock.now)
            async with self.clinic.records.read() as unit:
                self.alerts += await unit.alerts.of_patient(patient, since)

    async def kill(self, times: int, chance: random.Random) -> None:
        """One process after the other, each for a moment."""
        for _ in range(times):
            process = start(self.wiring)
            await asyncio.sleep(0.1 + chance.random() * LONGEST_S)
            await _end(process)

    async def finish(self, *, workers: int = 1, steps: int = STEPS) -> Count:
        """Go on until each went on by so many steps, then somebody takes them all; what was owed by then is delivered,
        and counted."""
        processes = [start(self.wiring) for _ in range(workers)]
        try:
            async with asyncio.timeout(DRAINED_WITHIN_S):
                while min([await self._steps(alert) for alert in self.alerts]) < steps:  # noqa: ASYNC110 - as below
                    await asyncio.sleep(0.05)
                for alert in self.alerts:
                    self.clinic.clock.now = self.wiring.now()
                    await self.clinic.actions.acknowledge(alert.id, self.clinic.people[0])
                while await self._due():  # noqa: ASYNC110 - rows that another process writes
                    await asyncio.sleep(0.05)
        finally:
            for process in processes:
                await _end(process)
        return await self._counted()

    async def _due(self) -> int:
        query = select(func.count()).where(notifications.c.state == "due")
        async with self.clinic.records.read() as unit:
            return int(await unit.connection.scalar(query) or 0)

    async def _counted(self) -> Count:
        found = Count()
        mails = Counter(UUID(str(mail["Message-ID"]).strip("<>").partition("@")[0]) for mail in self.mail.mails)
        marked = Counter(
            UUID(str(mail["Message-ID"]).strip("<>").partition("@")[0])
            for mail in self.mail.mails
            if mail["Hearthline-Repeat"] == "true"
        )
        known: set[UUID] = set()
        for alert in self.alerts:
            await self._chain(found, alert)
            for told in await self.clinic.calls(alert):
                one, state = told.notification.id, told.notification.state.value
                known.add(one)
                if state == "cancelled" and not mails[one]:
                    continue
                found.calls += 1
                found.arrived += bool(mails[one])
                found.repeats += marked[one]
                if state not in ("sent", "cancelled"):
                    found.wrong.append(f"call {one} is {state}")
                if mails[one] - marked[one] > 1:
                    found.wrong.append(f"call {one} came {mails[one]} times, {marked[one]} marked as repeats")
        found.wrong += [f"a mail of call {one}, which is not in the records" for one in mails.keys() - known]
        return found

    async def _chain(self, found: Count, alert: Alert) -> None:
        """Who was called after whom: every step that was due was taken once, and in order."""
        steps = await self._steps(alert)
        first, second = (str(one.id) for one in self.clinic.people)
        async with self.clinic.records.read() as unit:
            third = next(str(one.id) for one in await unit.people.care_team(self.clinic.team) if one.initials == "CC")
        expected = [first]
        for step in range(steps):
            expected += [second] if step % 2 == 0 else [third, first]
        called = [one.detail["user"] for one in await self.clinic.events_of(alert) if one.what is Happened.CALLED]
        if called != expected:
            found.wrong.append(f"alert {alert.id}: {len(called)} calls of {len(expected)}, or in another order")

    async def _steps(self, alert: Alert) -> int:
        query = select(func.count()).where(
            due.c.alert_id == alert.id, due.c.what == "escalate", due.c.outcome == "done"
        )
        async with self.clinic.records.read() as unit:
            return int(await unit.connection.scalar(query) or 0)


@asynccontextmanager
async def escalating(folder: Path, engine: Engine) -> AsyncIterator[Escalating]:
    """Stores and mailbox, without a process yet."""
    async with migrated_records(folder, engine) as url, opened_records(url) as records, mail_sink() as mail:
        clinic = Clinic(records)
        await clinic.open()
        yield Escalating(clinic, Wiring(url, mail.port, START - datetime.now(UTC)), mail)


def start(wiring: Wiring) -> ForkServerProcess:
    """A process that runs until it is killed."""
    process = forking().Process(target=_work, args=(wiring,), daemon=True)
    process.start()
    return process


async def _end(process: ForkServerProcess) -> None:
    process.kill()
    await asyncio.to_thread(process.join)


def _work(wiring: Wiring) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(_run(wiring))


async def _run(wiring: Wiring) -> None:
    records, events, ticks = SqlRecords.open(wiring.records), EventBus(), Due(tick_s=0.05)
    mail = MailChannel(MailServer("127.0.0.1", wiring.smtp_port, "Hearthline <calls@hearthline.example>"))
    delivery = Delivery(
        records,
        {"mail": mail},
        link=lambda number: f"https://care.example/alerts/{number}",
        clock=wiring.now,
        events=events,
        wake=ticks.wake,
        retry=RETRY,
    )
    escalation = Escalation(records, clock=wiring.now, events=events, timing=TIMING)
    clock = ClockSetBack(records, clock=wiring.now, timing=TIMING, retry=RETRY)
    ticks.start([clock.run_due, escalation.run_due, delivery.send_due])
    await asyncio.Event().wait()
