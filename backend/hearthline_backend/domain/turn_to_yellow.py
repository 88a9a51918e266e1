"""Whether a patient who was green has just turned yellow: what asks for an extraordinary report."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from hearthline_backend.domain.rules import Level


class Turn(StrEnum):
    """What a judgement did to the patient as a whole, and why that asks for a report or not."""

    TURNED_YELLOW = "turned_yellow"
    NOTHING_NEW = "nothing_new"
    """No yellow alert was raised for which somebody is called as if it were now."""
    WAS_NOT_GREEN = "was_not_green"
    """Another alert is open: the care team knows of this patient."""
    IS_RED = "is_red"
    """A red alert came with it, and calls by itself."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that a judgement raised or opened again. ``calls``: somebody is called for it as if it were now, at once
    or when quiet hours are over; not so where it is late, snoozed, over already, or the patient on pause."""

    level: Level
    calls: bool


def turn_of(raised: Collection[Raised], others: Collection[Level]) -> Turn:
    """What became of a patient. ``others`` are the levels of the alerts that were open before and still are.

    The order in which rules were asked cannot matter: all that one judgement raised is looked at together.
    """
    if Level.RED in others or any(one.level is Level.RED for one in raised):
        return Turn.IS_RED
    if not any(one.calls and one.level is Level.YELLOW for one in raised):
        return Turn.NOTHING_NEW
    return Turn.WAS_NOT_GREEN if others else Turn.TURNED_YELLOW
