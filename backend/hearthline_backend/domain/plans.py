"""A patient's plan: rules from condition templates, adjusted for the patient, and when measurements are expected."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal
from uuid import UUID

from hearthline_backend.domain.adjusting import AS_THE_TEMPLATES, Adjusted
from hearthline_backend.domain.any_rule import ReadingRule, Rule


@dataclass(frozen=True, slots=True)
class Slot:
    """One expected measurement a day: ``kind`` between two local times of the patient."""

    kind: str
    name: Literal["morning", "midday", "evening"]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan. The version in force at a reading's effective time judges it, now and for ever."""

    patient_id: UUID
    version: int
    valid_from: datetime
    conditions: tuple[str, ...]
    rules: tuple[Rule, ...]
    slots: tuple[Slot, ...]
    reason: str
    author: str | None = None
    """Title and initials, such as "Dr M.R."; None for the first plan, taken from the templates as they are."""
    adjusted: Adjusted = AS_THE_TEMPLATES

    @property
    def reading_rules(self) -> tuple[ReadingRule, ...]:
        """Those that readings fire."""
        return tuple(rule for rule in self.rules if isinstance(rule, ReadingRule))

    def rules_of(self, kind: str) -> tuple[ReadingRule, ...]:
        """Those that look at readings of a kind."""
        return tuple(rule for rule in self.reading_rules if kind in rule.kinds)

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of this name; None where the version does not have it."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)


def in_force(history: tuple[Plan, ...], at: datetime) -> Plan | None:
    """The version that holds at ``at``: the newest whose ``valid_from`` is not later; None before the first."""
    held = [plan for plan in history if plan.valid_from <= at]
    return max(held, key=lambda plan: (plan.valid_from, plan.version), default=None)
