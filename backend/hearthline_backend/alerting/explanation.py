"""Why a reading did what it did, as the register keeps it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hearthline_backend.domain.evaluation import Crossing, Evaluation
from hearthline_backend.domain.news2 import Score


@dataclass(slots=True)
class Explanation:
    """Why one reading did what it did, as the register keeps it. ``reason`` where no rule looked at it at all."""

    evaluations: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """``{evaluations: [{rule, version, readings, fired, level, reason, limits}], calls: [...], reason?}``."""
        found: dict[str, Any] = {"evaluations": self.evaluations, "calls": self.calls}
        return found if self.reason is None else found | {"reason": self.reason}


def explanation(evaluation: Evaluation) -> dict[str, Any]:
    """One evaluation as the register keeps it: which readings, which limits, fired or not, and why.

    A limit that is held against more than the reading's own value says so by ``measure``, with the ``reference`` it
    counts from and the time it looks at, in seconds; a score says what it lacks.
    """
    found = {
        "rule": evaluation.rule_id,
        "version": evaluation.plan_version,
        "readings": [str(reading_id) for reading_id in evaluation.readings],
        "fired": evaluation.fired,
        "level": None if evaluation.level is None else evaluation.level.value,
        "reason": evaluation.why.value,
        "limits": [_limit(one) for one in evaluation.crossings],
    }
    return found if evaluation.score is None else found | {"score": _score(evaluation.score)}


def _limit(crossing: Crossing) -> dict[str, Any]:
    found = {
        "level": crossing.level.value,
        "field": crossing.limit.field,
        "limit": crossing.limit.value,
        "unit": crossing.limit.unit,
        "value": crossing.value,
        "beyond": crossing.beyond,
        "past": crossing.past,
    }
    if crossing.measure == "value":
        return found
    more = {
        "measure": crossing.measure,
        "kind": crossing.kind,
        "reference": crossing.reference,
        "baseline": crossing.baseline,
        "span_s": None if crossing.span is None else crossing.span / timedelta(seconds=1),
    }
    return found | more


def _score(score: Score) -> dict[str, Any]:
    return {
        "points": score.points,
        "partial": score.partial,
        "missing": [one.value for one in score.missing],
        "inputs": {given.value: one.points for given, one in score.inputs.items()},
        "scale": score.scale,
        "assumed_air": score.assumed_air,
    }
