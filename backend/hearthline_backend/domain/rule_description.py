"""What a rule watches, in words with its own numbers."""

from datetime import timedelta
from typing import Final, Literal

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import AllOf, Changed, CombinationRule, Condition, Crossed
from hearthline_backend.domain.phrases import Amount, Phrase, amount, said
from hearthline_backend.domain.rule_names import field_phrase, kind_phrase
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.domain.verdict import LEVELS

_LEVEL_WORDS: Final = {
    (Level.RED, False): "{condition}: red.",
    (Level.RED, True): "{condition}: red, personal.",
    (Level.YELLOW, False): "{condition}: yellow.",
    (Level.YELLOW, True): "{condition}: yellow, personal.",
}


def describe(rule: Rule) -> tuple[Phrase, ...]:
    """One sentence for each level and limit, then what else has to hold."""
    match rule:
        case ThresholdRule():
            return _threshold(rule)
        case ChangeRule():
            return _change(rule)
        case AverageRule():
            return _average(rule)
        case MovingAverageRule():
            return _moving_average(rule)
        case CusumRule():
            return _cusum(rule)
        case CombinationRule():
            return _combination(rule)
        case ScoreRule():
            return _score(rule)
        case MissingRule():
            return _missing(rule)
        case _:
            return (_technical(rule),)


def conditions(rule: Rule, level: Level) -> tuple[Phrase, ...]:
    """Those of its sentences that say when this level is reached."""
    words = {_LEVEL_WORDS[level, personal] for personal in (False, True)}
    return tuple(one for one in describe(rule) if one.msgid in words)


def asked_beside(rule: Rule) -> tuple[Phrase, ...]:
    """The other sentences: what else has to hold."""
    words = set(_LEVEL_WORDS.values())
    return tuple(one for one in describe(rule) if one.msgid not in words)


def _said(level: Level, condition: Phrase, *, personal: bool = False) -> Phrase:
    return Phrase(_LEVEL_WORDS[level, personal], {"condition": condition})


def _threshold(rule: ThresholdRule) -> tuple[Phrase, ...]:
    found = [
        _said(level, _at(rule.kind, limit.field, limit.value, rule.direction), personal=limit.personal)
        for level in LEVELS
        for limit in rule.limits(level)
    ]
    for level in LEVELS:
        asked = rule.persistence(level)
        if not rule.limits(level):
            continue
        if asked.m > 1:
            red = "Red asks for {n} of the last {m} readings."
            yellow = "Yellow asks for {n} of the last {m} readings."
            found.append(Phrase(red if level is Level.RED else yellow, {"n": asked.n, "m": asked.m}))
        if asked.lasting:
            red = "Red asks for {span} without a break."
            yellow = "Yellow asks for {span} without a break."
            found.append(Phrase(red if level is Level.RED else yellow, {"span": asked.lasting}))
    return (*found, *_clears(rule.kind, (*rule.red, *rule.yellow), above=rule.above))


def _change(rule: ChangeRule) -> tuple[Phrase, ...]:
    based = rule.against == "baseline"
    words = {
        (True, False): "{field} up by {amount} or more within {span}",
        (False, False): "{field} down by {amount} or more within {span}",
        (True, True): "{field} {amount} or more over what was usual until {span} ago",
        (False, True): "{field} {amount} or more under what was usual until {span} ago",
    }
    name = field_phrase(rule.kind, rule.field)
    found = [
        _said(
            level,
            Phrase(
                words[rule.rises, based],
                {"field": name, "amount": amount(rule.kind, rule.field, change.amount, finer=1), "span": change.within},
            ),
            personal=change.personal,
        )
        for level in LEVELS
        for change in rule.changes(level)
    ]
    if based:
        found.append(_usual(rule.baseline_span, rule.baseline_least))
    if rule.clears_by:
        by = amount(rule.kind, rule.field, rule.clears_by, finer=1)
        found.append(Phrase("Cleared once it has come down by {amount}.", {"amount": by}))
    return tuple(found)


def _average(rule: AverageRule) -> tuple[Phrase, ...]:
    protocol = rule.protocol
    limits = [
        _said(
            level,
            Phrase(
                "Average of {span}, {limit}",
                {
                    "span": timedelta(days=protocol.days),
                    "limit": _at(rule.kind, limit.field, limit.value, rule.direction),
                },
            ),
            personal=limit.personal,
        )
        for level in LEVELS
        for limit in rule.limits(level)
    ]
    complete = Phrase(
        "Readings before {noon}: {n} a day, and as many after. Complete days needed: {least}. First days left out: "
        "{drop}.",
        said(
            n=protocol.a_session,
            noon=f"{protocol.noon:%H:%M}",
            least=protocol.least_days,
            drop=protocol.drop_days,
        ),
    )
    return (*limits, complete, *_clears(rule.kind, (*rule.red, *rule.yellow), above=rule.above))


def _moving_average(rule: MovingAverageRule) -> tuple[Phrase, ...]:
    based = rule.against == "baseline"
    found = []
    for level in LEVELS:
        for limit in rule.limits(level):
            far = amount(rule.kind, rule.field, limit.value, finer=1)
            values = said(field=field_phrase(rule.kind, rule.field), span=rule.span, amount=far)
            over = "{field}, mean of {span}, {amount} or more over what is usual"
            under = "{field}, mean of {span}, {amount} or more under what is usual"
            at = Phrase(
                "Mean of {span}, {limit}",
                {"span": rule.span, "limit": _at(rule.kind, rule.field, limit.value, rule.direction)},
            )
            condition = Phrase(over if rule.above else under, values) if based else at
            found.append(_said(level, condition, personal=limit.personal))
    if based:
        return (*found, _usual(rule.baseline_span, rule.least))
    return (*found, *_clears(rule.kind, (*rule.red, *rule.yellow), above=rule.above))


def _cusum(rule: CusumRule) -> tuple[Phrase, ...]:
    over = "{field}, steps over what is usual add up to {amount} or more"
    under = "{field}, steps under what is usual add up to {amount} or more"
    found = [
        _said(
            level,
            Phrase(
                over if rule.above else under,
                {
                    "field": field_phrase(rule.kind, rule.field),
                    "amount": amount(rule.kind, rule.field, limit.value, finer=1),
                },
            ),
            personal=limit.personal,
        )
        for level in LEVELS
        for limit in rule.limits(level)
    ]
    slack = amount(rule.kind, rule.field, rule.slack, finer=1)
    usual = Phrase(
        "Of each step {slack} does not count; usual is the median of the first {n} readings of {span}.",
        {"slack": slack, "n": rule.baseline_least, "span": rule.look_back},
    )
    return (*found, usual)


def _combination(rule: CombinationRule) -> tuple[Phrase, ...]:
    found = [
        _said(level, Phrase("{condition}, within {span}", {"condition": _condition(one), "span": rule.within}))
        for level, one in ((Level.RED, rule.red), (Level.YELLOW, rule.yellow))
        if one is not None
    ]
    return tuple(found)


def _condition(condition: Condition) -> Phrase:
    if isinstance(condition, Crossed):
        return _at(condition.kind, condition.field, condition.value, condition.direction)
    if isinstance(condition, Changed):
        words = (
            "{field} up by {amount} or more" if condition.direction == "rises" else "{field} down by {amount} or more"
        )
        far = amount(condition.kind, condition.field, condition.amount, finer=1)
        return Phrase(words, {"field": field_phrase(condition.kind, condition.field), "amount": far})
    parts = tuple(_condition(one) for one in condition.parts)
    if len(parts) == 1:
        return parts[0]
    return Phrase("all of ({parts})" if isinstance(condition, AllOf) else "one of ({parts})", {"parts": parts})


def _score(rule: ScoreRule) -> tuple[Phrase, ...]:
    found = [
        _said(level, Phrase("NEWS2 of {n} or more", {"n": points}))
        for level, points in ((Level.RED, rule.red_from), (Level.YELLOW, rule.yellow_from))
        if points is not None
    ]
    if rule.yellow_single is not None:
        found.append(_said(Level.YELLOW, Phrase("{n} points for one input", {"n": rule.yellow_single})))
    if rule.scale == 2:
        found.append(Phrase("Oxygen by scale 2, for a target of 88–92\u00a0%."))
    found.append(
        Phrase(
            "From what was measured within {span}. A home has no meter for every input: the score is partial, at least "
            "this much.",
            {"span": rule.within},
        )
    )
    return tuple(found)


def _missing(rule: MissingRule) -> tuple[Phrase, ...]:
    once, often = "{kind} missed once", "{kind} missed {n} times in a row"
    levels = ((Level.RED, rule.red_after), (Level.YELLOW, rule.yellow_after))
    return tuple(
        _said(level, Phrase(once if after == 1 else often, {"kind": kind_phrase(rule.kind), "n": after}))
        for level, after in levels
        if after is not None
    )


def _technical(rule: TechnicalRule) -> Phrase:
    if rule.signal == "silent_hop":
        return Phrase("A part of the home silent for {span}.", {"span": rule.lasting})
    if rule.signal == "clock":
        return Phrase("A clock wrong by {span} or more.", {"span": timedelta(seconds=rule.limit or 0)})
    return Phrase("A battery at {limit} or under.", {"limit": Amount(rule.limit or 0, "%", 0)})


def _at(kind: str, field: str, value: float, direction: Literal["above", "below"]) -> Phrase:
    words = "{field} {limit} or over" if direction == "above" else "{field} {limit} or under"
    return Phrase(words, {"field": field_phrase(kind, field), "limit": amount(kind, field, value, finer=1)})


def _usual(span: timedelta, least: int) -> Phrase:
    return Phrase(
        "Usual is the median of the {span} before, of {n} readings or more.",
        {"span": span, "n": least},
    )


def _clears(kind: str, limits: tuple[Limit, ...], *, above: bool) -> list[Phrase]:
    words = "Cleared at {field} {limit} or under." if above else "Cleared at {field} {limit} or over."
    found = []
    for limit in limits:
        if limit.clears is not None:
            values = said(field=field_phrase(kind, limit.field))
            found.append(Phrase(words, values | said(limit=amount(kind, limit.field, limit.clears, finer=1))))
    return found
