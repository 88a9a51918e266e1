"""What a link in a message opens: that an alert needs somebody, and nothing about whom. Opening it changes nothing."""

from aiohttp import web

from hearthline_backend.alerting.action_errors import AlertActionError
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.reports import Report
from hearthline_backend.web.context import CONTEXT
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import frame, outside_frame
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.sessions import USER
from hearthline_backend.web.times import when

routes = web.RouteTableDef()


async def _meant(request: web.Request) -> Alert:
    """The alert of the address; nobody can make one up."""
    context = request.app[CONTEXT]
    number = context.links.alert_of(request.match_info["token"])
    async with context.records.read() as unit:
        alert = None if number is None else await unit.alerts.get(number)
    if alert is None:
        raise web.HTTPNotFound
    return alert


async def _may_act(request: web.Request, user: User, alert: Alert) -> bool:
    async with request.app[CONTEXT].records.read() as unit:
        patient = await unit.care.patient(alert.patient_id)
    return patient is not None and user.role is Role.CARE and user.team_id == patient.team_id


@routes.get("/a/{token}")
async def opened(request: web.Request) -> web.StreamResponse:
    """The view. Mail scanners and previews open it too: it only reads, and it asks to sign in before anything else."""
    alert, user = await _meant(request), request.get(USER)
    if user is not None and not await _may_act(request, user, alert):
        raise web.HTTPNotFound
    async with request.app[CONTEXT].records.read() as unit:
        report = (await unit.reports.of_alerts([alert.id])).get(alert.id)
    return _view(request, alert, user, report if report is not None and report.waiting else None)


@routes.post("/a/{token}/acknowledge")
@for_roles(Role.CARE)
async def acknowledge(visit: Visit) -> web.StreamResponse:
    """Take the alert, as somebody who has signed in."""
    alert = await _meant(visit.request)
    try:
        await visit.context.actions.acknowledge(alert.id, visit.user)
    except AlertActionError:
        if not await _may_act(visit.request, visit.user, alert):
            raise web.HTTPNotFound from None
        # Somebody else was quicker, or it is over: the view says so.
    raise web.HTTPSeeOther(f"/a/{visit.request.match_info['token']}")


@routes.get("/r/{token}")
async def report_opened(request: web.Request) -> web.StreamResponse:
    """The report that a message is about, for whoever has signed in and may see it. It only reads."""
    context = request.app[CONTEXT]
    number = context.links.reports.report_of(request.match_info["token"])
    async with context.records.read() as unit:
        report = None if number is None else await unit.reports.get(number)
        patient = None if report is None else await unit.care.patient(report.patient_id)
    user = request.get(USER)
    if report is None or patient is None:
        raise web.HTTPNotFound
    if user is not None:
        if user.role is not Role.CARE or user.team_id != patient.team_id:
            raise web.HTTPNotFound
        raise web.HTTPSeeOther(f"/patients/{patient.id}/reports/{report.number}")
    now = context.clock()
    title = _("A report needs to be read") if report.waiting else _("A report, nothing left to do")
    body = render(
        "report_link.html",
        frame=outside_frame(request, title, now.isoformat()),
        title=title,
        waiting=report.waiting,
        since=when(report.made_at, now, today=True),
        path=request.path,
    )
    return html(body)


def _view(request: web.Request, alert: Alert, user: User | None, report: Report | None) -> web.Response:
    context = request.app[CONTEXT]
    now, path = context.clock(), f"/a/{request.match_info['token']}"
    title = _title(alert, user)
    if user is None:
        around, csrf = outside_frame(request, title, now.isoformat()), ""
    else:
        visit = Visit(request, context, user)
        around, csrf = frame(visit, title, "", live=False), visit.csrf
    body = render(
        "link.html",
        frame=around,
        csrf=csrf,
        title=title,
        red=alert.shown_level is Level.RED,
        taken=alert.state is not AlertState.OPEN,
        live=alert.state.live,
        since=when(alert.opened_at, now, today=True),
        path=path,
        number=None if user is None else alert.id,
        report=f"/patients/{report.patient_id}/reports/{report.number}" if user is not None and report else None,
        with_report=report is not None,
    )
    return html(body)


def _title(alert: Alert, user: User | None) -> str:
    red = alert.shown_level is Level.RED
    if not alert.state.live:
        return _("This alert is over")
    if alert.state is AlertState.OPEN:
        return _("A red alert needs somebody") if red else _("A yellow alert needs somebody")
    if user is not None and alert.owner_id == user.id:
        return _("You have this red alert") if red else _("You have this yellow alert")
    return _("Somebody has this red alert") if red else _("Somebody has this yellow alert")
