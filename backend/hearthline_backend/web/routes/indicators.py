"""How well alerts and homes serve a team: plain figures of the last 28 days, and the same as CSV, without a name."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from hearthline_backend.domain.indicators import AlertFact, Indicators, PatientFact, ReportFact, Share, indicators
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.indicators import IndicatorFacts
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.figures import NBSP, number_text
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.times import age_text

if TYPE_CHECKING:
    from hearthline_backend.domain.plans import Plan

SPAN: Final = timedelta(days=28)
_SIDE_BY_SIDE: Final = 8
routes = web.RouteTableDef()


@routes.get("/indicators")
@for_roles(Role.CARE)
async def view(visit: Visit) -> web.StreamResponse:
    """The figures as tables."""
    found = await _indicators(visit)
    rows = [
        (_("Alerts per patient and week"), *_per_week(found.alerts_per_patient_week, found.alerts)),
        (_("Acknowledged before the next person was called"), *_told(found.in_time)),
        (_("True alerts, of those a person has judged"), *_told(found.true)),
        (_("Measured, of what the plans expect"), *_told(found.adherence)),
        (_("Days with every expected measurement"), *_told(found.completeness)),
        (_("Median time to acknowledge"), _minutes(found.median_s), ""),
        (_("Reports per patient and week"), *_per_week(found.reports_per_patient_week, found.reports)),
        (_("Reports confirmed in time"), *_told(found.reports_in_time)),
        (_("Median time to confirm a report"), _minutes(found.reports_median_s), ""),
    ]
    hours = [
        (
            f"{one.hour:02}:00–{one.hour:02}:59",
            number_text(one.alerts, 0),
            number_text(one.acknowledged, 0),
            _minutes(one.median_s),
        )
        for one in found.hours
    ]
    return page(
        visit,
        "indicators.html",
        _("Indicators"),
        "/indicators",
        h1=_heading(found.in_time),
        rows=rows,
        hours=hours,
        days=SPAN.days,
    )


@routes.get("/indicators.csv")
@for_roles(Role.CARE)
async def download(visit: Visit) -> web.StreamResponse:
    """The same figures for a spreadsheet: seconds and plain numbers."""
    team = visit.request[PLACE].team
    text = as_csv(await _indicators(visit), "" if team is None else team.name)
    name = f"hearthline-indicators-{visit.context.clock():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


def as_csv(found: Indicators, team: str) -> str:
    """``team,indicator,hour,part,whole,value``; a value that cannot be said is empty. Shares lie between 0 and 1."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(("team", "indicator", "hour", "part", "whole", "value"))
    weeks = _number(found.patient_weeks)
    write((team, "alerts_per_patient_week", "", found.alerts, weeks, _number(found.alerts_per_patient_week)))
    write((team, "reports_per_patient_week", "", found.reports, weeks, _number(found.reports_per_patient_week)))
    for name in ("in_time", "true", "adherence", "completeness", "reports_in_time"):
        share: Share = getattr(found, name)
        write((team, name, "", share.part, share.whole, _number(share.value)))
    write((team, "median_s_to_confirm_report", "", "", "", _number(found.reports_median_s)))
    write((team, "median_s_to_acknowledge", "", "", "", _number(found.median_s)))
    for one in found.hours:
        write((team, "median_s_to_acknowledge", one.hour, one.acknowledged, one.alerts, _number(one.median_s)))
    return out.getvalue()


async def _indicators(visit: Visit) -> Indicators:
    end = visit.context.clock()
    start = end - SPAN
    team = visit.request[PLACE].team
    alerts: list[AlertFact] = []
    reports: list[ReportFact] = []
    async with visit.context.records.read() as unit:
        everyone = [] if team is None else await unit.care.patients(team_id=team.id)
        ids = [one.id for one in everyone]
        plans = await unit.care.plan_histories(ids)
        pauses = await unit.pauses.of(ids, since=start)
        if ids:
            alerts = await IndicatorFacts(unit.connection).alerts(ids, start, end)
            reports = await IndicatorFacts(unit.connection).reports(ids, start, end)
    room = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def fact(patient: Patient) -> PatientFact:
        history: tuple[Plan, ...] = plans.get(patient.id, ())
        kinds = {slot.kind for plan in history for slot in plan.slots}
        measured = {}
        for kind in sorted(kinds):
            async with room:
                rows = await visit.context.readings.window(patient.id, kind, start - timedelta(days=1), end)
            measured[kind] = [
                row.effective_time for row in rows if row.content.quality.judged and not row.content.synthetic
            ]
        return PatientFact(patient.enrolled_at, patient.time_zone, history, measured, pauses.get(patient.id, ()))

    facts = await asyncio.gather(*map(fact, everyone))
    return indicators(alerts, reports, facts, start, end, "UTC" if team is None else team.time_zone)


def _per_week(rate: float | None, count: int) -> tuple[str, str]:
    return "–" if rate is None else number_text(rate, 2), number_text(count, 0)


def _told(share: Share) -> tuple[str, str]:
    value = share.value
    counted = _("{part} of {whole}").format(part=number_text(share.part, 0), whole=number_text(share.whole, 0))
    return "–" if value is None else f"{number_text(value * 100, 0)}{NBSP}%", counted


def _heading(in_time: Share) -> str:
    """The answer: whether alerts were taken in time."""
    if in_time.whole == 0:
        return _("No alert in the last {days} days").format(days=SPAN.days)
    said = n_("{part} of {n} alert was taken in time", "{part} of {n} alerts were taken in time", in_time.whole)
    return said.format(part=number_text(in_time.part, 0), n=number_text(in_time.whole, 0))


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return age_text(timedelta(seconds=seconds), exact=True)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
