"""A plan's rules over readings in order, told line by line: every turn of every episode, and what it adds up to."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.episode_course import Turn
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.replaying import Happening, Replay
from hearthline_backend.domain.rule_words import english, tell
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.replay.csv_readings import time_of

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NOBODY: Final = UUID(int=0)
_WEEK: Final = timedelta(weeks=1)
_REMEMBERED: Final = 10_000
"""So many times of readings are kept as text."""

_EVENT: Final = {
    Turn.OPENED: "opened",
    Turn.WORSENED: "worsened",
    Turn.EASED: "eased",
    Turn.CLEARED: "cleared",
    Turn.RETURNED: "worsened",  # the same episode, past its limit again
}


def plan_of_templates(names: Iterable[str]) -> Plan:
    """The plan of a patient with these conditions, in force at any time. Raises
    :class:`~hearthline_backend.domain.rules.RuleError` for a name that no template has."""
    return build_plan(
        patient_id=_NOBODY, version=1, valid_from=_ALWAYS, conditions=tuple(names), reason="as the templates"
    )


def plan_of_rules(rules: Iterable[Rule]) -> Plan:
    """A plan of these rules alone, in force at any time."""
    return Plan(_NOBODY, 1, _ALWAYS, (), tuple(rules), (), "as proposed")


@dataclass(slots=True)
class EpisodeCounts:
    """Episodes by rule and worst level, counted turn by turn."""

    _worst: dict[str, list[Level]] = field(default_factory=dict)

    def take(self, happening: Happening) -> None:
        """One turn."""
        if happening.level is None:
            return
        levels = self._worst.setdefault(happening.rule_id, [])
        if happening.turn is Turn.OPENED:
            levels.append(happening.level)
        elif happening.level.rank > levels[-1].rank:
            levels[-1] = happening.level

    def add(self, other: "EpisodeCounts") -> None:
        """Those that were counted elsewhere."""
        for rule, levels in other._worst.items():  # noqa: SLF001  # its own class
            self._worst.setdefault(rule, []).extend(levels)

    @property
    def total(self) -> int:
        """Every episode."""
        return sum(len(levels) for levels in self._worst.values())

    def by_rule(self) -> dict[str, dict[str, int]]:
        """``{rule: {level: n}}``, without what never fired."""
        return {
            rule: {level.value: n for level in reversed(Level) if (n := levels.count(level))}
            for rule, levels in sorted(self._worst.items())
        }


@dataclass(slots=True)
class Running:
    """One run of a plan's rules. ``zone`` is the patient's."""

    plan: Plan
    zone: str
    readings: int = 0
    counts: EpisodeCounts = field(default_factory=EpisodeCounts)
    _first: datetime | None = None
    _last: datetime | None = None
    _level: dict[str, Level] = field(default_factory=dict)
    _times: dict[int, str] = field(default_factory=dict)
    """Of the readings that were named lately: those of a baseline are named by one event after the other."""

    def events(self, readings: Iterable[Observation]) -> Iterator[str]:
        """A JSON line for every turn."""
        replay = Replay((self.plan,), self.zone)
        for reading in readings:
            self.readings += 1
            self._last = reading.effective_time
            if self._first is None:
                self._first = self._last
            for one in replay.see(reading):
                self.counts.take(one)
                yield json.dumps(self._event(one), ensure_ascii=False)

    def summary(self, skipped: int) -> str:
        """The last line. Readings of less than a week count as a week: a rate of alerts from one morning is none."""
        span = self._last - self._first if self._first is not None and self._last is not None else _WEEK
        rate = self.counts.total / (max(span, _WEEK) / _WEEK)
        told = {
            "type": "summary",
            "readings": self.readings,
            "skipped": skipped,
            "episodes": self.counts.by_rule(),
            "alerts_per_patient_week": round(rate, 3),
        }
        return json.dumps(told, ensure_ascii=False)

    def _event(self, one: Happening) -> dict[str, Any]:
        level = one.level if one.level is not None else self._level[one.rule_id]
        self._level[one.rule_id] = level
        return {
            "type": "event",
            "time": one.at.isoformat(),
            "rule": one.rule_id,
            "level": level.value,
            "event": _EVENT[one.turn],
            "readings": [self._time(reading) for reading in one.readings],
            "text": english(tell(one.evaluation)),
        }

    def _time(self, reading: UUID) -> str:
        known = self._times.get(reading.int)
        if known is None:
            if len(self._times) >= _REMEMBERED:
                self._times.clear()
            known = self._times[reading.int] = time_of(reading).isoformat()
        return known
