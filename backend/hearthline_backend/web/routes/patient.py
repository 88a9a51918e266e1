"""One patient: newest readings, charts, history, plan; and the data of a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, OpenAlert
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.figures import field_name, kind_name
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.pages import page
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.together import told_together
from hearthline_backend.web.routes.worklist import own_patient, row_of
from hearthline_backend.web.times import day_stamp, long_date
from hearthline_backend.web.views.corrected import notes, taken_in_error
from hearthline_backend.web.views.facts import PatientFacts, gather
from hearthline_backend.web.views.ownership import waits_for
from hearthline_backend.web.views.patient import (
    CHART_ORDER,
    DAYS,
    ROWS_A_PAGE,
    calendar,
    history,
    looks,
    plan_lines,
    slot_lines,
    table_rows,
    tiles,
)
from hearthline_backend.web.views.pausing import pause_sentence
from hearthline_backend.web.views.put_off import choices, conflict_lines, snooze_lines
from hearthline_backend.web.views.report_lines import report_lines
from hearthline_backend.web.views.series import RANGES, USUAL_SPAN, Series, build_series, usual_band
from hearthline_backend.web.views.worklist_row import born, conditions_text, full_name
from hearthline_protocol.kinds import KINDS

DEFAULT_RANGE: Final = "14d"
_AHEAD: Final = timedelta(minutes=5)
_LOGGED_ONCE_IN: Final = timedelta(minutes=10)
_SHOWN_LOOKS: Final = 40
_SHOWN_REPORTS: Final = 5
_HISTORY: Final = timedelta(days=365)

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class ChartPlace:
    """Where a chart stands on a page before its data has come: everything but the drawing."""

    series: Series
    address: str
    table: str
    low: bool


def range_names() -> dict[str, str]:
    """The spans a chart can show, in words."""
    return {
        "24h": _("24 hours"),
        "7d": _("7 days"),
        "14d": _("14 days"),
        "90d": _("90 days"),
        "1y": _("1 year"),
    }


def chosen_range(request: web.Request) -> str:
    """The span asked for; two weeks where none or an unknown one is."""
    wanted = request.query.get("range", DEFAULT_RANGE)
    return wanted if wanted in RANGES else DEFAULT_RANGE


def kinds_of(facts: PatientFacts) -> list[str]:
    """What is charted: what the plan asks for and what has been measured."""
    planned = {slot.kind for slot in facts.plan.slots} if facts.plan is not None else set()
    have = planned | set(facts.latest)
    return [kind for kind in CHART_ORDER if kind in have]


async def series_of(visit: Visit, facts: PatientFacts, kind: str, span: str, fired: frozenset[UUID]) -> Series:
    """The data of one chart."""
    now = facts.now
    start = now - RANGES[span]
    rows = await visit.context.readings.window(facts.patient.id, kind, start, now + _AHEAD)
    usual = None
    if kind == "body_weight":
        before = await visit.context.readings.window(facts.patient.id, kind, now - USUAL_SPAN, now + _AHEAD)
        usual = usual_band(before)
    return build_series(kind, rows, facts.history, start, now, fired=fired, usual=usual)


async def opened_by(unit: Unit, patient: Patient, since: datetime) -> tuple[tuple[Alert, ...], Mapping[UUID, int]]:
    """Alerts since then, and the reading that opened each."""
    alerts = await unit.alerts.of_patient(patient.id, since)
    return alerts, {one.episode: one.id for one in alerts}


@routes.get("/patients/{patient}")
@for_roles(Role.CARE)
async def patient_page(visit: Visit) -> web.StreamResponse:
    """The whole view."""
    patient, now, span = await own_patient(visit), visit.context.clock(), chosen_range(visit.request)
    await log_view(visit, patient.id, "patient", always="HX-Request" not in visit.request.headers)
    async with visit.context.records.read() as unit:
        (facts,) = await gather(visit.context, unit, [patient], now)
        alerts, fired = await opened_by(unit, patient, now - max(RANGES[span], _HISTORY))
        seen = await unit.people.looks(patient.id, _SHOWN_LOOKS)
        reports = await unit.reports.of_patient(patient.id, _SHOWN_REPORTS)
        acted = (*(one.owner_id for one in alerts), *(one.confirmed_by for one in reports))
        owners = await unit.people.users({one for one in acted if one is not None})
    kinds = kinds_of(facts)
    charts = [await _place(visit, facts, kind, span, frozenset(fired)) for kind in kinds]
    weeks = {kind: await _two_weeks(visit, patient, kind, now) for kind in kinds}
    worst = facts.worst
    return page(
        visit,
        "patient.html",
        _tab_title(facts, span),
        "/worklist",
        patient=patient,
        name=full_name(facts),
        over=_over(facts),
        row=await row_of(visit, facts, ()) if worst is not None else None,
        worst=worst,
        waits="" if worst is None else _waits(facts, worst),
        tiles=tiles(facts.latest, now),
        charts=charts,
        span=span,
        ranges=range_names(),
        calendar=calendar(facts.plan, weeks, patient.time_zone, now, patient.enrolled_at, facts.pauses),
        history=history(alerts, facts.history, {key: one.initials for key, one in owners.items()}, now),
        reports=report_lines(reports, {key: one.initials for key, one in owners.items()}, visit.user.id, now),
        looks=looks(seen, visit.user.id, now)[:8],
        plan=facts.plan,
        plan_lines=plan_lines(facts.plan),
        slot_lines=slot_lines(facts.plan),
        enrolled=day_stamp(patient.enrolled_at, now),
        printed=long_date(now),
        taken_back="taken-back" in visit.request.query,
        snoozes=snooze_lines(facts, visit.user.id),
        choices=choices(facts),
        conflicts=conflict_lines(facts.plan),
        paused=None if facts.pause is None else pause_sentence(facts.pause, now),
        together=await told_together(visit),
    )


def _waits(facts: PatientFacts, one: OpenAlert) -> str:
    """When somebody is called for an alert that nobody has, where that waits for the end of something."""
    task = facts.next_tasks.get(one.alert.id)
    return (waits_for(task, facts.now) or "") if task is not None and facts.untaken(one) else ""


@routes.get("/patients/{patient}/series")
@for_roles(Role.CARE, Role.PATIENT, passive=True)
async def series_data(visit: Visit) -> web.StreamResponse:
    """What a chart draws, as JSON."""
    patient = await _readable_patient(visit)
    kind = _kind(visit.request)
    await log_view(visit, patient.id, "series", always=False)
    async with visit.context.records.read() as unit:
        (facts,) = await gather(visit.context, unit, [patient], visit.context.clock())
        span = chosen_range(visit.request)
        _alerts, fired = await opened_by(unit, patient, facts.now - RANGES[span])
    found = await series_of(visit, facts, kind, span, frozenset(fired))
    return web.json_response(found.data)


@routes.get("/patients/{patient}/table")
@for_roles(Role.CARE, Role.PATIENT, passive=True)
async def table(visit: Visit) -> web.StreamResponse:
    """The same readings as a table, 60 rows a page: a fragment for the page's script, else a page of its own."""
    patient = await _readable_patient(visit)
    kind, span, now = _kind(visit.request), chosen_range(visit.request), visit.context.clock()
    await log_view(visit, patient.id, "series", always=False)
    wanted = visit.request.query.get("page", "1")
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 1
    async with visit.context.records.read() as unit:
        _alerts, fired = await opened_by(unit, patient, now - RANGES[span])
    rows = await visit.context.readings.window(patient.id, kind, now - RANGES[span], now + _AHEAD)
    apart, told = await _corrected(visit, patient, kind, rows, now - RANGES[span])
    href = f"/patients/{patient.id}/readings/" if visit.user.role is Role.CARE else ""
    shown = table_rows([row for row in (*rows, *apart) if not row.reading.synthetic], now, fired, told, href)
    pages = max(1, -(-len(shown) // ROWS_A_PAGE))
    number = min(max(1, number), pages)
    part = shown[(number - 1) * ROWS_A_PAGE : number * ROWS_A_PAGE]
    view: dict[str, Any] = {
        "kind": kind,
        "measure": kind_name(kind),
        "pulse_title": field_name(kind, "pulse") if any(row.side for row in part) else "",
        "rows": part,
        "can_correct": bool(href),
        "count": len(shown),
        "page": number,
        "pages": pages,
        "before": _table_address(patient.id, kind, span, number - 1) if number > 1 else None,
        "after": _table_address(patient.id, kind, span, number + 1) if number < pages else None,
    }
    if "HX-Request" in visit.request.headers:
        return html(render("table.html", **view))
    back = f"/patients/{patient.id}?range={span}" if visit.user.role is Role.CARE else "/my-data"
    return page(visit, "table_page.html", kind_name(kind), back, live=False, back=back, **view)


async def _corrected(
    visit: Visit, patient: Patient, kind: str, rows: Sequence[PatientReading], start: datetime
) -> tuple[list[PatientReading], dict[UUID, tuple[str, ...]]]:
    """The readings of this time that were entered in error, and in words what was corrected about which reading."""
    now = visit.context.clock()
    async with visit.context.records.read() as unit:
        lately = {one.reading_id for one in await unit.corrections.of_patient(patient.id, start) if one.kind == kind}
        found = await unit.corrections.of_readings(lately | {row.id for row in rows})
    apart = await visit.context.readings.get_many(taken_in_error(found, patient.id))
    told = {one: notes(history, patient.id, visit.user.id, now) for one, history in found.items()}
    return [row for row in apart.values() if start <= row.effective_time <= now + _AHEAD], told


async def log_view(visit: Visit, patient_id: UUID, view: str, *, always: bool) -> None:
    """Write the access log. What a page fetches by itself is one entry in ten minutes; a view of a page always one."""
    if visit.user.role is Role.PATIENT:
        return
    now = visit.context.clock()
    async with visit.context.records.begin() as unit:
        people = unit.people
        if always or not await people.looked_since(visit.user.id, patient_id, view, now - _LOGGED_ONCE_IN):
            await people.log_access(visit.user.id, patient_id, view, now)


async def _readable_patient(visit: Visit) -> Patient:
    if visit.user.role is not Role.PATIENT:
        return await own_patient(visit)
    if visit.request.match_info["patient"] != str(visit.user.patient_id):
        raise web.HTTPNotFound
    async with visit.context.records.read() as unit:
        patient = await unit.care.patient(visit.user.patient_id) if visit.user.patient_id is not None else None
    if patient is None:
        raise web.HTTPNotFound
    return patient


def _kind(request: web.Request) -> str:
    kind = request.query.get("kind", "")
    if kind not in KINDS:
        raise web.HTTPNotFound
    return kind


async def _place(visit: Visit, facts: PatientFacts, kind: str, span: str, fired: frozenset[UUID]) -> ChartPlace:
    return chart_place(await series_of(visit, facts, kind, span, fired), facts.patient.id, span)


def chart_place(series: Series, patient_id: UUID, span: str) -> ChartPlace:
    """A chart in its place, with the addresses its script asks."""
    query = urlencode({"kind": series.kind, "range": span})
    address = f"/patients/{patient_id}/series?{query}"
    return ChartPlace(series, address, f"/patients/{patient_id}/table?{query}", series.kind != "blood_pressure")


def _table_address(patient_id: UUID, kind: str, span: str, number: int) -> str:
    return f"/patients/{patient_id}/table?{urlencode({'kind': kind, 'range': span, 'page': number})}"


async def _two_weeks(visit: Visit, patient: Patient, kind: str, now: datetime) -> list[PatientReading]:
    return await visit.context.readings.window(patient.id, kind, now - timedelta(days=DAYS + 1), now + _AHEAD)


def _over(facts: PatientFacts) -> str:
    parts = [born(facts.patient.birth_year, facts.now), conditions_text(facts.plan)]
    if facts.plan is not None:
        since = day_stamp(facts.plan.valid_from, facts.now)
        parts.append(_("Plan version {version} since {day}").format(version=facts.plan.version, day=since))
    return ". ".join(part for part in parts if part) + "."


def _tab_title(facts: PatientFacts, span: str) -> str:
    n = len(facts.alerts)
    alerts = n_("{n} alert", "{n} alerts", n).format(n=n) if n else _("no alert")
    return _("Patient, {span}: {alerts}").format(span=range_names()[span], alerts=alerts)
