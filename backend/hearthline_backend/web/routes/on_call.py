"""Who is on call now, who is next, who is called at last."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from hearthline_backend.domain.local_time import day_of
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.views import on_call as view

_AHEAD: Final = timedelta(days=31)
_TRIED_WITHIN: Final = timedelta(days=35)

routes = web.RouteTableDef()


@routes.get("/on-call")
@for_roles(Role.CARE)
async def on_call(visit: Visit) -> web.StreamResponse:
    """Of the team of who is looking."""
    now, place, viewer = visit.context.clock(), visit.request[PLACE], visit.user.id
    if place.team is None:
        raise web.HTTPNotFound
    team, today = place.team, day_of(now, ZoneInfo(place.team.time_zone))
    async with visit.context.records.read() as unit:
        agreed = await unit.rotas.agreed(team.id, now)
        trials = await unit.rotas.last_trials(team.id, now - _TRIED_WITHIN)
        stand_ins = [one for one in await unit.rotas.stand_ins(team.id, now) if one.stand_in.begins < now + _AHEAD]
        holidays = await unit.rotas.holidays(team.id, today, today + _AHEAD)
        people = {one.id: one for one in await unit.people.care_team(team.id)}
    named = () if agreed is None or agreed.content is None else agreed.content.last_resort
    return page(
        visit,
        "on_call.html",
        _("On call"),
        "/on-call",
        live=False,
        team=team.name,
        heading=view.heading(place.on_call, viewer, now),
        order=view.in_order(place.on_call, viewer, now),
        handover=view.handover(agreed, people, viewer, now),
        last_resort=view.last_resort(named, people, trials, viewer, now),
        ahead=view.ahead(stand_ins, holidays, people, now),
    )
