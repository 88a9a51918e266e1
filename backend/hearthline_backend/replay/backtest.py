"""Proposed rules over readings that are stored, beside the rules in force: how often each would have fired.

Both run as they stand now over the whole time, whatever was in force then: the question is what the next weeks would be
like. Silence is not replayed, since no reading fires it. Nothing is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hearthline_backend.domain.any_rule import ReadingRule, Rule
from hearthline_backend.domain.episode_course import Turn
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.replaying import Happening, Replay
from hearthline_backend.domain.rules import Level
from hearthline_backend.replay.running import EpisodeCounts, plan_of_rules
from hearthline_backend.replay.stored_readings import stored_observations
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.care import Patient

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_WEEK: Final = timedelta(weeks=1)


@dataclass(slots=True)
class Side:
    """The rules in force, or the proposed ones: their episodes, and every turn of those that opened in time."""

    rules: set[str] = field(default_factory=set)
    counts: EpisodeCounts = field(default_factory=EpisodeCounts)
    turns: list[Happening] = field(default_factory=list)

    def run(self, plan: Plan, zone: str, readings: Iterable[Observation], start: datetime) -> None:
        """One patient's readings. What opened before ``start`` only says what is open already."""
        self.rules |= {rule.id for rule in plan.reading_rules}
        replay = Replay((plan,), zone)
        counted: set[str] = set()
        for reading in readings:
            for one in replay.see(reading):
                if one.turn is Turn.OPENED:
                    counted = counted - {one.rule_id} if one.at < start else counted | {one.rule_id}
                if one.rule_id in counted:
                    self.counts.take(one)
                    self.turns.append(one)

    def of(self, rule: str) -> dict[str, int] | None:
        """Episodes of one rule by level; None where this side does not have the rule."""
        if rule not in self.rules:
            return None
        counts = self.counts.by_rule().get(rule, {})
        return {level.value: counts.get(level.value, 0) for level in reversed(Level)}


@dataclass(slots=True)
class Backtest:
    """Of one patient, or of several together. ``patient_weeks`` is the time they were enrolled in it."""

    days: int
    patients: int = 0
    readings: int = 0
    patient_weeks: float = 0.0
    in_force: Side = field(default_factory=Side)
    proposed: Side = field(default_factory=Side)

    def per_week(self, side: Side) -> float:
        """Alerts per patient-week; less than a week counts as one."""
        return side.counts.total / max(self.patient_weeks, 1.0)

    def rows(self) -> list[tuple[str, dict[str, int] | None, dict[str, int] | None]]:
        """By rule: episodes by level as in force and as proposed; None where that side does not have the rule."""
        return [
            (rule, self.in_force.of(rule), self.proposed.of(rule))
            for rule in sorted(self.in_force.rules | self.proposed.rules)
        ]

    def as_json(self) -> dict[str, Any]:
        """``{days, patients, readings, patient_weeks, rules: [{rule, in_force, proposed}], alerts_per_patient_week}``,
        the last one with both sides as well."""
        return {
            "days": self.days,
            "patients": self.patients,
            "readings": self.readings,
            "patient_weeks": round(self.patient_weeks, 2),
            "rules": [{"rule": rule, "in_force": now, "proposed": then} for rule, now, then in self.rows()],
            "alerts_per_patient_week": {
                "in_force": round(self.per_week(self.in_force), 3),
                "proposed": round(self.per_week(self.proposed), 3),
            },
        }


async def backtest_patient(
    found: Backtest,
    readings: ReadingStore,
    patient: Patient,
    history: tuple[Plan, ...],
    rules: Sequence[Rule],
    now: datetime,
) -> None:
    """Add one patient to ``found``: the last ``found.days`` days before ``now``. Raises ``StoreUnavailableError``."""
    start = max(now - timedelta(days=found.days), patient.enrolled_at)
    if start >= now:
        return
    held = in_force(history, now)
    today = plan_of_rules(()) if held is None else replace(held, valid_from=_ALWAYS)
    proposed = with_proposed(today, rules)
    both = (*today.reading_rules, *proposed.reading_rules)
    reach = max((rule.look_back for rule in both), default=timedelta(0))
    kinds = {kind for rule in both for kind in rule.kinds}
    observations = await stored_observations(readings, patient.id, kinds, start - reach, now)
    found.in_force.run(today, patient.time_zone, observations, start)
    found.proposed.run(proposed, patient.time_zone, observations, start)
    found.patients += 1
    found.readings += sum(one.effective_time >= start for one in observations)
    found.patient_weeks += (now - start) / _WEEK


def with_proposed(plan: Plan, rules: Iterable[Rule]) -> Plan:
    """The plan in which each proposed rule stands in place of the one with its id, or is new."""
    by_id = {rule.id: rule for rule in plan.rules} | {rule.id: rule for rule in rules}
    return replace(plan, rules=tuple(by_id.values()))


def not_of_readings(rules: Iterable[Rule]) -> list[str]:
    """The ids of rules that no reading fires, for a sentence that says they were left out."""
    return [rule.id for rule in rules if not isinstance(rule, ReadingRule)]
