"""What ``hearthline rota`` does and says, on one unit of work."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from hearthline_backend.administration import AdministrationError
from hearthline_backend.alerting.channels import Channel, DeliveryError, Message
from hearthline_backend.domain.escalation_steps import EveryoneWithTitle, PlaceOnCall, Step
from hearthline_backend.domain.local_time import day_of
from hearthline_backend.domain.rotas import AHEAD, Holiday, StandIn
from hearthline_backend.domain.rules import Level
from hearthline_backend.rota_file import DAYS, Members, read_rota
from hearthline_backend.storage.records.calls import Occasion
from hearthline_backend.storage.records.care import Team
from hearthline_backend.storage.records.rotas import Agreed, TrialCall
from hearthline_backend.storage.records.unit import Unit

TRIED_WITHIN: Final = timedelta(days=35)
"""A last resort that was not tried for longer is not known to work."""


async def members_of(unit: Unit, team: Team) -> Members:
    """Who may stand in the team's rota."""
    users = await unit.people.care_team(team.id)
    reached = frozenset([one.id for one in users if await unit.people.contacts(one.id)])
    return Members({one.login: one for one in users}, reached, team.time_zone)


async def set_rota(
    unit: Unit, team: Team, text: str, *, valid_from: datetime | None, reason: str, now: datetime
) -> list[str]:
    """A new version from a file; returns what to say. Raises :class:`~hearthline_backend.rota_file.RotaFileError`."""
    members = await members_of(unit, team)
    content = read_rota(text, members)
    since = valid_from or now
    if since < now - timedelta(minutes=1):
        raise AdministrationError("--from lies behind: a rota holds from now or later; leave it out for now")
    number = await unit.rotas.add_version(team.id, content, valid_from=since, created_at=now, reason=reason)
    names = {one.id: one.login for one in members.by_login.values()}
    people = {one for place in content.places for turn in place for one in turn.people}
    silent = sorted(names[one] for one in people if one not in members.reached)
    said = [f"{team.name} has version {number} of its rota, from {_local(since, team.time_zone)}."]
    if silent:
        said.append(f"Not reached, since they have no contact: {', '.join(silent)}. Add one: hearthline contact add")
    said += list(_open_spans(await unit.rotas.agreed(team.id, since), since, team.time_zone))
    said.append("Try whether the last resort is reached: hearthline rota try")
    return said


async def stand_in(
    unit: Unit,
    team: Team,
    away: str,
    instead: str | None,
    begins: datetime,
    ends: datetime,
    reason: str,
    now: datetime,
) -> list[str]:
    """Somebody is away for a while; returns what to say."""
    if ends <= begins or ends <= now:
        raise AdministrationError("--until lies after --from, and ahead")
    members = await members_of(unit, team)
    gone, other = _member(away, members), None if instead is None else _member(instead, members)
    if gone == other:
        raise AdministrationError("--away and --instead are the same person")
    if await unit.rotas.agreed(team.id, now) is None:
        raise AdministrationError(f"{team.name} has no rota; set one first with: hearthline rota set FILE")
    await unit.rotas.add_stand_in(team.id, StandIn(gone, other, begins, ends), reason, created_at=now)
    span = f"from {_local(begins, team.time_zone)} until {_local(ends, team.time_zone)}"
    if instead is not None:
        return [f"{instead} stands in for {away} {span}."]
    return [f"{away} is not called {span}; the next in order moves up.",
            *_open_spans(await unit.rotas.agreed(team.id, begins), begins, team.time_zone)]  # fmt: skip


async def holiday(
    unit: Unit, team: Team, day: date, name: str, like: str | None, people: Sequence[str], now: datetime
) -> list[str]:
    """On this day others are on call; returns what to say."""
    if (like is None) == (not people):
        raise AdministrationError("say who is on call then: either --like with a weekday, such as sun, or --people")
    if day < day_of(now, ZoneInfo(team.time_zone)):
        raise AdministrationError(f"{day} is over")
    members = await members_of(unit, team)
    order = tuple(_member(one, members) for one in people)
    weekday = None if like is None else _weekday(like)
    await unit.rotas.add_holiday(team.id, Holiday(day, weekday, order), name, created_at=now)
    return [f"{day} is a holiday for {team.name}."]


async def shown(unit: Unit, team: Team, at: datetime, now: datetime) -> dict[str, Any]:
    """All that holds at a moment, for people and for scripts; times in UTC."""
    members = await members_of(unit, team)
    names = {one.id: one.login for one in members.by_login.values()}
    agreed = await unit.rotas.agreed(team.id, at)
    on_call = await unit.people.on_call(team.id, at)
    handover = None if agreed is None else agreed.rota.next_handover()
    content = None if agreed is None else agreed.content
    trials = await unit.rotas.last_trials(team.id, now - TRIED_WITHIN)
    tried: dict[UUID, TrialCall] = {}
    for trial in trials:
        tried.setdefault(trial.user_id, trial)
    last = () if content is None else content.last_resort
    today = day_of(at, ZoneInfo(team.time_zone))
    return {
        "team": team.name,
        "at": at.isoformat(),
        "time_zone": team.time_zone,
        "on_call": [
            {
                "place": one.position + 1,
                "who": one.user.login,
                "until": _text(one.ends_at),
                "quiet_until": _text(one.quiet_until),
            }
            for one in on_call
        ],
        "next_handover": None
        if handover is None
        else {
            "at": handover[0].isoformat(),
            "on_call": [{"place": place + 1, "who": names.get(who, str(who))} for place, who in handover[1]],
        },
        "steps": [] if content is None else [_step(one.step(), names) for one in content.steps],
        "confirm_report_min": None if content is None else _minutes(content.confirm_within),
        "last_resort": [
            {"who": names.get(one, str(one)), "tried": _text(tried[one].at), "outcome": tried[one].outcome}
            if one in tried
            else {"who": names.get(one, str(one)), "tried": None, "outcome": None}
            for one in last
        ],
        "holidays": [
            {"day": one.holiday.day.isoformat(), "name": one.name}
            for one in await unit.rotas.holidays(team.id, today, today + timedelta(days=366))
        ],
        "stand_ins": [
            {
                "number": one.id,
                "away": names.get(one.stand_in.away, "?"),
                "instead": None if one.stand_in.instead is None else names.get(one.stand_in.instead, "?"),
                "from": one.stand_in.begins.isoformat(),
                "until": one.stand_in.ends.isoformat(),
                "reason": one.reason,
            }
            for one in await unit.rotas.stand_ins(team.id, at)
        ],
        "nobody": [[start.isoformat(), end.isoformat()] for start, end in _nobody(agreed, at)],
    }


def told(found: Mapping[str, Any]) -> Iterator[str]:
    """The same in sentences, in the team's own time."""
    zone = str(found["time_zone"])

    def local(text: str) -> str:
        return _local(datetime.fromisoformat(text), zone)

    yield f"{found['team']}, {local(found['at'])} ({zone})"
    for one in found["on_call"]:
        until = f", until {local(one['until'])}" if one["until"] else ""
        quiet = f"; yellows wait until {local(one['quiet_until'])}" if one["quiet_until"] else ""
        yield f"  {one['place']}. {one['who']}{until}{quiet}"
    if not found["on_call"]:
        yield "  Nobody is on call. Reds go to the last resort."
    if found["next_handover"]:
        order = ", ".join(f"{one['place']}. {one['who']}" for one in found["next_handover"]["on_call"]) or "nobody"
        yield f"Next handover {local(found['next_handover']['at'])}: {order}"
    for number, step in enumerate(found["steps"], 1):
        yield f"Step {number}: {step}"
    if found["confirm_report_min"] is not None:
        yield f"Reports: to be confirmed within {found['confirm_report_min']} min, quiet hours apart"
    for one in found["last_resort"]:
        tried = f"tried {local(one['tried'])}: {one['outcome']}" if one["tried"] else "not tried for 35 days"
        yield f"Last resort: {one['who']}, {tried}"
    if not found["last_resort"]:
        yield "Last resort: nobody is named, so everybody of the team. Name one with: hearthline rota set FILE"
    for one in found["stand_ins"]:
        instead = one["instead"] or "nobody"
        yield f"Stand-in {one['number']}: {instead} for {one['away']}, {local(one['from'])} to {local(one['until'])}"
    for one in found["holidays"]:
        yield f"Holiday {one['day']} {one['name']}".rstrip()
    for start, end in found["nobody"]:
        yield f"Nobody is on call from {local(start)} to {local(end)}."


async def planned_trials(unit: Unit, team: Team, link: str) -> list[tuple[UUID, str, Message]]:
    """Person, channel and message for every contact of everybody of the last resort, marked as a trial."""
    content = await unit.rotas.content(team.id, datetime.now(UTC))
    if content is None:
        raise AdministrationError(f"{team.name} has named no last resort; set a rota with: hearthline rota set FILE")
    found: list[tuple[UUID, str, Message]] = []
    for user in (await unit.people.users(content.last_resort)).values():
        for contact in await unit.people.contacts(user.id):
            message = Message(
                notification=uuid4(), alert=None, level=Level.YELLOW, occasion=Occasion.TRIAL, repeat=False, link=link,
                sent_at=datetime.now(UTC), address=contact.address, secret=contact.secret, locale=user.locale,
                time_zone=user.time_zone or team.time_zone, emergency_number=team.emergency_number,
            )  # fmt: skip
            found.append((user.id, contact.channel, message))
    return found


async def call_on_trial(channels: Mapping[str, Channel], message: Message, user: UUID, way: str) -> TrialCall:
    """Send it, and say what became of it. Nothing is tried again."""
    outcome = "sent"
    try:
        if way not in channels:
            outcome = "failed"
        else:
            await channels[way].send(message)
    except DeliveryError as error:
        outcome = "unknown" if error.maybe_arrived else "failed"
    return TrialCall(user, way, message.sent_at, outcome)


def _nobody(agreed: Agreed | None, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Spans ahead in which the rota has nobody on call."""
    if agreed is None:
        return
    moments = [at, *(one for one in agreed.rota.changes() if one > at), at + AHEAD]
    start: datetime | None = None
    for moment in moments:
        empty = moment < moments[-1] and not agreed.rota.order(moment)
        if empty and start is None:
            start = moment
        if not empty and start is not None:
            yield start, moment
            start = None


def _open_spans(agreed: Agreed | None, at: datetime, zone: str) -> Iterator[str]:
    for start, end in _nobody(agreed, at):
        yield f"Nobody is on call from {_local(start, zone)} to {_local(end, zone)}: reds go to the last resort then."


def _step(step: Step, names: Mapping[UUID, str]) -> str:
    who = step.who
    if isinstance(who, PlaceOnCall):
        said = f"place {who.place + 1} on call"
    elif isinstance(who, EveryoneWithTitle):
        said = f"everybody with the title {who.title}"
    else:
        said = names.get(who.user, str(who.user))
    by = "" if step.channel is None else f" by {step.channel}"
    return f"{said}{by}, then {step.wait.total_seconds() / 60:.0f} min"


def _member(login: str, members: Members) -> UUID:
    user = members.by_login.get(login.strip().lower())
    if user is None:
        there = ", ".join(sorted(members.by_login)) or "nobody yet"
        raise AdministrationError(f"nobody in the team has the login {login!r}; there are: {there}")
    return user.id


def _weekday(name: str) -> int:
    short = name.strip().lower()[:3]
    if short not in DAYS:
        raise AdministrationError(f"{name!r} is no weekday; it is one of {', '.join(DAYS)}")
    return DAYS.index(short)


def _local(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M")


def _minutes(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(minutes=1)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
