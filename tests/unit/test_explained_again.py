"""What the register keeps of an evaluation is enough to tell it again, word for word."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.alerting.explanation import explanation, recorded
from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.evaluation import Why, evaluate
from hearthline_backend.domain.rule_words import english, tell
from hearthline_backend.web.phrases import say
from tests.fixtures.rule_kinds import RULES, VALUES, ZONE, plan_of, streams

UNTOLD = {Why.QUALITY_NOT_JUDGED, Why.NO_PLAN, Why.RULE_NOT_IN_PLAN}


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one.id)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_told_from_the_register_it_is_the_same_sentence(rule: ReadingRule, data: st.DataObject) -> None:
    stream = data.draw(streams(tuple(rule.kinds & VALUES.keys()), 30))
    for one in evaluate(stream, (plan_of(rule),), rule.id, ZONE):
        if one.why in UNTOLD:
            continue
        kept = json.loads(json.dumps(explanation(one)))
        again = recorded(kept, rule)
        assert (again.why, again.level, again.past) == (one.why, one.level, one.past)
        assert english(tell(again)) == english(tell(one)) == say(tell(one))
