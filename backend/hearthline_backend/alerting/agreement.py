"""What a team has agreed about who is called after whom, as it stands when somebody is to be called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.escalation_steps import (
    EveryoneWithTitle,
    PlaceOnCall,
    Step,
    in_order,
    step_to_take,
)
from hearthline_backend.storage.records.people import OnCall, User
from hearthline_backend.storage.records.rota_content import RotaContent
from hearthline_backend.storage.records.unit import Unit


@dataclass(frozen=True, slots=True)
class Agreement:
    """``order`` is who is on call now, ``steps`` who is called after whom, ``last_resort`` who is called when nobody of
    them takes an alert: those a team has named, or else everybody of it who is not on call. ``confirm_within`` is the
    time that the team, or else the site, gives to confirm a report."""

    order: tuple[UUID, ...]
    steps: tuple[Step, ...]
    last_resort: tuple[UUID, ...]
    members: tuple[User, ...]
    confirm_within: timedelta

    def people(self, step: Step) -> tuple[UUID, ...]:
        """Whom a step calls now; nobody where its place is empty or its person no longer works here."""
        who = step.who
        if isinstance(who, PlaceOnCall):
            return self.order[who.place : who.place + 1]
        if isinstance(who, EveryoneWithTitle):
            return tuple(one.id for one in self.members if one.title == who.title)
        return tuple(one.id for one in self.members if one.id == who.user)


async def agreement_of(
    unit: Unit, patient_id: UUID, order: Sequence[OnCall], timing: Timing, now: datetime
) -> Agreement:
    """Of the team of this patient; ``order`` are those on call."""
    patient = await unit.care.patient(patient_id)
    return await Agreed(unit, None if patient is None else patient.team_id, order, timing, now).read()


class Agreed:
    """The agreement of one team, read when it is first asked for, and once: many alerts of a group may need it."""

    def __init__(
        self, unit: Unit, team_id: UUID | None, order: Sequence[OnCall], timing: Timing, now: datetime
    ) -> None:
        """``order`` are those on call."""
        self._unit = unit
        self._team_id = team_id
        self._order = order
        self._timing = timing
        self._now = now
        self._found: Agreement | None = None

    async def read(self) -> Agreement:
        """As it stands in this transaction."""
        if self._found is None:
            self._found = await _of_team(self._unit, self._team_id, self._order, self._timing, self._now)
        return self._found


async def _of_team(
    unit: Unit, team_id: UUID | None, order: Sequence[OnCall], timing: Timing, now: datetime
) -> Agreement:
    on_call = tuple(one.user.id for one in order)
    members = () if team_id is None else await unit.people.care_team(team_id)
    content = None if team_id is None else await unit.rotas.content(team_id, now)
    steps = () if content is None else tuple(one.step() for one in content.steps)
    named = () if content is None else content.last_resort
    active = {one.id for one in members}
    last = tuple(one for one in named if one in active) or tuple(one.id for one in members if one.id not in on_call)
    steps = steps or in_order(len(on_call), timing.escalate_after)
    return Agreement(on_call, steps, last, members, confirm_within(content, timing))


def confirm_within(content: RotaContent | None, timing: Timing) -> timedelta:
    """What a team has agreed about confirming reports; the site's time where it has not."""
    own = None if content is None else content.confirm_within
    return timing.confirm_within if own is None else own


@dataclass(frozen=True, slots=True)
class Round:
    """How far calling has come. ``next`` is the step in line, ``called`` are those called since the round began,
    ``number`` counts the rounds, from 0."""

    next: int = 0
    called: tuple[UUID, ...] = ()
    number: int = 0

    @classmethod
    def of(cls, payload: Mapping[str, Any], order: Sequence[UUID]) -> Self:
        """As a due row keeps it. A row of an earlier release does not say who was called: everybody up to ``next``."""
        step = int(payload["next"])
        called = payload.get("called")
        known = tuple(order[:step]) if called is None else tuple(UUID(one) for one in called)
        return cls(step, known, int(payload.get("round", 0)))

    def after(self, step: int, people: Sequence[UUID]) -> Self:
        """When ``people`` were called by ``step``; an earlier one than that in line was for who came on call since."""
        return replace(self, next=max(self.next, step + 1), called=(*self.called, *people))

    def again(self) -> Self:
        """From the first step."""
        return type(self)(number=self.number + 1)

    def as_json(self, agreement: Agreement, wait: timedelta) -> dict[str, Any]:
        """For a due row, with ``people``, the number of steps, and ``place``, that of the next one on call counted from
        1, or 0 where it calls others."""
        upcoming = step_to_take(agreement.steps, agreement.order, self.called, self.next)
        who = agreement.steps[0 if upcoming is None else upcoming].who if agreement.steps else None
        return {
            "next": self.next,
            "people": len(agreement.steps),
            "called": [str(one) for one in self.called],
            "round": self.number,
            "wait_s": wait.total_seconds(),
            "place": who.place + 1 if isinstance(who, PlaceOnCall) else 0,
        }
