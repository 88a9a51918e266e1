"""A plan's rules and expected measurements as JSON, validated on the way in and on the way out."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import ThresholdRule


class PlanContent(BaseModel):
    """The part of a plan that is one JSON column. A content that means nothing raises ``pydantic.ValidationError``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[ThresholdRule, ...]
    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, plan: Plan) -> "PlanContent":
        """The content of a plan."""
        return cls(rules=plan.rules, slots=plan.slots)

    def as_json(self) -> Mapping[str, Any]:
        """What the column holds: durations and times of day in ISO 8601."""
        return self.model_dump(mode="json")
