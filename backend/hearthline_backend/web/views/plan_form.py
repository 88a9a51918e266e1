"""The form of a patient's plan: every field with what it says now, its unit and what is possible there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hearthline_backend.domain.adjusting import Conflict, Decided, Holds, OxygenTarget, Stake
from hearthline_backend.domain.conflicts import conflicts_of
from hearthline_backend.domain.limit_choices import LimitChoice, limit_choices
from hearthline_backend.domain.plan_wish import LimitPlace, PlanWish
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rule_words import asked_beside
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates.building import TEMPLATES
from hearthline_backend.domain.templates.template import evening, midday, morning
from hearthline_backend.web.figures import condition_name, decimals_of, kind_name, number_text, plain_figure, unit_text
from hearthline_backend.web.language import _
from hearthline_backend.web.phrases import say
from hearthline_backend.web.times import day_stamp
from hearthline_backend.web.views.plan_changes import limit_label, slot_time, subject_text, whose
from hearthline_backend.web.views.put_off import conflict_lines
from hearthline_backend.web.views.rule_titles import condition_of, rule_title

TIMES = {"morning": morning, "midday": midday, "evening": evening}
"""The slots a day can have, by the time of day."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field. ``id`` is its name in the page too; ``wrong`` says what was typed and what is possible."""

    id: str
    name: str
    label: str
    value: str
    help: str
    wrong: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A box or a button that is on or off."""

    id: str
    name: str
    value: str
    label: str
    on: bool


@dataclass(frozen=True, slots=True)
class RuleFields:
    """The limits of one rule."""

    id: str
    title: str
    condition: str
    note: str
    source: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class ConflictFields:
    """One disagreement: what holds now, what each side asks for, and the reason of a choice."""

    legend: str
    text: str
    open: bool
    choices: tuple[Choice, ...]
    reason: FormField


@dataclass(frozen=True, slots=True)
class SlotRow:
    """When one kind is expected."""

    label: str
    boxes: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class PlanForm:
    """Everything between the page's heading and its buttons. ``problems`` are the wrong fields: id and words."""

    version: int
    shown: tuple[str, ...]
    conditions: tuple[Choice, ...]
    conditions_wrong: str
    rules: tuple[RuleFields, ...]
    conflicts: tuple[ConflictFields, ...]
    oxygen: tuple[FormField, ...]
    slots: tuple[SlotRow, ...]
    reason: FormField
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the fields beside what the wish says: the texts as typed, and what is wrong, by field name."""

    typed: Mapping[str, str]
    wrong: Mapping[str, str]


EMPTY = Filled({}, {})


def plan_form(before: Plan, draft: Plan, wish: PlanWish, now: datetime, filled: Filled = EMPTY) -> PlanForm:
    """The form for the version after ``before``, as ``wish`` says it, of which ``draft`` is the plan that follows."""
    choices = limit_choices(wish)
    rules = tuple(
        _rule_fields([one for one in choices if one.rule.id == rule_id], filled, now) for rule_id in _ids(choices)
    )
    conflicts = tuple(_conflict_fields(one, draft, wish, filled) for one in conflicts_of(draft))
    oxygen = _oxygen_fields(wish.oxygen_target, filled)
    reason = _field(filled, "reason", _("Why the plan is changed"), "", _("It stands in the history of the plan."))
    problems = [(_id("condition"), filled.wrong["condition"])] if "condition" in filled.wrong else []
    for rule in rules:
        problems += [(one.id, f"{rule.title}. {one.label}: {one.wrong}") for one in rule.fields if one.wrong]
    fields = (*oxygen, *(one.reason for one in conflicts), reason)
    problems += [(one.id, f"{one.label}: {one.wrong}") for one in fields if one.wrong]
    if "plan" in filled.wrong:
        problems.append((_id("reason"), filled.wrong["plan"]))
    return PlanForm(
        version=before.version,
        shown=wish.conditions,
        conditions=_conditions(wish),
        conditions_wrong=filled.wrong.get("condition", ""),
        rules=rules,
        conflicts=conflicts,
        oxygen=oxygen,
        slots=slot_rows(wish),
        reason=reason,
        problems=tuple(problems),
    )


def field_name_of(place: LimitPlace) -> str:
    """The name of a limit's field in a post."""
    within = "" if place.within is None else f"/{round(place.within.total_seconds())}"
    return f"limit/{place.rule_id}/{place.level}/{place.field}{within}"


def number_of(choice: LimitChoice, value: float) -> str:
    """A number as the form says it, without its unit."""
    decimals = next(
        (n for n in range(4) if abs(value * 10**n - round(value * 10**n)) < 1e-6),
        decimals_of(choice.rule.kind, choice.place.field),
    )
    return number_text(value, decimals)


def expected_kinds(wish: PlanWish) -> tuple[str, ...]:
    """What measurements may be expected of: what is expected already, and what the conditions look at."""
    brought = (slot.kind for name in wish.conditions if name in TEMPLATES for slot in TEMPLATES[name].slots)
    asked = (choice.rule.kind for choice in limit_choices(wish))
    return tuple(dict.fromkeys((*(slot.kind for slot in wish.slots), *brought, *asked)))


def slot_rows(wish: PlanWish) -> tuple[SlotRow, ...]:
    """A row a kind, a box a time of day."""
    there = {(slot.kind, slot.name) for slot in wish.slots}
    return tuple(
        SlotRow(
            kind_name(kind),
            tuple(
                Choice(
                    _id(f"slot/{kind}/{name}"),
                    "slot",
                    f"{kind}/{name}",
                    slot_time(make(kind)),
                    (kind, name) in there,
                )
                for name, make in TIMES.items()
            ),
        )
        for kind in expected_kinds(wish)
    )


def chosen_slots(wish: PlanWish, boxes: Sequence[str]) -> tuple[Slot, ...]:
    """The slots whose boxes are on, each with its times as the plan has them, else the usual ones."""
    had = {(slot.kind, str(slot.name)): slot for slot in wish.slots}
    drawn = expected_kinds(wish)
    found = [
        had.get((kind, name)) or make(kind)
        for kind in drawn
        for name, make in TIMES.items()
        if f"{kind}/{name}" in boxes
    ]
    same = {(slot.kind, slot.name) for slot in found} == {(slot.kind, slot.name) for slot in wish.slots}
    return wish.slots if same else tuple(found)


def _ids(choices: Sequence[LimitChoice]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(choice.rule.id for choice in choices))


def _id(name: str) -> str:
    return "f-" + re.sub(r"[^a-z0-9]+", "-", name.lower())


def _field(filled: Filled, name: str, label: str, value: str, help_: str, said: str = "") -> FormField:
    return FormField(_id(name), name, label, filled.typed.get(name, value), help_, filled.wrong.get(name, ""), said)


def _conditions(wish: PlanWish) -> tuple[Choice, ...]:
    names = dict.fromkeys((*TEMPLATES, *wish.conditions))
    return tuple(
        Choice(_id(f"condition/{name}"), "condition", name, condition_name(name), name in wish.conditions)
        for name in names
    )


def _rule_fields(choices: Sequence[LimitChoice], filled: Filled, now: datetime) -> RuleFields:
    rule = choices[0].rule
    fields = tuple(_limit_field(one, choices, filled, now) for one in choices)
    note = " ".join(say(phrase) for phrase in asked_beside(rule))
    return RuleFields(rule.id, rule_title(rule), condition_of(rule.id), note, rule.source, fields)


def _limit_field(choice: LimitChoice, of_rule: Sequence[LimitChoice], filled: Filled, now: datetime) -> FormField:
    place, name = choice.place, field_name_of(choice.place)
    label = limit_label(choice.rule, place.level, place.field if place.within is None else place.within)
    value = "" if choice.value is None else number_of(choice, choice.value)
    return _field(filled, name, label[:1].upper() + label[1:], value, _help(choice, of_rule), _by(choice, now))


def _help(choice: LimitChoice, of_rule: Sequence[LimitChoice]) -> str:
    words = possible_text(choice, of_rule)
    if choice.template is None:
        return _("{possible}. Empty: no such limit.").format(possible=words)
    brought = condition_of(choice.place.rule_id)
    text = (
        _("{possible}. Usual here: {number}; empty goes back to it.")
        if brought
        else _("{possible}. The patient’s own rule says {number}; empty goes back to it.")
    )
    return text.format(possible=words, number=number_of(choice, choice.template))


def possible_text(choice: LimitChoice, of_rule: Sequence[LimitChoice]) -> str:
    """mmHg, 20 to 179."""
    low, high = possible_range(choice, of_rule)
    if low > high:
        low, high = choice.possible  # the other level is what is wrong
    figures = number_of(choice, low), number_of(choice, high)
    return _("{unit}, {low} to {high}").format(unit=unit_text(choice.unit), low=figures[0], high=figures[1])


def possible_range(choice: LimitChoice, of_rule: Sequence[LimitChoice]) -> tuple[float, float]:
    """What may stand there beside the other level of the same limit: yellow comes before red."""
    low, high = choice.possible
    other = beside(choice, of_rule)
    if other is None or other.value is None:
        return low, high
    step = 10 ** -decimals_of(choice.rule.kind, choice.place.field)
    over = (choice.place.level is Level.RED) is choice.low_first
    return (max(low, round(other.value + step, 6)), high) if over else (low, min(high, round(other.value - step, 6)))


def beside(choice: LimitChoice, of_rule: Sequence[LimitChoice]) -> LimitChoice | None:
    """The other level of the same limit, where it has a number."""
    return next(
        (
            one
            for one in of_rule
            if one.value is not None
            and one.place == replace(choice.place, level=one.place.level)
            and one.place.level is not choice.place.level
        ),
        None,
    )


def _by(choice: LimitChoice, now: datetime) -> str:
    own = choice.own
    if own is None or own.at is None:
        return ""  # this very change
    who = own.author or _("Somebody")
    return _("Personal, set by {who}, {day}: {reason}").format(
        who=who, day=day_stamp(own.at, now), reason=own.reason or ""
    )


def _oxygen_fields(target: OxygenTarget | None, filled: Filled) -> tuple[FormField, ...]:
    whole = _("%, 80 to 100. Empty: none of this patient’s own.")
    return (
        _field(filled, "oxygen/low", _("Oxygen target from"), "" if target is None else str(target.low), whole),
        _field(filled, "oxygen/high", _("Oxygen target to"), "" if target is None else str(target.high), whole),
        _field(
            filled,
            "oxygen/source",
            _("Who says so"),
            "" if target is None else target.source,
            _("Such as: the lung clinic’s letter of 2 October."),
        ),
    )


def _conflict_fields(conflict: Conflict, draft: Plan, wish: PlanWish, filled: Filled) -> ConflictFields:
    decided = next((one for one in wish.decisions if one.subject == conflict.subject), None)
    name = f"decide/{conflict.subject}"
    line = next(one for one, it in zip(conflict_lines(draft), conflicts_of(draft), strict=True) if it == conflict)
    choices = [
        Choice(_id(f"{name}/{stake.rule_id}"), name, stake.rule_id, _stake(conflict, stake), _is(decided, stake))
        for stake in conflict.stakes
    ]
    nobody = Choice(_id(f"{name}/"), name, "", _("Nobody chooses yet"), decided is None)
    return ConflictFields(
        legend=subject_text(conflict.kind, conflict.field),
        text=line.text,
        open=conflict.open,
        choices=() if conflict.by is Holds.OXYGEN_TARGET else (nobody, *choices),
        reason=_field(
            filled,
            f"why/{conflict.subject}",
            _("Why this choice"),
            "" if decided is None else decided.reason,
            _("Empty: the reason of the whole change."),
        ),
    )


def _is(decided: Decided | None, stake: Stake) -> bool:
    return decided is not None and decided.rule_id == stake.rule_id


def _stake(conflict: Conflict, stake: Stake) -> str:
    asked = [
        words.format(limit=plain_figure(conflict.kind, conflict.field, limit))
        for words, limit in ((_("red at {limit}"), stake.red), (_("yellow at {limit}"), stake.yellow))
        if limit is not None
    ]
    return _("{whose}: {limits}").format(whose=whose(stake.rule_id), limits=", ".join(asked))
