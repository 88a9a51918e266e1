"""The team's rota, changed in the browser: who is on duty is shown before anything is kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from hearthline_backend.domain.local_time import day_of
from hearthline_backend.rota_work import members_of
from hearthline_backend.storage.records.care import Team
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.rota_content import RotaContent
from hearthline_backend.storage.records.rotas import RotaChangedError, Version
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.people_words import staff_name, title_name
from hearthline_backend.web.place import PLACE
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views import duty_table
from hearthline_backend.web.views import rota_draft as drafts
from hearthline_backend.web.views.rota_checked import CHANNELS, MOST_REASON, Checked, RotaCheck
from hearthline_backend.web.views.rota_draft import FormProblem, RotaDraft
from hearthline_backend.web.views.rota_words import channel_name, day_names, place_name

_SHOW: Final = "show"
_SAVE: Final = "save"

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class OfTeam:
    """A team as the form needs it: its active people, and who of them has a contact."""

    team: Team
    people: Mapping[UUID, User]
    reached: frozenset[UUID]

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles that occur in the team."""
        return tuple(sorted({one.title for one in self.people.values()}))


def team_of(visit: Visit) -> Team:
    """The team of who is looking."""
    team = visit.request[PLACE].team
    if team is None:
        raise web.HTTPNotFound
    return team


async def of_team(unit: Unit, team: Team) -> OfTeam:
    """Its people, read once."""
    members = await members_of(unit, team)
    return OfTeam(team, {one.id: one for one in members.by_login.values()}, members.reached)


@routes.get("/on-call/rota")
@for_roles(Role.CARE)
async def rota(visit: Visit) -> web.StreamResponse:
    """The newest version to be changed, or ``?from=N`` an earlier one to be agreed again."""
    now, team = visit.context.clock(), team_of(visit)
    async with visit.context.records.read() as unit:
        versions = await unit.rotas.versions(team.id)
        wanted = visit.request.query.get("from", "")
        base = next((one for one in versions if str(one.number) == wanted), versions[-1] if versions else None)
        draft = (
            drafts.new_draft(team.time_zone, day_of(now, ZoneInfo(team.time_zone)))
            if base is None
            else drafts.draft_of(base.content)
        )
        seen = versions[-1].number if versions else 0
        return await _form(visit, unit, await of_team(unit, team), draft, seen)


@routes.post("/on-call/rota")
@for_roles(Role.CARE)
async def change(visit: Visit) -> web.StreamResponse:
    """A button of the form: one more or less of something, show who is on duty, or keep it."""
    now, team = visit.context.clock(), team_of(visit)
    form = await visit.request.post()
    draft = drafts.draft_from(form, set(form))
    what, shown = str(form.get("do", _SHOW)), str(form.get("shown", ""))
    seen = _number(str(form.get("seen", "")))
    async with visit.context.records.read() as unit:
        own = await of_team(unit, team)
        if what not in (_SHOW, _SAVE):
            return await _form(visit, unit, own, drafts.changed_shape(draft, what), seen, opened=_opened(what))
        checked = RotaCheck(own.people, own.reached, team.time_zone, now).check(draft)
        if checked.content is None or what == _SHOW or shown != _print_of(checked.content, draft):
            return await _form(visit, unit, own, draft, seen, checked=checked, again=what == _SAVE)
    return await _keep(visit, team, draft, checked.content, checked.since, seen)


async def _keep(
    visit: Visit, team: Team, draft: RotaDraft, content: RotaContent, since: datetime | None, seen: int
) -> web.StreamResponse:
    now = visit.context.clock()
    try:
        async with visit.context.records.begin() as unit:
            number = await unit.rotas.add_version(
                team.id,
                content,
                valid_from=since or now,
                created_at=now,
                reason=draft.reason,
                author_id=visit.user.id,
                after=seen,
            )
    except RotaChangedError as error:
        async with visit.context.records.read() as unit:
            newer = (await unit.rotas.versions(team.id))[-1]
            said = await _changed_meanwhile(unit, newer, now)
            return await _form(visit, unit, await of_team(unit, team), draft, error.newest, refused=said, status=409)
    raise web.HTTPSeeOther(f"/on-call?kept={number}")


async def _form(
    visit: Visit,
    unit: Unit,
    own: OfTeam,
    draft: RotaDraft,
    seen: int,
    *,
    checked: Checked | None = None,
    again: bool = False,
    refused: str = "",
    opened: str = "",
    status: int = 200,
) -> web.Response:
    now = visit.context.clock()
    problems: Sequence[FormProblem] = () if checked is None else checked.problems
    duty: duty_table.DutyTable | None = None
    later: tuple[str, ...] = ()
    if checked is not None and checked.content is not None:
        around = await duty_table.around_now(unit, own.team, now)
        since = checked.since or now
        later = tuple(stamp(at, now) for at, _content in around.versions if at > since)
        draft_around = around.with_version(since, checked.content)
        duty = await duty_table.table_of(unit, own.team, draft_around, own.people, own.reached, visit.user.id, now)
    return page(
        visit,
        "rota.html",
        _("The rota"),
        "/on-call",
        live=False,
        status=422 if problems else status,
        team=own.team.name,
        draft=draft,
        seen=seen,
        duty=duty,
        later=later,
        shown="" if checked is None or checked.content is None else _print_of(checked.content, draft),
        again=again and duty is not None,
        refused=refused,
        opened=opened,
        problems=problems,
        wrong={one.field: one.text for one in reversed(problems)},
        **_choices(visit, own, draft),
    )


def _choices(visit: Visit, own: OfTeam, draft: RotaDraft) -> dict[str, Any]:
    people = [(str(one.id), person_choice(one, own, visit.user.id)) for one in own.people.values()]
    steps = [(f"place:{number}", _("{place} on call").format(place=place_name(number + 1)))
             for number in range(len(draft.places))]  # fmt: skip
    steps += [(f"title:{one}", _("Everybody who is {title}").format(title=title_name(one))) for one in own.titles]
    steps += [(f"user:{value}", name) for value, name in people]
    return {
        "people": people,
        "known": {value for value, _name in people},
        "nobody": drafts.NOBODY,
        "whole_team": drafts.TEAM,
        "step_choices": steps,
        "step_known": {value for value, _name in steps},
        "channels": [(one, channel_name(one)) for one in CHANNELS],
        "days": day_names(),
        "site_confirm_min": visit.context.confirm_within // timedelta(minutes=1),
        "place_names": [place_name(number + 1) for number in range(len(draft.places))],
        "most": {"places": drafts.MOST_PLACES, "turns": drafts.MOST_TURNS, "people": drafts.MOST_PEOPLE,
                 "steps": drafts.MOST_STEPS, "quiet": drafts.MOST_QUIET, "reason": MOST_REASON},
        "team_zone": own.team.time_zone,
    }  # fmt: skip


def person_choice(user: User, own: OfTeam, viewer: UUID) -> str:
    """A person in a list to choose from; whoever cannot be reached says so."""
    name = staff_name(user.title, user.initials)
    if user.id == viewer:
        name = _("{name} (you)").format(name=name)
    return name if user.id in own.reached else _("{name}, no contact").format(name=name)


async def _changed_meanwhile(unit: Unit, newer: Version, now: datetime) -> str:
    author = None if newer.author_id is None else await unit.people.user(newer.author_id)
    who = _("An operator") if author is None else author.initials
    said = _("{who} agreed version {n} at {time}, while you were changing the one before. Nothing of yours is lost: "
             "look at version {n}, then show and save yours if it shall replace it.")  # fmt: skip
    return said.format(who=who, n=newer.number, time=stamp(newer.created_at, now))


def _print_of(content: RotaContent, draft: RotaDraft) -> str:
    """Changes with anything that was shown, so that nothing else than that is kept."""
    return hashlib.sha256(f"{content.model_dump_json()}{draft.since}".encode()).hexdigest()


def _opened(what: str) -> str:
    """The part of the form that a button changed: the page opens there."""
    name, _colon, rest = what.partition(":")
    part = {"place": "places", "turn": f"place-{rest.split('-')[0]}", "step": "steps", "quiet": "quiet"}
    return part.get(name.partition("-")[2], "")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
