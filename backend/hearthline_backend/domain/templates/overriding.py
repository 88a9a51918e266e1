"""A clinician's own limits put into the rules of one patient."""

from collections.abc import Sequence
from dataclasses import replace

from hearthline_backend.domain.adjusting import Override
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.limits_of import LimitedRule, Limits
from hearthline_backend.domain.rules import Limit, RuleError


def overridden(rules: Sequence[Rule], overrides: Sequence[Override]) -> tuple[Rule, ...]:
    """The rules with these limits, each marked as personal whatever the number; of two about one limit the later one.

    Raises :class:`~hearthline_backend.domain.rules.RuleError` for a rule that is not there or has no limits, and for
    limits that cannot stand together.
    """
    by_id = {rule.id: rule for rule in rules}
    drafts: dict[str, Limits] = {}
    for one in overrides:
        rule = by_id.get(one.rule_id)
        if rule is None:
            raise RuleError(f"there is no rule {one.rule_id!r} to adjust; known: {', '.join(by_id)}")
        if not isinstance(rule, LimitedRule):
            raise RuleError(f"{one.rule_id} has no limit of one field to adjust; replace the rule in the plan instead")
        _put(drafts.setdefault(one.rule_id, Limits.of(rule)), one)
    for rule_id, draft in drafts.items():
        made = draft.rebuilt()
        if made is not None:
            by_id[rule_id] = made
    return tuple(by_id.values())


def _put(draft: Limits, one: Override) -> None:
    marks, rule = draft.level(one.level), draft.rule
    if not isinstance(rule, ChangeRule):
        marks[one.field] = Limit(one.field, one.value, one.unit, personal=True, clears=one.clears)
        return
    if one.field != rule.field:
        raise RuleError(f"{rule.id} is about {rule.field}, not {one.field!r}")
    within = one.within
    if within is None:
        times = [place for place in marks if not isinstance(place, str)]
        if len(times) != 1:
            raise RuleError(f"{rule.id} has {len(times)} changes that are {one.level}: say which by its time")
        (within,) = times
    marks[within] = Change(one.value, one.unit, within, personal=True)
    # What it clears by stays below the smallest amount.
    if rule.clears_by >= one.value:
        draft.rule = replace(rule, clears_by=0.0)
