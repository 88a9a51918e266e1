"""What happened, in a few words, where a rule looks at more than one reading; and what such a rule is about."""

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.silence_rules import TechnicalRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.web.figures import kind_name
from hearthline_backend.web.language import _


def several_headline(rule: Rule, level: Level) -> str:
    """With places for ``name`` and ``kind``: Ana’s weight is rising fast."""
    red = level is Level.RED
    if isinstance(rule, ChangeRule):
        return _("{name}’s {kind} is rising fast") if rule.rises else _("{name}’s {kind} is falling fast")
    if isinstance(rule, MovingAverageRule | CusumRule):
        return _("{name}’s {kind} is drifting up") if rule.above else _("{name}’s {kind} is drifting down")
    if isinstance(rule, AverageRule):
        if rule.above:
            return (
                _("{name}’s average {kind} is over the red limit")
                if red
                else _("{name}’s average {kind} is over the yellow limit")
            )
        return (
            _("{name}’s average {kind} is under the red limit")
            if red
            else _("{name}’s average {kind} is under the yellow limit")
        )
    if isinstance(rule, ScoreRule):
        return _("{name}’s early warning score is red") if red else _("{name}’s early warning score is yellow")
    if isinstance(rule, CombinationRule):
        return _("{name}: several measures together are red") if red else _("{name}: several measures are yellow")
    return _("{name}’s {kind} is past the red limit") if red else _("{name}’s {kind} is past the yellow limit")


def rule_subject(rule: Rule) -> str:
    """Weight, blood pressure; several measures where it looks at several."""
    if isinstance(rule, ScoreRule):
        return _("Early warning score")
    if isinstance(rule, CombinationRule):
        return _("Several measures")
    if isinstance(rule, TechnicalRule):
        return _("Devices")
    return kind_name(rule.kind)
