"""Who is called for a report that nobody has confirmed in time: the team's steps, then the last resort, and again.

The alert's own call is the first that somebody hears of a report. This is what follows when nobody confirms it: as a
yellow calls, by mail, and never in quiet hours.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import structlog

from hearthline_backend.alerting.agreement import Agreement, Round, agreement_of
from hearthline_backend.alerting.calling import contacts_for
from hearthline_backend.alerting.report_ends import LOOK_AGAIN, supersede
from hearthline_backend.alerting.stepping import take_step
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.alerts import AlertState, Outcome
from hearthline_backend.storage.records.calls import Claim, Notification, NotificationState, Occasion
from hearthline_backend.storage.records.care import Patient, Team
from hearthline_backend.storage.records.notices import Notice, NoticeKind
from hearthline_backend.storage.records.reports import Report, ReportHappened
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.storage.records.unit import Unit

log = structlog.get_logger(__name__)
AT_ONCE: Final = 20
ROUND_OVER: Final = "round_over"
"""Of how far calling has come: the last resort was called, and the next round waits as long as the first did."""


class ReportCalls:
    """Does what is due about reports; each pass is one transaction, so that a crash repeats it whole or not at all.
    ``path`` turns a report's number into that of a view, which names no patient."""

    def __init__(
        self,
        records: Records,
        *,
        path: Callable[[int], str],
        clock: Callable[[], datetime],
        events: EventBus,
        timing: Timing = DEFAULT,
    ) -> None:
        self._records = records
        self._path = path
        self._clock = clock
        self._events = events
        self._timing = timing

    async def run_due(self) -> int:
        """Do what is due now; returns how many reports that was."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.reports.next_due_at()
        if first is None or first > now:
            return 0
        changed: list[Patient] = []
        async with self._records.begin() as unit:
            due = await unit.reports.due(now, AT_ONCE)
            changed += [await self._one(unit, report, now) for report in due]
        for patient in changed:
            self._events.publish(Event("alert", now, patient.id, patient.team_id))
        return len(due)

    async def _one(self, unit: Unit, report: Report, now: datetime) -> Patient:
        patient = await unit.care.patient(report.patient_id)
        team = None if patient is None else await unit.care.team(patient.team_id)
        if patient is None or team is None:
            raise LookupError(f"report {report.id} is of a patient or team that is not in Records; check the database")
        if not report.waiting:
            await unit.reports.save(replace(report, due_at=None))
            return patient
        later = await self._gives_way(unit, report, now)
        if later is not None:
            await unit.reports.save(later)
            return patient
        if report.superseded_by is not None:
            detail = {"alert": report.superseded_by}
            await unit.reports.record(report.id, now, ReportHappened.RESUMED, detail=detail)
            report = replace(report, superseded_by=None)
            if report.confirm_by > now:
                await unit.reports.save(replace(report, due_at=report.confirm_by))
                return patient
        await _Calling(unit, report, patient, team, self._path, self._timing, now).go_on()
        return patient

    async def _gives_way(self, unit: Unit, report: Report, now: datetime) -> Report | None:
        """How the report stands where a red alert calls, or called, instead; None where nothing does."""
        alerts = [one.alert for one in await unit.alerts.open_of_patient(report.patient_id)]
        reds = [one for one in alerts if one.shown_level is Level.RED and not one.rule_id.startswith(MISSING)]
        if reds and report.superseded_by is None:
            await supersede(unit, report, reds[0].id, now)
            return replace(report, superseded_by=reds[0].id, due_at=now + LOOK_AGAIN)
        if reds:
            return replace(report, due_at=now + LOOK_AGAIN)
        red = None if report.superseded_by is None else await unit.alerts.get(report.superseded_by)
        # Somebody has seen to that red: it is told in the report, which still waits to be confirmed, and calls nobody.
        seen = red is not None and red.state is AlertState.RESOLVED and red.outcome is not Outcome.CLEARED
        return replace(report, due_at=None) if seen else None


@dataclass(frozen=True, slots=True)
class _Calling:
    """One report for which somebody is called now."""

    unit: Unit
    report: Report
    patient: Patient
    team: Team
    path: Callable[[int], str]
    timing: Timing
    now: datetime

    async def go_on(self) -> None:
        """The next step; when a round is over, the last resort."""
        order = await self.unit.people.on_call(self.team.id, self.now)
        paused, quiet = self.patient.paused_until, order[0].quiet_until if order else None
        if paused is not None and paused > self.now:
            await self._again(paused, self.report.calling)
            return
        if quiet is not None:
            await self._again(quiet, self.report.calling)
            return
        agreement = await agreement_of(self.unit, self.patient.id, order, self.timing, self.now)
        known = self.report.calling
        done = Round.of(known, agreement.order) if known and not known.get(ROUND_OVER) else Round(number=_round(known))
        done, wait, reached = await take_step(agreement, done, self.timing.escalate_after, self._step, self._begun)
        if reached:
            await self._again(self.now + wait, done.as_json(agreement, wait))
            return
        await self._last_resort(agreement, order_empty=not order)
        wait = agreement.confirm_within
        await self._again(self.now + wait, done.again().as_json(agreement, wait) | {ROUND_OVER: True})

    async def _step(self, user_id: UUID, channel: str | None) -> bool:
        return await self._call(user_id, Occasion.ESCALATED, channel)

    async def _begun(self, place: int) -> None:
        await self._record(ReportHappened.ESCALATED, {"place": place})

    async def _last_resort(self, agreement: Agreement, *, order_empty: bool) -> None:
        if order_empty:
            await self._record(ReportHappened.NOBODY_ON_CALL, {})
        if not agreement.last_resort:
            log.error("no_last_resort", report=self.report.id)
            return
        await self._record(ReportHappened.LAST_RESORT, {"users": [str(one) for one in agreement.last_resort]})
        log.error("last_resort_called", report=self.report.id, people=len(agreement.last_resort))
        for one in agreement.last_resort:
            await self._call(one, Occasion.LAST_RESORT)

    async def _call(self, user_id: UUID, occasion: Occasion, channel: str | None = None) -> bool:
        chosen = contacts_for(Level.YELLOW, await self.unit.people.contacts(user_id), channel)
        detail = {"user": str(user_id), "occasion": occasion.value, "channels": [one.channel for one in chosen]}
        await self._record(ReportHappened.CALLED, detail)
        if not chosen:
            log.error("person_on_call_has_no_contact", report=self.report.id, user=str(user_id))
            return False
        zone, emergency = self.team.time_zone, self.team.emergency_number
        wanted = Notice(0, NoticeKind.REPORT, self.path(self.report.id), zone, emergency, self.now)
        notice = await self.unit.notices.add(wanted)
        await self.unit.reports.tell(self.report.id, notice.id)
        await self.unit.calls.add(
            [
                Notification(uuid4(), None, user_id, one.id, occasion, self.now, self.now, notice_id=notice.id)
                for one in chosen
            ]
        )
        return True

    async def _again(self, due_at: datetime, calling: Any) -> None:
        await self.unit.reports.save(replace(self.report, due_at=due_at, calling=dict(calling)))

    async def _record(self, what: ReportHappened, detail: dict[str, Any]) -> None:
        await self.unit.reports.record(self.report.id, self.now, what, detail=detail)


def _round(known: Any) -> int:
    return int(known.get("round", 0))


async def another_way(unit: Unit, claim: Claim, channels: frozenset[str], now: datetime) -> bool:
    """A call for a report that cannot be delivered: the person's other contacts, or the next step at once. Returns
    False where there is nothing left but to try again."""
    row = claim.notification
    report = None if row.notice_id is None else await unit.reports.of_notice(row.notice_id)
    if row.notice_id is None or report is None or not report.waiting or report.superseded_by is not None:
        return True
    told = [one.notification for one in await unit.calls.of_notices([row.notice_id])]
    beside = [one for one in told if one.id != row.id]
    if any(one.state in (NotificationState.SENT, NotificationState.DUE) for one in beside):
        return True
    tried = {row.contact_id, *(one.contact_id for one in beside)}
    for contact in await unit.people.contacts(row.user_id):
        if contact.id not in tried and contact.channel in channels:
            other = replace(row, id=uuid4(), contact_id=contact.id, due_at=now, claimed_until=None, sent_at=None)
            await unit.calls.add([other])
            return True
    detail = {"notification": str(row.id), "channel": claim.channel, "attempts": claim.attempt}
    await unit.reports.record(report.id, now, ReportHappened.NOT_DELIVERED, detail=detail)
    log.error("report_call_given_up", report=report.id, channel=claim.channel, attempts=claim.attempt)
    if row.occasion is Occasion.LAST_RESORT or report.calling.get(ROUND_OVER):
        return False
    if report.due_at is not None and report.due_at > now:
        await unit.reports.save(replace(report, due_at=now))
    return True
