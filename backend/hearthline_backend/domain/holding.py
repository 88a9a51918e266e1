"""What holds between limits that disagree: the stricter one for yellow, the looser one for red, in one rule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.limits_of import LimitedRule, Limits, Mark, Place, low_fires_earlier, value_of
from hearthline_backend.domain.rules import Level, Limit, Persistence, ThresholdRule

HELD: Final = "held"
"""Ends the name of the rule that raises yellow at once where the stricter template would have been red at once."""

_Asked = tuple[LimitedRule, Mark]


def hold(members: Sequence[Limits], place: Place) -> tuple[Limits, list[Limits]]:
    """Leave what stands at ``place`` to one of ``members``, or to a rule of its own; that owner, and the rules that
    come in addition."""
    low_first = low_fires_earlier(members[0].rule)
    reds = _strictest_first(members, Level.RED, place, low_first)
    yellows = _strictest_first(members, Level.YELLOW, place, low_first)
    red = reds[-1][1] if reds else None
    earlier = [one for one in reds if red is not None and value_of(one[1]) != value_of(red)]
    first = yellows or earlier
    persistence = _merged(reds, first if yellows else [])
    owner, added = _owner(members, place, persistence)
    rules = [one.rule for one in members]
    for one in members:
        one.drop(place)
    if red is not None:
        owner.red[place] = red
    if first:
        owner.yellow[place] = first[0][1]
    owner.rule = _together(owner.rule, rules, persistence)
    return owner, added + _at_once(reds, red, persistence, place)


def _strictest_first(members: Sequence[Limits], level: Level, place: Place, low_first: bool) -> list[_Asked]:
    asked = [(one.rule, one.level(level)[place]) for one in members if place in one.level(level)]
    # Of equals a personal one comes first: it says whose word it is.
    return sorted(asked, key=lambda one: (value_of(one[1]) * (1 if low_first else -1), not one[1].personal))


def _merged(reds: Sequence[_Asked], yellows: Sequence[_Asked]) -> dict[Level, Persistence]:
    """Red as the most patient of those who ask for red, yellow as the least patient; nothing for rules without."""
    found: dict[Level, Persistence] = {}
    red = [rule.red_persistence for rule, _ in reds if isinstance(rule, ThresholdRule)]
    yellow = [rule.yellow_persistence for rule, _ in yellows if isinstance(rule, ThresholdRule)]
    if red:
        found[Level.RED] = max(red, key=_patience)
    if yellow:
        found[Level.YELLOW] = min(yellow, key=_patience)
    elif red:
        found[Level.YELLOW] = min(red, key=_patience)
    return found


def _owner(
    members: Sequence[Limits], place: Place, persistence: dict[Level, Persistence]
) -> tuple[Limits, list[Limits]]:
    """The first rule, where what holds here may hold for all of it; else a rule for this alone."""
    keeper = members[0]
    rule = keeper.rule
    same = not isinstance(rule, ThresholdRule) or all(rule.persistence(one) == it for one, it in persistence.items())
    if same or keeper.places == (place,):
        return keeper, []
    alone = Limits(replace(rule, id=f"{rule.id}.{place}"), {}, {})
    return alone, [alone]


def _together(rule: LimitedRule, all_of: Sequence[LimitedRule], persistence: dict[Level, Persistence]) -> LimitedRule:
    """The rule with the sources and the advice of all, and a look-back that is enough for all."""
    changes: dict[str, object] = {
        "source": "; ".join(dict.fromkeys(one.source for one in all_of)),
        "advice": "\n".join(dict.fromkeys(one.advice for one in all_of)),
        "look_back": max(one.look_back for one in all_of),
        "rejoin_within": max(one.rejoin_within for one in all_of),
    }
    if isinstance(rule, ThresholdRule):
        changes["red_persistence"] = persistence.get(Level.RED, rule.red_persistence)
        changes["yellow_persistence"] = persistence.get(Level.YELLOW, rule.yellow_persistence)
    if isinstance(rule, ChangeRule):
        changes["clears_by"] = min(one.clears_by for one in all_of if isinstance(one, ChangeRule))
    return replace(rule, **changes)  # type: ignore[arg-type]  # fields that every one of them has


def _at_once(
    reds: Sequence[_Asked], red: Mark | None, persistence: dict[Level, Persistence], place: Place
) -> list[Limits]:
    """A template that would have been red sooner than yellow is now may raise yellow as soon."""
    for rule, mark in reds:
        if not isinstance(rule, ThresholdRule) or not isinstance(mark, Limit) or red is None:
            continue
        as_held = (value_of(mark), rule.red_persistence) == (value_of(red), persistence[Level.RED])
        if not as_held and _patience(rule.red_persistence) < _patience(persistence[Level.YELLOW]):
            early = replace(
                rule, id=f"{rule.id}.{place}.{HELD}", red=(), yellow=(mark,), yellow_persistence=rule.red_persistence
            )
            return [Limits.of(early)]
    return []


def _patience(one: Persistence) -> tuple[float, float, timedelta]:
    return (one.n, one.n / one.m, one.lasting)
