"""One extraordinary report: what turned the patient yellow, three days, who was told; and the word of who read it."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from aiohttp import web

from hearthline_backend.alerting.acting import MAX_NOTE
from hearthline_backend.alerting.report_confirming import AlreadyConfirmedError, ReportNotFoundError
from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.reports import ReportEvent, ReportHappened
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.pages import page
from hearthline_backend.web.routes.patient import log_view
from hearthline_backend.web.routes.worklist import own_patient
from hearthline_backend.web.times import long_date, stamp, when
from hearthline_backend.web.views import report as view
from hearthline_backend.web.views.corrected import notes
from hearthline_backend.web.views.ownership import person
from hearthline_backend.web.views.report_told import told_of
from hearthline_backend.web.views.worklist_row import born

_LONGEST_NUMBER: Final = 9

routes = web.RouteTableDef()


@routes.get("/patients/{patient}/reports/{number}")
@for_roles(Role.CARE)
async def report_page(visit: Visit) -> web.StreamResponse:
    """The whole view."""
    return await _page(visit)


@routes.post("/patients/{patient}/reports/{number}/confirm")
@for_roles(Role.CARE)
async def confirm(visit: Visit) -> web.StreamResponse:
    """It was read. With ``take`` its open alert is acknowledged by the same word."""
    patient, number = await own_patient(visit), _number(visit)
    form = await visit.request.post()
    note = str(form.get("note", ""))
    if len(note) > MAX_NOTE:
        problem = _("The note has {n} characters; {most} fit. Shorten it.").format(n=len(note), most=MAX_NOTE)
        return await _page(visit, problem=problem, typed=note, status=422)
    try:
        await visit.context.confirmations.confirm(patient.id, number, visit.user, note, take="take" in form)
    except ReportNotFoundError:
        raise web.HTTPNotFound from None
    except AlreadyConfirmedError as error:
        time = stamp(error.at, visit.context.clock())
        problem = _("{who} has confirmed it already, {time}. Nothing is left to do.").format(
            who=error.initials, time=time
        )
        return await _page(visit, problem=problem, typed=note, status=409)
    raise web.HTTPSeeOther(f"/patients/{patient.id}/reports/{number}")


def _number(visit: Visit) -> int:
    text = visit.request.match_info["number"]
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise web.HTTPNotFound
    return int(text)


async def _page(visit: Visit, *, problem: str = "", typed: str = "", status: int = 200) -> web.Response:
    patient, number, now = await own_patient(visit), _number(visit), visit.context.clock()
    async with visit.context.records.read() as unit:
        report = await unit.reports.numbered(patient.id, number)
    if report is None:
        raise web.HTTPNotFound
    await log_view(visit, patient.id, "report", always="HX-Request" not in visit.request.headers)
    async with visit.context.records.read() as unit:
        content = await unit.reports.content(report.id)
        history = await unit.care.plan_history(patient.id)
        events = await unit.reports.events(report.id)
        alerts = [one for number in report.alerts if (one := await unit.alerts.get(number)) is not None]
        told = (await told_of(unit, [report]))[report.id]
        names = await _names(unit, events)
        owners = await unit.people.users({one.owner_id for one in alerts if one.owner_id is not None})
        changed = await unit.corrections.of_readings({one.reading.id for one in content.readings})
    since = {key: [one for one in ones if one.at >= report.made_at] for key, ones in changed.items()}
    corrected = {key: notes(ones, patient.id, visit.user.id, now) for key, ones in since.items() if ones}
    confirmed = next((one for one in reversed(events) if one.what is ReportHappened.CONFIRMED), None)
    plan = next((one for one in history if one.version == content.plan_version), None)
    evidence = view.evidence_parts(content, patient.id, history, now)
    return page(
        visit,
        "report.html",
        _("Report {number}").format(number=report.number),
        "/worklist",
        status=status,
        patient=patient,
        report=report,
        name=f"{patient.given_name} {patient.family_name}".strip(),
        born=born(patient.birth_year, now),
        heading=view.heading(content, patient.given_name, history),
        standing=view.standing(report, confirmed, visit.user.id, now),
        evidence=[(one, None if one.measured is None else when(one.measured, now, today=True)) for one in evidence],
        kinds=view.kind_parts(content, patient.id, plan, now, corrected),
        span=_("{since} to {until}").format(since=stamp(content.since, now), until=stamp(content.until, now)),
        plan_words=_plan_words(plan, content.plan_version),
        corrected=_corrected_words(len(corrected)),
        timeline=view.timeline(report, events, told, names, visit.user.id, now),
        alerts=[(one.id, _alert_words(one, owners, visit.user.id)) for one in alerts],
        takes=any(one.state is AlertState.OPEN for one in alerts),
        printed=long_date(now),
        csrf=visit.csrf,
        max_note=MAX_NOTE,
        problem=problem,
        typed=typed,
    )


async def _names(unit: Unit, events: tuple[ReportEvent, ...]) -> dict[str, str]:
    ids = {UUID(one) for event in events for one in event.detail.get("addressed", ())}
    return {str(key): one.initials for key, one in (await unit.people.users(ids)).items()}


def _plan_words(plan: Plan | None, version: int) -> str:
    if plan is None or plan.author is None:
        return _("Plan version {version}").format(version=version)
    return _("Plan version {version}, by {author}").format(version=version, author=plan.author)


def _corrected_words(readings: int) -> str:
    if not readings:
        return ""
    return n_(
        "{n} reading of this report was corrected since. The report says what was known then; the correction is beside "
        "the reading.",
        "{n} readings of this report were corrected since. The report says what was known then; each correction is "
        "beside its reading.",
        readings,
    ).format(n=readings)


def _alert_words(alert: Alert, owners: Mapping[UUID, User], viewer: UUID) -> str:
    owner = None if alert.owner_id is None else owners.get(alert.owner_id)
    who = person(alert.owner_id, None if owner is None else owner.initials, viewer)
    if alert.state is AlertState.ACKNOWLEDGED:
        return _("You have it") if alert.owner_id == viewer else _("{who} has it").format(who=who)
    return {
        AlertState.OPEN: _("Nobody has it yet"),
        AlertState.RESOLVED: _("Over"),
        AlertState.WITHDRAWN: _("Withdrawn by later data"),
    }[alert.state]
