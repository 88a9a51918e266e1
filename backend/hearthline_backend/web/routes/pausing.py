"""A patient's pause: begin one, end it before its time, and read which there were."""

from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.events import Event
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, current
from hearthline_backend.web.pages import page
from hearthline_backend.web.routes.patient import log_view
from hearthline_backend.web.routes.worklist import own_patient
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.pausing import kind_words, pause_line, pause_sentence

LONGEST: Final = timedelta(days=366)
LONGEST_AGO: Final = timedelta(days=90)
MAX_NOTE: Final = 200
_A_DAY: Final = timedelta(days=1)
routes = web.RouteTableDef()


class _NotAPauseError(Exception):
    """The text says what to do."""


@routes.get("/patients/{patient}/pause")
@for_roles(Role.CARE)
async def pause_page(visit: Visit) -> web.StreamResponse:
    """What lasts, what was, and the form."""
    return await _page(visit, await own_patient(visit))


@routes.post("/patients/{patient}/pause")
@for_roles(Role.CARE)
async def begin(visit: Visit) -> web.StreamResponse:
    """Expect nothing from now on, or from a time that has passed, until then."""
    patient, now = await own_patient(visit), visit.context.clock()
    form = {name: str(value).strip() for name, value in (await visit.request.post()).items()}
    try:
        pause = _asked_for(form, patient, now)
    except _NotAPauseError as error:
        return await _page(visit, patient, problem=str(error), typed=form)
    async with visit.context.records.begin() as unit:
        await unit.alerts.lock_patients([patient.id])
        await unit.pauses.begin(patient.id, pause, now=now, note=form.get("note") or None, by=visit.user.id)
        await unit.people.log_access(visit.user.id, patient.id, "pause", now)
    return _done(visit, patient, now)


@routes.post("/patients/{patient}/pause/end")
@for_roles(Role.CARE)
async def end(visit: Visit) -> web.StreamResponse:
    """Measurements are expected again. Where it has just ended by itself the view says so."""
    patient, now = await own_patient(visit), visit.context.clock()
    async with visit.context.records.begin() as unit:
        await unit.alerts.lock_patients([patient.id])
        await unit.pauses.end(patient.id, now=now, by=visit.user.id)
        await unit.people.log_access(visit.user.id, patient.id, "pause", now)
    return _done(visit, patient, now)


def _done(visit: Visit, patient: Patient, now: datetime) -> web.StreamResponse:
    visit.context.events.publish(Event("plan", now, patient.id, patient.team_id))
    raise web.HTTPSeeOther(f"/patients/{patient.id}")


async def _page(
    visit: Visit, patient: Patient, *, problem: str = "", typed: dict[str, str] | None = None
) -> web.Response:
    now = visit.context.clock()
    await log_view(visit, patient.id, "pause", always=True)
    async with visit.context.records.read() as unit:
        kept = (await unit.pauses.in_force([patient.id], now)).get(patient.id)
        history = await unit.pauses.history(patient.id)
    name = f"{patient.given_name} {patient.family_name}"
    return page(
        visit,
        "pause.html",
        _("Pause"),
        "/worklist",
        status=422 if problem else 200,
        patient=patient,
        name=name,
        lasting=None if kept is None else pause_sentence(kept, now),
        lines=[pause_line(one, now) for one in history if kept is None or one.id != kept.id],
        kinds={kind.value: words for kind, words in kind_words().items()},
        most={"until": _local(now + LONGEST), "begins": _local(now)},
        max_note=MAX_NOTE,
        problem=problem,
        typed=dict.fromkeys(("kind", "begins", "note"), "") | (typed or {"until": _local(now + _A_DAY)}),
    )


def _asked_for(form: dict[str, str], patient: Patient, now: datetime) -> Pause:
    kind = next((one for one in PauseKind if one.value == form.get("kind")), None)
    if kind is None:
        raise _NotAPauseError(_("Choose why nothing is expected."))
    until = _moment(form.get("until", ""))
    if until is None or not now < until <= now + LONGEST:
        raise _NotAPauseError(_("Say until when: a day and time ahead, within a year."))
    begins = _moment(form["begins"]) if form.get("begins") else now
    earliest = max(patient.enrolled_at, now - LONGEST_AGO)
    if begins is None or not earliest <= begins <= now:
        text = _("A pause begins now, or did since {time}. Leave its beginning empty for now.")
        raise _NotAPauseError(text.format(time=stamp(earliest, now)))
    if len(form.get("note", "")) > MAX_NOTE:
        raise _NotAPauseError(_("The note has room for {most} characters. Shorten it.").format(most=MAX_NOTE))
    return Pause(kind, begins, until)


def _moment(text: str) -> datetime | None:
    """What a field of day and time says, on the clock of the person who filled it in."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if local.tzinfo is not None else local.replace(tzinfo=current().zone).astimezone(UTC)


def _local(at: datetime) -> str:
    return at.astimezone(current().zone).strftime("%Y-%m-%dT%H:%M")
