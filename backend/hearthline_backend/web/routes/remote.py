"""Remote work from a technician's browser: ask a gateway, watch how it goes, answer what a meter wants to know."""

from typing import Any, Final
from uuid import UUID

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from hearthline_backend.remote.desk import NotSentError
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.rendering import html, render
from hearthline_backend.web.views import remote as view
from hearthline_backend.web.views.homes import is_offline
from hearthline_protocol.commands import Answer, Work

_HISTORY: Final = 20
_WORK: Final[TypeAdapter[Work]] = TypeAdapter(Work)
_FIELDS: Final = ("do", "address", "model", "passkey")

routes = web.RouteTableDef()


async def own_gateway(visit: Visit, unit: Unit) -> Gateway:
    """The home's gateway, if it is one of the technician's organisation."""
    wanted = visit.request.match_info["home"]
    for gateway in await unit.homes.gateways(visit.user.organisation_id):
        if gateway.home == wanted:
            return gateway
    raise web.HTTPNotFound


async def remote_parts(visit: Visit, unit: Unit, gateway: Gateway, problem: str = "") -> dict[str, Any]:
    """What the card shows."""
    asked = [one for one in await unit.remote.latest(gateway.name, _HISTORY) if one.work.get("do") != "answer"]
    reported = await unit.remote.reported(gateway.name)
    wanted = await unit.remote.wanted(gateway.name)
    now = visit.context.clock()
    return {
        "remote": view.card(asked, wanted, reported, now, offline=is_offline(gateway, now)),
        "home": gateway.home,
        "gateway": gateway.name,
        "csrf": visit.csrf,
        "problem": problem,
    }


@routes.get("/homes/{home}/remote")
@for_roles(Role.TECHNICIAN, Role.ENGINEER, passive=True)
async def remote_card(visit: Visit) -> web.StreamResponse:
    """The card as it is now."""
    return await _card(visit)


@routes.post("/homes/{home}/ask")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def ask(visit: Visit) -> web.StreamResponse:
    """Have the gateway do something."""
    form = await visit.request.post()
    said = {name: str(form[name]).strip() for name in _FIELDS if str(form.get(name, "")).strip()}
    try:
        work = _WORK.validate_python(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or "do"
        raise web.HTTPBadRequest(text=_("{field}: {problem}").format(field=field, problem=first["msg"])) from error
    if isinstance(work, Answer):
        raise web.HTTPBadRequest(text=_("An answer belongs to a question: use its own form."))
    return await _send(visit, work)


@routes.post("/homes/{home}/answer")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def answer(visit: Visit) -> web.StreamResponse:
    """Answer what a meter wants to know."""
    form = await visit.request.post()
    try:
        to = UUID(str(form.get("to", "")))
    except ValueError as error:
        raise web.HTTPBadRequest(text=_("The question is missing. Load the page again.")) from error
    digits = "".join(str(form.get("passkey", "")).split())
    confirmed = {"yes": True, "no": False}.get(str(form.get("confirmed", "")))
    if confirmed is None and not (digits.isdecimal() and len(digits) <= 6):
        return await _card(visit, _("Type the six digits that the meter shows, such as 042137."), status=422)
    async with visit.context.records.read() as unit:
        gateway = await own_gateway(visit, unit)
        question = await unit.remote.command(to)
    if question is None or question.gateway != gateway.name:
        raise web.HTTPNotFound
    return await _send(visit, Answer(to=to, passkey=int(digits) if confirmed is None else None, confirmed=confirmed))


async def _send(visit: Visit, work: Work) -> web.StreamResponse:
    async with visit.context.records.read() as unit:
        gateway = await own_gateway(visit, unit)
    try:
        await visit.context.desk.ask(gateway.name, work, visit.user.id)
    except NotSentError:
        words = _("Nothing was sent: the broker is not reached. Try again when live data is back.")
        return await _card(visit, words, status=503)
    if "HX-Request" not in visit.request.headers:
        raise web.HTTPSeeOther(f"/homes/{gateway.home}#remote")
    return await _card(visit)


async def _card(visit: Visit, problem: str = "", *, status: int = 200) -> web.Response:
    async with visit.context.records.read() as unit:
        gateway = await own_gateway(visit, unit)
        parts = await remote_parts(visit, unit, gateway, problem)
    # htmx swaps only what succeeded; a card with its problem in words is an answer, not a failure of the page.
    return html(render("remote.html", **parts), status=200 if "HX-Request" in visit.request.headers else status)
