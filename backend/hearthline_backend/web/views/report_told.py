"""Who was told of reports, by a call of their own or by that of an alert until somebody confirmed."""

from collections.abc import Mapping, Sequence

from hearthline_backend.storage.records.calls import Told
from hearthline_backend.storage.records.reports import Report
from hearthline_backend.storage.records.unit import Unit


async def told_of(unit: Unit, reports: Sequence[Report]) -> Mapping[int, Sequence[Told]]:
    """By report, whatever became of it: first what told of the report itself, then of its alerts, oldest first."""
    found: dict[int, list[Told]] = {one.id: [] for one in reports}
    report_of = await unit.reports.told_by([one.id for one in reports])
    for told in await unit.calls.of_notices(report_of):
        found[report_of[told.notification.notice_id or 0]].append(told)
    with_alerts = await unit.calls.of_alerts({alert for one in reports for alert in one.alerts})
    for report in reports:
        found[report.id] += [told for told in with_alerts if _came_with(report, told)]
    return found


def _came_with(report: Report, told: Told) -> bool:
    row = told.notification
    until = row.created_at if report.confirmed_at is None else report.confirmed_at
    return row.alert_id in report.alerts and report.made_at <= row.created_at <= until
