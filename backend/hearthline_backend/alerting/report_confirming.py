"""A person confirms that they have read a report, and may take its alerts with the same word."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from hearthline_backend.alerting.acting import MAX_NOTE, Actor
from hearthline_backend.alerting.actions import AlertActions
from hearthline_backend.errors import HearthlineError
from hearthline_backend.events import Event
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.reports import Report, ReportHappened
from hearthline_backend.storage.records.unit import Unit


class ReportNotFoundError(HearthlineError):
    """There is no such report for this person: ask for one of a patient of their own team."""


class AlreadyConfirmedError(HearthlineError):
    """Somebody else was quicker. ``initials`` is who, ``at`` when."""

    def __init__(self, initials: str, at: datetime) -> None:
        super().__init__(f"{initials} confirmed this report at {at.isoformat()}; nothing is left to do")
        self.initials = initials
        self.at = at


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a confirmation did: ``taken`` are the alerts that the person has from now on."""

    report: Report
    taken: tuple[Alert, ...] = ()


class ReportConfirmations(AlertActions):
    """What people do with reports. Only a member of the patient's team may."""

    async def confirm(
        self, patient_id: UUID, number: int, actor: Actor, note: str = "", *, take: bool = False
    ) -> Confirmed:
        """The report was read: nobody is called for it any more. ``take`` acknowledges those of its alerts that nobody
        has; one that somebody has already stays with them. The same person again changes nothing.

        Raises :class:`ReportNotFoundError` and :class:`AlreadyConfirmedError`.
        """
        now, words = self._clock(), note.strip()[:MAX_NOTE]
        async with self._records.begin() as unit:
            patient = await unit.care.patient(patient_id)
            found = await unit.reports.numbered(patient_id, number)
            if found is None or patient is None or actor.team_id is None or patient.team_id != actor.team_id:
                raise ReportNotFoundError(f"there is no report {number} of a patient of your team")
            await unit.alerts.lock(found.alerts)  # alerts before reports: who judges goes the same way
            report = await unit.reports.get(found.id, lock=True) or found
            if report.confirmed_at is not None and report.confirmed_by != actor.id:
                raise await _confirmed(unit, report, report.confirmed_at)
            taken = await self._take_open(unit, report, actor, now) if take else ()
            if report.confirmed_at is None:
                report = replace(report, confirmed_by=actor.id, confirmed_at=now, due_at=None)
                await unit.reports.save(report)
                await unit.reports.cancel(report.id)
                await unit.reports.record(
                    report.id,
                    now,
                    ReportHappened.CONFIRMED,
                    actor_id=actor.id,
                    note=words or None,
                    detail={"taken": [one.id for one in taken]},
                )
        for alert in taken:
            self._tell(alert, actor, now)
        self._events.publish(Event("alert", now, patient_id, actor.team_id))
        return Confirmed(report, taken)

    async def _take_open(self, unit: Unit, report: Report, actor: Actor, now: datetime) -> tuple[Alert, ...]:
        taken = []
        for number in report.alerts:
            alert = await unit.alerts.get(number, lock=True)
            if alert is not None and alert.state is AlertState.OPEN:
                done, _new = await self._take(unit, alert, actor, now)
                taken.append(done.alert)
        return tuple(taken)


async def _confirmed(unit: Unit, report: Report, at: datetime) -> AlreadyConfirmedError:
    user = None if report.confirmed_by is None else await unit.people.user(report.confirmed_by)
    return AlreadyConfirmedError("" if user is None else user.initials, at)
