"""What the indicator can say, as a light that goes on and off and as tones.

Each pattern is told apart by its rhythm alone, so that neither colour nor pitch is needed to understand it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Tone:
    """``hertz`` of 0 is a pause."""

    hertz: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """``light`` alternates seconds on and off, beginning with on. ``repeats`` patterns go on until another takes their
    place; their tones are played once only."""

    light: tuple[float, ...]
    tones: tuple[Tone, ...] = ()
    repeats: bool = False

    @property
    def seconds(self) -> float:
        """How long one round takes."""
        return sum(self.light)


class Sign(Enum):
    """What there is to say, the more urgent later."""

    NOTHING = "nothing"
    MEASURED = "measured"
    """A reading was heard and is safe in the gateway."""
    STORED = "stored"
    """The backend's receipt is here: the care team has it."""
    WAITING = "waiting"
    """Readings wait in the home, with room for a year; nobody has to do anything."""
    NEEDS_HELP = "needs_help"
    """Something here does not work by itself: a technician has been told, or cannot be reached."""
    IDENTIFY = "identify"
    """A technician asks which gateway this is."""


PATTERNS: Final[dict[Sign, Pattern]] = {
    Sign.NOTHING: Pattern(()),
    Sign.MEASURED: Pattern((0.15, 0.15), (Tone(880, 0.12),)),
    Sign.STORED: Pattern((1.5, 0.5), (Tone(880, 0.12), Tone(0, 0.05), Tone(1320, 0.25))),
    Sign.WAITING: Pattern((0.1, 4.9), repeats=True),
    Sign.NEEDS_HELP: Pattern((0.5, 0.5, 0.5, 2.5), (Tone(440, 0.3), Tone(0, 0.1), Tone(330, 0.5)), repeats=True),
    Sign.IDENTIFY: Pattern((0.1, 0.1), (Tone(1760, 0.1), Tone(0, 0.1), Tone(1760, 0.1)), repeats=True),
}
"""Blink once: measured. One long light: stored. A short wink every 5 s: waiting. Two slow blinks, again and again:
needs help. Fast blinking: here I am."""
