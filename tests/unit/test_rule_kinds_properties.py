"""Whatever the kind of rule: order, duplicates and groups change nothing, and nothing older than a look-back counts."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.episodes import Episode, Turn, episodes, episodes_of
from hearthline_backend.domain.evaluation import evaluate, ordered
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.replaying import Replay
from tests.fixtures.rule_kinds import RULES, START, VALUES, ZONE, plan_of, streams

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda one: one.id)
FEW = settings(max_examples=60, deadline=None)


def stream_of(rule: ReadingRule, data: st.DataObject, most: int = 60) -> list[Observation]:
    return data.draw(streams(tuple(rule.kinds & VALUES.keys()), most))


def histories(rule: ReadingRule, data: st.DataObject) -> tuple[Plan, ...]:
    """One version, or the rule in another one, or gone and back."""
    others: tuple[tuple[Plan, ...], ...] = (
        (plan_of(rule),),
        (plan_of(rule, since=START + timedelta(days=6)),),
        (plan_of(rule), plan_of(version=2, since=START + timedelta(days=5)), _again(rule)),
    )
    return data.draw(st.sampled_from(others))


def _again(rule: ReadingRule) -> Plan:
    return plan_of(rule, version=3, since=START + timedelta(days=9))


@every_rule
@FEW
@given(st.data(), st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(rule: ReadingRule, data: st.DataObject, chance: Random) -> None:
    stream, history = stream_of(rule, data), histories(rule, data)
    shuffled = stream + stream[::3]
    chance.shuffle(shuffled)
    assert episodes(shuffled, history, rule.id, ZONE) == episodes(stream, history, rule.id, ZONE)


@every_rule
@FEW
@given(st.data())
def test_what_it_says_rests_on_one_look_back_alone(rule: ReadingRule, data: st.DataObject) -> None:
    """The incremental answer is the one that is worked out from nothing but the last look-back."""
    stream, history = ordered(stream_of(rule, data)), histories(rule, data)
    for index, whole in enumerate(evaluate(stream, history, rule.id, ZONE)):
        at = stream[index].effective_time
        recent = [one for one in stream[: index + 1] if at - one.effective_time <= rule.look_back]
        assert evaluate(recent, history, rule.id, ZONE)[-1] == whole


@every_rule
@FEW
@given(st.data())
def test_a_reading_that_is_not_explained_has_the_same_answer(rule: ReadingRule, data: st.DataObject) -> None:
    stream, history = stream_of(rule, data), (plan_of(rule),)
    whole, short = evaluate(stream, history, rule.id, ZONE), evaluate(stream, history, rule.id, ZONE, told=())
    assert [(one.why, one.level, one.near) for one in whole] == [(one.why, one.level, one.near) for one in short]
    assert episodes(stream, history, rule.id, ZONE) == episodes_of(short)


@every_rule
@FEW
@given(st.data(), st.integers(0, 20 * 24 * 60))
def test_a_window_of_two_look_backs_is_exact_within_one(rule: ReadingRule, data: st.DataObject, minutes: int) -> None:
    """What judging relies on: nothing further away than that can change who belongs together."""
    stream, history = stream_of(rule, data), histories(rule, data)
    span, moment = rule.look_back, START + timedelta(minutes=minutes)
    inside = [one for one in stream if abs(one.effective_time - moment) <= 2 * span]
    exact = {one.reading_id for one in stream if abs(one.effective_time - moment) <= span}
    assert _links(episodes(inside, history, rule.id, ZONE), exact) == _links(
        episodes(stream, history, rule.id, ZONE), exact
    )


def _links(found: tuple[Episode, ...], exact: set[UUID]) -> set[tuple[UUID, ...]]:
    groups = (tuple(each for each in one.readings if each in exact) for one in found)
    return {group for group in groups if group}


@FEW
@given(st.data())
def test_a_replay_takes_the_same_turns(data: st.DataObject) -> None:
    stream = data.draw(streams())
    history = (plan_of(*RULES), plan_of(*RULES[::2], version=2, since=START + timedelta(days=7)))
    replay = Replay(history, ZONE)
    happened: dict[str, list[tuple[Turn, object, datetime]]] = {rule.id: [] for rule in RULES}
    for observation in ordered(stream):
        for one in replay.see(observation):
            assert one.readings[-1] == observation.reading_id == one.evaluation.observation.reading_id
            happened[one.rule_id].append((one.turn, one.level, one.at))
    for rule in RULES:
        turns = [turn for one in episodes(stream, history, rule.id, ZONE) for turn in one.transitions]
        assert happened[rule.id] == [(one.turn, one.level, one.at) for one in turns]
