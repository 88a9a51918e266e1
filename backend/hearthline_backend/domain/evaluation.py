"""One reading looked at by one rule: what was seen, whether it fired, and why or why not."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from operator import attrgetter
from uuid import UUID

from hearthline_backend.domain.assessors.threshold import crossings
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rule_track import RuleTrack
from hearthline_backend.domain.verdict import LEVELS, Crossing, Evaluation, Verdict, Why

__all__ = ["LEVELS", "Crossing", "Evaluation", "Verdict", "Why", "crossings", "evaluate", "ordered", "reach"]


_order = attrgetter("order")


def evaluate(
    observations: Iterable[Observation],
    history: tuple[Plan, ...],
    rule_id: str,
    zone: str = "UTC",
    *,
    told: Collection[UUID] | None = None,
) -> tuple[Evaluation, ...]:
    """Every reading by the plan version in force at its effective time, oldest first. ``zone`` is the patient's.
    ``told`` are the readings that somebody wants explained, None for all: of any other that is past no limit, only the
    answer is given, without what it rests on.

    A function of the set of readings: their order of arrival and duplicates (the same id) change nothing.
    """
    track = RuleTrack(history, rule_id, zone)
    results = []
    for observation in ordered(observations):
        verdict = track.see(observation)
        whole = told is None or verdict.past is not None or observation.reading_id in told
        results.append(track.evaluation(whole=whole))
    return tuple(results)


def ordered(observations: Iterable[Observation]) -> list[Observation]:
    """Each id once, in the one order that every engine agrees on."""
    first = {one.reading_id: one for one in sorted(observations, key=_order, reverse=True)}
    return sorted(first.values(), key=_order)


def reach(history: tuple[Plan, ...], rule_id: str) -> timedelta:
    """How far from a reading another one can matter: the longest look-back this rule has had."""
    spans = [rule.look_back for plan in history for rule in plan.reading_rules if rule.id == rule_id]
    return max(spans, default=timedelta(0))
