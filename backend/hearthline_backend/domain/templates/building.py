"""One version of a patient's plan: the templates of the conditions, adjusted, and settled with each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from hearthline_backend.domain.adjusting import Adjusted, Decided, Override, OxygenTarget
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.conflicts import settle
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import RuleError
from hearthline_backend.domain.silence_rules import MissingRule
from hearthline_backend.domain.templates.copd import COPD
from hearthline_backend.domain.templates.coronary import CORONARY
from hearthline_backend.domain.templates.diabetes_1 import DIABETES_1
from hearthline_backend.domain.templates.diabetes_2 import DIABETES_2
from hearthline_backend.domain.templates.heart_failure import HEART_FAILURE
from hearthline_backend.domain.templates.hypertension import HYPERTENSION
from hearthline_backend.domain.templates.overriding import overridden
from hearthline_backend.domain.templates.oxygen import by_target, stated_for_patient
from hearthline_backend.domain.templates.renal import RENAL
from hearthline_backend.domain.templates.template import Template

TEMPLATES: Final[Mapping[str, Template]] = {
    template.name: template for template in (HYPERTENSION, HEART_FAILURE, COPD, DIABETES_1, DIABETES_2, CORONARY, RENAL)
}
"""Every template by its name."""


def build_plan(
    *,
    patient_id: UUID,
    version: int,
    valid_from: datetime,
    conditions: Sequence[str],
    reason: str,
    author: str | None = None,
    overrides: Iterable[Override] = (),
    extra_rules: Iterable[Rule] = (),
    extra_slots: Iterable[Slot] = (),
    decisions: Iterable[Decided] = (),
    oxygen_target: OxygenTarget | None = None,
) -> Plan:
    """The templates of ``conditions``, then what was adjusted for the patient, then one owner for every limit.

    ``extra_rules`` and ``extra_slots`` add what no template asks for; ``overrides`` set limits of one's own;
    ``decisions`` end conflicts between conditions; ``oxygen_target`` is a range stated for this patient. Raises
    :class:`~hearthline_backend.domain.rules.RuleError` for an unknown condition, a rule that occurs twice, an override
    of a rule that is not there, a decision about what is no conflict, an adjustment without author, or a limit that
    cannot mean anything.
    """
    extra_rules, decided = tuple(extra_rules), tuple(decisions)
    made = tuple(_signed(one, author, reason, valid_from) for one in overrides)
    if valid_from.tzinfo is None:
        raise RuleError("a plan holds from an instant with its zone")
    if (made or extra_rules or oxygen_target) and author is None:
        raise RuleError("an adjusted plan names its author")
    if not reason.strip():
        raise RuleError("a plan gives its reason")
    templates = [template_named(name) for name in conditions]
    rules = _once((*(rule for one in templates for rule in one.rules), *extra_rules))
    rules = overridden(rules, made)
    target = oxygen_target or next((one.oxygen_target for one in templates if one.oxygen_target), None)
    oxygen_rule = None
    if oxygen_target is not None:
        target = oxygen_target = replace(
            oxygen_target, author=oxygen_target.author or author, at=oxygen_target.at or valid_from
        )
        rules, oxygen_rule = stated_for_patient(rules, oxygen_target)
    elif target is not None:
        oxygen_rule = next(f"{one.name}.oxygen_low" for one in templates if one.oxygen_target)
    if target is not None:
        rules = by_target(rules, target)
    settled, conflicts = settle(rules, decided, oxygen_rule)
    slots = tuple(dict.fromkeys((*(slot for one in templates for slot in one.slots), *extra_slots)))
    adjusted = Adjusted(made, decided, oxygen_target, conflicts, extra_rules)
    return Plan(patient_id, version, valid_from, tuple(conditions), settled, slots, reason, author, adjusted)


def template_named(name: str) -> Template:
    """One template. Raises :class:`~hearthline_backend.domain.rules.RuleError` that names those there are."""
    template = TEMPLATES.get(name)
    if template is None:
        raise RuleError(f"there is no template {name!r}; known: {', '.join(sorted(TEMPLATES))}")
    return template


def _signed(override: Override, author: str | None, reason: str, at: datetime) -> Override:
    return replace(override, author=override.author or author, reason=override.reason or reason, at=override.at or at)


def _once(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Each rule once. Several conditions may wait for the same measurement: the least patient of them counts."""
    found: dict[str, Rule] = {}
    for rule in rules:
        before = found.get(rule.id)
        if before is None:
            found[rule.id] = rule
        elif isinstance(before, MissingRule) and isinstance(rule, MissingRule) and before.kind == rule.kind:
            reds = [one.red_after for one in (before, rule) if one.red_after is not None]
            yellow = min(before.yellow_after, rule.yellow_after)
            found[rule.id] = replace(before, yellow_after=yellow, red_after=min(reds, default=None))
        else:
            raise RuleError(f"a plan has each rule once, and {rule.id} is there twice")
    return tuple(found.values())
