"""Proposed rules over readings that are stored, beside the rules in force: how often each would have fired.

Both run as they stand now over the whole time, whatever was in force then: the question is what the next weeks would be
like. Silence is not replayed, since no reading fires it; synthetic readings and those entered in error do not count.
Nothing is written.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.domain.any_rule import ReadingRule, Rule
from hearthline_backend.domain.episode_course import Turn
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan, in_force
from hearthline_backend.domain.replaying import Happening, Replay
from hearthline_backend.domain.rules import Level
from hearthline_backend.replay.running import EpisodeCounts, plan_of_rules
from hearthline_backend.replay.stored_readings import observed, stored_rows
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.care import Patient

MOST_STRETCHES: Final = 500
"""So many episodes of a side are kept one by one; all of them are counted."""
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_WEEK: Final = timedelta(weeks=1)
AT_ONCE: Final = timedelta(days=31)
"""Readings are fetched for so long at once, however far back the question goes."""
_A_TURN: Final = 500
"""Readings that are looked at before whoever waits may end it."""


@dataclass(slots=True)
class Stretch:
    """One episode of a backtest. ``level`` is its worst; ``ended`` is None while it goes on."""

    patient_id: UUID
    rule_id: str
    level: Level
    opened: datetime
    opened_by: UUID
    ended: datetime | None = None


@dataclass(slots=True)
class Side:
    """The rules in force, or the proposed ones: how many episodes opened in time, and the newest of them one by one."""

    rules: set[str] = field(default_factory=set)
    counts: EpisodeCounts = field(default_factory=EpisodeCounts)
    stretches: deque[Stretch] = field(default_factory=lambda: deque(maxlen=MOST_STRETCHES))

    def of(self, rule: str) -> dict[str, int] | None:
        """Episodes of one rule by level; None where this side does not have the rule."""
        if rule not in self.rules:
            return None
        counts = self.counts.by_rule().get(rule, {})
        return {level.value: counts.get(level.value, 0) for level in reversed(Level)}

    def add(self, other: "Side") -> None:
        """The same of somebody else."""
        self.rules |= other.rules
        self.counts.add(other.counts)
        self.stretches += other.stretches


class _Run:
    """One patient through one side. What opened before ``start`` only says what is open already."""

    def __init__(self, side: Side, plan: Plan, zone: str, start: datetime) -> None:
        self._side = side
        self._replay = Replay((plan,), zone)
        self._patient = plan.patient_id
        self._start = start
        self._counted: dict[str, Stretch] = {}
        side.rules |= {rule.id for rule in plan.reading_rules}

    def see(self, reading: Observation) -> None:
        """The next reading."""
        for one in self._replay.see(reading):
            if one.turn is Turn.OPENED:
                self._open(one)
            if one.rule_id in self._counted:
                self._side.counts.take(one)
                self._follow(self._counted[one.rule_id], one)

    def _open(self, one: Happening) -> None:
        if one.at < self._start or one.level is None:
            self._counted.pop(one.rule_id, None)
            return
        by = one.evaluation.observation.reading_id
        stretch = Stretch(self._patient, one.rule_id, one.level, one.at, by)
        self._side.stretches.append(stretch)
        self._counted[one.rule_id] = stretch

    def _follow(self, stretch: Stretch, one: Happening) -> None:
        stretch.ended = one.at if one.level is None else None
        if one.level is not None and one.level.rank > stretch.level.rank:
            stretch.level = one.level


@dataclass(slots=True)
class Backtest:
    """Of one patient, or of several together. ``patient_weeks`` is the time in which they were enrolled and measured:
    it begins with the first reading that a rule looks at."""

    days: int
    patients: int = 0
    readings: int = 0
    patient_weeks: float = 0.0
    in_force: Side = field(default_factory=Side)
    proposed: Side = field(default_factory=Side)

    def add(self, other: "Backtest") -> None:
        """Another one over the same days, such as of one more patient."""
        self.patients += other.patients
        self.readings += other.readings
        self.patient_weeks += other.patient_weeks
        self.in_force.add(other.in_force)
        self.proposed.add(other.proposed)

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
    """Add one patient to ``found``: the plan in force beside the same plan with these rules. Raises
    ``StoreUnavailableError``."""
    held = in_force(history, now)
    today = plan_of_rules(()) if held is None else held
    await compare(found, readings, patient, today, with_proposed(today, rules), now)


async def compare(
    found: Backtest, readings: ReadingStore, patient: Patient, today: Plan, proposed: Plan, now: datetime
) -> None:
    """Add one patient to ``found``: two plans over the last ``found.days`` days before ``now``. Raises
    ``StoreUnavailableError``. Who cancels it ends it within a moment, and ``found`` is as it was."""
    start = max(now - timedelta(days=found.days), patient.enrolled_at)
    if start >= now:
        return
    both = (*today.reading_rules, *proposed.reading_rules)
    kinds = {kind for rule in both for kind in rule.kinds}
    # Whether an episode was open at the start follows from two look-backs, as in live judging.
    begin = start - 2 * max((rule.look_back for rule in both), default=timedelta(0))
    zone = patient.time_zone
    ours = Backtest(found.days, patients=1)
    sides = [
        _Run(side, replace(plan, patient_id=patient.id, valid_from=_ALWAYS), zone, start)
        for side, plan in ((ours.in_force, today), (ours.proposed, proposed))
    ]
    first: datetime | None = None
    while kinds and begin < now:
        end = min(begin + AT_ONCE, now)
        rows = await stored_rows(readings, patient.id, kinds, begin, end)
        # Thousands of readings of a sensor take seconds: the loop has other things to do meanwhile.
        seen = await asyncio.to_thread(observed, rows)
        for place in range(0, len(seen), _A_TURN):
            await asyncio.to_thread(_see_all, sides, seen[place : place + _A_TURN])
        counted = [one.effective_time for one in seen if one.effective_time >= start]
        first = first or next(iter(counted), None)
        ours.readings += len(counted)
        begin = end
    if first is not None:
        ours.patient_weeks = (now - first) / _WEEK
    found.add(ours)


def _see_all(sides: Sequence[_Run], observations: Iterable[Observation]) -> None:
    for one in observations:
        for side in sides:
            side.see(one)


def with_proposed(plan: Plan, rules: Iterable[Rule]) -> Plan:
    """The plan in which each proposed rule stands in place of the one with its id, or is new."""
    by_id = {rule.id: rule for rule in plan.rules} | {rule.id: rule for rule in rules}
    return replace(plan, rules=tuple(by_id.values()))


def not_of_readings(rules: Iterable[Rule]) -> list[str]:
    """The ids of rules that no reading fires, for a sentence that says they were left out."""
    return [rule.id for rule in rules if not isinstance(rule, ReadingRule)]
