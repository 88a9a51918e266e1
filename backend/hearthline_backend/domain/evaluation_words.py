"""Why a rule fired at a reading, or did not, in words with its own numbers."""

from datetime import timedelta
from typing import Final, Protocol

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule, leaves
from hearthline_backend.domain.news2 import Input, Score
from hearthline_backend.domain.phrases import Phrase, amount, apart, said, sentences
from hearthline_backend.domain.rule_names import field_phrase, input_phrase
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.domain.verdict import Crossing, Why

_PLAIN: Final = {
    Why.NO_VALUE: Phrase("The reading has no value that this rule looks at."),
    Why.QUALITY_NOT_JUDGED: Phrase("The meter measured nothing, or it was not the patient: not judged."),
    Why.NO_PLAN: Phrase("No plan was in force then."),
    Why.RULE_NOT_IN_PLAN: Phrase("The plan in force then does not have this rule."),
}


class Answered(Protocol):
    """An evaluation, or what the register keeps of one."""

    @property
    def why(self) -> Why:
        """The reason."""

    @property
    def rule(self) -> ReadingRule | None:
        """The rule in the version that judged."""

    @property
    def level(self) -> Level | None:
        """Set when it fired."""

    @property
    def past(self) -> Level | None:
        """The worst level whose limit is passed."""

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Each limit beside its measure."""

    @property
    def score(self) -> Score | None:
        """Where it is about one."""


def tell(evaluation: Answered) -> Phrase:
    """One or two sentences."""
    rule, why = evaluation.rule, evaluation.why
    if why in _PLAIN:
        return _PLAIN[why]
    if rule is None:
        return _PLAIN[Why.RULE_NOT_IN_PLAN]
    if why is Why.TOO_FEW_READINGS or why is Why.PROTOCOL_INCOMPLETE:
        return _too_few(rule)
    if evaluation.score is not None and isinstance(rule, ScoreRule):
        return _score(rule, evaluation.score, why, evaluation.level)
    if isinstance(rule, CombinationRule):
        return _combination(rule, evaluation)
    crossing = _deciding(evaluation)
    if crossing is None:
        return Phrase("Within limits.")
    return sentences((_held(rule, crossing, why), *_more(rule, crossing, why)))


def _deciding(evaluation: Answered) -> Crossing | None:
    """The limit it hangs on: the one it is furthest past, else the one it is closest to."""
    worst = evaluation.level or evaluation.past
    past = [one for one in evaluation.crossings if one.past and one.level is worst]
    if past:
        return max(past, key=_share)
    return min(evaluation.crossings, key=_share, default=None)


def _share(crossing: Crossing) -> float:
    return crossing.over / abs(crossing.limit.value) if crossing.limit.value else crossing.over


# --- what is held against the limit ---


def _held(rule: ReadingRule, crossing: Crossing, why: Why) -> Phrase:
    if crossing.measure == "value":
        return _value(rule, crossing, why)
    name = field_phrase(crossing.kind, crossing.limit.field)
    if crossing.beyond or crossing.value is None:
        return Phrase("{field} is past what the meter can measure.", {"field": name})
    if isinstance(rule, ChangeRule):
        return _change(crossing, rises=rule.rises)
    if isinstance(rule, CusumRule):
        return _cusum(crossing, above=rule.above)
    above = not isinstance(rule, MovingAverageRule) or rule.above
    return _mean(crossing, above=above)


def _value(rule: ReadingRule, crossing: Crossing, why: Why) -> Phrase:
    kind, field, red = crossing.kind, crossing.limit.field, crossing.level is Level.RED
    above = isinstance(rule, ThresholdRule) and rule.above
    values = said(field=field_phrase(kind, field), limit=amount(kind, field, crossing.limit.value, finer=1))
    if crossing.beyond or crossing.value is None:
        if not crossing.past:
            return Phrase("{field} is past what the meter can measure, on the other side.", values)
        if red:
            return Phrase("{field} is past what the meter can measure, and past the red limit of {limit}.", values)
        return Phrase("{field} is past what the meter can measure, and past the yellow limit of {limit}.", values)
    limit, off = crossing.limit.value, crossing.over
    values |= said(value=apart(kind, field, crossing.value, limit), over=apart(kind, field, off, 0))
    if why is Why.NEAR_LIMIT and crossing.limit.clears is not None:
        values |= said(clears=amount(kind, field, crossing.limit.clears, finer=1))
        return Phrase("{field} {value} is not past {limit} any more, and counts as cleared at {clears}.", values)
    if not crossing.past:
        return Phrase("{field} {value} is within the limit of {limit}.", values)
    words = {
        (True, True, False): "{field} {value} is {over} over the red limit of {limit}.",
        (False, True, False): "{field} {value} is {over} over the yellow limit of {limit}.",
        (True, False, False): "{field} {value} is {over} under the red limit of {limit}.",
        (False, False, False): "{field} {value} is {over} under the yellow limit of {limit}.",
        (True, True, True): "{field} {value} is at the red limit of {limit}.",
        (False, True, True): "{field} {value} is at the yellow limit of {limit}.",
        (True, False, True): "{field} {value} is at the red limit of {limit}.",
        (False, False, True): "{field} {value} is at the yellow limit of {limit}.",
    }
    return Phrase(words[red, above, crossing.over == 0], values)


def _change(crossing: Crossing, *, rises: bool) -> Phrase:
    kind, field, value = crossing.kind, crossing.limit.field, crossing.value or 0.0
    values = said(
        field=field_phrase(kind, field),
        value=amount(kind, field, abs(value), finer=1),
        span=crossing.span or timedelta(0),
    )
    if crossing.reference is not None:
        values |= said(reference=amount(kind, field, crossing.reference, finer=1))
    up = rises if value >= 0 else not rises
    if crossing.baseline:
        over = "{field} is {value} over what was usual until {span} ago, {reference}."
        under = "{field} is {value} under what was usual until {span} ago, {reference}."
        return Phrase(over if up else under, values)
    if value <= 0:
        words = "{field} has not risen within {span}." if rises else "{field} has not fallen within {span}."
        return Phrase(words, values)
    risen = "{field} is up by {value} within {span}, from {reference}."
    fallen = "{field} is down by {value} within {span}, from {reference}."
    return Phrase(risen if rises else fallen, values)


def _mean(crossing: Crossing, *, above: bool) -> Phrase:
    kind, field, value = crossing.kind, crossing.limit.field, crossing.value or 0.0
    values = said(field=field_phrase(kind, field), span=crossing.span or timedelta(0))
    if crossing.reference is None:
        values |= said(value=amount(kind, field, value, finer=1))
        return Phrase("{field}, average of {span}: {value}.", values)
    up = above if value >= 0 else not above
    values |= said(
        value=amount(kind, field, abs(value), finer=1), reference=amount(kind, field, crossing.reference, finer=1)
    )
    over = "{field}, average of {span}, is {value} over what is usual, {reference}."
    under = "{field}, average of {span}, is {value} under what is usual, {reference}."
    return Phrase(over if up else under, values)


def _cusum(crossing: Crossing, *, above: bool) -> Phrase:
    kind, field = crossing.kind, crossing.limit.field
    over = "{field}: steps over what is usual, {reference}, add up to {value}."
    under = "{field}: steps under what is usual, {reference}, add up to {value}."
    values = said(
        field=field_phrase(kind, field),
        reference=amount(kind, field, crossing.reference or 0.0, finer=1),
        value=amount(kind, field, crossing.value or 0.0, finer=1),
    )
    return Phrase(over if above else under, values)


# --- what else it hangs on ---


def _more(rule: ReadingRule, crossing: Crossing, why: Why) -> list[Phrase]:
    found = [] if crossing.measure == "value" else [_limit(crossing)]
    if isinstance(rule, ThresholdRule):
        asked = rule.persistence(crossing.level)
        if why is Why.NOT_OFTEN_ENOUGH or (why is Why.FIRED and asked.n > 1):
            met = "{n} of the last {m} readings are past it, which is what this rule asks for."
            unmet = "The rule asks for {n} of the last {m} readings."
            found.append(Phrase(met if why is Why.FIRED else unmet, {"n": asked.n, "m": asked.m}))
        if why is Why.NOT_LONG_ENOUGH:
            found.append(Phrase("The rule asks for {span} without a break.", {"span": asked.lasting}))
    if why is Why.NEAR_LIMIT and crossing.measure != "value":
        found.append(Phrase("Not yet far enough back to count as cleared."))
    return found


def _limit(crossing: Crossing) -> Phrase:
    words = {
        (Level.RED, True): "Personal red limit: {limit}.",
        (Level.RED, False): "Red limit: {limit}.",
        (Level.YELLOW, True): "Personal yellow limit: {limit}.",
        (Level.YELLOW, False): "Yellow limit: {limit}.",
    }
    limit = crossing.limit
    figure = amount(crossing.kind, limit.field, limit.value, finer=1)
    return Phrase(words[crossing.level, limit.personal], {"limit": figure})


def _too_few(rule: ReadingRule) -> Phrase:
    if isinstance(rule, AverageRule):
        fewer, none = "Fewer than {least} complete days of the last {days}: no average yet.", "No complete day yet."
        values = said(least=rule.protocol.least_days, days=rule.protocol.days)
        return Phrase(none if rule.protocol.least_days == 1 else fewer, values)
    if isinstance(rule, MovingAverageRule):
        few, nothing = "Fewer than {n} readings to tell an average and what is usual.", "Nothing to tell what is usual."
        return Phrase(nothing if rule.least == 1 else few, {"n": rule.least})
    if isinstance(rule, CusumRule):
        words = "No more than {n} readings within {span}: not enough to tell what is usual."
        if rule.baseline_least == 1:
            words = "No other reading within {span}: not enough to tell what is usual."
        return Phrase(words, {"n": rule.baseline_least, "span": rule.look_back})
    return Phrase("No other reading to compare with.")


# --- several kinds ---


def _combination(rule: CombinationRule, evaluation: Answered) -> Phrase:
    told = []
    named = [leaf for one in (rule.red, rule.yellow) if one is not None for leaf in leaves(one)]
    pairs = list(zip(named, evaluation.crossings, strict=False))
    if evaluation.why is Why.FIRED:
        pairs = [pair for pair in pairs if pair[1].level is evaluation.level and pair[1].past]
    else:
        pairs = [pair for pair in dict(pairs).items() if not pair[1].past]
    for leaf, crossing in pairs:
        name, kind = field_phrase(leaf.kind, leaf.field), leaf.kind
        if crossing.beyond:
            told.append(Phrase("{field} is past what the meter can measure.", {"field": name}))
        elif crossing.value is None:
            told.append(Phrase("{field} is not known within {span}.", {"field": name, "span": rule.within}))
        elif crossing.reference is not None:
            told += [_change(crossing, rises=leaf.direction == "rises"), _asked(crossing)]
        else:
            values = said(
                field=name,
                value=apart(kind, leaf.field, crossing.value, crossing.limit.value),
                limit=amount(kind, leaf.field, crossing.limit.value, finer=1),
            )
            past = "{field} {value} is past {limit}."
            told.append(Phrase(past if crossing.past else "{field} {value} is not past {limit}.", values))
    return sentences(told) if told else Phrase("Within limits.")


def _asked(crossing: Crossing) -> Phrase:
    asked = amount(crossing.kind, crossing.limit.field, crossing.limit.value, finer=1)
    return Phrase("The rule asks for {limit}.", {"limit": asked})


def _score(rule: ScoreRule, score: Score, why: Why, level: Level | None) -> Phrase:
    values = said(n=score.points, missing=tuple(input_phrase(one) for one in score.missing))
    known, whole = "NEWS2, partial: at least {n} points. Missing: {missing}.", "NEWS2: {n} points."
    if score.points == 1:
        known, whole = "NEWS2, partial: at least 1 point. Missing: {missing}.", "NEWS2: 1 point."
    told = [Phrase(known if score.partial else whole, values)]
    singles = [given for given, one in score.inputs.items() if one.points >= (rule.yellow_single or 4)]
    if singles:
        most, fewer = "{n} points for {inputs} alone.", "{n} or more points for {inputs} alone."
        named = tuple(input_phrase(one) for one in singles)
        told.append(Phrase(most if rule.yellow_single == 3 else fewer, {"n": rule.yellow_single or 0, "inputs": named}))
    red = Phrase("Red from {n}.", {"n": rule.red_from or 0})
    yellow = Phrase("Yellow from {n}.", {"n": rule.yellow_from or 0})
    if rule.red_from is not None and level is not Level.YELLOW:
        told.append(red)
    elif rule.yellow_from is not None:
        told.append(yellow)
    if score.assumed_air and Input.OXYGEN_SATURATION in score.inputs:
        told.append(Phrase("Oxygen is scored as on air."))
    if why is Why.INPUT_MISSING:
        told.append(Phrase("What gave points before has not been measured since."))
    return sentences(told)
