"""What a clinician wants of one patient's plan, and the next version that follows from it.

A wish is whole: everything that stays is in it too. Nothing of an earlier version is ever changed, so that the history
of plans tells who wanted what, and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.domain.adjusting import Decided, Override, OxygenTarget
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import Level, RuleError
from hearthline_backend.domain.templates.building import TEMPLATES, build_plan, template_named
from hearthline_backend.domain.templates.oxygen import OXYGEN_TARGET

MAX_REASON: Final = 300
"""Characters of a version's reason."""


@dataclass(frozen=True, slots=True)
class LimitPlace:
    """Which limit of which rule is meant. ``within`` tells the changes of a rule about change apart; None: of all other
    rules, or the only one of its level."""

    rule_id: str
    level: Level
    field: str
    within: timedelta | None = None

    @classmethod
    def of(cls, override: Override) -> "LimitPlace":
        """Where a clinician's own limit stands."""
        return cls(override.rule_id, override.level, override.field, override.within)


@dataclass(frozen=True, slots=True)
class PlanWish:
    """The conditions, what was adjusted for the patient, and when measurements are expected."""

    conditions: tuple[str, ...]
    overrides: tuple[Override, ...] = ()
    decisions: tuple[Decided, ...] = ()
    oxygen_target: OxygenTarget | None = None
    slots: tuple[Slot, ...] = ()
    rules: tuple[Rule, ...] = ()
    """Those that no template brings."""

    @classmethod
    def of(cls, plan: Plan) -> "PlanWish":
        """Everything as this version has it."""
        adjusted = plan.adjusted
        return cls(
            plan.conditions, adjusted.overrides, adjusted.decisions, adjusted.oxygen_target, plan.slots, own_rules(plan)
        )

    def with_conditions(self, conditions: Sequence[str]) -> "PlanWish":
        """With these conditions. Slots of a new one are added; those that only a former one asked for go. Raises
        :class:`~hearthline_backend.domain.rules.RuleError` for one that no template has and that was not there."""
        wanted = tuple(dict.fromkeys(conditions))
        new = [template_named(one) for one in wanted if one not in self.conditions]
        gone = [TEMPLATES[one] for one in self.conditions if one not in wanted and one in TEMPLATES]
        asked = {slot for one in wanted if one in TEMPLATES for slot in TEMPLATES[one].slots}
        left = {slot for one in gone for slot in one.slots} - asked
        kept = (slot for slot in self.slots if slot not in left)
        added = (slot for one in new for slot in one.slots)
        return replace(self, conditions=wanted, slots=tuple(dict.fromkeys((*kept, *added))))

    def with_rule(self, rule: Rule) -> "PlanWish":
        """With this rule of the patient's own, in place of the one of its name. Raises
        :class:`~hearthline_backend.domain.rules.RuleError` for a name that belongs to a template."""
        if _of_a_template(rule.id):
            raise RuleError(f"{rule.id} is a template's rule: set its limits, or give the new rule a name of its own")
        return replace(self, rules=(*(one for one in self.rules if one.id != rule.id), rule))

    def without_rule(self, rule_id: str) -> "PlanWish":
        """Without this rule of the patient's own. Raises :class:`~hearthline_backend.domain.rules.RuleError` where
        there is none of the name."""
        if all(one.id != rule_id for one in self.rules):
            ours = ", ".join(one.id for one in self.rules) or "none"
            raise RuleError(f"{rule_id!r} is no rule of this patient's own; there are: {ours}")
        return replace(self, rules=tuple(one for one in self.rules if one.id != rule_id))

    def with_limit(self, override: Override) -> "PlanWish":
        """With this limit in place of the one that stood there."""
        kept = self.without_limit(LimitPlace.of(override)).overrides
        return replace(self, overrides=(*kept, override))

    def without_limit(self, place: LimitPlace) -> "PlanWish":
        """With the template's limit there again."""
        kept = tuple(one for one in self.overrides if LimitPlace.of(one) != place)
        return replace(self, overrides=kept)

    def with_decision(self, decided: Decided) -> "PlanWish":
        """With this word in its conflict."""
        return replace(self, decisions=(*self.undecided(decided.subject).decisions, decided))

    def undecided(self, subject: str) -> "PlanWish":
        """Without a word in that conflict."""
        return replace(self, decisions=tuple(one for one in self.decisions if one.subject != subject))


def next_plan(before: Plan, wish: PlanWish, *, at: datetime, author: str, reason: str) -> Plan:
    """The version after ``before``, in force from ``at``.

    Limits of rules that are no longer there, and former decisions about what is no conflict any more, end with them.
    Raises :class:`~hearthline_backend.domain.rules.RuleError` as
    :func:`~hearthline_backend.domain.templates.building.build_plan` does.
    """
    # A condition that lost its template stays a word; its rules are the patient's own by then.
    known = [one for one in wish.conditions if one in TEMPLATES or one not in before.conditions]
    rules = [*(rule for name in known for rule in template_named(name).rules), *wish.rules]
    there = {rule.id for rule in rules}

    def build(decisions: Sequence[Decided]) -> Plan:
        return build_plan(
            patient_id=before.patient_id,
            version=before.version + 1,
            valid_from=at,
            conditions=known,
            reason=reason,
            author=author,
            overrides=[one for one in wish.overrides if one.rule_id in there],
            extra_rules=wish.rules,
            decisions=decisions,
            oxygen_target=wish.oxygen_target,
        )

    made = build(_still_meant(wish.decisions, before, build(())) if wish.decisions else ())
    return replace(made, conditions=wish.conditions, slots=wish.slots)


def before_the_first(patient_id: UUID, since: datetime) -> Plan:
    """What a patient without a plan has: version 0, which watches nothing and is never stored."""
    return Plan(patient_id, 0, since, (), (), (), "no plan yet")


def taken_back(before: Plan, former: Plan, *, at: datetime, author: str, reason: str) -> Plan:
    """The version after ``before``, which is as ``former`` was, rule by rule."""
    return replace(former, version=before.version + 1, valid_from=at, author=author, reason=reason)


def own_rules(plan: Plan) -> tuple[Rule, ...]:
    """The rules of a plan that no template brought. Of a plan that was stored before they were kept apart: by name."""
    return plan.adjusted.rules or tuple(rule for rule in plan.rules if not _of_a_template(rule.id))


def _of_a_template(rule_id: str) -> bool:
    names = {rule.id for one in TEMPLATES.values() for rule in one.rules} | {OXYGEN_TARGET}
    return any(rule_id == one or rule_id.startswith(f"{one}.") for one in names)


def _still_meant(decisions: Sequence[Decided], before: Plan, undecided: Plan) -> list[Decided]:
    """New decisions, and of the former ones those whose conflict is still there."""
    subjects = {one.subject: {stake.rule_id for stake in one.stakes} for one in undecided.adjusted.conflicts}
    former = set(before.adjusted.decisions)
    return [one for one in decisions if one not in former or one.rule_id in subjects.get(one.subject, ())]
