"""What one version of a plan says otherwise than the one before, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass

from hearthline_backend.domain.adjusting import OxygenTarget
from hearthline_backend.domain.any_rule import ReadingRule, Rule
from hearthline_backend.domain.limits_of import LimitedRule, Limits, Mark, Place, field_at, value_of
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rule_words import describe
from hearthline_backend.domain.rules import Level
from hearthline_backend.web.figures import condition_name, field_name, kind_name, plain_figure
from hearthline_backend.web.language import _
from hearthline_backend.web.phrases import say, span_text
from hearthline_backend.web.views.limits import limit_field
from hearthline_backend.web.views.rule_titles import condition_of, rule_title


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that is not the same in two versions; None where a version does not have it."""

    before: Rule | None
    after: Rule | None

    @property
    def rule(self) -> Rule:
        """The newer one, or the one that is gone."""
        found = self.after or self.before
        if found is None:
            raise LookupError("a change of a rule has a rule on one side")
        return found

    @property
    def replayed(self) -> bool:
        """Whether readings can fire it."""
        return isinstance(self.rule, ReadingRule)


def rule_changes(before: Plan, after: Plan) -> tuple[RuleChange, ...]:
    """Every rule that is not the same, in the order of the newer plan, then those that are gone."""
    ids = dict.fromkeys((*(rule.id for rule in after.rules), *(rule.id for rule in before.rules)))
    found = (RuleChange(before.rule(one), after.rule(one)) for one in ids)
    return tuple(one for one in found if one.before != one.after)


def change_lines(before: Plan, after: Plan) -> tuple[str, ...]:
    """Red limit, systolic, 170 to 180 mmHg. One sentence a change, conditions first."""
    lines = [
        *_conditions(before, after),
        *_oxygen(before.adjusted.oxygen_target, after.adjusted.oxygen_target),
        *_decisions(before, after),
    ]
    for one in rule_changes(before, after):
        lines += _rule_lines(one)
    return (*dict.fromkeys(lines), *_slots(before, after))


def told(rule: Rule | None) -> tuple[str, ...]:
    """What a rule watches; nothing where there is none."""
    return () if rule is None else tuple(say(phrase) for phrase in describe(rule))


def _conditions(before: Plan, after: Plan) -> Iterator[str]:
    for one in after.conditions:
        if one not in before.conditions:
            yield _("{condition} added.").format(condition=condition_name(one))
    for one in before.conditions:
        if one not in after.conditions:
            yield _("{condition} removed.").format(condition=condition_name(one))


def _oxygen(before: OxygenTarget | None, after: OxygenTarget | None) -> Iterator[str]:
    if (before and (before.low, before.high)) == (after and (after.low, after.high)):
        return
    if after is None:
        yield _("No oxygen target of this patient’s own any more.")
    else:
        yield _("Oxygen target {low} to {high} %.").format(low=after.low, high=after.high).replace(" %", "\u00a0%")


def _decisions(before: Plan, after: Plan) -> Iterator[str]:
    former = {(one.subject, one.rule_id) for one in before.adjusted.decisions}
    now = {(one.subject, one.rule_id) for one in after.adjusted.decisions}
    kinds = {one.subject: one for one in (*before.adjusted.conflicts, *after.adjusted.conflicts)}
    for subject, rule_id in sorted(now - former):
        if subject in kinds:
            words = _("{measure}: the limits of {whose} were chosen.")
            yield words.format(measure=subject_text(kinds[subject].kind, kinds[subject].field), whose=whose(rule_id))
    for subject, _rule in sorted(former - now):
        if subject in kinds and subject not in {one for one, _rule_id in now}:
            words = _("{measure}: no choice between the limits any more.")
            yield words.format(measure=subject_text(kinds[subject].kind, kinds[subject].field))


def subject_text(kind: str, field: str) -> str:
    """Blood pressure, systolic; the kind alone where it has one number."""
    name = field_name(kind, field)
    return kind_name(kind) if name == kind_name(kind) else f"{kind_name(kind)}, {name.lower()}"


def whose(rule_id: str) -> str:
    """The condition that brings a rule; this patient's own otherwise."""
    return condition_of(rule_id) or _("this patient")


def _rule_lines(change: RuleChange) -> list[str]:
    before, after = change.before, change.after
    if after is None:
        return [_("No longer watched: {rule}.").format(rule=_titled(change.rule))]
    if before is None:
        return [_("Watched from now on: {rule}.").format(rule=_titled(after))]
    if isinstance(before, LimitedRule) and isinstance(after, LimitedRule):
        return list(_limits(Limits.of(before), Limits.of(after))) or [
            _("{rule} is said anew.").format(rule=_titled(after))
        ]
    return [_("{rule} is said anew.").format(rule=_titled(after))]


def _titled(rule: Rule) -> str:
    condition = condition_of(rule.id)
    return f"{rule_title(rule)} ({condition})" if condition else rule_title(rule)


def _limits(before: Limits, after: Limits) -> Iterator[str]:
    for place in dict.fromkeys((*after.places, *before.places)):
        for level in reversed(Level):
            then, now = before.level(level).get(place), after.level(level).get(place)
            if (then is None, now is None) == (True, True) or (then and value_of(then)) == (now and value_of(now)):
                continue
            yield _limit_line(after, place, level, then, now)


def _limit_line(limits: Limits, place: Place, level: Level, then: Mark | None, now: Mark | None) -> str:
    rule = limits.rule
    name = limit_label(rule, level, place)
    field = field_at(rule, place)
    figures = [None if one is None else plain_figure(rule.kind, field, value_of(one)) for one in (then, now)]
    title = rule_title(rule)
    if figures[1] is None:
        return _("{rule}: {limit} gone, it was {old}.").format(rule=title, limit=name, old=figures[0])
    if figures[0] is None:
        return _("{rule}: {limit} {new}.").format(rule=title, limit=name, new=figures[1])
    return _("{rule}: {limit} {old} to {new}.").format(rule=title, limit=name, old=figures[0].number, new=figures[1])


def limit_label(rule: LimitedRule, level: Level, place: Place) -> str:
    """Red limit, systolic; yellow limit within 3 days."""
    words = _("red limit") if level is Level.RED else _("yellow limit")
    if not isinstance(place, str):
        return _("{limit} within {span}").format(limit=words, span=span_text(place))
    field = limit_field(rule.kind, place)
    return f"{words}, {field}" if field else words


def _slots(before: Plan, after: Plan) -> Iterator[str]:
    for one in after.slots:
        if one not in before.slots:
            yield _("{measure} expected in the {time}.").format(measure=kind_name(one.kind), time=slot_time(one))
    for one in before.slots:
        if one not in after.slots:
            words = _("{measure} no longer expected in the {time}.")
            yield words.format(measure=kind_name(one.kind), time=slot_time(one))


def slot_time(slot: Slot) -> str:
    """The time of day in a word."""
    return {"morning": _("morning"), "midday": _("midday"), "evening": _("evening")}[slot.name]
