"""Episodes: the stretches in which a rule fires. A pure function of readings and plan history, whatever came first.

An episode opens with a reading at which its rule fires, and clears with the first judged reading within all limits, if
that comes within the rule's look-back: what was measured weeks later does not end it, a person does. It goes on when
the rule fires again soon enough: within the rule's look-back as long as nothing lay within limits, within
``rejoin_within`` after that. Every link is decided by readings not further apart than the look-back, so a window around
a late reading is all that has to be looked at again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hearthline_backend.domain.evaluation import Evaluation, Why, evaluate
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level


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


@dataclass(frozen=True, slots=True)
class Transition:
    """One turn, with the level from then on; None once cleared."""

    turn: Turn
    level: Level | None
    at: datetime
    reading_id: UUID


@dataclass(frozen=True, slots=True)
class Episode:
    """``readings`` lie past a limit, oldest first. ``evidence`` is what the opening rests on, ``level`` the worst."""

    rule_id: str
    kind: str
    plan_version: int
    readings: tuple[UUID, ...]
    evidence: tuple[UUID, ...]
    level: Level
    worst_reading: UUID
    first_time: datetime
    last_time: datetime
    transitions: tuple[Transition, ...]

    @property
    def opened_by(self) -> UUID:
        """The reading at which it opened: the episode's name."""
        return self.transitions[0].reading_id

    @property
    def now(self) -> Level | None:
        """The level after its last reading; None when the value is back within limits."""
        return self.transitions[-1].level

    @property
    def cleared(self) -> bool:
        """Whether the value is back within limits."""
        return self.now is None


def episodes(observations: Iterable[Observation], history: tuple[Plan, ...], rule_id: str) -> tuple[Episode, ...]:
    """Every episode of one rule in these readings, oldest first."""
    return episodes_of(evaluate(observations, history, rule_id))


def episodes_of(evaluations: Iterable[Evaluation]) -> tuple[Episode, ...]:
    """The same from evaluations in order of effective time, such as :func:`~.evaluation.evaluate` gives them."""
    done: list[_Growing] = []
    for evaluation in evaluations:
        growing = done[-1] if done else None
        if evaluation.fired:
            if growing is not None and growing.takes(evaluation):
                growing.fire(evaluation)
            else:
                done.append(_Growing(evaluation))
        elif growing is not None and evaluation.why is Why.WITHIN_LIMITS:
            growing.clear(evaluation)
        elif growing is not None and evaluation.why is Why.NOT_OFTEN_ENOUGH and growing.takes(evaluation):
            growing.linger(evaluation)
    return tuple(growing.finish() for growing in done)


@dataclass(slots=True)
class _Growing:
    opened: Evaluation
    members: list[Evaluation] = field(init=False)
    transitions: list[Transition] = field(init=False)
    last_fired: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.members = [self.opened]
        self.last_fired = self.opened.observation.effective_time
        self.transitions = []
        self._turn(Turn.OPENED, self.opened, self.opened.level)

    @property
    def _now(self) -> Level | None:
        return self.transitions[-1].level

    def takes(self, evaluation: Evaluation) -> bool:
        rule = evaluation.rule
        if rule is None or (self._now is None and not evaluation.fired):
            return False
        span = rule.rejoin_within if self._now is None else rule.look_back
        return evaluation.observation.effective_time - self.last_fired <= span

    def fire(self, evaluation: Evaluation) -> None:
        self.last_fired = evaluation.observation.effective_time
        self._past(evaluation, evaluation.level)

    def linger(self, evaluation: Evaluation) -> None:
        self._past(evaluation, Level.YELLOW)

    def clear(self, evaluation: Evaluation) -> None:
        since = evaluation.observation.effective_time - self.members[-1].observation.effective_time
        # A reading beyond the look-back says nothing of this episode: else it would matter which ones came together.
        if self._now is not None and evaluation.rule is not None and since <= evaluation.rule.look_back:
            self._turn(Turn.CLEARED, evaluation, None)

    def _past(self, evaluation: Evaluation, level: Level | None) -> None:
        now = self._now
        self.members.append(evaluation)
        if now is None:
            self._turn(Turn.RETURNED, evaluation, level)
        elif level is not None and level is not now:
            self._turn(Turn.WORSENED if level.rank > now.rank else Turn.EASED, evaluation, level)

    def _turn(self, turn: Turn, evaluation: Evaluation, level: Level | None) -> None:
        observation = evaluation.observation
        self.transitions.append(Transition(turn, level, observation.effective_time, observation.reading_id))

    def finish(self) -> Episode:
        worst = max(self.members, key=_severity)
        levels = [one.level for one in self.transitions if one.level is not None]
        return Episode(
            rule_id=self.opened.rule_id,
            kind=self.opened.observation.kind,
            plan_version=self.opened.plan_version or 0,
            readings=tuple(one.observation.reading_id for one in self.members),
            evidence=self.opened.readings,
            level=max(levels, key=lambda level: level.rank),
            worst_reading=worst.observation.reading_id,
            first_time=self.members[0].observation.effective_time,
            last_time=self.members[-1].observation.effective_time,
            transitions=tuple(self.transitions),
        )


def _severity(evaluation: Evaluation) -> tuple[int, float]:
    """Worst level first, then how far past its limit as a share of the limit; ``max`` keeps the earliest of equals."""
    past = evaluation.past
    shares = [
        one.over / abs(one.limit.value) if one.limit.value else one.over
        for one in evaluation.crossings
        if one.past and one.level is past
    ]
    return (past.rank if past is not None else 0, max(shares, default=0.0))
