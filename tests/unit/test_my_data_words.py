"""What a patient reads of a rule that looks at more than one reading: whole, plain, and without a clinic's words."""

import pytest

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule
from hearthline_backend.domain.templates import TEMPLATES
from hearthline_backend.web.views.my_data import together_meaning
from hearthline_backend.web.views.my_reports import turned

RULES: dict[str, Rule] = {
    rule.id: rule
    for template in TEMPLATES.values()
    for rule in template.rules
    if not isinstance(rule, ThresholdRule | MissingRule | TechnicalRule)
}
A_CLINICS = ("red", "yellow", "alert", "rule", "score", "systolic", "abnormal", "threshold", "{")


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_of_the_templates_is_told_to_the_patient_in_plain_words(name: str) -> None:
    said = together_meaning(RULES[name])
    assert said.endswith(".")
    assert not [word for word in A_CLINICS if word in said.lower().split() or (word == "{" and word in said)]


def test_the_templates_have_such_rules_in_both_directions() -> None:
    assert len({together_meaning(rule) for rule in RULES.values()}) >= 3


EVERY: dict[str, Rule] = {
    rule.id: rule
    for template in TEMPLATES.values()
    for rule in template.rules
    if not isinstance(rule, MissingRule | TechnicalRule)
}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_went_from_green_to_yellow_is_told_to_the_patient_in_plain_words(name: str) -> None:
    said = " ".join(turned("body_weight", EVERY[name]))
    first, more = said.split("from green to yellow.")
    assert first in ("Your weight went ", "Several of your readings together went ")
    assert bool(more) is first.startswith("Your weight")
    assert not [word for word in A_CLINICS if word in more.lower().split()]


def test_a_limit_says_on_which_side_it_was_and_an_unknown_plan_only_what() -> None:
    sides = {rule.direction: turned("glucose", rule)[1] for rule in EVERY.values() if isinstance(rule, ThresholdRule)}
    assert sides == {
        "above": "It was higher than the limit you and your doctor agreed on.",
        "below": "It was lower than the limit you and your doctor agreed on.",
    }
    assert turned("glucose", None) == ("Your glucose went from green to yellow.",)
