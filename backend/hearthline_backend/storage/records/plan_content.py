"""A plan's rules and expected measurements as JSON, validated on the way in and on the way out."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hearthline_backend.domain.adjusting import AS_THE_TEMPLATES, Adjusted
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.plans import Plan, Slot


class PlanContent(BaseModel):
    """The part of a plan that is one JSON column. A content that means nothing raises ``pydantic.ValidationError``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Annotated[Rule, Field(discriminator="type")], ...]
    slots: tuple[Slot, ...]
    adjusted: Adjusted = AS_THE_TEMPLATES

    @field_validator("rules", mode="before")
    @classmethod
    def _every_type(cls, rules: object) -> object:
        """A rule stored before there were kinds of rules is a threshold."""
        if not isinstance(rules, list):
            return rules
        return [{"type": "threshold"} | rule if isinstance(rule, dict) else rule for rule in rules]

    @classmethod
    def of(cls, plan: Plan) -> "PlanContent":
        """The content of a plan."""
        return cls(rules=plan.rules, slots=plan.slots, adjusted=plan.adjusted)

    def as_json(self) -> Mapping[str, Any]:
        """What the column holds: durations and times of day in ISO 8601."""
        return self.model_dump(mode="json")
