"""A team's rota as a TOML file: read, checked, and turned into what Records keep. People stand in it by their login."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hearthline_backend.domain.confirm_by import LONGEST, SHORTEST
from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, StepContent, TurnContent

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE: Final = timedelta(minutes=1)

EXAMPLE: Final = """\
time_zone = "Europe/Stockholm"   # of handovers and quiet hours; the team's where it is left out
first_week = 2026-11-23          # the week of the first of several people in a turn
day_begins = 08:00:00            # when a holiday begins and, a day later, ends
last_resort = ["head"]           # called when nobody takes a red alert: logins
confirm_report_min = 120         # to read a report within, quiet hours apart; the site's where it is left out

[[place]]                        # the first on call
turn = [
  { days = ["mon", "tue", "wed", "thu", "fri"], at = 08:00:00, people = ["anna"] },
  { days = ["mon", "tue", "wed", "thu"], at = 20:00:00, people = ["nils", "nora"] },  # a week each, in turn
  { days = ["fri"], at = 20:00:00, people = ["wera"] },                               # the weekend
]

[[place]]                        # the second on call
turn = [{ days = ["mon"], at = 08:00:00, people = ["sofia", "stina"] }]

[[step]]                         # without any step: everybody on call in order, 15 minutes each
place = 1
wait_min = 5

[[step]]
title = "Doctor"                 # or user = "login", or place = 2
channel = "apprise"              # mail, webhook or apprise; all of them where it is left out
wait_min = 10

[[quiet]]                        # a yellow waits until they end, a red never
from = 22:00:00
until = 07:00:00
user = "nils"                    # the team's where it is left out
"""
"""A whole file, as the documentation shows it."""


class RotaFileError(HearthlineError):
    """A file that cannot be used. The text names the place in it and says what was expected."""


@dataclass(frozen=True, slots=True)
class Members:
    """Who may stand in a file: the team's active people by login, and which of them can be reached."""

    by_login: Mapping[str, User]
    reached: frozenset[UUID]
    zone: str


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Turn(_Part):
    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    at: time
    people: tuple[str, ...]
    time_zone: str | None = None


class _Place(_Part):
    turn: Annotated[tuple[_Turn, ...], Field(min_length=1)]


class _Step(_Part):
    place: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None
    title: str | None = None
    channel: Literal["mail", "webhook", "apprise"] | None = None
    wait_min: Annotated[int, Field(ge=1, le=240)]


class _Quiet(_Part):
    begins: Annotated[time, Field(alias="from")]
    until: time
    user: str | None = None
    days: tuple[Day, ...] = DAYS
    time_zone: str | None = None


class _File(_Part):
    time_zone: str | None = None
    first_week: date
    day_begins: time = time(0)
    last_resort: Annotated[tuple[str, ...], Field(min_length=1)]
    confirm_report_min: Annotated[int, Field(ge=SHORTEST // _MINUTE, le=LONGEST // _MINUTE)] | None = None
    place: tuple[_Place, ...] = ()
    step: tuple[_Step, ...] = ()
    quiet: tuple[_Quiet, ...] = ()


def read_rota(text: str, members: Members) -> RotaContent:
    """What a file agrees. Raises :class:`RotaFileError`."""
    try:
        file = _File.model_validate(tomllib.loads(text))
        return _content(file, members)
    except tomllib.TOMLDecodeError as error:
        raise RotaFileError(f"this is not TOML: {error}") from None
    except ValidationError as error:
        raise RotaFileError(_in_words(error)) from None


def _content(file: _File, members: Members) -> RotaContent:
    zone = _zone(file.time_zone, "time_zone") or members.zone
    places = tuple(_turns(place, number, members) for number, place in enumerate(file.place, 1))
    steps = tuple(_step(one, number, len(places), members) for number, one in enumerate(file.step, 1))
    last_resort = tuple(_person(one, "last_resort", members) for one in file.last_resort)
    for login, user in zip(file.last_resort, last_resort, strict=True):
        if user not in members.reached:
            raise RotaFileError(
                f"last_resort: {login} has no contact and cannot be called; add one with: hearthline contact add"
            )
    return RotaContent(
        zone=zone,
        first_week=file.first_week,
        day_begins=file.day_begins,
        places=places,
        steps=steps,
        last_resort=last_resort,
        quiet=tuple(_quiet(one, number, zone, members) for number, one in enumerate(file.quiet, 1)),
        confirm_within=None if file.confirm_report_min is None else file.confirm_report_min * _MINUTE,
    )


def _turns(place: _Place, number: int, members: Members) -> tuple[TurnContent, ...]:
    found: list[TurnContent] = []
    for turn in place.turn:
        where = f"place {number}, turn at {turn.at:%H:%M}"
        zone = _zone(turn.time_zone, where)
        people = tuple(_person(one, where, members) for one in turn.people)
        found += [TurnContent(weekday=DAYS.index(day), at=turn.at, people=people, zone=zone) for day in turn.days]
    moments = [(one.weekday, one.at, one.zone) for one in found]
    for moment in moments:
        if moments.count(moment) > 1:
            raise RotaFileError(f"place {number}: two turns begin on {DAYS[moment[0]]} at {moment[1]:%H:%M}; keep one")
    return tuple(found)


def _step(one: _Step, number: int, places: int, members: Members) -> StepContent:
    if one.place is not None and places and one.place > places:
        raise RotaFileError(f"step {number}: there is no place {one.place}; the file has {places}")
    if one.title is not None and one.title not in {user.title for user in members.by_login.values()}:
        titles = ", ".join(sorted({user.title for user in members.by_login.values()}))
        raise RotaFileError(f"step {number}: nobody in the team has the title {one.title!r}; there are: {titles}")
    return StepContent(
        place=None if one.place is None else one.place - 1,
        user=None if one.user is None else _person(one.user, f"step {number}", members),
        title=one.title,
        channel=one.channel,
        wait=timedelta(minutes=one.wait_min),
    )


def _quiet(one: _Quiet, number: int, zone: str, members: Members) -> QuietContent:
    where = f"quiet hours {number}"
    user = None if one.user is None else members.by_login.get(one.user)
    own = None if user is None else user.time_zone
    return QuietContent(
        user=None if one.user is None else _person(one.user, where, members),
        begins=one.begins,
        ends=one.until,
        days=tuple(DAYS.index(day) for day in one.days),
        zone=_zone(one.time_zone, where) or own or zone,
    )


def _person(login: str, where: str, members: Members) -> UUID:
    user = members.by_login.get(login.strip().lower())
    if user is None:
        there = ", ".join(sorted(members.by_login)) or "nobody yet"
        raise RotaFileError(f"{where}: nobody in the team has the login {login!r}; there are: {there}")
    return user.id


def _zone(name: str | None, where: str) -> str | None:
    if name is not None:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise RotaFileError(f"{where}: there is no time zone {name!r}; it is one such as Europe/Madrid") from None
    return name


def _in_words(error: ValidationError) -> str:
    said = []
    for one in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in one["loc"])
        said.append(f"{where}: {_meaning(one)}" if where else _meaning(one))
    return "\n".join(["this rota cannot be used:", *(f"  {line}" for line in said)])


def _meaning(one: Mapping[str, Any]) -> str:
    if one["type"] == "extra_forbidden":
        return "there is no such key"
    return str(one["msg"]).removeprefix("Value error, ")
