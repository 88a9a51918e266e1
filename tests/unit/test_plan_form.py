"""The form of a plan: posted untouched it changes nothing, and whatever is typed is a number or a sentence."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.adjusting import Override, OxygenTarget
from hearthline_backend.domain.plan_wish import PlanWish, next_plan
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.domain.templates import TEMPLATES, build_plan
from hearthline_backend.web.language import Language, speaking
from hearthline_backend.web.plan_reading import Read, read_plan
from hearthline_backend.web.views.plan_form import PlanForm, plan_form

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TEMPERATURE = "limit/copd.temperature_high/yellow/temperature"
RED = "limit/hypertension.pressure_high/red/systolic"


def plan_of(*conditions: str) -> Plan:
    return build_plan(
        patient_id=UUID(int=7), version=1, valid_from=NOW, conditions=conditions, reason="as the templates"
    )


def drawn(plan: Plan) -> PlanForm:
    return plan_form(plan, plan, PlanWish.of(plan), NOW)


def fields(form: PlanForm, **typed: str) -> dict[str, list[str]]:
    """What a browser would post of it."""
    posted = {"shown": list(form.shown), "conditions": ["1"], "slots": ["1"], "reason": ["after the visit"]}
    posted["condition"] = [one.value for one in form.conditions if one.on]
    posted["slot"] = [one.value for row in form.slots for one in row.boxes if one.on]
    for one in (*(field for rule in form.rules for field in rule.fields), *form.oxygen):
        posted[one.name] = [one.value]
    for conflict in form.conflicts:
        posted[conflict.reason.name] = [conflict.reason.value]
        posted |= {choice.name: [choice.value] for choice in conflict.choices if choice.on}
    return posted | {name: [text] for name, text in typed.items()}


def read(plan: Plan, posted: dict[str, list[str]]) -> Read:
    return read_plan(plan, posted, author="Dr M.R.", now=NOW, saving=True)


@pytest.mark.parametrize("locale", ["en", "sv", "es"])
@settings(deadline=None, max_examples=30)
@given(names=st.permutations(sorted(TEMPLATES)), many=st.integers(1, len(TEMPLATES)), stated=st.booleans())
def test_a_form_posted_untouched_changes_nothing(locale: str, names: list[str], many: int, stated: bool) -> None:
    plan = plan_of(*names[:many])
    wish = PlanWish.of(plan)
    if stated:
        wish = PlanWish(wish.conditions, (), (), OxygenTarget(88, 92, "clinic", "Dr M.R.", NOW), wish.slots)
    plan = next_plan(plan, wish, at=NOW, author="Dr M.R.", reason="a reason")
    with speaking(Language.of(locale, "Europe/Stockholm")):
        found = read(plan, fields(drawn(plan)))
    assert found.filled.wrong == {}
    assert found.wish == PlanWish.of(plan)
    assert found.draft is not None
    assert found.draft.rules == plan.rules


def test_a_personal_limit_survives_a_form_in_every_language() -> None:
    plan = plan_of("copd")
    limit = Override("copd.temperature_high", Level.YELLOW, "temperature", 38.55, "Cel", clears=38.25)
    plan = next_plan(plan, PlanWish.of(plan).with_limit(limit), at=NOW, author="Dr M.R.", reason="a reason")
    for locale in ("en", "sv"):
        with speaking(Language.of(locale, "Europe/Stockholm")):
            form = drawn(plan)
            assert read(plan, fields(form)).wish == PlanWish.of(plan)
    assert fields(form)[TEMPERATURE] == ["38,55"]


@pytest.mark.parametrize("typed", ["38.6", "38,6", " 38.60 "])
def test_numbers_are_read_with_point_or_comma(typed: str) -> None:
    plan = plan_of("copd")
    found = read(plan, fields(drawn(plan), **{TEMPERATURE: typed}))
    assert found.draft is not None
    rule = found.draft.rule("copd.temperature_high")
    assert isinstance(rule, ThresholdRule)
    assert rule.yellow[0].value == 38.6


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_whatever_is_typed_is_a_plan_or_a_sentence_at_its_field(red: str, low: str, reason: str) -> None:
    plan = plan_of("hypertension", "copd")
    posted = fields(drawn(plan), **{RED: red, "oxygen/low": low, "reason": reason})
    found = read(plan, posted)
    assert (found.draft is None) == bool(found.filled.wrong)
    form = plan_form(plan, found.draft or found.base, found.wish, NOW, found.filled)
    assert len(form.problems) == len(found.filled.wrong)
    ids = {one.id for rule in form.rules for one in rule.fields} | {one.id for one in (*form.oxygen, form.reason)}
    assert {id_ for id_, _text in form.problems} <= ids


def test_no_condition_at_all_is_refused() -> None:
    plan = plan_of("hypertension")
    found = read(plan, fields(drawn(plan)) | {"condition": []})
    assert found.filled.wrong.keys() == {"condition"}


def test_names_of_fields_and_of_boxes_are_each_once() -> None:
    form = drawn(plan_of(*TEMPLATES))
    ids = [one.id for rule in form.rules for one in rule.fields]
    ids += [one.id for one in form.conditions] + [one.id for row in form.slots for one in row.boxes]
    ids += [choice.id for conflict in form.conflicts for choice in conflict.choices]
    ids += [conflict.reason.id for conflict in form.conflicts] + [one.id for one in form.oxygen]
    ids += [form.reason.id] + [rule.id for rule in form.rules]
    assert len(ids) == len(set(ids))
