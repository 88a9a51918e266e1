"""What people do with an alert: every post about one. Without a script each answers with the view."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from aiohttp import web

from hearthline_backend.alerting.acting import MAX_NOTE, Done
from hearthline_backend.alerting.action_errors import AlertActionError, NotAColleagueError, SnoozeTimeError
from hearthline_backend.alerting.actions import CHOICES
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.alert import alert_view, own_alert, parts_of
from hearthline_backend.web.routes.worklist import taken_row
from hearthline_backend.web.views.act_words import refused_words

routes = web.RouteTableDef()


@routes.post("/alerts/{alert}/acknowledge")
@for_roles(Role.CARE)
async def acknowledge(visit: Visit) -> web.StreamResponse:
    """Take the alert."""
    return await _act(visit, visit.context.actions.acknowledge, _taken_words)


@routes.post("/alerts/{alert}/undo")
@for_roles(Role.CARE)
async def undo(visit: Visit) -> web.StreamResponse:
    """Take back what one has just done, within 10 s."""
    return await _act(visit, visit.context.actions.undo, _taken_back_words)


@routes.post("/alerts/{alert}/unassign")
@for_roles(Role.CARE)
async def unassign(visit: Visit) -> web.StreamResponse:
    """Nobody has it any more."""
    return await _act(visit, visit.context.actions.unassign, _given_back_words)


@routes.post("/alerts/{alert}/reopen")
@for_roles(Role.CARE)
async def reopen(visit: Visit) -> web.StreamResponse:
    """Open it again, and have it."""
    return await _act(visit, visit.context.actions.reopen, _taken_words)


@routes.post("/alerts/{alert}/assign")
@for_roles(Role.CARE)
async def assign(visit: Visit) -> web.StreamResponse:
    """Give it to a colleague."""
    alert = await _own(visit)
    form = await visit.request.post()
    colleague, seen = _id(form.get("to")), _id(form.get("seen"))
    try:
        if colleague is None:
            raise NotAColleagueError(alert.id, UUID(int=0))
        await visit.context.actions.assign(alert.id, visit.user, colleague, seen=seen)
    except AlertActionError as error:
        status = 422 if isinstance(error, NotAColleagueError) else 409
        typed = str(colleague or ""), ""
        return await alert_view(visit, dialog="assign", problem=refused_words(error), typed=typed, status=status)
    raise web.HTTPSeeOther(f"/alerts/{alert.id}")


@routes.post("/alerts/{alert}/snooze")
@for_roles(Role.CARE)
async def snooze(visit: Visit) -> web.StreamResponse:
    """Put it off."""
    alert = await _own(visit)
    form = await visit.request.post()
    chosen, note = str(form.get("until", "")), str(form.get("note", ""))
    if len(note) > MAX_NOTE:
        return await _again(visit, "snooze", _too_long(note), chosen, note)
    try:
        until = _moment(chosen)
        if until is None:
            raise SnoozeTimeError(alert.id, visit.context.clock(), DEFAULT.snooze_at_most)
        await visit.context.actions.snooze(alert.id, visit.user, until, note)
    except AlertActionError as error:
        return await _again(visit, "snooze", refused_words(error), chosen, note)
    raise web.HTTPSeeOther(f"/alerts/{alert.id}")


@routes.post("/alerts/{alert}/note")
@for_roles(Role.CARE)
async def add_note(visit: Visit) -> web.StreamResponse:
    """Write something down."""
    alert = await _own(visit)
    note = str((await visit.request.post()).get("note", ""))
    if note.strip() and len(note) <= MAX_NOTE:
        await visit.context.actions.add_note(alert.id, visit.user, note)
        raise web.HTTPSeeOther(f"/alerts/{alert.id}#told")
    problem = _too_long(note) if note.strip() else _("Write the note first.")
    return await alert_view(visit, dialog="note", problem=problem, typed=("", note), status=422)


@routes.post("/alerts/{alert}/resolve")
@for_roles(Role.CARE)
async def resolve(visit: Visit) -> web.StreamResponse:
    """End the alert with an outcome and a note."""
    alert = await _own(visit)
    form = await visit.request.post()
    chosen, note = str(form.get("outcome", "")), str(form.get("note", ""))
    outcome = next((one for one in CHOICES if one.value == chosen), None)
    if outcome is None:
        return await _again(visit, "resolve", _("Choose what it was."), chosen, note)
    if len(note) > MAX_NOTE:
        return await _again(visit, "resolve", _too_long(note), chosen, note)
    try:
        await visit.context.actions.resolve(alert.id, visit.user, outcome, note)
    except AlertActionError as error:
        status = 422 if alert.state.live else 409
        return await _again(visit, "resolve", refused_words(error), chosen, note, status=status)
    raise web.HTTPSeeOther(f"/alerts/{alert.id}")


@routes.post("/snoozes/{snooze}/end")
@for_roles(Role.CARE)
async def end_snooze(visit: Visit) -> web.StreamResponse:
    """Not until its time but now; then back to the patient."""
    number = visit.request.match_info["snooze"]
    async with visit.context.records.read() as unit:
        found = await unit.snoozes.get(int(number)) if number.isdecimal() and len(number) < 16 else None
        patient = None if found is None else await unit.care.patient(found.patient_id)
    if found is None or patient is None or visit.user.team_id is None or patient.team_id != visit.user.team_id:
        raise web.HTTPNotFound
    try:
        await visit.context.actions.end_snooze(found.id, visit.user)
    except AlertActionError:
        raise web.HTTPSeeOther(f"/patients/{patient.id}#snoozes") from None  # it has just ended: the view says so
    raise web.HTTPSeeOther(f"/patients/{patient.id}#snoozes")


async def _own(visit: Visit) -> Alert:
    async with visit.context.records.read() as unit:
        alert, _patient = await own_alert(visit, unit)
    return alert


async def _again(visit: Visit, dialog: str, problem: str, chosen: str, note: str, *, status: int = 422) -> web.Response:
    return await alert_view(visit, dialog=dialog, problem=problem, typed=(chosen, note), status=status)


async def _act(
    visit: Visit, act: Callable[..., Awaitable[Done]], words: Callable[[Patient, Alert], str]
) -> web.StreamResponse:
    async with visit.context.records.read() as unit:
        alert, patient = await own_alert(visit, unit)
    undoable = False
    try:
        done = await act(alert.id, visit.user)
        said, undoable = words(patient, done.alert), done.undo_until is not None
    except AlertActionError as error:
        said = refused_words(error)
    if "HX-Request" not in visit.request.headers:
        raise web.HTTPSeeOther(f"/alerts/{alert.id}")
    in_row = "row" in visit.request.query
    toast = render(
        "toast.html",
        said=said,
        undo=f"/alerts/{alert.id}/undo{'?row' if in_row else ''}" if undoable else None,
        target=f"#p-{patient.id}" if in_row else "#hero",
        csrf=visit.csrf,
    )
    if in_row:
        row = await taken_row(visit, patient, just_taken=undoable)
        return html(row + toast, headers={"HX-Trigger": "summary"})
    async with visit.context.records.read() as unit:
        alert, patient = await own_alert(visit, unit)
        parts = await parts_of(visit, unit, alert, patient)
    return html(render("alert_parts.html", **parts) + toast)


def _taken_words(patient: Patient, _alert: Alert) -> str:
    return _("Acknowledged. You have {name}’s alert.").format(name=patient.given_name)


def _given_back_words(patient: Patient, _alert: Alert) -> str:
    return _("Given back. Nobody has {name}’s alert.").format(name=patient.given_name)


def _taken_back_words(patient: Patient, alert: Alert) -> str:
    if alert.state is AlertState.OPEN:
        return _("Given back. Calls for {name}’s alert go on.").format(name=patient.given_name)
    return _("Taken back. {name}’s alert is as it was.").format(name=patient.given_name)


def _too_long(note: str) -> str:
    return _("The note has {n} characters; {most} fit. Shorten it.").format(n=len(note), most=MAX_NOTE)


def _id(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
