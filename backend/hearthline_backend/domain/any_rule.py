"""Every kind of rule there is, told apart by its ``type``."""

from datetime import timedelta

from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule

ReadingRule = ThresholdRule | ChangeRule | AverageRule | MovingAverageRule | CusumRule | CombinationRule | ScoreRule
"""A rule that readings fire. Each has ``id``, ``kinds``, ``look_back``, ``rejoin_within``, ``source``, ``advice``."""

Rule = ReadingRule | MissingRule | TechnicalRule


def look_back(rule: Rule) -> timedelta:
    """How far from a reading another one can matter to the rule; zero for one that no reading fires."""
    return rule.look_back if isinstance(rule, ReadingRule) else timedelta(0)
