"""What a team has agreed about calls as one JSON column, validated on the way in and on the way out."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hearthline_backend.domain import confirm_by
from hearthline_backend.domain.escalation_steps import EveryoneWithTitle, OnePerson, PlaceOnCall, Step
from hearthline_backend.domain.quiet_hours import EVERY_DAY, LONGEST, QuietHours
from hearthline_backend.domain.rotas import Rota, Turn

_Weekday = Annotated[int, Field(ge=0, le=6)]
_LONGEST_WAIT: Final = timedelta(hours=4)
_Wait = Annotated[timedelta, Field(ge=timedelta(minutes=1), le=_LONGEST_WAIT)]
_Confirm = Annotated[timedelta, Field(ge=confirm_by.SHORTEST, le=confirm_by.LONGEST)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TurnContent(_Part):
    """One :class:`~hearthline_backend.domain.rotas.Turn`."""

    weekday: _Weekday
    at: time
    people: tuple[UUID, ...]
    zone: str | None = None


class StepContent(_Part):
    """One :class:`~hearthline_backend.domain.escalation_steps.Step`; exactly one of ``place`` (0 is the first on call),
    ``user`` and ``title``."""

    place: Annotated[int, Field(ge=0)] | None = None
    user: UUID | None = None
    title: str | None = None
    channel: Literal["mail", "webhook", "apprise"] | None = None
    wait: _Wait

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(one is not None for one in (self.place, self.user, self.title)) != 1:
            raise ValueError("a step calls a place on call, a person, or everybody with a title: name exactly one")
        return self

    def step(self) -> Step:
        """As the domain has it."""
        if self.place is not None:
            return Step(PlaceOnCall(self.place), self.wait, self.channel)
        who = OnePerson(self.user) if self.user is not None else EveryoneWithTitle(self.title or "")
        return Step(who, self.wait, self.channel)


class QuietContent(_Part):
    """One :class:`~hearthline_backend.domain.quiet_hours.QuietHours`; the team's where ``user`` is None."""

    user: UUID | None = None
    begins: time
    ends: time
    days: tuple[_Weekday, ...] = tuple(sorted(EVERY_DAY))
    zone: str

    @model_validator(mode="after")
    def _not_too_long(self) -> Self:
        length = timedelta(hours=self.ends.hour - self.begins.hour, minutes=self.ends.minute - self.begins.minute)
        if length <= timedelta(0):
            length += timedelta(days=1)
        if length > LONGEST:
            raise ValueError(f"quiet hours last at most {LONGEST.total_seconds() / 3600:.0f} hours; these are longer")
        return self

    def hours(self) -> QuietHours:
        """As the domain has them."""
        return QuietHours(self.begins, self.ends, self.zone, frozenset(self.days))


class RotaContent(_Part):
    """Who is on call (``places``), who is called after whom (``steps``, none: everybody on call in order), who is
    called when nobody takes an alert (``last_resort``), when yellows wait (``quiet``), and within which time somebody
    has to confirm a report (``confirm_within``, None: the site's)."""

    zone: str
    first_week: date
    day_begins: time = time(0)
    places: tuple[Annotated[tuple[TurnContent, ...], Field(min_length=1)], ...] = ()
    steps: tuple[StepContent, ...] = ()
    last_resort: Annotated[tuple[UUID, ...], Field(min_length=1)]
    quiet: tuple[QuietContent, ...] = ()
    confirm_within: _Confirm | None = None

    def rota(self) -> Rota:
        """As the domain has it."""
        places = tuple(tuple(Turn(one.weekday, one.at, one.people, one.zone) for one in place) for place in self.places)
        return Rota(self.zone, places, self.first_week, self.day_begins)

    def quiet_of(self, user: UUID) -> tuple[QuietHours, ...]:
        """A person's own quiet hours; the team's where they have none."""
        own = tuple(one.hours() for one in self.quiet if one.user == user)
        return own or tuple(one.hours() for one in self.quiet if one.user is None)

    def as_json(self) -> Mapping[str, Any]:
        """What the column holds: times and durations in ISO 8601."""
        return self.model_dump(mode="json")
