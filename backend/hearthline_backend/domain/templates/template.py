"""What a template is: the rules and the daily slots of one condition."""

from dataclasses import dataclass, field
from datetime import time
from typing import Final

from hearthline_backend.domain.adjusting import OxygenTarget
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.plans import Slot
from hearthline_backend.domain.rules import Persistence
from hearthline_backend.domain.silence_rules import MissingRule

TWO_OF_THREE: Final = Persistence(2, 3)
"""What a yellow asks for: one more reading than chance would give."""

_MORNING: Final = (time(6), time(10))
_MIDDAY: Final = (time(11), time(15))
_EVENING: Final = (time(18), time(22))


@dataclass(frozen=True, slots=True)
class Template:
    """The rules and the daily slots of one condition. ``oxygen_target`` is set where the condition states the range
    in which oxygen is to stay: then no other template's limit holds for it."""

    name: str
    rules: tuple[Rule, ...]
    slots: tuple[Slot, ...]
    oxygen_target: OxygenTarget | None = field(default=None)


def msgid(text: str) -> str:
    """Marks a text for the translators' catalogues; it is translated for the person who reads it."""
    return text


def morning(kind: str) -> Slot:
    """Expected from 6 to 10, local time."""
    return Slot(kind, "morning", *_MORNING)


def midday(kind: str) -> Slot:
    """Expected from 11 to 15, local time."""
    return Slot(kind, "midday", *_MIDDAY)


def evening(kind: str) -> Slot:
    """Expected from 18 to 22, local time."""
    return Slot(kind, "evening", *_EVENING)


def missed(kind: str) -> MissingRule:
    """Yellow once a slot of ``kind`` passed without a reading. Every template names it alike: one silence is one alert,
    however many conditions ask for the measurement."""
    return MissingRule(
        id=f"missing.{kind}",
        kind=kind,
        source="The plan's schedule",
        advice=msgid("Ask whether the measurement was taken; the finding names the hop that broke."),
    )
