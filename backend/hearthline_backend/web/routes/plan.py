"""One patient's plan: as it is, what a change would have done, and the change itself."""

import asyncio
from datetime import timedelta
from typing import Final

from aiohttp import web

from hearthline_backend.domain.plan_wish import MAX_REASON, PlanWish, before_the_first
from hearthline_backend.domain.plans import Plan
from hearthline_backend.plan_changing import name_of
from hearthline_backend.plan_errors import NothingChangedError, PlanChangeError, PlanMovedOnError
from hearthline_backend.replay.backtest import AT_ONCE, Backtest, compare
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.plan_reading import Read, read_plan
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.patient import log_view
from hearthline_backend.web.routes.worklist import own_patient
from hearthline_backend.web.times import day_stamp, stamp
from hearthline_backend.web.views.patient import plan_lines, slot_lines
from hearthline_backend.web.views.plan_changes import change_lines, rule_changes
from hearthline_backend.web.views.plan_chart import Measure, Point, points_of
from hearthline_backend.web.views.plan_form import Filled, plan_form
from hearthline_backend.web.views.plan_preview import Preview, measures_of, preview
from hearthline_backend.web.views.plan_versions import versions
from hearthline_backend.web.views.plan_wrong import refused
from hearthline_backend.web.views.put_off import conflict_lines
from hearthline_backend.web.views.ward_run import ward_run
from hearthline_backend.web.ward_backtests import WARD_BACKTESTS, WardRun, shared_rules
from hearthline_backend.web.while_there import while_there

DAYS: Final = 90
"""How far back a change is tried."""
_UNDO_FOR: Final = timedelta(minutes=2)
"""A page that was saved longer ago offers no undo: the history does."""

routes = web.RouteTableDef()


@routes.get("/patients/{patient}/plan")
@for_roles(Role.CARE)
async def plan_page(visit: Visit) -> web.StreamResponse:
    """The plan as it is, its form and its history."""
    patient, history = await _plan_of(visit)
    return await _page(visit, patient, history)


@routes.post("/patients/{patient}/plan/preview")
@for_roles(Role.CARE)
async def preview_page(visit: Visit) -> web.StreamResponse:
    """What the change in the form would have done. Nothing is written."""
    patient, history = await _plan_of(visit)
    if not await _still_newest(visit, history):
        return await _moved_on(visit, patient)
    read = await _read(visit, history[-1], saving=False)
    return await _page(visit, patient, history, read=read, status=200 if read.draft is not None else 422)


@routes.post("/patients/{patient}/plan/ward")
@for_roles(Role.CARE)
async def ward_start(visit: Visit) -> web.StreamResponse:
    """The same for every patient of the team with these rules: it begins, and the page follows it."""
    patient, history = await _plan_of(visit)
    if not await _still_newest(visit, history):
        return await _moved_on(visit, patient)
    read = await _read(visit, history[-1], saving=False)
    if read.draft is None:
        return await _page(visit, patient, history, read=read, status=422)
    changes = rule_changes(history[-1], read.draft)
    context, run = visit.context, None
    if shared_rules(changes):
        started = visit.request.app[WARD_BACKTESTS]
        run = started.start(context.records, context.readings, context.clock, patient, changes, visit.user.id, DAYS)
    return await _page(visit, patient, history, read=read, run=run)


@routes.get("/patients/{patient}/plan/ward/{token}")
@for_roles(Role.CARE, passive=True)
async def ward_progress(visit: Visit) -> web.StreamResponse:
    """How far it is, or what it found: a fragment."""
    patient = await own_patient(visit)
    return html(render("plan_ward.html", ward=ward_run(_run_of(visit, patient)), patient=patient, csrf=visit.csrf))


@routes.post("/patients/{patient}/plan/ward/{token}/stop")
@for_roles(Role.CARE)
async def ward_stop(visit: Visit) -> web.StreamResponse:
    """End it. What it found so far is told."""
    patient = await own_patient(visit)
    run = _run_of(visit, patient)
    run.stop()
    if run.task is not None:
        await asyncio.wait([run.task])
    if "HX-Request" not in visit.request.headers:
        raise web.HTTPSeeOther(f"/patients/{patient.id}/plan")
    return html(render("plan_ward.html", ward=ward_run(run), patient=patient, csrf=visit.csrf))


@routes.post("/patients/{patient}/plan")
@for_roles(Role.CARE)
async def save(visit: Visit) -> web.StreamResponse:
    """Write it as the next version."""
    patient, history = await _plan_of(visit)
    posted = await visit.request.post()
    based_on, reason = _number(posted.get("version")), str(posted.get("reason", ""))
    if based_on != history[-1].version:
        return await _moved_on(visit, patient, reason=reason)
    read = await _read(visit, history[-1], saving=True)
    if read.draft is None:
        return await _page(visit, patient, history, read=read, status=422)
    try:
        made = await visit.context.plans.change(
            patient.id, read.wish, based_on=based_on, reason=reason, actor=visit.user
        )
    except PlanMovedOnError:
        return await _moved_on(visit, patient, reason=reason)
    except NothingChangedError:
        words = _("Nothing is different from version {version}: change something first.")
        return await _page(visit, patient, history, read=read, problem=words.format(version=based_on), status=422)
    except PlanChangeError as error:
        return await _page(visit, patient, history, read=read, problem=refused(error), status=422)
    raise web.HTTPSeeOther(f"/patients/{patient.id}/plan?saved={made.version}")


@routes.post("/patients/{patient}/plan/undo")
@for_roles(Role.CARE)
async def undo(visit: Visit) -> web.StreamResponse:
    """Take the newest version back: the one before it holds again, as a further version."""
    patient = await own_patient(visit)
    version = _number(visit.request.query.get("version"))
    reason = _("Version {version} taken back.").format(version=version)
    try:
        made = await visit.context.plans.take_back(patient.id, version, reason=reason, actor=visit.user)
    except PlanChangeError:
        return await _moved_on(visit, patient)
    raise web.HTTPSeeOther(f"/patients/{patient.id}/plan?taken-back={made.version}")


async def _plan_of(visit: Visit) -> tuple[Patient, tuple[Plan, ...]]:
    patient = await own_patient(visit)
    async with visit.context.records.read() as unit:
        history = await unit.care.plan_history(patient.id)
    return patient, history or (before_the_first(patient.id, visit.context.clock()),)


async def _still_newest(visit: Visit, history: tuple[Plan, ...]) -> bool:
    return _number((await visit.request.post()).get("version")) == history[-1].version


async def _read(visit: Visit, before: Plan, *, saving: bool) -> Read:
    posted = await visit.request.post()
    fields = {key: [one for one in posted.getall(key) if isinstance(one, str)] for key in posted}
    return read_plan(before, fields, author=name_of(visit.user), now=visit.context.clock(), saving=saving)


async def _moved_on(visit: Visit, patient: Patient, *, reason: str = "") -> web.StreamResponse:
    """Somebody else was first. Fields that nobody touched would undo what they did: only the reason stays."""
    _patient, history = await _plan_of(visit)
    newest = history[-1]
    words = _(
        "The plan has changed meanwhile: version {version} by {who}, {time}. Nothing was saved. "
        "This is the new version: make the change again."
    ).format(
        version=newest.version,
        who=newest.author or _("Somebody"),
        time=stamp(newest.valid_from, visit.context.clock()),
    )
    wish = PlanWish.of(newest)
    kept = Read(wish, Filled({"reason": reason}, {}), None, newest)
    return await _page(visit, patient, history, read=kept, problem=words, status=409)


async def _page(
    visit: Visit,
    patient: Patient,
    history: tuple[Plan, ...],
    *,
    read: Read | None = None,
    run: WardRun | None = None,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    await log_view(visit, patient.id, "plan", always=visit.request.method == "GET")
    now, plan = visit.context.clock(), history[-1]
    draft = None if read is None else read.draft
    if read is None:
        form = plan_form(plan, plan, PlanWish.of(plan), now)
    else:
        form = plan_form(plan, draft or read.base, read.wish, now, read.filled)
    changed = draft is not None and bool(change_lines(plan, draft))
    return page(
        visit,
        "plan.html",
        _("Plan"),
        "/worklist",
        live=False,
        status=status,
        patient=patient,
        name=f"{patient.given_name} {patient.family_name}".strip(),
        plan=plan,
        since=day_stamp(plan.valid_from, now),
        form=form,
        preview=await _tried(visit, patient, plan, draft) if draft is not None and changed else None,
        unchanged=draft is not None and not changed and not problem,
        shares=draft is not None and bool(shared_rules(rule_changes(plan, draft))),
        plan_lines=plan_lines(plan),
        slot_lines=slot_lines(plan),
        conflicts=conflict_lines(plan),
        versions=versions([one for one in history if one.version], now),
        problem=problem,
        days=DAYS,
        max_reason=MAX_REASON,
        ward=None if run is None else ward_run(run),
        csrf=visit.csrf,
        toast=_toast(visit, patient, history),
    )


async def _tried(visit: Visit, patient: Patient, plan: Plan, draft: Plan) -> Preview:
    return await while_there(visit.request, _replayed(visit, patient, plan, draft))


async def _replayed(visit: Visit, patient: Patient, plan: Plan, draft: Plan) -> Preview:
    """In other threads wherever it goes through readings: the loop has other things to do meanwhile."""
    now = visit.context.clock()
    found = Backtest(DAYS)
    await compare(found, visit.context.readings, patient, plan, draft, now)
    start = min(max(now - timedelta(days=DAYS), patient.enrolled_at), now - timedelta(hours=1))
    points: dict[Measure, list[Point]] = {one: [] for one in measures_of(rule_changes(plan, draft))}
    for measure in points:
        begin = start
        while begin < now:
            end = min(begin + AT_ONCE, now)
            rows = await visit.context.readings.window(patient.id, measure.kind, begin, end)
            points[measure] += await asyncio.to_thread(points_of, measure, rows)
            begin = end
    return await asyncio.to_thread(preview, plan, draft, found, points, start, now)


def _toast(visit: Visit, patient: Patient, history: tuple[Plan, ...]) -> str:
    newest, now = history[-1], visit.context.clock()
    fresh = now - newest.valid_from < _UNDO_FOR
    if fresh and visit.request.query.get("saved") == str(newest.version):
        said = _("Saved. Version {version} holds from now on.").format(version=newest.version)
        undo = f"/patients/{patient.id}/plan/undo?version={newest.version}" if newest.version > 1 else None
        return render("toast_undo.html", said=said, undo=undo, csrf=visit.csrf, reason="undo")
    if fresh and visit.request.query.get("taken-back") == str(newest.version):
        said = _("Taken back. Version {version} is as it was before.").format(version=newest.version)
        return render("toast_undo.html", said=said, undo=None, csrf=visit.csrf, reason="")
    return ""


def _run_of(visit: Visit, patient: Patient) -> WardRun:
    run = visit.request.app[WARD_BACKTESTS].get(visit.request.match_info["token"], visit.user.id)
    if run is None or run.patient_id != patient.id:
        raise web.HTTPNotFound
    return run


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 9 else 0
