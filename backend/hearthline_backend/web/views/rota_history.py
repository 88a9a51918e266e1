"""The history of a rota: what was agreed, entered and taken back, by whom and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.rotas import AgreedHoliday, AgreedStandIn, Entered, Version
from hearthline_backend.web.language import _
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.rota_words import content_lines, holiday_words, stand_in_words, what_changed


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version. ``newest`` may be changed, an older one may be agreed again."""

    number: int
    by: str
    holds: str
    changed: str
    reason: str
    content: tuple[tuple[str, str], ...]
    newest: bool


@dataclass(frozen=True, slots=True)
class EnteredLine:
    """One holiday or stand-in, as it was entered, and what became of it."""

    what: str
    text: str
    by: str
    back: str


def version_lines(versions: Sequence[Version], people: Mapping[UUID, User], now: datetime) -> tuple[VersionLine, ...]:
    """Newest first."""
    found = []
    for place, one in enumerate(versions):
        before = versions[place - 1].content if place else None
        found.append(
            VersionLine(
                one.number,
                _by(one.author_id, one.created_at, people, now),
                _("Holds from {time}").format(time=stamp(one.valid_from, now)),
                what_changed(before, one.content),
                one.reason,
                content_lines(one.content, people),
                place + 1 == len(versions),
            )
        )
    return tuple(reversed(found))


def entered_lines(
    holidays: Sequence[AgreedHoliday],
    stand_ins: Sequence[AgreedStandIn],
    people: Mapping[UUID, User],
    now: datetime,
) -> tuple[EnteredLine, ...]:
    """Newest first, by when they were entered."""
    found = [(one.entered.at, _entered(_("Holiday"), holiday_words(one, people), one.entered, people, now))
             for one in holidays]  # fmt: skip
    for one in stand_ins:
        text = stand_in_words(one, people, now)
        text = f"{text}. {one.reason}" if one.reason else text
        found.append((one.entered.at, _entered(_("Stand-in"), text, one.entered, people, now)))
    return tuple(line for _at, line in sorted(found, key=lambda one: one[0], reverse=True))


def _entered(what: str, text: str, entered: Entered, people: Mapping[UUID, User], now: datetime) -> EnteredLine:
    back = ""
    if entered.removed_at is not None:
        back = _("Taken back: {by}").format(by=_by(entered.removed_by, entered.removed_at, people, now))
    return EnteredLine(what, text, _by(entered.by, entered.at, people, now), back)


def _by(person: UUID | None, at: datetime, people: Mapping[UUID, User], now: datetime) -> str:
    who = people[person].initials if person is not None and person in people else _("An operator")
    return _("{who}, {time}").format(who=who, time=stamp(at, now))
