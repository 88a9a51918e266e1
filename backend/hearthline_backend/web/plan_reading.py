"""What was typed into the form of a plan: the wish that it means, and in words what cannot be meant."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from hearthline_backend.domain.adjusting import Decided, OxygenTarget
from hearthline_backend.domain.conflicts import conflicts_of
from hearthline_backend.domain.limit_choices import LimitChoice, limit_choices
from hearthline_backend.domain.plan_wish import MAX_REASON, LimitPlace, PlanWish, next_plan
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, RuleError
from hearthline_backend.domain.templates.building import TEMPLATES
from hearthline_backend.web.language import _
from hearthline_backend.web.views.plan_form import (
    Filled,
    beside,
    chosen_slots,
    field_name_of,
    number_of,
    possible_range,
)
from hearthline_backend.web.views.plan_wrong import no_number, no_percentage, no_range, not_possible, together


@dataclass(frozen=True, slots=True)
class Read:
    """``draft`` is the version that would be written, None where something is wrong. ``base`` is the plan that the form
    can be drawn from even then."""

    wish: PlanWish
    filled: Filled
    draft: Plan | None
    base: Plan


@dataclass(slots=True)
class _Reading:
    before: Plan
    posted: Mapping[str, list[str]]
    author: str
    now: datetime
    saving: bool
    wish: PlanWish
    typed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """What was typed, trimmed; None where the form had no such field."""
        found = self.posted.get(name)
        return None if not found else found[0].strip()

    @property
    def reason(self) -> str:
        """Why; before anything is saved it may still be unsaid."""
        said = " ".join((self.text("reason") or "").split())
        return said if said and len(said) <= MAX_REASON else _("not saved yet")


def read_plan(before: Plan, posted: Mapping[str, list[str]], *, author: str, now: datetime, saving: bool) -> Read:
    """The wish in a post of the form that was drawn for the version after ``before``. ``saving``: a reason is asked
    for."""
    shown = [one for one in posted.get("shown", []) if one in TEMPLATES or one in before.conditions]
    reading = _Reading(before, posted, author, now, saving, PlanWish.of(before).with_conditions(shown))
    reading.typed["reason"] = reading.text("reason") or ""
    _read_limits(reading)
    _read_oxygen(reading)
    if "slots" in posted:
        reading.wish = replace(reading.wish, slots=chosen_slots(reading.wish, posted.get("slot", [])))
    _read_conditions(reading)
    base = _draft(reading, PlanWish.of(before).with_conditions(reading.wish.conditions))
    _read_conflicts(reading)
    if saving and reading.reason != " ".join(reading.typed["reason"].split()):
        reading.wrong["reason"] = _("Write why, in up to {n} characters.").format(n=MAX_REASON)
    draft = None if reading.wrong else _draft_or_wrong(reading)
    filled = Filled(reading.typed, reading.wrong)
    return Read(reading.wish, filled, draft, base or before)


def _read_limits(reading: _Reading) -> None:
    choices = limit_choices(reading.wish)
    changed = []
    for choice in choices:
        name = field_name_of(choice.place)
        text = reading.text(name)
        if text is None:
            continue
        reading.typed[name] = text
        if not text:
            if choice.own is not None:
                reading.wish = reading.wish.without_limit(LimitPlace.of(choice.own))
                changed.append(choice.place)
            continue
        if choice.value is not None and text == number_of(choice, choice.value):
            continue
        number = _number(text)
        if number is None:
            reading.wrong[name] = no_number(choice, text)
        else:
            if choice.own is not None:
                reading.wish = reading.wish.without_limit(LimitPlace.of(choice.own))
            reading.wish = reading.wish.with_limit(choice.override(number))
            changed.append(choice.place)
    made = limit_choices(reading.wish)
    for choice in made:
        if choice.place in changed:
            _check(reading, choice, [one for one in made if one.rule.id == choice.rule.id], changed)


def _check(reading: _Reading, choice: LimitChoice, of_rule: list[LimitChoice], changed: list[LimitPlace]) -> None:
    """What is possible there by itself; then beside the other level, said once: at red where red was changed."""
    name, value = field_name_of(choice.place), choice.value
    other = beside(choice, of_rule)
    if value is None:
        return
    by_itself = choice.possible[0] <= value <= choice.possible[1]
    if by_itself and (other is None or not other.possible[0] <= (other.value or 0) <= other.possible[1]):
        return
    if by_itself and other is not None and choice.place.level is Level.YELLOW and other.place in changed:
        return
    low, high = possible_range(choice, of_rule)
    if not low <= value <= high:
        reading.wrong[name] = not_possible(choice, reading.typed[name], low, high)


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ".").replace("\u2212", "-"))
    except ValueError:
        return None
    return number if abs(number) < 1e6 else None


def _read_oxygen(reading: _Reading) -> None:
    names = ("oxygen/low", "oxygen/high", "oxygen/source")
    texts = [reading.text(name) for name in names]
    if None in texts:
        return
    reading.typed.update({name: text or "" for name, text in zip(names, texts, strict=True)})
    low, high, source = (text or "" for text in texts)
    before = reading.wish.oxygen_target
    if before is not None and (low, high, source) == (str(before.low), str(before.high), before.source):
        return
    if not (low or high or source):
        reading.wish = replace(reading.wish, oxygen_target=None)
        return
    for name, text in zip(names[:2], (low, high), strict=True):
        if not (text.isascii() and text.isdecimal() and 80 <= int(text) <= 100):
            reading.wrong[name] = no_percentage(text)
    if not source:
        reading.wrong["oxygen/source"] = _("Write who says so, or empty the range.")
    if any(name in reading.wrong for name in names):
        return
    try:
        target = OxygenTarget(int(low), int(high), source[:MAX_REASON], reading.author, reading.now)
    except RuleError:
        reading.wrong["oxygen/high"] = no_range(low, high)
        return
    reading.wish = replace(reading.wish, oxygen_target=target)


def _read_conditions(reading: _Reading) -> None:
    if "conditions" not in reading.posted:
        return
    wanted = reading.posted.get("condition", [])
    names = [one for one in dict.fromkeys((*reading.wish.conditions, *TEMPLATES)) if one in wanted]
    if not names and not reading.wish.rules:
        reading.wrong["condition"] = _("Choose at least one condition: without any, nothing is judged.")
        return
    reading.wish = reading.wish.with_conditions(names)


def _read_conflicts(reading: _Reading) -> None:
    # Which conflicts there are follows from all the rest.
    draft = None if reading.wrong else _draft(reading, reading.wish)
    for conflict in () if draft is None else conflicts_of(draft):
        chosen, why = reading.text(f"decide/{conflict.subject}"), f"why/{conflict.subject}"
        decided = next((one for one in reading.wish.decisions if one.subject == conflict.subject), None)
        reading.typed[why] = reading.text(why) or ""
        if chosen is None or chosen not in ("", *(stake.rule_id for stake in conflict.stakes)):
            continue
        if not chosen:
            reading.wish = reading.wish.undecided(conflict.subject)
        elif decided is None or (decided.rule_id, decided.reason) != (chosen, reading.typed[why]):
            reason = reading.typed[why][:MAX_REASON] or reading.reason
            reading.wish = reading.wish.with_decision(
                Decided(conflict.subject, chosen, reading.author, reason, reading.now)
            )


def _draft_or_wrong(reading: _Reading) -> Plan | None:
    try:
        return _next(reading, reading.wish)
    except RuleError as error:
        former = PlanWish.of(reading.before).overrides
        at_fault, words = together(error, limit_choices(reading.wish), former)
        reading.wrong["plan" if at_fault is None else field_name_of(at_fault.place)] = words
        return None


def _draft(reading: _Reading, wish: PlanWish) -> Plan | None:
    try:
        return _next(reading, wish)
    except RuleError:
        return None


def _next(reading: _Reading, wish: PlanWish) -> Plan:
    return next_plan(reading.before, wish, at=reading.now, author=reading.author, reason=reading.reason)
