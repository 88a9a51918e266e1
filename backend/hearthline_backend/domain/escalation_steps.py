"""Who is called after whom until somebody takes an alert, as data a team sets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PlaceOnCall:
    """Whoever is on call in this place of the order, counted from 0, when the step comes."""

    place: int


@dataclass(frozen=True, slots=True)
class OnePerson:
    """This person, on call or not."""

    user: UUID


@dataclass(frozen=True, slots=True)
class EveryoneWithTitle:
    """Everybody of the team with this title, such as Doctor."""

    title: str


Who: TypeAlias = PlaceOnCall | OnePerson | EveryoneWithTitle


@dataclass(frozen=True, slots=True)
class Step:
    """``who`` is called by ``channel``, None for all that the level uses; after ``wait`` without anybody having taken
    the alert the next step follows."""

    who: Who
    wait: timedelta
    channel: str | None = None


def in_order(people: int, wait: timedelta) -> tuple[Step, ...]:
    """The steps of a team that has set none: everybody on call, one after the other."""
    return tuple(Step(PlaceOnCall(place), wait) for place in range(people))


def step_to_take(steps: Sequence[Step], order: Sequence[UUID], called: Collection[UUID], planned: int) -> int | None:
    """Which step comes now; None when this round is over.

    ``planned`` is the next one in line. Whoever has come on call in the place of an earlier step since, and was not
    ``called`` in this round, comes first: a handover passes nobody over.
    """
    for number, step in enumerate(steps[:planned]):
        who = step.who
        if isinstance(who, PlaceOnCall) and who.place < len(order) and order[who.place] not in called:
            return number
    return planned if planned < len(steps) else None
