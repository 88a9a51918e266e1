"""A rota as somebody types it: every field as text, so that what was wrong stands there as it was typed."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from hearthline_backend.rota_file import DAYS
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent, StepContent, TurnContent

if TYPE_CHECKING:
    from uuid import UUID

NOBODY: Final = "nobody"
TEAM: Final = "team"
MOST_PLACES: Final = 5
MOST_TURNS: Final = 14
MOST_STEPS: Final = 12
MOST_QUIET: Final = 12
MOST_PEOPLE: Final = 8
"""What a form holds at most; longer rotas are set from a file."""

_Part = TypeVar("_Part")


class Fields(Protocol):
    """What a posted form answers."""

    def getall(self, key: str, default: Sequence[object]) -> Sequence[object]:
        """Every value of a field, in order."""


@dataclass(frozen=True, slots=True)
class TurnDraft:
    """``people`` are ids in the order of their weeks, or :data:`NOBODY`."""

    days: tuple[str, ...] = ()
    at: str = ""
    people: tuple[str, ...] = ()
    zone: str = ""


@dataclass(frozen=True, slots=True)
class StepDraft:
    """``who`` is ``place:0``, ``title:Doctor`` or ``user:<id>``; ``wait`` is in minutes."""

    who: str = ""
    channel: str = ""
    wait: str = ""


@dataclass(frozen=True, slots=True)
class QuietDraft:
    """``who`` is an id, or :data:`TEAM`."""

    who: str = TEAM
    begins: str = ""
    ends: str = ""
    days: tuple[str, ...] = DAYS
    zone: str = ""


@dataclass(frozen=True, slots=True)
class RotaDraft:
    """A whole form. ``confirm`` is in minutes, empty for the site's; ``since`` is a local time of the team, empty for
    as soon as it is saved."""

    zone: str
    first_week: str
    day_begins: str = "00:00"
    places: tuple[tuple[TurnDraft, ...], ...] = ((TurnDraft(),),)
    steps: tuple[StepDraft, ...] = ()
    last_resort: tuple[str, ...] = ()
    quiet: tuple[QuietDraft, ...] = ()
    confirm: str = ""
    since: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FormProblem:
    """What is wrong with one field; ``field`` is its id on the page."""

    field: str
    text: str


def new_draft(zone: str, today: date) -> RotaDraft:
    """The first one of a team."""
    return RotaDraft(zone, (today - timedelta(days=today.weekday())).isoformat())


def draft_of(content: RotaContent) -> RotaDraft:
    """What stands agreed, to be changed. Days with the same handover and people stand together, as in a file."""
    return RotaDraft(
        zone=content.zone,
        first_week=content.first_week.isoformat(),
        day_begins=clock_text(content.day_begins),
        places=tuple(tuple(turn_drafts(place)) for place in content.places) or ((TurnDraft(),),),
        steps=tuple(_step(one) for one in content.steps),
        last_resort=tuple(str(one) for one in content.last_resort),
        quiet=tuple(_quiet(one, content.zone) for one in content.quiet),
        confirm="" if content.confirm_within is None else str(content.confirm_within // timedelta(minutes=1)),
    )


def turn_drafts(place: Sequence[TurnContent]) -> Iterator[TurnDraft]:
    """Turns of one place, days that are alike together, in the order in which they were written."""
    alike: dict[tuple[time, tuple[UUID, ...], str | None], list[int]] = {}
    for one in place:
        alike.setdefault((one.at, one.people, one.zone), []).append(one.weekday)
    for (at, people, zone), days in alike.items():
        names = tuple(DAYS[day] for day in sorted(days))
        yield TurnDraft(names, clock_text(at), tuple(str(one) for one in people) or (NOBODY,), zone or "")


def draft_from(form: Fields, keys: Collection[str]) -> RotaDraft:
    """What was posted."""
    one, several = _reader(form)
    places = tuple(
        tuple(
            TurnDraft(several(f"{name}-days"), one(f"{name}-at"), several(f"{name}-person"), one(f"{name}-zone"))
            for turn in _numbers(keys, rf"p{place}-t(\d+)-at", MOST_TURNS)
            if (name := f"p{place}-t{turn}")
        )
        for place in _numbers(keys, r"p(\d+)", MOST_PLACES)
    )
    return RotaDraft(
        zone=one("zone"),
        first_week=one("first-week"),
        day_begins=one("day-begins"),
        places=places,
        steps=tuple(
            StepDraft(one(f"s{number}-who"), one(f"s{number}-channel"), one(f"s{number}-wait"))
            for number in _numbers(keys, r"s(\d+)-who", MOST_STEPS)
        ),
        last_resort=several("last"),
        quiet=tuple(
            QuietDraft(one(f"{name}-who"), one(f"{name}-from"), one(f"{name}-until"), several(f"{name}-days"),
                       one(f"{name}-zone"))
            for number in _numbers(keys, r"q(\d+)-who", MOST_QUIET)
            if (name := f"q{number}")
        ),
        confirm=one("confirm"),
        since=one("since"),
        reason=one("reason"),
    )  # fmt: skip


def changed_shape(draft: RotaDraft, what: str) -> RotaDraft:
    """With a part more or less, as a button of the form asks; unchanged where there is no such button."""
    name, _minus, rest = what.partition(":")
    numbers = [int(part) for part in rest.split("-") if part.isdecimal() and len(part) < 3]
    first, second = (*numbers, -1, -1)[:2]
    if name == "add-place" and len(draft.places) < MOST_PLACES:
        return replace(draft, places=(*draft.places, (TurnDraft(),)))
    if name == "drop-place":
        return replace(draft, places=_without(draft.places, first))
    if name in ("add-turn", "drop-turn") and first in range(len(draft.places)):
        turns = draft.places[first]
        if name == "drop-turn":
            turns = _without(turns, second)
        elif len(turns) < MOST_TURNS:
            turns = (*turns, TurnDraft())
        places = (*draft.places[:first], turns, *draft.places[first + 1 :])
        return replace(draft, places=places)
    if name == "add-step" and len(draft.steps) < MOST_STEPS:
        return replace(draft, steps=(*draft.steps, StepDraft(wait="15")))
    if name == "drop-step":
        return replace(draft, steps=_without(draft.steps, first))
    if name == "add-quiet" and len(draft.quiet) < MOST_QUIET:
        return replace(draft, quiet=(*draft.quiet, QuietDraft()))
    if name == "drop-quiet":
        return replace(draft, quiet=_without(draft.quiet, first))
    return draft


def clock_text(at: time) -> str:
    """As a field of a form takes it: 08:00."""
    return at.isoformat("minutes" if at.second == 0 else "seconds")


def _step(one: StepContent) -> StepDraft:
    if one.place is not None:
        who = f"place:{one.place}"
    elif one.user is not None:
        who = f"user:{one.user}"
    else:
        who = f"title:{one.title}"
    return StepDraft(who, one.channel or "", f"{one.wait.total_seconds() / 60:.0f}")


def _quiet(one: QuietContent, zone: str) -> QuietDraft:
    days = tuple(DAYS[day] for day in one.days)
    own = "" if one.user is None and one.zone == zone else one.zone
    return QuietDraft(TEAM if one.user is None else str(one.user), clock_text(one.begins), clock_text(one.ends), days,
                      own)  # fmt: skip


def _reader(form: Fields) -> tuple[Callable[[str], str], Callable[[str], tuple[str, ...]]]:
    def several(key: str) -> tuple[str, ...]:
        return tuple(text for one in form.getall(key, ()) if (text := str(one).strip()))

    def one(key: str) -> str:
        return next(iter(several(key)), "")

    return one, several


def _numbers(keys: Collection[str], pattern: str, most: int) -> list[int]:
    found = {int(match.group(1)) for key in keys if (match := re.fullmatch(pattern, key)) and len(match.group(1)) < 3}
    return sorted(found)[:most]


def _without(parts: tuple[_Part, ...], number: int) -> tuple[_Part, ...]:
    return tuple(one for place, one in enumerate(parts) if place != number)


WEEKDAYS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(DAYS)}
