"""Whose reading is it? The care team says, one button for each person it may be of; it can be taken back."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from aiohttp import web

from hearthline_backend.correction_errors import AlreadyClaimedError, CorrectionError
from hearthline_backend.corrections import Corrected
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.corrections import What
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.unclear_readings import Unclear, suggestion, unclear_reading, unclear_readings, visible
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.routes.patient import log_view
from hearthline_backend.web.views import whose as view

SHOWN: Final = 100
"""Questions on one page, the newest reading first; who answers some sees the next."""
_GUEST: Final = "guest"

routes = web.RouteTableDef()


async def own_patients(visit: Visit, unit: Unit) -> dict[UUID, Patient]:
    """Everybody in the viewer's team."""
    team = visit.request[PLACE].team
    return {} if team is None else {one.id: one for one in await unit.care.patients(team_id=team.id)}


@routes.get("/whose")
@for_roles(Role.CARE)
async def inbox(visit: Visit) -> web.StreamResponse:
    """Everything that waits for this team."""
    async with visit.context.records.read() as unit:
        own = await own_patients(visit, unit)
        found = visible(await unclear_readings(unit, visit.user.organisation_id), own.keys())
        found.sort(key=lambda one: one.measured_at, reverse=True)
        rows = [await _asked(visit, unit, one, own) for one in found[:SHOWN]]
    await _log(visit, found[:SHOWN], own)
    said = view.heading(len(found))
    return page(
        visit,
        "whose.html",
        _("Whose reading is it? {answer}").format(answer=said),
        "/whose",
        h1=said,
        rows=rows,
        seen=" ".join(str(one.reading_id) for one in found),
        more=max(0, len(found) - SHOWN),
        new=0,
    )


@routes.get("/whose/count")
@for_roles(Role.CARE, passive=True)
async def count(visit: Visit) -> web.StreamResponse:
    """How many wait, for the navigation; nothing where none does."""
    many = len(await _visible(visit))
    return html(render("whose_count.html", count=many))


@routes.get("/whose/summary")
@for_roles(Role.CARE, passive=True)
async def summary(visit: Visit) -> web.StreamResponse:
    """Heading, and a line for what came since the page was made; nothing that would move a row."""
    found = await _visible(visit)
    seen = set(visit.request.query.get("seen", "").split())
    new = sum(str(one.reading_id) not in seen for one in found)
    return html(render("whose_head.html", h1=view.heading(len(found)), new=new))


@routes.get("/whose/{reading}")
@for_roles(Role.CARE, passive=True)
async def row(visit: Visit) -> web.StreamResponse:
    """One question as it is now; nothing where the page shows it so already."""
    shown = await _row(visit, _reading_id(visit))
    if visit.request.query.get("v") == shown.version:
        return web.Response(status=204)
    return html(render("whose_row.html", row=shown))


@routes.post("/whose/{reading}/claim")
@for_roles(Role.CARE)
async def claim(visit: Visit) -> web.StreamResponse:
    """It is this patient's, or a guest's."""
    reading_id = _reading_id(visit)
    said = str((await visit.request.post()).get("patient", ""))
    try:
        patient = None if said == _GUEST else UUID(said)
    except ValueError as error:
        raise web.HTTPBadRequest(text=_("Choose whose it is.")) from error
    try:
        done = await visit.context.corrections.claim(reading_id, patient, visit.user)
    except CorrectionError as error:
        return await _answer(visit, reading_id, _refused(error), undo=False)
    async with visit.context.records.read() as unit:
        own = await own_patients(visit, unit)
    return await _answer(visit, reading_id, _claimed_words(done, own), undo=True)


@routes.post("/whose/{reading}/undo")
@for_roles(Role.CARE)
async def undo(visit: Visit) -> web.StreamResponse:
    """Take it back: it waits again, and what it did is undone."""
    reading_id = _reading_id(visit)
    try:
        done = await visit.context.corrections.take_back(reading_id, visit.user)
    except CorrectionError as error:
        return await _answer(visit, reading_id, _refused(error), undo=False)
    later = _("Taken back. It waits here again within a minute.")
    return await _answer(visit, reading_id, later if done.pending else _("Taken back. It waits again."), undo=False)


async def _answer(visit: Visit, reading_id: UUID, said: str, *, undo: bool) -> web.StreamResponse:
    if "HX-Request" not in visit.request.headers:
        raise web.HTTPSeeOther("/whose")
    shown = replace(await _row(visit, reading_id), just=undo)
    toast = render(
        "toast.html",
        said=said,
        undo=f"/whose/{reading_id}/undo" if undo else None,
        target=f"#w-{reading_id}",
        csrf=visit.csrf,
    )
    return html(render("whose_row.html", row=shown) + toast, headers={"HX-Trigger": "inbox"})


async def _visible(visit: Visit) -> list[Unclear]:
    async with visit.context.records.read() as unit:
        own = await own_patients(visit, unit)
        return visible(await unclear_readings(unit, visit.user.organisation_id), own.keys())


async def _row(visit: Visit, reading_id: UUID) -> view.Asked:
    now = visit.context.clock()
    async with visit.context.records.read() as unit:
        own = await own_patients(visit, unit)
        one = await unclear_reading(unit, reading_id)
        if one is not None and visible([one], own.keys()):
            claims = await unit.homes.claims([reading_id])
            if reading_id not in claims:
                shown = await _asked(visit, unit, one, own)
                await _log(visit, [one], own)
                return shown
        history = (await unit.corrections.of_readings([reading_id])).get(reading_id, ())
    concerned = [each for each in history if not own.keys().isdisjoint(each.patients) or each.by == visit.user.id]
    if one is not None and not visible([one], own.keys()) and not concerned:
        raise web.HTTPNotFound
    if not history and one is None:
        raise web.HTTPNotFound
    last = next((each for each in reversed(history) if each.what in (What.CLAIMED, What.UNCLAIMED)), None)
    return view.answered(reading_id, last, own, visit.user.id, now, visit.csrf)


async def _asked(visit: Visit, unit: Unit, one: Unclear, own: dict[UUID, Patient]) -> view.Asked:
    reading = one.reading()
    likely = await suggestion(visit.context.readings, one, reading)
    home = await unit.homes.gateway(one.sensor.gateway)
    mine = [own[patient] for patient in one.candidates if patient in own]
    return view.asked(one, reading, home, mine, likely, visit.context.clock(), visit.csrf)


async def _log(visit: Visit, shown: Sequence[Unclear], own: Collection[UUID]) -> None:
    """Everybody whose value it may be can read who looked at it."""
    for patient in sorted({patient for one in shown for patient in one.candidates if patient in own}):
        await log_view(visit, patient, "whose", always=False)


def _reading_id(visit: Visit) -> UUID:
    try:
        return UUID(visit.request.match_info["reading"])
    except ValueError:
        raise web.HTTPNotFound from None


def _claimed_words(done: Corrected, own: dict[UUID, Patient]) -> str:
    patient = own.get(done.patient_id) if done.patient_id is not None else None
    if patient is None:
        return _("A guest’s: it is kept apart.")
    if done.pending:
        return _("{name}’s. It is taken as soon as the store answers.").format(name=patient.given_name)
    return _("{name}’s. It is in {name}’s readings now.").format(name=patient.given_name)


def _refused(error: CorrectionError) -> str:
    if isinstance(error, AlreadyClaimedError):
        who = error.initials or _("Somebody")
        return _("{who} has just said whose it is. Take that back first, if it is wrong.").format(who=who)
    return _("That is no longer possible: the reading has changed. What you see is how it is now.")
