"""What a rule is called where several stand side by side: its measure, its side, its condition."""

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.silence_rules import MissingRule
from hearthline_backend.domain.templates.building import TEMPLATES
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.web.figures import condition_name, field_name, kind_name, main_fields
from hearthline_backend.web.language import _
from hearthline_backend.web.views.headlines import rule_subject


def rule_title(rule: Rule) -> str:
    """Blood pressure, too high; weight, rising fast; the subject alone where it looks at several measures."""
    if isinstance(rule, MissingRule):
        return _("{measure}, not measured").format(measure=kind_name(rule.kind))
    if not isinstance(rule, ThresholdRule | AverageRule | ChangeRule | CusumRule | MovingAverageRule):
        return rule_subject(rule)
    measure = _measure(rule)
    if isinstance(rule, ChangeRule):
        words = _("{measure}, rising fast") if rule.rises else _("{measure}, falling fast")
    elif isinstance(rule, AverageRule):
        words = _("{measure}, average too high") if rule.above else _("{measure}, average too low")
    elif isinstance(rule, ThresholdRule):
        words = _("{measure}, too high") if rule.above else _("{measure}, too low")
    else:
        words = _("{measure}, drifting up") if rule.above else _("{measure}, drifting down")
    return words.format(measure=measure)


def condition_of(rule_id: str) -> str:
    """The condition whose template brings the rule, in words; empty for any other rule."""
    brought = next((name for name in TEMPLATES if rule_id.startswith(f"{name}.")), None)
    return "" if brought is None else condition_name(brought)


def _measure(rule: ThresholdRule | AverageRule | ChangeRule | CusumRule | MovingAverageRule) -> str:
    """The kind, or the one field of it that the rule is about beside the main ones."""
    if isinstance(rule, ThresholdRule | AverageRule):
        fields = {limit.field for limit in (*rule.red, *rule.yellow)}
    else:
        fields = {rule.field}
    if fields & set(main_fields(rule.kind)) or len(fields) != 1:
        return kind_name(rule.kind)
    return field_name(rule.kind, next(iter(fields)))
