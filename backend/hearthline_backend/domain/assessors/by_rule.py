"""The assessor of each kind of rule that needs no memory shared between its versions."""

from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.assessors.assessor import Assessor
from hearthline_backend.domain.assessors.average import AverageAssessor
from hearthline_backend.domain.assessors.change import ChangeAssessor
from hearthline_backend.domain.assessors.combination import CombinationAssessor
from hearthline_backend.domain.assessors.cusum import CusumAssessor
from hearthline_backend.domain.assessors.moving_average import MovingAverageAssessor
from hearthline_backend.domain.assessors.score import ScoreAssessor
from hearthline_backend.domain.assessors.threshold import ThresholdAssessor, ThresholdMemory
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule


def assessor_of(rule: ReadingRule, zone: str, memory: ThresholdMemory | None) -> Assessor:
    """A fresh assessor. ``zone`` is the patient's; ``memory`` is shared by the versions of one threshold rule."""
    match rule:
        case ThresholdRule():
            return ThresholdAssessor(rule, memory or ThresholdMemory((rule,)))
        case ChangeRule():
            return ChangeAssessor(rule)
        case AverageRule():
            return AverageAssessor(rule, zone)
        case MovingAverageRule():
            return MovingAverageAssessor(rule)
        case CusumRule():
            return CusumAssessor(rule)
        case CombinationRule():
            return CombinationAssessor(rule)
        case _:
            return ScoreAssessor(rule)
