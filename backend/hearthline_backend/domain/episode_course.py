"""The course of a rule's episodes, verdict by verdict: the one place that says when one opens, goes on and clears.

An episode opens with a reading at which its rule fires, and clears with the first judged reading within all limits, if
that comes within the rule's look-back: what was measured weeks later does not end it, a person does. It goes on when
the rule fires again soon enough: within the rule's look-back as long as nothing lay within limits, within
``rejoin_within`` after that. A reading near a limit (its hysteresis) neither clears it nor is part of it, and keeps a
red from easing. Every link is decided by readings not further apart than the look-back, so a window around a late
reading is all that has to be looked at again.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.verdict import Why


class Turn(StrEnum):
    """What a reading did to an episode."""

    OPENED = "opened"
    WORSENED = "worsened"
    """Yellow became red."""
    EASED = "eased"
    """Red became yellow, still past a limit."""
    CLEARED = "cleared"
    RETURNED = "returned"
    """Past a limit again, soon after it had cleared."""


class Answer(Protocol):
    """A verdict, or an evaluation."""

    @property
    def why(self) -> Why:
        """The reason."""

    @property
    def level(self) -> Level | None:
        """Set when it fired."""

    @property
    def near(self) -> Level | None:
        """The worst level that is not yet cleared."""


_NOT_YET: Final = (Why.NOT_OFTEN_ENOUGH, Why.NOT_LONG_ENOUGH)


class EpisodeCourse:
    """Sees one rule's verdicts in order. ``now`` is the level of the newest episode, None when there is none or it has
    cleared; ``joined`` says whether the last reading is part of it."""

    __slots__ = ("_last_fired", "_last_member", "joined", "now")

    def __init__(self) -> None:
        self.now: Level | None = None
        self.joined = False
        self._last_fired: datetime | None = None
        self._last_member: datetime | None = None

    def see(self, answer: Answer, at: datetime, rule: ReadingRule | None) -> Turn | None:
        """What the next reading does; None where it changes no level."""
        self.joined = False
        if rule is None:
            return None
        why = answer.why
        if why is Why.FIRED:
            went_on = self._goes_on(at, rule)
            self._last_fired = at
            if went_on:
                return self._past(answer.level, answer.near, at)
            self.joined, self.now, self._last_member = True, answer.level, at
            return Turn.OPENED
        if self.now is None or self._last_member is None:
            return None
        if why is Why.WITHIN_LIMITS:
            # A reading beyond the look-back says nothing of this episode: else it would matter which came together.
            if at - self._last_member > rule.look_back:
                return None
            self.now = None
            return Turn.CLEARED
        if why in _NOT_YET and self._goes_on(at, rule):
            return self._past(Level.YELLOW, answer.near, at)
        return None

    def _goes_on(self, at: datetime, rule: ReadingRule) -> bool:
        if self._last_fired is None:
            return False
        return at - self._last_fired <= (rule.rejoin_within if self.now is None else rule.look_back)

    def _past(self, level: Level | None, near: Level | None, at: datetime) -> Turn | None:
        self.joined, self._last_member = True, at
        before = self.now
        if before is None:
            self.now = level
            return Turn.RETURNED
        if level is None or level is before or (near is before and before.rank > level.rank):
            return None
        self.now = level
        return Turn.WORSENED if level.rank > before.rank else Turn.EASED
