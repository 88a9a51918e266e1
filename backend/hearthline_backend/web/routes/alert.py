"""One alert: what happened and why, and the acts on it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from hearthline_backend.alerting.action_errors import AlertActionError, AlreadyTakenError, NoteRequiredError
from hearthline_backend.alerting.actions import CHOICES, MAX_NOTE, Done, note_required
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import Alert, Happened, Outcome
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.figures import kind_name, reading_figure
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.patient import chart_place, log_view, opened_by, series_of
from hearthline_backend.web.routes.worklist import taken_row
from hearthline_backend.web.times import age_text, day_stamp, stamp, when
from hearthline_backend.web.views import alert as view
from hearthline_backend.web.views.facts import gather
from hearthline_backend.web.views.ownership import person
from hearthline_backend.web.views.series import RANGES
from hearthline_backend.web.views.worklist_row import born, full_name

_SIMILAR: Final = timedelta(days=90)
_SPAN: Final = "14d"

routes = web.RouteTableDef()


async def _own_alert(visit: Visit, unit: Unit) -> tuple[Alert, Patient]:
    number = visit.request.match_info["alert"]
    alert = await unit.alerts.get(int(number)) if number.isdecimal() and len(number) < 16 else None
    patient = await unit.care.patient(alert.patient_id) if alert is not None else None
    if alert is None or patient is None or visit.user.team_id is None or patient.team_id != visit.user.team_id:
        raise web.HTTPNotFound
    return alert, patient


def _rule(alert: Alert, history: tuple[Plan, ...]) -> tuple[Plan | None, ThresholdRule | None]:
    plan = next((one for one in history if one.version == alert.plan_version), None)
    return plan, next((rule for rule in plan.rules if rule.id == alert.rule_id), None) if plan is not None else None


async def _parts(visit: Visit, unit: Unit, alert: Alert, patient: Patient) -> dict[str, Any]:
    """What changes while the view is open: hero, timeline, bar."""
    now, viewer = visit.context.clock(), visit.user.id
    history = await unit.care.plan_history(patient.id)
    plan, rule = _rule(alert, history)
    reading = await visit.context.readings.get(alert.worst_reading)
    opening = reading if alert.episode == alert.worst_reading else await visit.context.readings.get(alert.episode)
    latest = (await visit.context.readings.latest([patient.id])).get(patient.id, {}).get(alert.kind)
    owner = await unit.people.user(alert.owner_id) if alert.owner_id is not None else None
    events = await unit.alerts.events(alert.id)
    end = next((one for one in reversed(events) if one.what is Happened.RESOLVED), None)
    tasks = await unit.calls.next_tasks([alert.id])
    second = latest is not None and reading is not None and latest.reading.id != reading.reading.id
    return {
        "alert": alert,
        "patient": patient,
        "plan": plan,
        "rule": rule,
        "reading": reading,
        "hero": view.hero(
            alert,
            patient.given_name,
            person(owner.id, owner.initials, viewer) if owner is not None else None,
            rule,
            reading.reading if reading is not None else None,
            second,
        ),
        "measured": when(reading.reading.effective_time, now, today=True) if reading is not None else None,
        "arrived": stamp(reading.stored_time, now) if reading is not None and alert.review else "",
        "newer": _newer(latest, now) if second and latest is not None else None,
        "timeline": view.timeline(
            opening,
            events,
            await unit.calls.of_alert(alert.id),
            tasks.get(alert.id) if alert.state.live else None,
            visit.request[PLACE].on_call,
            viewer,
            now,
        ),
        "mine": owner is not None and owner.id == viewer,
        "ended": None if end is None else (person(end.actor_id, end.initials, viewer), stamp(end.at, now), end.note),
        "outcome": view.outcome_name(alert.outcome) if alert.outcome is not None else "",
        "csrf": visit.csrf,
        "come_back": age_text(DEFAULT.come_back_after),
    }


def _newer(latest: PatientReading, now: Any) -> tuple[str, str]:
    return str(reading_figure(latest.reading)), stamp(latest.reading.effective_time, now)


@routes.get("/alerts/{alert}")
@for_roles(Role.CARE)
async def alert_page(visit: Visit) -> web.StreamResponse:
    """The whole view."""
    return await _page(visit, resolving="resolve" in visit.request.query)


async def _page(
    visit: Visit, *, resolving: bool = False, problem: str = "", typed: tuple[str, str] = ("", ""), status: int = 200
) -> web.Response:
    now = visit.context.clock()
    async with visit.context.records.read() as unit:
        alert, patient = await _own_alert(visit, unit)
    await log_view(visit, patient.id, "alert", always=True)
    async with visit.context.records.read() as unit:
        parts = await _parts(visit, unit, alert, patient)
        (facts,) = await gather(visit.context, unit, [patient], now)
        _alerts, fired = await opened_by(unit, patient, now - RANGES[_SPAN])
        similar = await unit.alerts.similar(alert, now - _SIMILAR)
        past = [await _past(visit, one.alert, one.note, one.resolved_by) for one in similar]
    rule, reading = parts["rule"], parts["reading"]
    series = await series_of(visit, facts, alert.kind, _SPAN, frozenset(fired))
    team = visit.request[PLACE].team
    return page(
        visit,
        "alert.html",
        _("Alert {number}: {word}").format(number=alert.id, word=parts["hero"].word.lower()),
        "/worklist",
        status=status,
        **parts,
        name=full_name(facts),
        born=born(patient.birth_year, now),
        why=view.why(alert, rule, reading.reading if reading is not None else None),
        quality=view.quality(reading.reading) if reading is not None else "",
        plan_words=_plan_words(parts["plan"], in_force(facts.history, now), now),
        advice=_(rule.advice) if rule is not None else "",
        chart=chart_place(series, patient.id, _SPAN),
        past=past,
        past_note=n_("{n} alert like this in 90 days", "{n} alerts like this in 90 days", len(past)).format(
            n=len(past)
        ),
        phone=patient.phone,
        team_phone=team.phone if team is not None else None,
        choices=[(one.value, view.outcome_name(one)) for one in CHOICES],
        note_needed=note_required(alert, Outcome.TRUE),
        max_note=MAX_NOTE,
        resolving=resolving and alert.state.live,
        problem=problem,
        typed=typed,
        kind=kind_name(alert.kind),
    )


async def _past(visit: Visit, alert: Alert, note: str | None, by: str | None) -> view.Past:
    reading = await visit.context.readings.get(alert.worst_reading)
    took = age_text((alert.resolved_at or alert.opened_at) - alert.opened_at)
    return view.Past(
        str(reading_figure(reading.reading)) if reading is not None else kind_name(alert.kind),
        stamp(alert.effective_time, visit.context.clock()),
        view.past_text(alert.outcome, note, by, took),
        f"/alerts/{alert.id}",
    )


def _plan_words(plan: Plan | None, current: Plan | None, now: Any) -> str:
    if plan is None:
        return ""
    day = day_stamp(plan.valid_from, now)
    if plan.author is None:
        text = _("Plan version {version}, since {day}").format(version=plan.version, day=day)
    else:
        text = _("Plan version {version}, set {day} by {author}").format(
            version=plan.version, day=day, author=plan.author
        )
    if current is not None and current.version != plan.version:
        text += _(" (version {version} holds now)").format(version=current.version)
    return text


@routes.get("/alerts/{alert}/parts")
@for_roles(Role.CARE, passive=True)
async def alert_parts(visit: Visit) -> web.StreamResponse:
    """Hero, timeline and bar as they are now."""
    async with visit.context.records.read() as unit:
        alert, patient = await _own_alert(visit, unit)
        parts = await _parts(visit, unit, alert, patient)
    await log_view(visit, patient.id, "alert", always=False)
    return html(render("alert_parts.html", **parts))


@routes.post("/alerts/{alert}/acknowledge")
@for_roles(Role.CARE)
async def acknowledge(visit: Visit) -> web.StreamResponse:
    """Take the alert."""
    return await _act(visit, visit.context.actions.acknowledge, _taken_words)


@routes.post("/alerts/{alert}/undo")
@for_roles(Role.CARE)
async def undo(visit: Visit) -> web.StreamResponse:
    """Give it back, within 10 s."""
    return await _act(visit, visit.context.actions.undo_acknowledge, _given_back_words)


@routes.post("/alerts/{alert}/resolve")
@for_roles(Role.CARE)
async def resolve(visit: Visit) -> web.StreamResponse:
    """End the alert with an outcome and a note."""
    async with visit.context.records.read() as unit:
        alert, _patient = await _own_alert(visit, unit)
    form = await visit.request.post()
    chosen, note = str(form.get("outcome", "")), str(form.get("note", ""))
    outcome = next((one for one in CHOICES if one.value == chosen), None)
    if outcome is None:
        return await _again(visit, _("Choose what it was."), chosen, note)
    if len(note) > MAX_NOTE:
        longest = _("The note has {n} characters; {most} fit. Shorten it.").format(n=len(note), most=MAX_NOTE)
        return await _again(visit, longest, chosen, note)
    try:
        await visit.context.actions.resolve(alert.id, visit.user, outcome, note)
    except NoteRequiredError:
        return await _again(visit, _("Write a note: what was done, or why nothing had to be."), chosen, note)
    except AlertActionError as error:
        return await _again(visit, _refused_words(error), chosen, note, status=409)
    raise web.HTTPSeeOther(f"/alerts/{alert.id}?done=resolved")


async def _again(visit: Visit, problem: str, chosen: str, note: str, *, status: int = 422) -> web.Response:
    return await _page(visit, resolving=True, problem=problem, typed=(chosen, note), status=status)


async def _act(
    visit: Visit, act: Callable[..., Awaitable[Done]], words: Callable[[Patient], str]
) -> web.StreamResponse:
    async with visit.context.records.read() as unit:
        alert, patient = await _own_alert(visit, unit)
    undoable = False
    try:
        done = await act(alert.id, visit.user)
        said, undoable = words(patient), done.undo_until is not None
    except AlertActionError as error:
        said = _refused_words(error)
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
        alert, patient = await _own_alert(visit, unit)
        parts = await _parts(visit, unit, alert, patient)
    return html(render("alert_parts.html", **parts) + toast)


def _taken_words(patient: Patient) -> str:
    return _("Acknowledged. You have {name}’s alert.").format(name=patient.given_name)


def _given_back_words(patient: Patient) -> str:
    return _("Given back. Calls for {name}’s alert go on.").format(name=patient.given_name)


def _refused_words(error: AlertActionError) -> str:
    if isinstance(error, AlreadyTakenError):
        return _("{name} already has it. Nothing to do for you.").format(name=error.initials or _("Somebody"))
    return _("That is no longer possible: the alert has changed. What you see is how it is now.")
