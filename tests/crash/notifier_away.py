"""A mail server that is out of order for an hour while reds wait, and the count of what it cost."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

from hearthline_backend.alerting.delivery import Delivery
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert
from hearthline_backend.storage.records.calls import NotificationState
from hearthline_backend.storage.records.care import Patient
from tests.crash.escalating import Count
from tests.fixtures.clinic import START, Clinic
from tests.fixtures.records import Engine
from tests.fixtures.sinks import MailSink, mail_sink
from tests.fixtures.timeline import Timeline, timeline

_NO_ANSWER_S: Final = 0.3
_REFUSALS: Final = ("451 4.3.2 not now", "452 4.3.1 no room", "421 4.7.0 closing")


@dataclass
class ForgetfulSink(MailSink):
    """``dumb``: it keeps a mail, and never says so."""

    dumb: bool = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # the library's name
        answer = await super().handle_DATA(server, session, envelope)
        if self.dumb:
            await asyncio.sleep(10 * _NO_ANSWER_S)
        return answer


async def away(folder: Path, engine: Engine, *, alerts: int) -> Count:
    """So many reds of as many patients. Two nurses are on call and a third one is called at last, all by mail; nobody
    takes anything. In its first second and in the last minutes of the hour the server takes mails without a word."""
    sink = ForgetfulSink()
    async with timeline(folder, engine) as line, mail_sink(sink) as mail:
        for initials in ("AA", "BB", "CC"):
            await line.person(initials)
        await line.rota([("Mon 00:00", "AA")], [("Mon 00:00", "BB")], last_resort="CC")
        await line.delivery.close()
        line.delivery = _through(line, mail)
        line.at("10:00", lambda: _raise(line.clinic, alerts))
        for when, dumb, refusing in (("09:59", True, False), ("10:00:01", False, True), ("10:57", True, False)):
            line.at(when, partial(_turn, sink, dumb=dumb, refusing=refusing))
        line.at("11:00", partial(_turn, sink, dumb=False, refusing=False))
        await line.live(line.moment("11:10"))
        return await _counted(line, mail)


def _through(line: Timeline, mail: MailSink) -> Delivery:
    channel = MailChannel(MailServer("127.0.0.1", mail.port, "calls@hearthline.example"), timeout_s=_NO_ANSWER_S)
    clock, events = line.clinic.clock, line.clinic.events
    return Delivery(line.clinic.records, {"mail": channel}, link=str, clock=clock, events=events)


async def _raise(clinic: Clinic, number: int) -> None:
    since = START - timedelta(days=100)
    async with clinic.records.read() as unit:
        (plan,) = await unit.care.plan_history(clinic.patient)
    for _ in range(number):
        patient = uuid4()
        row = PatientReading(patient, "home-0001", clinic.measured(186, 112), clinic.clock.now)
        await clinic.readings.write([row])
        async with clinic.records.begin() as unit:
            await unit.care.add_patient(Patient(patient, clinic.team, "Ana", "Test", 1950, "Europe/Madrid", since))
            await unit.care.add_plan(replace(plan, patient_id=patient), created_at=since)
            await clinic.judge.judge(unit, [row], clinic.clock.now)


async def _turn(sink: ForgetfulSink, *, dumb: bool, refusing: bool) -> None:
    sink.dumb = dumb
    sink.answers = list(_REFUSALS) * 100_000 if refusing else []


async def _counted(line: Timeline, mail: MailSink) -> Count:
    found = Count()
    ids = [UUID(str(one["Message-ID"]).strip("<>").partition("@")[0]) for one in mail.mails]
    mails, marked = Counter(ids), Counter[UUID]()
    for one, number in zip(mail.mails, ids, strict=True):
        marked[number] += one["Hearthline-Repeat"] == "true"
    for alert in await _alerts(line.clinic):
        reached: dict[UUID, bool] = {}
        for told in await line.clinic.calls(alert):
            row = told.notification
            reached[row.user_id] = reached.get(row.user_id, False) or bool(mails[row.id])
            if mails[row.id] - marked[row.id] > 1:
                found.wrong.append(f"call {row.id} came {mails[row.id]} times, {marked[row.id]} marked as repeats")
            if marked[row.id] and not any(one.repeat for one in told.attempts):
                found.wrong.append(f"call {row.id} says repeat, and its attempts do not")
            if row.state is NotificationState.DUE:
                found.wrong.append(f"call {row.id} is still due ten minutes after")
            found.repeats += marked[row.id]
        found.calls += len(reached)
        found.arrived += sum(reached.values())
        if len(reached) != 3:
            found.wrong.append(f"of three people {len(reached)} were called for alert {alert.id}")
    return found


async def _alerts(clinic: Clinic) -> list[Alert]:
    async with clinic.records.read() as unit:
        return [one.alert for one in await unit.alerts.open_of_team(clinic.team)]
