"""From what was typed to what is agreed, or to what is wrong at which field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from hearthline_backend.domain.confirm_by import LONGEST, SHORTEST
from hearthline_backend.domain.local_time import first_instant
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, StepContent, TurnContent
from hearthline_backend.web.language import _
from hearthline_backend.web.views.rota_draft import (
    NOBODY,
    TEAM,
    WEEKDAYS,
    FormProblem,
    QuietDraft,
    RotaDraft,
    StepDraft,
    TurnDraft,
)

MOST_REASON: Final = 300
CHANNELS: Final = ("mail", "webhook", "apprise")
_LONGEST_WAIT_MIN: Final = 240
_MINUTE: Final = timedelta(minutes=1)
_LATE: Final = timedelta(minutes=1)


@dataclass
class Checked:
    """``content`` is None where there are problems. ``since`` is None for as soon as it is saved."""

    content: RotaContent | None = None
    since: datetime | None = None
    problems: list[FormProblem] = field(default_factory=list)


class RotaCheck:
    """Checks one draft against the team. ``people`` are its active members, ``reached`` those with a contact."""

    def __init__(self, people: Mapping[UUID, User], reached: frozenset[UUID], team_zone: str, now: datetime) -> None:
        self._people = people
        self._reached = reached
        self._team_zone = team_zone
        self._now = now
        self._problems: list[FormProblem] = []

    def check(self, draft: RotaDraft) -> Checked:
        """Everything at once, so that all that is wrong is told together."""
        zone = self._zone(draft.zone or self._team_zone, "zone") or self._team_zone
        first_week = self._day(draft.first_week, "first-week")
        day_begins = self._time(draft.day_begins, "day-begins")
        places = [self._place(turns, place) for place, turns in enumerate(draft.places)]
        steps = [self._step(one, number, len(places)) for number, one in enumerate(draft.steps)]
        last = self._last_resort(draft.last_resort)
        quiet = [self._quiet(one, number, zone) for number, one in enumerate(draft.quiet)]
        confirm = self._confirm(draft.confirm)
        since = self._since(draft.since)
        self._reason(draft.reason)
        if self._problems or first_week is None or day_begins is None:
            return Checked(problems=self._problems)
        content = RotaContent(
            zone=zone,
            first_week=first_week,
            day_begins=day_begins,
            places=tuple(places),
            steps=tuple(one for one in steps if one is not None),
            last_resort=last,
            quiet=tuple(one for one in quiet if one is not None),
            confirm_within=confirm,
        )
        return Checked(content, since)

    def _say(self, where: str, text: str) -> None:
        self._problems.append(FormProblem(where, text))

    def _place(self, turns: Sequence[TurnDraft], place: int) -> tuple[TurnContent, ...]:
        if not turns:
            self._say(f"add-turn-{place}", _("Add a turn, or remove this place."))
        found: list[TurnContent] = []
        for number, turn in enumerate(turns):
            name = f"p{place}-t{number}"
            days = self._days(turn.days, f"{name}-days")
            at = self._time(turn.at, f"{name}-at")
            people = self._turn_people(turn.people, f"{name}-person")
            zone = self._zone(turn.zone, f"{name}-zone")
            for day in days if at is not None else ():
                if any((one.weekday, one.at, one.zone) == (day, at, zone) for one in found):
                    self._say(f"{name}-at", _("Another turn of this place begins then too. Keep one of them."))
                    break
                found.append(TurnContent(weekday=day, at=at or time(0), people=people, zone=zone))
        return tuple(found)

    def _turn_people(self, typed: Sequence[str], where: str) -> tuple[UUID, ...]:
        if not typed:
            self._say(where, _("Choose who is on call, or nobody."))
        named = [one for one in typed if one != NOBODY]
        if named and len(named) != len(typed):
            self._say(where, _("Choose people or nobody, not both."))
        return tuple(found for one in named if (found := self._person(one, where)) is not None)

    def _step(self, typed: StepDraft, number: int, places: int) -> StepContent | None:
        name = f"s{number}"
        wait = int(typed.wait) if typed.wait.isdecimal() and len(typed.wait) < 5 else 0
        if not 1 <= wait <= _LONGEST_WAIT_MIN:
            said = _("“{typed}” is not possible here. Enter 1 to 240 minutes, such as 15.")
            self._say(f"{name}-wait", said.format(typed=typed.wait))
        if typed.channel and typed.channel not in CHANNELS:
            self._say(f"{name}-channel", _("Choose a channel of the list."))
        kind, _colon, value = typed.who.partition(":")
        place, user, title = None, None, None
        if kind == "place" and value.isdecimal() and len(value) < 3:
            place = int(value)
            if place >= places:
                self._say(f"{name}-who", _("There is no such place on call any more. Choose another."))
        elif kind == "user":
            user = self._person(value, f"{name}-who")
        elif kind == "title" and value in {one.title for one in self._people.values()}:
            title = value
        else:
            self._say(f"{name}-who", _("Choose who is called."))
        if self._problems:
            return None
        channel = next((one for one in CHANNELS if one == typed.channel), None)
        return StepContent.model_validate(
            {"place": place, "user": user, "title": title, "channel": channel, "wait": timedelta(minutes=wait)}
        )

    def _last_resort(self, typed: Sequence[str]) -> tuple[UUID, ...]:
        if not typed:
            self._say("last", _("Choose at least one person who is called when nobody takes a red alert."))
        found = [one for text in dict.fromkeys(typed) if (one := self._person(text, "last")) is not None]
        for one in found:
            if one not in self._reached:
                said = _("{name} has no contact and cannot be called. An operator can add one.")
                self._say("last", said.format(name=self._people[one].initials))
        return tuple(found)

    def _quiet(self, typed: QuietDraft, number: int, zone: str) -> QuietContent | None:
        name = f"q{number}"
        user = None if typed.who == TEAM else self._person(typed.who, f"{name}-who")
        begins, ends = self._time(typed.begins, f"{name}-from"), self._time(typed.ends, f"{name}-until")
        days = self._days(typed.days, f"{name}-days")
        own = self._zone(typed.zone, f"{name}-zone")
        theirs = None if user is None else self._people[user].time_zone
        if begins is None or ends is None:
            return None
        try:
            return QuietContent(user=user, begins=begins, ends=ends, days=tuple(days), zone=own or theirs or zone)
        except ValidationError:
            self._say(f"{name}-until", _("Quiet hours last 16 hours at most. End them earlier."))
            return None

    def _confirm(self, typed: str) -> timedelta | None:
        if not typed:
            return None
        found = timedelta(minutes=int(typed)) if typed.isdecimal() and len(typed) < 6 else timedelta()
        if not SHORTEST <= found <= LONGEST:
            said = _("“{typed}” is not possible here. Enter {least} to {most} minutes, such as 240, or nothing.")
            least, most = SHORTEST // _MINUTE, LONGEST // _MINUTE
            self._say("confirm", said.format(typed=typed, least=least, most=most))
        return found

    def _since(self, typed: str) -> datetime | None:
        if not typed:
            return None
        try:
            local = datetime.fromisoformat(typed)
        except ValueError:
            local = None
        if local is None or local.tzinfo is not None:
            self._say("since", _("“{typed}” is not a day and time.").format(typed=typed))
            return None
        at = first_instant(local.date(), local.time(), ZoneInfo(self._team_zone)).astimezone(UTC)
        if at < self._now - _LATE:
            self._say("since", _("This lies behind. Leave it empty for now, or choose a later time."))
        return at

    def _reason(self, typed: str) -> None:
        if not typed:
            self._say("reason", _("Write why. It stands in the history."))
        if len(typed) > MOST_REASON:
            said = _("The reason has {n} characters; {most} fit. Shorten it.")
            self._say("reason", said.format(n=len(typed), most=MOST_REASON))

    def _person(self, typed: str, where: str) -> UUID | None:
        try:
            found = UUID(typed)
        except ValueError:
            found = None
        if found is None or found not in self._people:
            self._say(where, _("This person is not in the team any more. Choose another."))
            return None
        return found

    def _days(self, typed: Sequence[str], where: str) -> list[int]:
        found = sorted({WEEKDAYS[one] for one in typed if one in WEEKDAYS})
        if not found:
            self._say(where, _("Choose at least one day."))
        return found

    def _time(self, typed: str, where: str) -> time | None:
        try:
            found = time.fromisoformat(typed.zfill(5))  # 8:00 is meant as 08:00
        except ValueError:
            found = None
        if found is None or found.tzinfo is not None:
            self._say(where, _("“{typed}” is not a time. Enter one such as 08:00.").format(typed=typed))
            return None
        return found

    def _day(self, typed: str, where: str) -> date | None:
        try:
            return date.fromisoformat(typed)
        except ValueError:
            self._say(where, _("“{typed}” is not a day.").format(typed=typed))
            return None

    def _zone(self, typed: str, where: str) -> str | None:
        if not typed:
            return None
        try:
            ZoneInfo(typed)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            said = _("There is no time zone “{typed}”. Enter one such as Europe/Stockholm.")
            self._say(where, said.format(typed=typed))
            return None
        return typed
