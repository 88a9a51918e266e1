"""A patient's plan: rules from condition templates, adjusted for the patient, and when measurements are expected."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal
from uuid import UUID

from hearthline_backend.domain.rules import ThresholdRule


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
    rules: tuple[ThresholdRule, ...]
    slots: tuple[Slot, ...]
    reason: str
    author: str | None = None
    """Title and initials, such as "Dr M.R."; None for the first plan, taken from the templates as they are."""


def in_force(history: tuple[Plan, ...], at: datetime) -> Plan | None:
    """The version that holds at ``at``: the newest whose ``valid_from`` is not later; None before the first."""
    held = [plan for plan in history if plan.valid_from <= at]
    return max(held, key=lambda plan: (plan.valid_from, plan.version), default=None)
