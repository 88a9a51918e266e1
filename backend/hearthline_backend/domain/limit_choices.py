"""The limits of a plan that a clinician may set for one patient: what each is now, and which numbers are possible."""

from collections.abc import Sequence
from dataclasses import dataclass

from hearthline_backend.domain.adjusting import Override
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.limits_of import LimitedRule, Limits, Mark, Place, field_at, low_fires_earlier, value_of
from hearthline_backend.domain.plan_wish import LimitPlace, PlanWish
from hearthline_backend.domain.rules import Level, Limit
from hearthline_backend.domain.templates.building import TEMPLATES
from hearthline_backend.domain.templates.oxygen import stated_for_patient
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_protocol.kinds import KINDS, Field


@dataclass(frozen=True, slots=True)
class LimitChoice:
    """One limit. ``template`` is the number that the rule brings, None where it has none; ``own`` the clinician's, with
    whose word it is. ``possible`` are the numbers that mean something, both ends included, in ``unit``."""

    place: LimitPlace
    rule: LimitedRule
    unit: str
    possible: tuple[float, float]
    template: float | None
    own: Override | None

    @property
    def value(self) -> float | None:
        """What holds now, before conditions are settled with each other."""
        return self.own.value if self.own is not None else self.template

    @property
    def low_first(self) -> bool:
        """Whether yellow is the smaller number of the two levels."""
        return low_fires_earlier(self.rule)

    def override(self, value: float) -> Override:
        """This number here. Where the template asks a value to come back further, so does the new limit."""
        place = self.place
        return Override(
            place.rule_id, place.level, place.field, value, self.unit, within=place.within, clears=self._clears(value)
        )

    def _clears(self, value: float) -> float | None:
        mark = _mark(self.rule, self.place)
        if not isinstance(mark, Limit) or mark.clears is None:
            return None
        low, high = self.possible
        clears = round(min(max(value + mark.clears - mark.value, low), high), 6)
        return None if clears == value else clears


def limit_choices(wish: PlanWish) -> tuple[LimitChoice, ...]:
    """Every limit of the wish's conditions and of the patient's own rules, red before yellow, rule by rule. A rule that
    a stated oxygen target replaces is set by that."""
    rules = _rules(wish)
    set_by = {LimitPlace.of(one): one for one in wish.overrides}
    found: list[LimitChoice] = []
    for rule in rules:
        if not isinstance(rule, LimitedRule):
            continue
        for place in Limits.of(rule).places:
            found += (_choice(rule, level, place, set_by) for level in reversed(Level))
    return tuple(found)


def _rules(wish: PlanWish) -> Sequence[Rule]:
    brought = {rule.id: rule for name in wish.conditions if name in TEMPLATES for rule in TEMPLATES[name].rules}
    rules = (*brought.values(), *wish.rules)
    if wish.oxygen_target is None:
        return rules
    _, replaced = stated_for_patient(rules, wish.oxygen_target)
    return tuple(rule for rule in rules if rule.id != replaced)


def _choice(rule: LimitedRule, level: Level, place: Place, set_by: dict[LimitPlace, Override]) -> LimitChoice:
    named = LimitPlace(rule.id, level, field_at(rule, place), None if isinstance(place, str) else place)
    mark = _mark(rule, named)
    by = set_by.get(named)
    if by is None and mark is not None and named.within is not None:
        by = set_by.get(LimitPlace(rule.id, level, named.field))  # the only change of its level needs no time
    field = KINDS[rule.kind].fields[named.field]
    return LimitChoice(named, rule, field.unit, _possible(rule, field), None if mark is None else value_of(mark), by)


def _mark(rule: LimitedRule, place: LimitPlace) -> Mark | None:
    return Limits.of(rule).level(place.level).get(place.field if place.within is None else place.within)


def _possible(rule: LimitedRule, field: Field) -> tuple[float, float]:
    low, high = field.possible
    distance = isinstance(rule, ChangeRule | CusumRule) or (
        isinstance(rule, MovingAverageRule) and rule.against == "baseline"
    )
    return (field.step, high - low) if distance else (low, high)
