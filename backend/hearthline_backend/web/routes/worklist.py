"""The worklist and its parts, each of which the page fetches again by itself when something happened."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aiohttp import web

from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import OnCall, Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.together import told_together
from hearthline_backend.web.times import clock
from hearthline_backend.web.views.facts import PatientFacts, gather
from hearthline_backend.web.views.series import USUAL_SPAN
from hearthline_backend.web.views.sparkline import SPAN
from hearthline_backend.web.views.worklist import (
    Headline,
    fresh,
    groups,
    headline,
    seen_of,
    visible,
)
from hearthline_backend.web.views.worklist_row import Row, build_row, calm_line, shown_kind

if TYPE_CHECKING:
    from hearthline_backend.storage.ports import PatientReading

SHOWN: Final = ("all", "red", "yellow", "none", "green", "mine")
LIST_LOGGED_ONCE_IN: Final = timedelta(hours=8)
"""Seeing a patient in the list is one entry of the access log in a shift, not one for every glance."""
_LONGEST_SEARCH: Final = 60

routes = web.RouteTableDef()


async def team_facts(visit: Visit, unit: Unit) -> tuple[str, list[PatientFacts]]:
    """The viewer's team and everybody in it."""
    team = visit.request[PLACE].team
    if team is None:
        return "", []
    patients = await unit.care.patients(team_id=team.id)
    return team.name, await gather(visit.context, unit, patients, visit.context.clock())


async def row_of(
    visit: Visit, facts: PatientFacts, on_call: Sequence[OnCall], *, just_taken: bool = False, choosing: bool = False
) -> Row:
    """One row with its seven days and the reading it is about."""
    kind, now = shown_kind(facts), facts.now
    window: list[PatientReading] = []
    reading = None
    if kind is not None:
        span = USUAL_SPAN if kind == "body_weight" else SPAN
        window = await visit.context.readings.window(facts.patient.id, kind, now - span, now + timedelta(minutes=5))
    if facts.worst is not None:
        wanted = facts.worst.alert.worst_reading
        reading = next((row for row in window if row.reading.id == wanted), None)
        reading = reading or await visit.context.readings.get(wanted)
    row = build_row(
        facts, visit.user.id, visit.csrf, on_call=on_call, window=window, reading=reading, just_taken=just_taken
    )
    return replace(row, choosing=choosing)


@routes.get("/worklist")
@for_roles(Role.CARE)
async def worklist(visit: Visit) -> web.StreamResponse:
    """The whole list."""
    show = visit.request.query.get("show", "all")
    return await _board(visit, show if show in SHOWN else "all", "", choosing="choose" in visit.request.query)


@routes.post("/worklist")
@for_roles(Role.CARE)
async def find(visit: Visit) -> web.StreamResponse:
    """The list narrowed by a name. A post, so that no name ends in an address, a history or a log."""
    form = await visit.request.post()
    return await _board(visit, "all", str(form.get("find", "")).strip()[:_LONGEST_SEARCH])


async def _board(visit: Visit, show: str, wanted: str, *, choosing: bool = False) -> web.Response:
    now = visit.context.clock()
    async with visit.context.records.read() as unit:
        team, everybody = await team_facts(visit, unit)
    shown = visible(everybody, show, visit.user.id, wanted)
    on_call = visit.request[PLACE].on_call
    rows = {
        one.patient.id: await row_of(visit, one, on_call, choosing=choosing)
        for one in shown
        if shown_kind(one) is not None
    }
    await _log_list(visit, now)
    head = headline(everybody, team, visit.user.id, show)
    return page(
        visit,
        "worklist.html",
        head.title,
        "/worklist",
        head=head,
        groups=groups(shown, rows, unfold=bool(wanted) or show == "green"),
        everybody=len(everybody),
        show=show,
        find=wanted,
        since=now.isoformat(),
        seen=seen_of(everybody),
        fresh=None,
        last=_last_reading(everybody),
        choosing=choosing,
        several=any(row.act == "acknowledge" for row in rows.values()),
        together=await told_together(visit),
    )


async def _log_list(visit: Visit, now: datetime) -> None:
    team = visit.request[PLACE].team
    if team is not None:
        async with visit.context.records.begin() as unit:
            await unit.people.log_list(visit.user.id, team.id, "worklist", now, LIST_LOGGED_ONCE_IN)


def _last_reading(everybody: Sequence[PatientFacts]) -> tuple[str, str] | None:
    newest = [
        (row.reading.effective_time, one.patient.given_name) for one in everybody if (row := one.newest) is not None
    ]
    if not newest:
        return None
    at, name = max(newest)
    return name, clock(at)


@routes.get("/worklist/summary")
@for_roles(Role.CARE, passive=True)
async def summary(visit: Visit) -> web.StreamResponse:
    """Heading, filters and the line of what is new; nothing that would move a row."""
    query = visit.request.query
    show = query.get("show", "all")
    return html(
        await summary_fragment(visit, show if show in SHOWN else "all", query.get("seen", ""), query.get("since", ""))
    )


async def summary_fragment(visit: Visit, show: str, seen: str, since: str) -> str:
    """The parts on top, as they are now, for swapping in by their ids."""
    async with visit.context.records.read() as unit:
        team, everybody = await team_facts(visit, unit)
    head: Headline = headline(everybody, team, visit.user.id, show)
    new = fresh(everybody, seen, _since_text(since))
    return render("worklist_summary.html", head=head, fresh=new, show=show)


def _since_text(since: str) -> str:
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        return ""
    return clock(at) if at.tzinfo is not None else ""


@routes.get("/worklist/rows/{patient}")
@for_roles(Role.CARE, passive=True)
async def row(visit: Visit) -> web.StreamResponse:
    """One row as it is now, in the place where it stands; nothing where the page shows it so already."""
    patient, query = await own_patient(visit), visit.request.query
    async with visit.context.records.read() as unit:
        (facts,) = await gather(visit.context, unit, [patient], visit.context.clock())
    if query.get("as") == "line":
        line = calm_line(facts)
        version, body = line.version, render("worklist_line.html", line=line)
    else:
        choosing = "choose" in query
        taken = _just_taken(facts, visit.user.id)
        built = await row_of(visit, facts, visit.request[PLACE].on_call, just_taken=taken, choosing=choosing)
        version, body = built.version, render("worklist_row.html", row=built)
    return web.Response(status=204) if query.get("v") == version else html(body)


def _just_taken(facts: PatientFacts, viewer: UUID) -> bool:
    """Whether the viewer can still take back that they took it: an event must not take the button away."""
    alert = None if facts.worst is None else facts.worst.alert
    if alert is None or alert.owner_id != viewer or alert.owned_at is None:
        return False
    return facts.now - alert.owned_at < DEFAULT.undo_within


async def taken_row(visit: Visit, patient: Patient, *, just_taken: bool) -> str:
    """A row's markup after an act on it."""
    async with visit.context.records.read() as unit:
        (facts,) = await gather(visit.context, unit, [patient], visit.context.clock())
    built = await row_of(visit, facts, visit.request[PLACE].on_call, just_taken=just_taken)
    return render("worklist_row.html", row=built)


async def own_patient(visit: Visit) -> Patient:
    """The patient of the address, if of the viewer's team; else there is nothing here."""
    try:
        patient_id = UUID(visit.request.match_info["patient"])
    except ValueError:
        raise web.HTTPNotFound from None
    async with visit.context.records.read() as unit:
        patient = await unit.care.patient(patient_id)
    if patient is None or visit.user.team_id is None or patient.team_id != visit.user.team_id:
        raise web.HTTPNotFound(text=_("There is nothing here"))
    return patient
