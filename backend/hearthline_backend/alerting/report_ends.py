"""What later data and other alerts do to a report: a red takes over its calls, a withdrawn alert withdraws it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.reports import Report, ReportHappened
from hearthline_backend.storage.records.unit import Unit

LOOK_AGAIN: Final = timedelta(minutes=15)
"""How often a report that a red took over looks whether that red still stands."""


async def red_takes_over(unit: Unit, red: Alert, now: datetime) -> None:
    """The red calls from now on; what was still to be sent for this patient's reports is not."""
    waiting = await unit.reports.waiting([red.patient_id], lock=True)
    for report in waiting.get(red.patient_id, ()):
        if report.superseded_by is None:
            await supersede(unit, report, red.id, now)


async def supersede(unit: Unit, report: Report, red_id: int, now: datetime) -> None:
    """One report, whose row is locked."""
    await unit.reports.save(replace(report, superseded_by=red_id, due_at=now + LOOK_AGAIN))
    await unit.reports.cancel(report.id)
    await unit.reports.record(report.id, now, ReportHappened.SUPERSEDED, detail={"alert": red_id})


async def alert_withdrawn(unit: Unit, alert_id: int, now: datetime, cause: Sequence[str]) -> None:
    """Later data took an alert away. With the last of its alerts a report is withdrawn: that is told, and it stays."""
    report = await _of(unit, alert_id)
    if report is None or report.withdrawn_at is not None:
        return
    detail = {"alert": alert_id, "cause": list(cause)}
    others = [await unit.alerts.get(one) for one in report.alerts if one != alert_id]
    if any(one is not None and one.state is not AlertState.WITHDRAWN for one in others):
        await unit.reports.record(report.id, now, ReportHappened.PARTLY_WITHDRAWN, detail=detail)
        return
    await unit.reports.save(replace(report, withdrawn_at=now, due_at=None))
    await unit.reports.cancel(report.id)
    await unit.reports.record(report.id, now, ReportHappened.WITHDRAWN, detail=detail)


async def alert_joined(unit: Unit, alert_id: int, holder_id: int, now: datetime, cause: Sequence[str]) -> None:
    """An alert became part of an earlier one, which has its report from now on, unless it has its own."""
    report = await _of(unit, alert_id)
    if report is None:
        return
    detail = {"alert": alert_id, "into": holder_id}
    await unit.reports.record(report.id, now, ReportHappened.JOINED, detail=detail)
    await unit.reports.join(alert_id, holder_id)
    await alert_withdrawn(unit, alert_id, now, cause)


async def alert_returned(unit: Unit, alert_id: int, now: datetime) -> None:
    """Later data brought a withdrawn alert back, and with it its report: who has not confirmed it is called in time."""
    report = await _of(unit, alert_id)
    if report is None or report.withdrawn_at is None:
        return
    due_at = None if report.confirmed_at is not None else max(report.confirm_by, now)
    await unit.reports.save(replace(report, withdrawn_at=None, due_at=due_at))
    await unit.reports.record(report.id, now, ReportHappened.RETURNED, detail={"alert": alert_id})


async def _of(unit: Unit, alert_id: int) -> Report | None:
    found = (await unit.reports.of_alerts([alert_id])).get(alert_id)
    return None if found is None else await unit.reports.get(found.id, lock=True)
