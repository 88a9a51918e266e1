"""A patient's readings through every rule of a plan, one after the other: what would have happened, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.episode_course import EpisodeCourse, Turn
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rule_track import RuleTrack
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.verdict import WITHIN, Evaluation


@dataclass(frozen=True, slots=True)
class Happening:
    """One turn of one rule's episodes. ``level`` holds from then on, None once it has cleared; ``readings`` are those
    the decision rests on, oldest first, the one at ``at`` last."""

    rule_id: str
    level: Level | None
    turn: Turn
    at: datetime
    readings: tuple[UUID, ...]
    evaluation: Evaluation


class Replay:
    """``zone`` is the patient's. The turns are those of :func:`~.episodes.episodes`, without a list of readings in
    memory."""

    def __init__(self, history: tuple[Plan, ...], zone: str = "UTC") -> None:
        ids = dict.fromkeys(rule.id for plan in history for rule in plan.reading_rules)
        self._by_kind: dict[str, list[tuple[RuleTrack, EpisodeCourse]]] = {}
        for rule_id in ids:
            pair = (RuleTrack(history, rule_id, zone), EpisodeCourse())
            for kind in pair[0].kinds:
                self._by_kind.setdefault(kind, []).append(pair)

    def see(self, observation: Observation) -> Sequence[Happening]:
        """What the next reading does, in the order of the plan's rules. Readings come in the order of
        :attr:`Observation.order <.observation.Observation.order>`, each id once."""
        found: list[Happening] = []
        at = observation.effective_time
        for track, course in self._by_kind.get(observation.kind, ()):
            verdict = track.see(observation)
            if course.now is None and verdict is WITHIN:
                continue  # nearly every reading
            turn = course.see(verdict, at, track.rule)
            if turn is not None:
                evaluation = track.evaluation()
                found.append(Happening(track.rule_id, course.now, turn, at, evaluation.readings, evaluation))
        return found
