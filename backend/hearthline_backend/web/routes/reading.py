"""One reading: what it is, what was corrected about it, and the correction that is due."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from aiohttp import web

from hearthline_backend.correction_errors import CorrectionError, ReasonMissingError
from hearthline_backend.corrections import Actor, Corrected
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.corrections import MAX_REASON
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.figures import kind_name, quality_words, reading_figure
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.rendering import render
from hearthline_backend.web.routes.patient import log_view
from hearthline_backend.web.routes.worklist import own_patient
from hearthline_backend.web.times import stamp, when
from hearthline_backend.web.views import corrected as view

_UNDO_WORDS: Final = "undone"

routes = web.RouteTableDef()


@routes.get("/patients/{patient}/readings/{reading}")
@for_roles(Role.CARE)
async def reading_page(visit: Visit) -> web.StreamResponse:
    """The whole view."""
    return await _page(visit)


@routes.post("/patients/{patient}/readings/{reading}/error")
@for_roles(Role.CARE)
async def error(visit: Visit) -> web.StreamResponse:
    """It was entered in error."""
    return await _act(visit, visit.context.corrections.enter_in_error, "error")


@routes.post("/patients/{patient}/readings/{reading}/restore")
@for_roles(Role.CARE)
async def restore(visit: Visit) -> web.StreamResponse:
    """It was right after all."""
    return await _act(visit, visit.context.corrections.restore, "restored")


@routes.post("/patients/{patient}/readings/{reading}/back")
@for_roles(Role.CARE)
async def back(visit: Visit) -> web.StreamResponse:
    """Take back that it is this patient's: it waits again for somebody to say whose it is."""
    patient, row = await _row(visit)
    try:
        await visit.context.corrections.take_back(row.id, visit.user)
    except CorrectionError:
        return await _page(visit, problem=_("That is no longer possible: the reading has changed."), status=409)
    raise web.HTTPSeeOther(f"/patients/{patient.id}?taken-back")


async def _act(
    visit: Visit, act: Callable[[UUID, Actor | None, str], Awaitable[Corrected]], done: str
) -> web.StreamResponse:
    patient, row = await _row(visit)
    reason = str((await visit.request.post()).get("reason", ""))
    try:
        made = await act(row.id, visit.user, reason)
    except ReasonMissingError:
        words = _("Write why, in up to {n} characters. It stays with the reading.").format(n=MAX_REASON)
        return await _page(visit, problem=words, typed=reason, status=422)
    except CorrectionError:
        return await _page(visit, problem=_("That is no longer possible: the reading has changed."), status=409)
    raise web.HTTPSeeOther(f"/patients/{patient.id}/readings/{row.id}?done={'later' if made.pending else done}")


async def _row(visit: Visit) -> tuple[Patient, PatientReading]:
    patient = await own_patient(visit)
    try:
        reading_id = UUID(visit.request.match_info["reading"])
    except ValueError:
        raise web.HTTPNotFound from None
    row = await visit.context.readings.get(reading_id)
    if row is None or row.patient_id != patient.id:
        raise web.HTTPNotFound
    return patient, row


async def _page(visit: Visit, *, problem: str = "", typed: str = "", status: int = 200) -> web.Response:
    now = visit.context.clock()
    patient, row = await _row(visit)
    await log_view(visit, patient.id, "reading", always=True)
    async with visit.context.records.read() as unit:
        history = (await unit.corrections.of_readings([row.id])).get(row.id, ())
        alerts = await unit.alerts.with_reading(row.id)
    reading = row.reading
    address = f"/patients/{patient.id}/readings/{row.id}"
    done = visit.request.query.get("done", "")
    said = {
        "error": _("Entered in error. It counts no longer, and alerts are up to date."),
        "restored": _("Restored. It counts again, and was judged again."),
        "later": _("Noted. It is done as soon as the store answers."),
    }.get(done, "")
    toast = ""
    if said:
        undo = f"{address}/restore" if done == "error" and row.aside else None
        toast = render("toast_undo.html", said=said, undo=undo, csrf=visit.csrf, reason=_UNDO_WORDS)
    return page(
        visit,
        "reading.html",
        _("One reading"),
        "/worklist",
        live=False,
        status=status,
        patient=patient,
        name=f"{patient.given_name} {patient.family_name}".strip(),
        kind=kind_name(reading.kind),
        figure=reading_figure(reading),
        measured=when(row.effective_time, now, today=True),
        arrived=stamp(row.stored_time, now),
        meter=reading.model or reading.sensor,
        quality=". ".join(quality_words(reading)),
        aside=row.aside,
        history=view.entries(history, patient.id, visit.user.id, now),
        alerts=alerts,
        claimed=not row.aside and view.claimed(history, patient.id),
        address=address,
        problem=problem,
        typed=typed,
        max_reason=MAX_REASON,
        csrf=visit.csrf,
        toast=toast,
    )
