"""What was planned by a clock that ran ahead, and was set back since, would come too late: it is brought forward.

What falls due at a time of day, such as a review or the end of a pause, stays where it is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from hearthline_backend.alerting.agreement import confirm_within
from hearthline_backend.alerting.delivery import Retry
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.confirm_by import confirm_by
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.calls import DueTask, Task
from hearthline_backend.storage.records.unit import Unit

log = structlog.get_logger(__name__)
NOTICED_FROM: Final = timedelta(seconds=5)
"""Smaller steps are the ordinary work of time synchronisation, and delay nothing that matters."""
_A_NIGHT: Final = timedelta(days=1)


class ClockSetBack:
    """Looks at every tick, and once at the start, when nobody knows what the clock did before. Doing it twice, or in
    two processes, changes nothing."""

    def __init__(
        self, records: Records, *, clock: Callable[[], datetime], timing: Timing = DEFAULT, retry: Retry | None = None
    ) -> None:
        self._records = records
        self._clock = clock
        self._timing = timing
        self._retry = retry or Retry()
        self._seen: datetime | None = None

    async def run_due(self) -> int:
        """Bring forward what has to be; returns how many things that was."""
        now, seen = self._clock(), self._seen
        if seen is not None and now > seen - NOTICED_FROM:
            self._seen = max(now, seen)
            return 0
        async with self._records.begin() as unit:
            changed = await unit.calls.not_later_than(now, self._retry.longest, self._retry.lease)
            for task in await unit.calls.planned_after(now):
                wait = self._wait(task)
                if wait is not None and task.due_at > now + wait:
                    await unit.calls.hasten(task.id, now + wait)
                    changed += 1
            changed += await self._reports(unit, now)
        self._seen = now  # after the commit: a store that is away leaves it to do
        if changed:
            log.warning(
                "clock_was_set_back", by_s=None if seen is None else (seen - now).total_seconds(), sooner=changed
            )
        return 0

    async def _reports(self, unit: Unit, now: datetime) -> int:
        """A report that waits for longer than one made now would, and for a night more, is looked at sooner: who may
        not be called then is put off again."""
        changed = 0
        for report in await unit.reports.planned_after(now + _A_NIGHT):
            patient = await unit.care.patient(report.patient_id)
            agreed = None if patient is None else await unit.rotas.content(patient.team_id, now)
            quiet = () if agreed is None else tuple(one.hours() for one in agreed.quiet)  # whoever was on call then
            latest = confirm_by(now, confirm_within(agreed, self._timing), quiet)
            if report.due_at is not None and report.due_at > latest + _A_NIGHT:
                await unit.reports.save(replace(report, due_at=latest))
                changed += 1
        return changed

    def _wait(self, task: DueTask) -> timedelta | None:
        """How long at most it was planned ahead; None for what falls due at a time of day."""
        if task.what is Task.COME_BACK:
            return None if task.payload.get("review") else self._timing.come_back_after
        if task.what is Task.ESCALATE:
            wait_s = task.payload.get("wait_s")
            return self._timing.escalate_after if wait_s is None else timedelta(seconds=float(wait_s))
        return None
