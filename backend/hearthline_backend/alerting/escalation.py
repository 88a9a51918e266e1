"""What happens to an alert at a time: the next person is called, an acknowledged red comes back, a call is made that
waited for the end of a pause or of quiet hours."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from hearthline_backend.alerting import calling
from hearthline_backend.alerting.agreement import Round, agreement_of
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.schedule import review_deadline
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened
from hearthline_backend.storage.records.calls import DueTask, Occasion, Task
from hearthline_backend.storage.records.care import Team
from hearthline_backend.storage.records.unit import Unit

log = structlog.get_logger(__name__)
_AT_ONCE: Final = 50


class Escalation:
    """Does what is due; each pass is one transaction, so that a crash repeats it whole or not at all."""

    def __init__(
        self, records: Records, *, clock: Callable[[], datetime], events: EventBus, timing: Timing = DEFAULT
    ) -> None:
        self._records = records
        self._clock = clock
        self._events = events
        self._timing = timing

    async def run_due(self) -> int:
        """Do what is due now; returns how many things that was."""
        now = self._clock()
        async with self._records.read() as unit:
            first = await unit.calls.next_task_at()
        if first is None or first > now:
            return 0
        changed: list[tuple[Alert, Team]] = []
        async with self._records.begin() as unit:
            tasks = await unit.calls.due_now(now, _AT_ONCE)
            for task in tasks:
                outcome, alert, team = await self._do(unit, task, now)
                await unit.calls.done(task.id, now, outcome)
                if alert is not None and team is not None:
                    changed.append((alert, team))
        for alert, team in changed:
            self._events.publish(Event("alert", now, alert.patient_id, team.id, alert_id=alert.id))
        return len(tasks)

    async def _do(self, unit: Unit, task: DueTask, now: datetime) -> tuple[str, Alert | None, Team | None]:
        alert = None if task.alert_id is None else await unit.alerts.get(task.alert_id)
        patient = None if alert is None else await unit.care.patient(alert.patient_id)
        team = None if patient is None else await unit.care.team(patient.team_id)
        if alert is None or team is None or not alert.state.live:
            return "not needed", None, None
        if task.what is Task.COME_BACK and task.payload.get("review"):
            await self._review_again(unit, alert, team, now)
        elif task.what is Task.COME_BACK:
            await self._come_back(unit, alert, team, now)
        elif alert.state is not AlertState.OPEN:
            return "not needed", None, None
        elif patient is not None and patient.paused_until is not None and patient.paused_until > now:
            return await self._paused(unit, task, alert, team, now, patient.paused_until)
        else:
            await self._escalate(unit, task, alert, team, now)
        return "done", alert, team

    async def _paused(
        self, unit: Unit, task: DueTask, alert: Alert, team: Team, now: datetime, until: datetime
    ) -> tuple[str, Alert | None, Team | None]:
        """The pause was made longer, or began while a yellow waited. What was called already goes on."""
        if task.what is Task.CALL_AFTER_QUIET:
            return "paused", None, None
        if task.what is Task.CALL_AFTER_PAUSE:
            await unit.calls.plan(task.what, alert.id, until, task.payload)
            return "put off", None, None
        await self._escalate(unit, task, alert, team, now)
        return "done", alert, team

    async def _escalate(self, unit: Unit, task: DueTask, alert: Alert, team: Team, now: datetime) -> None:
        if int(task.payload["people"]) == 0:
            first = Occasion(task.payload["occasion"])
            if first is Occasion.ESCALATED and task.payload.get("place") == 1:  # not each time nobody is on call
                await unit.alerts.record(alert.id, now, Happened.ESCALATED, detail={"place": 1})
            await self._call(unit, alert, team, first, now, Level(task.payload["level"]))
            return
        order = await unit.people.on_call(team.id, now)
        agreement = await agreement_of(unit, alert.patient_id, order, self._timing, now)
        done = Round.of(task.payload, agreement.order)
        log.warning("alert_escalated", alert=alert.id, step=done.next + 1, round=done.number)
        level, occasion = alert.shown_level, Occasion.ESCALATED
        if any(agreement.people(step) for step in agreement.steps):
            await calling.go_on(
                unit, alert, agreement, level, occasion, done, timing=self._timing, now=now, escalated=True
            )
        else:
            await self._call(unit, alert, team, occasion, now, level)

    async def _come_back(self, unit: Unit, alert: Alert, team: Team, now: datetime) -> None:
        """An acknowledgement that lasts for ever is forgotten: nobody has it again, and who had it is called first."""
        owner = alert.owner_id
        free = replace(alert, state=AlertState.OPEN, owner_id=None, owned_at=None)
        await unit.alerts.save(free)
        detail = {} if owner is None else {"was_with": str(owner)}
        await unit.alerts.record(alert.id, now, Happened.CAME_BACK, detail=detail)
        level, occasion = alert.shown_level, Occasion.COMES_BACK
        if owner is None or not await calling.call_person(unit, free, owner, level, occasion, now):
            await self._call(unit, free, team, occasion, now, level)
            return
        await calling.call_later(unit, free, Occasion.ESCALATED, now + self._timing.escalate_after)

    async def _review_again(self, unit: Unit, alert: Alert, team: Team, now: datetime) -> None:
        """A review that is overdue: who has it, or the first on call, hears of it once a day."""
        await unit.alerts.record(alert.id, now, Happened.CAME_BACK, detail={"review": True})
        level, occasion = alert.shown_level, Occasion.COMES_BACK
        if alert.owner_id is None or not await calling.call_person(unit, alert, alert.owner_id, level, occasion, now):
            await self._call(unit, alert, team, occasion, now, level)
        await unit.calls.plan(Task.COME_BACK, alert.id, review_deadline(now, team.time_zone), {"review": True})

    async def _call(
        self, unit: Unit, alert: Alert, team: Team, occasion: Occasion, now: datetime, level: Level
    ) -> None:
        order = await unit.people.on_call(team.id, now)
        await calling.call_next(unit, alert, order, level, occasion, timing=self._timing, now=now)
