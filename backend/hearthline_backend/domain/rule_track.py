"""One rule through the versions of a plan: each reading by the version in force at its effective time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.assessors.assessor import Assessor
from hearthline_backend.domain.assessors.by_rule import assessor_of
from hearthline_backend.domain.assessors.threshold import ThresholdMemory
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.verdict import Evaluation, Grounds, Verdict, Why
from hearthline_protocol.readings import Quality

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)

_NOT_JUDGED: Final = Verdict(Why.QUALITY_NOT_JUDGED)
_NO_PLAN: Final = Verdict(Why.NO_PLAN)
_NOT_IN_PLAN: Final = Verdict(Why.RULE_NOT_IN_PLAN)
_JUDGED: Final = tuple(quality for quality in Quality if quality.judged)


class _Version(NamedTuple):
    """From when a version of the plan holds until the next, and the rule in it."""

    start: datetime
    end: datetime
    plan: Plan
    rule: ReadingRule | None


class _Fed(NamedTuple):
    """An assessor, and between which moments it has to see readings."""

    start: datetime
    end: datetime
    kinds: frozenset[str]
    assessor: Assessor


class RuleTrack:
    """Sees every reading of the rule's kinds in order of effective time, then id.

    A version of the rule that looks back sees what was measured before the version came into force; that is what its
    changes and averages count from. A threshold counts each reading as the version of its own time saw it.
    """

    def __init__(self, history: tuple[Plan, ...], rule_id: str, zone: str = "UTC") -> None:
        self.rule_id = rule_id
        self._versions = tuple(_versions(history, rule_id))
        rules = tuple(dict.fromkeys(one.rule for one in self._versions if one.rule is not None))
        self.kinds: frozenset[str] = frozenset(kind for rule in rules for kind in rule.kinds)
        thresholds = tuple(rule for rule in rules if isinstance(rule, ThresholdRule))
        memory = ThresholdMemory(thresholds) if thresholds else None
        self._assessors = {rule: assessor_of(rule, zone, memory) for rule in rules}
        self._fed = tuple(self._feeding(rule) for rule in rules if not isinstance(rule, ThresholdRule))
        self._until = _FIRST
        self._plan: Plan | None = None
        self.rule: ReadingRule | None = None
        """Of the version in force at the last reading; None where there is none."""
        self._judging: Assessor | None = None
        self._judged: frozenset[str] = frozenset()
        """The kinds that the rule of the version in force looks at."""
        self._listening: tuple[_Fed, ...] = ()
        self._seen: Observation | None = None
        self._verdict = _NO_PLAN

    def see(self, observation: Observation) -> Verdict:
        """The verdict on the next reading."""
        self._seen = observation
        if observation.quality not in _JUDGED:
            self._verdict = _NOT_JUDGED
            return _NOT_JUDGED
        at, kind = observation.effective_time, observation.kind
        if at >= self._until:
            self._move_to(at)
        for one in self._listening:
            if kind in one.kinds:
                one.assessor.see(observation)
        if self._judging is not None and kind in self._judged:
            verdict = self._judging.see(observation)
        else:
            verdict = _NO_PLAN if self._plan is None else _NOT_IN_PLAN
        self._verdict = verdict
        return verdict

    def evaluation(self, *, whole: bool = True) -> Evaluation:
        """The verdict on the last reading, of which there was one; ``whole`` with everything it rests on."""
        if self._seen is None:
            raise LookupError(f"rule {self.rule_id} has not seen a reading yet")
        verdict = self._verdict
        if verdict is _NOT_JUDGED or verdict is _NO_PLAN:
            return Evaluation(self.rule_id, self._seen, verdict.why)
        version = self._plan.version if self._plan is not None else None
        if verdict is _NOT_IN_PLAN or self._judging is None:
            return Evaluation(self.rule_id, self._seen, verdict.why, version)
        grounds = self._judging.grounds() if whole and verdict.why is not Why.NO_VALUE else Grounds()
        return Evaluation(
            rule_id=self.rule_id,
            observation=self._seen,
            why=verdict.why,
            plan_version=version,
            rule=self.rule,
            level=verdict.level,
            past=verdict.past,
            readings=grounds.readings,
            crossings=grounds.crossings,
            near=verdict.near,
            score=grounds.score,
        )

    def _feeding(self, rule: ReadingRule) -> _Fed:
        mine = [one for one in self._versions if one.rule == rule]
        start, end = min(one.start for one in mine), max(one.end for one in mine)
        return _Fed(_before(start, rule.look_back), end, rule.kinds, self._assessors[rule])

    def _move_to(self, at: datetime) -> None:
        """The version in force at ``at``, who else listens, and until when nothing of this changes."""
        held = next((one for one in self._versions if one.start <= at < one.end), None)
        self._plan = None if held is None else held.plan
        self.rule = None if held is None else held.rule
        self._judging = None if self.rule is None else self._assessors[self.rule]
        self._judged = frozenset() if self.rule is None else self.rule.kinds
        self._listening = tuple(
            one for one in self._fed if one.start <= at < one.end and one.assessor is not self._judging
        )
        spans = [(one.start, one.end) for one in self._versions] + [(one.start, one.end) for one in self._fed]
        moments = {moment for span in spans for moment in span}
        self._until = min((moment for moment in moments if moment > at), default=_LAST)


def _versions(history: tuple[Plan, ...], rule_id: str) -> Iterator[_Version]:
    newest = {plan.valid_from: plan for plan in sorted(history, key=lambda one: (one.valid_from, one.version))}
    plans = list(newest.values())
    for index, plan in enumerate(plans):
        end = plans[index + 1].valid_from if index + 1 < len(plans) else _LAST
        rule = next((one for one in plan.reading_rules if one.id == rule_id), None)
        yield _Version(plan.valid_from, end, plan, rule)


def _before(moment: datetime, span: timedelta) -> datetime:
    return moment - span if moment - _FIRST > span else _FIRST
