"""Stand-ins and holidays entered in the browser, taken back, and the history of everything about the rota."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.rotas import RotaChangedError
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.routes.rota import of_team, person_choice, team_of
from hearthline_backend.web.views import rota_entry as entry
from hearthline_backend.web.views.rota_draft import MOST_PLACES, FormProblem
from hearthline_backend.web.views.rota_entry import HolidayDraft, StandInDraft
from hearthline_backend.web.views.rota_history import entered_lines, version_lines
from hearthline_backend.web.views.rota_words import day_names

_AHEAD: Final = timedelta(days=3 * 366)
_MOST: Final = 50
"""Entries of each kind that the history shows."""

routes = web.RouteTableDef()


@routes.get("/on-call/away")
@for_roles(Role.CARE)
async def away(visit: Visit) -> web.StreamResponse:
    """Somebody is away: who stands in."""
    async with visit.context.records.read() as unit:
        return await _stand_in_form(visit, unit, StandInDraft(away=str(visit.user.id)), ())


@routes.post("/on-call/away")
@for_roles(Role.CARE)
async def stand_in(visit: Visit) -> web.StreamResponse:
    """Keep it; it holds at once."""
    now, team, form = visit.context.clock(), team_of(visit), await visit.request.post()
    names = ("away", "instead", "begins", "ends", "reason")
    draft = StandInDraft(**{name: str(form.get(name, "")).strip() for name in names})
    async with visit.context.records.begin() as unit:
        own = await of_team(unit, team)
        found, problems = entry.checked_stand_in(draft, own.people.keys(), team.time_zone, now)
        if await unit.rotas.newest(team.id) == 0:
            problems = [FormProblem("away", _no_rota())]
        if found is None or problems:
            return await _stand_in_form(visit, unit, draft, problems)
        number = await unit.rotas.add_stand_in(
            team.id, found, draft.reason, created_at=now, author_id=visit.user.id
        )  # fmt: skip
    raise web.HTTPSeeOther(f"/on-call?stood={number}")


@routes.post("/on-call/away/{number}/back")
@for_roles(Role.CARE)
async def stand_in_back(visit: Visit) -> web.StreamResponse:
    """Whoever was away is on call again."""
    number, team = _number(visit), team_of(visit)
    async with visit.context.records.begin() as unit:
        taken = await unit.rotas.remove_stand_in(team.id, number, visit.context.clock(), visit.user.id)
    raise web.HTTPSeeOther("/on-call?back" if taken else "/on-call?gone")


@routes.get("/on-call/holiday")
@for_roles(Role.CARE)
async def holiday(visit: Visit) -> web.StreamResponse:
    """A day on which others are on call."""
    async with visit.context.records.read() as unit:
        return await _holiday_form(visit, unit, HolidayDraft(), ())


@routes.post("/on-call/holiday")
@for_roles(Role.CARE)
async def add_holiday(visit: Visit) -> web.StreamResponse:
    """Keep it."""
    now, team, form = visit.context.clock(), team_of(visit), await visit.request.post()
    people = tuple(text for one in form.getall("people", ()) if (text := str(one).strip()))
    draft = HolidayDraft(
        str(form.get("day", "")).strip(), str(form.get("name", "")).strip(), str(form.get("like", "")), people
    )
    async with visit.context.records.begin() as unit:
        own = await of_team(unit, team)
        known = await unit.rotas.holidays(team.id, (now - timedelta(days=1)).date(), (now + _AHEAD).date())
        taken = {one.holiday.day for one in known}
        found, problems = entry.checked_holiday(draft, own.people.keys(), taken, team.time_zone, now)
        if await unit.rotas.newest(team.id) == 0:
            problems = [FormProblem("day", _no_rota())]
        if found is None or problems:
            return await _holiday_form(visit, unit, draft, problems)
        await unit.rotas.add_holiday(team.id, found, draft.name, created_at=now, author_id=visit.user.id)
    raise web.HTTPSeeOther(f"/on-call?holiday={found.day.isoformat()}")


@routes.post("/on-call/holiday/{number}/back")
@for_roles(Role.CARE)
async def holiday_back(visit: Visit) -> web.StreamResponse:
    """It is a day as any other."""
    number, team = _number(visit), team_of(visit)
    try:
        day = date.fromisoformat(str((await visit.request.post()).get("day", "")))
    except ValueError:
        raise web.HTTPNotFound from None
    async with visit.context.records.begin() as unit:
        taken = await unit.rotas.remove_holiday(team.id, day, visit.context.clock(), visit.user.id, number)
    raise web.HTTPSeeOther("/on-call?back" if taken else "/on-call?gone")


@routes.get("/on-call/history")
@for_roles(Role.CARE)
async def history(visit: Visit) -> web.StreamResponse:
    """Every version, holiday and stand-in, by whom and when."""
    now, team = visit.context.clock(), team_of(visit)
    async with visit.context.records.read() as unit:
        versions = await unit.rotas.versions(team.id)
        holidays = await unit.rotas.every_holiday(team.id, _MOST)
        stand_ins = await unit.rotas.every_stand_in(team.id, _MOST)
        entered = [one.entered for one in holidays] + [one.entered for one in stand_ins]
        named = [one.author_id for one in versions] + [who for one in entered for who in (one.by, one.removed_by)]
        wanted = {one for one in named if one is not None}
        members = (await of_team(unit, team)).people
        people = {**await unit.people.users(wanted), **members}
    return page(
        visit,
        "rota_history.html",
        _("History of the rota"),
        "/on-call",
        live=False,
        team=team.name,
        versions=version_lines(versions, people, now),
        entries=entered_lines(holidays, stand_ins, people, now),
    )


@routes.post("/on-call/rota/undo")
@for_roles(Role.CARE)
async def undo(visit: Visit) -> web.StreamResponse:
    """What held before the newest version holds again, as a version of its own; nothing where a newer one came."""
    now, team = visit.context.clock(), team_of(visit)
    seen = str((await visit.request.post()).get("seen", ""))
    try:
        async with visit.context.records.begin() as unit:
            versions = await unit.rotas.versions(team.id)
            newest = versions[-1] if versions and str(versions[-1].number) == seen else None
            earlier = [one for one in versions[:-1] if newest is not None and one.valid_from <= newest.valid_from]
            if newest is None or not earlier:
                raise web.HTTPSeeOther("/on-call?gone")
            before = max(earlier, key=lambda one: (one.valid_from, one.number))
            await unit.rotas.add_version(
                team.id,
                before.content,
                valid_from=newest.valid_from,
                created_at=now,
                reason=_("Version {n} taken back").format(n=newest.number),
                author_id=visit.user.id,
                after=newest.number,
            )
    except RotaChangedError:
        raise web.HTTPSeeOther("/on-call?gone") from None
    raise web.HTTPSeeOther("/on-call?back")


async def _stand_in_form(
    visit: Visit, unit: Unit, draft: StandInDraft, problems: Sequence[FormProblem]
) -> web.StreamResponse:
    own = await of_team(unit, team_of(visit))
    people = [(str(one.id), person_choice(one, own, visit.user.id)) for one in own.people.values()]
    return page(
        visit, "stand_in.html", _("Somebody is away"), "/on-call", live=False, status=422 if problems else 200,
        team=own.team.name, zone=own.team.time_zone, draft=draft, people=people, most=entry.MOST_WORDS,
        problems=problems, wrong={one.field: one.text for one in problems},
    )  # fmt: skip


async def _holiday_form(
    visit: Visit, unit: Unit, draft: HolidayDraft, problems: Sequence[FormProblem]
) -> web.StreamResponse:
    own = await of_team(unit, team_of(visit))
    people = [(str(one.id), person_choice(one, own, visit.user.id)) for one in own.people.values()]
    return page(
        visit, "holiday.html", _("A holiday"), "/on-call", live=False, status=422 if problems else 200,
        team=own.team.name, draft=draft, people=people, days=day_names(), most=entry.MOST_WORDS,
        most_people=MOST_PLACES, problems=problems, wrong={one.field: one.text for one in problems},
    )  # fmt: skip


def _no_rota() -> str:
    return _("The team has no rota yet. Go back to who is on call, and make one first.")


def _number(visit: Visit) -> int:
    text = visit.request.match_info["number"]
    if not text.isdecimal() or len(text) > 15:
        raise web.HTTPNotFound
    return int(text)
