"""Whatever cannot be meant in the form of a plan is said at its field, in the language of the person who typed it."""

from dataclasses import replace
from gettext import NullTranslations
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from hearthline_backend.domain.plan_wish import PlanWish, next_plan
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Limit, RuleError, ThresholdRule
from hearthline_backend.web.language import Language, speaking
from hearthline_backend.web.views.plan_form import plan_form
from hearthline_backend.web.views.plan_wrong import refused, together
from tests.unit.test_plan_form import NOW, RED, drawn, fields, plan_of, read

YELLOW = "limit/hypertension.pressure_high/yellow/systolic"
LIGHT, HEAVY = "limit/own_light/yellow/weight", "limit/own_heavy/red/weight"


class Marked(NullTranslations):
    """Says of every text that it went through the catalogue."""

    def gettext(self, message: str) -> str:
        return f"«{message}»"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"«{msgid1 if n == 1 else msgid2}»"


MARKED = Language(Locale("en"), ZoneInfo("Europe/Stockholm"), Marked())
ENGLISH = Language.of("en", "Europe/Stockholm")


def untranslated(text: str) -> str:
    """What of a text stands outside of all marks."""
    outside, deep = "", 0
    for one in text:
        deep += (one == "«") - (one == "»")
        outside += one if not deep and one != "»" else ""
    return outside.strip()


def own(rule_id: str, **levels: Limit) -> ThresholdRule:
    red, yellow = ((levels[one],) if one in levels else () for one in ("red", "yellow"))
    return ThresholdRule(rule_id, "body_weight", "above", red, yellow, "Agreed at the visit", "Ask.")


def pressed() -> Plan:
    """Both limits of pressure are the patient's own, and higher than usual."""
    made = read(plan_of("hypertension"), fields(drawn(plan_of("hypertension")), **{RED: "200", YELLOW: "190"})).draft
    assert made is not None
    return replace(made, valid_from=NOW)


def weighed(**typed: str) -> Plan:
    """Two rules of the patient's own about weight: one brings yellow at 80 kg, the other red at 82 kg."""
    before = plan_of("hypertension")
    light, heavy = own("own_light", yellow=Limit("weight", 80, "kg")), own("own_heavy", red=Limit("weight", 82, "kg"))
    wish = replace(PlanWish.of(before), rules=(light, heavy))
    plan = next_plan(before, wish, at=NOW, author="Dr M.R.", reason="a reason")
    if not typed:
        return plan
    made = read(plan, fields(drawn(plan), **typed)).draft
    assert made is not None
    return made


CASES = [
    (plan_of("hypertension"), {RED: "18"}, RED, "18 mmHg is not possible here. Enter 161 to 330."),
    (plan_of("hypertension"), {RED: "high"}, RED, "high is no number. Enter one in mmHg, such as 180."),
    (plan_of("hypertension"), {YELLOW: "190"}, YELLOW, "190 mmHg is not possible here. Enter 20 to 179."),
    (
        pressed(),
        {RED: ""},
        RED,
        "Empty goes back to 180 mmHg, which is not possible beside the other level. Enter 191 to 330.",
    ),
    (
        plan_of("hypertension"),
        {"oxygen/low": "88%", "oxygen/high": "92", "oxygen/source": "clinic"},
        "oxygen/low",
        "88% is not possible here. Enter whole per cent, 80 to 100, such as 88.",
    ),
    (
        plan_of("hypertension"),
        {"oxygen/high": "92", "oxygen/source": "clinic"},
        "oxygen/low",
        "Enter whole per cent, 80 to 100, such as 88, or empty all of the oxygen target.",
    ),
    (
        plan_of("hypertension"),
        {"oxygen/low": "92", "oxygen/high": "92", "oxygen/source": "clinic"},
        "oxygen/high",
        "92 % does not lie above 92 %. Enter a higher number here, or a lower one to begin with.",
    ),
    (
        plan_of("hypertension"),
        {"oxygen/low": "88", "oxygen/high": "92"},
        "oxygen/source",
        "Write who says so, or empty the range.",
    ),
    (plan_of("hypertension"), {"reason": ""}, "reason", "Write why, in up to 300 characters."),
    (
        weighed(),
        {LIGHT: "85", HEAVY: "83"},
        LIGHT,
        "Weight: yellow at 85 kg would not come before red at 83 kg. Change one of the two.",
    ),
    (
        weighed(**{LIGHT: "85", HEAVY: "90"}),
        {LIGHT: "95"},
        LIGHT,
        "Weight: yellow at 95 kg would not come before red at 90 kg. Change one of the two.",
    ),
]


@pytest.mark.parametrize(("plan", "typed", "field", "said"), CASES, ids=[said for *_rest, said in CASES])
def test_what_cannot_be_meant_is_said_at_its_field_by_the_catalogue(
    plan: Plan, typed: dict[str, str], field: str, said: str
) -> None:
    with speaking(ENGLISH):
        found = read(plan, fields(drawn(plan), **typed))
        assert {name: text.replace("\u00a0", " ") for name, text in found.filled.wrong.items()} == {field: said}
        form = plan_form(plan, found.base, found.wish, NOW, found.filled)
        ((_id, problem),) = form.problems
        assert problem.replace("\u00a0", " ").endswith(f": {said}"), "the list of problems names the field"
    with speaking(MARKED):
        words = read(plan, fields(drawn(plan), **typed)).filled.wrong[field]
        assert untranslated(words) == ""
        assert "«" in words


def test_a_plan_without_any_condition_is_said_by_the_catalogue() -> None:
    plan = plan_of("hypertension")
    with speaking(MARKED):
        wrong = read(plan, fields(drawn(plan)) | {"condition": []}).filled.wrong
    assert untranslated(wrong["condition"]) == ""


def test_what_nobody_foresaw_is_a_sentence_with_the_rules_own_words() -> None:
    with speaking(MARKED):
        at_fault, words = together(RuleError("rule a: b"), (), ())
        assert at_fault is None
        assert untranslated(words) == untranslated(refused("rule a: b")) == ""
        assert "rule a: b" in words
        assert "rule a: b" in refused("rule a: b")
