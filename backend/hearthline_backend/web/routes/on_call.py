"""Who is on call now, who is next, who is called at last, and in which hours nobody would be."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from hearthline_backend.domain.local_time import day_of
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.rotas import AgreedHoliday, AgreedStandIn, Version
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.routes.rota import of_team
from hearthline_backend.web.views import duty_table
from hearthline_backend.web.views import on_call as view
from hearthline_backend.web.views.rota_words import holiday_words, stand_in_words

_AHEAD: Final = timedelta(days=3 * 366)
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
        stand_ins = await unit.rotas.stand_ins(team.id, now)
        holidays = await unit.rotas.holidays(team.id, today, today + _AHEAD)
        own = await of_team(unit, team)
        newest = await unit.rotas.versions(team.id)
        around = await duty_table.around_now(unit, team, now)
        duty = await duty_table.table_of(unit, team, around, own.people, own.reached, viewer, now)
    people = own.people
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
        duty=duty,
        agreed=bool(newest),
        changed=view.last_change(newest, people, now),
        toast=_toast(visit, newest, stand_ins, holidays, people),
    )


def _toast(
    visit: Visit,
    versions: Sequence[Version],
    stand_ins: Sequence[AgreedStandIn],
    holidays: Sequence[AgreedHoliday],
    people: Mapping[UUID, User],
) -> view.RotaToast | None:
    """What the address says of what was just done; None where it says nothing."""
    query, now = visit.request.query, visit.context.clock()
    if "back" in query:
        return view.RotaToast(_("Taken back."))
    if "gone" in query:
        return view.RotaToast(_("Nothing was taken back: it has changed meanwhile."))
    if "kept" in query and versions and query["kept"] == str(versions[-1].number):
        return view.kept_toast(versions, now)
    for one in stand_ins:
        if query.get("stood") == str(one.id) and one.entered.by == visit.user.id:
            return view.RotaToast(stand_in_words(one, people, now), f"/on-call/away/{one.id}/back")
    for day in holidays:
        if query.get("holiday") == day.holiday.day.isoformat() and day.entered.by == visit.user.id:
            said = holiday_words(day, people)
            return view.RotaToast(said, f"/on-call/holiday/{day.id}/back", "day", day.holiday.day.isoformat())
    return None
