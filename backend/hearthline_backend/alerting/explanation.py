"""Why a reading did what it did, as the register keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.evaluation import Crossing, Evaluation, Why
from hearthline_backend.domain.news2 import Input, Score, Scored
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """An evaluation as the register has it, with the rule as the plan had it then: enough to be told in words."""

    why: Why
    rule: ReadingRule | None
    level: Level | None
    past: Level | None
    crossings: tuple[Crossing, ...]
    score: Score | None


def recorded(evaluation: Mapping[str, Any], rule: ReadingRule) -> Recorded:
    """What :func:`explanation` wrote, read again."""
    crossings = tuple(_crossing(one, rule) for one in evaluation["limits"])
    score = evaluation.get("score")
    level = None if evaluation["level"] is None else Level(evaluation["level"])
    past = next((one.level for one in crossings if one.past), None) if isinstance(rule, ThresholdRule) else level
    return Recorded(
        why=Why(evaluation["reason"]),
        rule=rule,
        level=level,
        past=past,
        crossings=crossings,
        score=None if score is None else _score_again(score),
    )


def _crossing(limit: Mapping[str, Any], rule: ReadingRule) -> Crossing:
    span = limit.get("span_s")
    held = Limit(limit["field"], limit["limit"], limit["unit"], limit.get("personal", False), limit.get("clears"))
    return Crossing(
        level=Level(limit["level"]),
        limit=held,
        value=limit["value"],
        beyond=limit["beyond"],
        past=limit["past"],
        measure=limit.get("measure", "value"),
        kind=limit.get("kind") or min(rule.kinds),
        reference=limit.get("reference"),
        span=None if span is None else timedelta(seconds=span),
        baseline=limit.get("baseline", False),
    )


def _score_again(score: Mapping[str, Any]) -> Score:
    return Score(
        points=score["points"],
        missing=tuple(Input(one) for one in score["missing"]),
        inputs={Input(given): Scored(points, value, None) for given, (points, value) in score["inputs"].items()},
        scale=score["scale"],
        assumed_air=score["assumed_air"],
    )


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
    if crossing.limit.personal:
        found["personal"] = True
    if crossing.limit.clears is not None:
        found["clears"] = crossing.limit.clears
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
        "inputs": {given.value: [one.points, one.value] for given, one in score.inputs.items()},
        "scale": score.scale,
        "assumed_air": score.assumed_air,
    }
