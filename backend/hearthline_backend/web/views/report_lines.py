"""Reports where other views lead to them: one line each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.storage.records.reports import Report
from hearthline_backend.web.language import _
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.ownership import person


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One report in a list: where it is read, when it was made, and who has read it."""

    href: str
    title: str
    time: str
    text: str


def report_lines(
    reports: Sequence[Report], names: Mapping[UUID, str], viewer: UUID, now: datetime
) -> tuple[ReportLine, ...]:
    """A patient's newest reports. ``names`` are initials of those who confirmed."""
    return tuple(_line(one, names, viewer, now) for one in reports)


def alert_line(report: Report, now: datetime) -> ReportLine:
    """The report that came with an alert, as the alert says it."""
    line = _line(report, {}, UUID(int=0), now)
    if report.waiting:
        text = _("A report came with this alert, and nobody has confirmed it yet.")
    elif report.withdrawn_at is not None:
        text = _("A report came with this alert. It was withdrawn with it.")
    else:
        text = _("A report came with this alert. It was read.")
    return ReportLine(line.href, line.title, line.time, text)


def _line(report: Report, names: Mapping[UUID, str], viewer: UUID, now: datetime) -> ReportLine:
    href = f"/patients/{report.patient_id}/reports/{report.number}"
    title = _("Report {number}").format(number=report.number)
    return ReportLine(href, title, stamp(report.made_at, now), _state(report, names, viewer, now))


def _state(report: Report, names: Mapping[UUID, str], viewer: UUID, now: datetime) -> str:
    if report.confirmed_at is not None:
        who = person(
            report.confirmed_by, None if report.confirmed_by is None else names.get(report.confirmed_by), viewer
        )
        time = stamp(report.confirmed_at, now)
        if report.confirmed_by == viewer:
            return _("You have read it, {time}").format(time=time)
        return _("{who} has read it, {time}").format(who=who, time=time)
    return _("Withdrawn by later data") if report.withdrawn_at is not None else _("Not confirmed")
