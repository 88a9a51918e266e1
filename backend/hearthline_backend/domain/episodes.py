"""Episodes: the stretches in which a rule fires. A pure function of readings and plan history, whatever came first.

When one opens, goes on and clears: see :mod:`~.episode_course`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.episode_course import EpisodeCourse, Turn
from hearthline_backend.domain.evaluation import evaluate
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.verdict import Evaluation

__all__ = ["Episode", "Transition", "Turn", "episodes", "episodes_of"]


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


def episodes(
    observations: Iterable[Observation], history: tuple[Plan, ...], rule_id: str, zone: str = "UTC"
) -> tuple[Episode, ...]:
    """Every episode of one rule in these readings, oldest first. ``zone`` is the patient's."""
    return episodes_of(evaluate(observations, history, rule_id, zone))


def episodes_of(evaluations: Iterable[Evaluation]) -> tuple[Episode, ...]:
    """The same from evaluations in order of effective time, such as :func:`~.evaluation.evaluate` gives them."""
    course = EpisodeCourse()
    done: list[_Growing] = []
    for evaluation in evaluations:
        turn = course.see(evaluation, evaluation.observation.effective_time, evaluation.rule)
        if turn is Turn.OPENED:
            done.append(_Growing(evaluation, done[-1].members if done else []))
        elif course.joined:
            done[-1].members.append(evaluation)
        if turn is not None:
            observation = evaluation.observation
            transition = Transition(turn, course.now, observation.effective_time, observation.reading_id)
            done[-1].transitions.append(transition)
    return tuple(growing.finish() for growing in done)


class _Growing:
    def __init__(self, opened: Evaluation, former: list[Evaluation]) -> None:
        self._opened = opened
        self._former = former
        self.members = [opened]
        self.transitions: list[Transition] = []

    def finish(self) -> Episode:
        worst = max(self.members, key=_severity)
        levels = [one.level for one in self.transitions if one.level is not None]
        return Episode(
            rule_id=self._opened.rule_id,
            kind=self._opened.observation.kind,
            plan_version=self._opened.plan_version or 0,
            readings=tuple(one.observation.reading_id for one in self.members),
            evidence=self._evidence(),
            level=max(levels, key=lambda level: level.rank),
            worst_reading=worst.observation.reading_id,
            first_time=self.members[0].observation.effective_time,
            last_time=self.members[-1].observation.effective_time,
            transitions=tuple(self.transitions),
        )

    def _evidence(self) -> tuple[UUID, ...]:
        """What an average of days rests on may be part of the episode before: it stays that one's alone, so that two
        alerts are not taken for one."""
        former = {one.observation.reading_id for one in self._former}
        return tuple(one for one in self._opened.readings if one not in former)


def _severity(evaluation: Evaluation) -> tuple[int, float]:
    """Worst level first, then how far past its limit as a share of the limit; ``max`` keeps the earliest of equals."""
    past = evaluation.past
    shares = [
        one.over / abs(one.limit.value) if one.limit.value else one.over
        for one in evaluation.crossings
        if one.past and one.level is past
    ]
    return (past.rank if past is not None else 0, max(shares, default=0.0))
