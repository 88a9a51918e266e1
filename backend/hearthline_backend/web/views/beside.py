"""What else was looked at when an alert's reading was judged, and did not fire: told by the register."""

from collections.abc import Mapping
from typing import Any

from hearthline_backend.alerting.explanation import recorded
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.combination_rule import CombinationRule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rule_words import tell
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.domain.silence_rules import MissingRule, TechnicalRule
from hearthline_backend.web.figures import kind_name
from hearthline_backend.web.language import _
from hearthline_backend.web.phrases import say
from hearthline_backend.web.views.findings import findings
from hearthline_protocol.readings import Reading


def did_not_fire(explanation: Any, plan: Plan | None, rule_id: str, reading: Reading | None) -> tuple[str, ...]:
    """One sentence for each other rule that saw this reading and stayed quiet. ``explanation`` is the register's."""
    evaluations = explanation.get("evaluations", ()) if isinstance(explanation, Mapping) else ()
    quiet = [one for one in evaluations if not one["fired"] and one["rule"] != rule_id]
    return tuple(sentence for one in quiet for sentence in _sentences(one, plan, reading))


def _sentences(evaluation: Mapping[str, Any], plan: Plan | None, reading: Reading | None) -> tuple[str, ...]:
    rule = None if plan is None else plan.rule(evaluation["rule"])
    if rule is None:
        return ()
    if isinstance(rule, ThresholdRule) and reading is not None and evaluation["reason"] == "within_limits":
        return tuple(one.rest for one in findings(rule, reading) if one.level is None)
    if isinstance(rule, MissingRule | TechnicalRule):
        return ()
    text = _("{rule} did not fire. {why}")
    return (text.format(rule=rule_name(rule), why=say(tell(recorded(evaluation, rule)))),)


def rule_name(rule: Rule) -> str:
    """What sort of rule it is, of which measure."""
    kind = getattr(rule, "kind", None)
    what = kind_name(kind).lower() if isinstance(kind, str) else ""
    if isinstance(rule, ThresholdRule):
        return _("The limit of {measure}").format(measure=what)
    if isinstance(rule, ChangeRule):
        return _("The change of {measure}").format(measure=what)
    if isinstance(rule, AverageRule):
        return _("The average of {measure}").format(measure=what)
    if isinstance(rule, CombinationRule):
        return _("The combination of several measures")
    if isinstance(rule, MissingRule):
        return _("A missing {measure}").format(measure=what)
    if isinstance(rule, ScoreRule):
        return _("The early warning score")
    return _("The trend of {measure}").format(measure=what) if what else _("Another rule")
