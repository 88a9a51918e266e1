"""A plan as JSON and back: rules of every kind, the patient's own among them, exactly as they were."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.templates import TEMPLATES, build_plan
from hearthline_backend.replay.rules_file import TYPES, read_rules
from hearthline_backend.storage.records.plan_content import PlanContent

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples" / "rules").glob("*.toml"))
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


def examples() -> tuple[Rule, ...]:
    found = {rule.id: rule for path in EXAMPLES for rule in read_rules(path)}
    return tuple(found.values())


def test_the_examples_are_of_every_kind() -> None:
    assert {rule.type for rule in examples()} == set(TYPES)


@pytest.mark.parametrize("conditions", [(), ("hypertension",), tuple(TEMPLATES)])
def test_rules_of_the_patient_s_own_come_back_as_they_were(conditions: tuple[str, ...]) -> None:
    there = {rule.id for name in conditions for rule in TEMPLATES[name].rules}
    own = tuple(rule for rule in examples() if rule.id not in there)
    plan = build_plan(
        patient_id=UUID(int=7),
        version=1,
        valid_from=SINCE,
        conditions=conditions,
        reason="a visit",
        author="Dr M.R.",
        extra_rules=own,
    )
    content = PlanContent.model_validate(PlanContent.of(plan).as_json())
    assert content.adjusted == plan.adjusted
    assert content.adjusted.rules == own
    assert content.rules == plan.rules


def test_a_plan_that_was_stored_before_keeps_no_rules_apart() -> None:
    plan = build_plan(patient_id=UUID(int=7), version=1, valid_from=SINCE, conditions=["copd"], reason="as it is")
    stored = dict(PlanContent.of(plan).as_json())
    del stored["adjusted"]["rules"]
    assert PlanContent.model_validate(stored).adjusted == plan.adjusted
