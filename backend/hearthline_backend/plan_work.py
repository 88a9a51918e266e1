"""What ``hearthline plan`` asks for and says: options to a wish, a plan to words and to JSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.administration import AdministrationError
from hearthline_backend.domain.adjusting import Conflict, Decided, OxygenTarget
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.conflicts import conflicts_of
from hearthline_backend.domain.limit_choices import LimitChoice, limit_choices
from hearthline_backend.domain.plan_wish import LimitPlace, PlanWish
from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rule_words import describe, english
from hearthline_backend.domain.rules import Level, RuleError
from hearthline_backend.domain.templates.template import evening, midday, morning
from hearthline_backend.plan_changing import may_change
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.plan_content import PlanContent
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.kinds import KINDS, UNIT_TEXT

_LIMIT: Final = re.compile(r"([\w.]+):(red|yellow):(\w+)(?:@((?:\d+(?:d|h|min))+))?")
_SPAN: Final = re.compile(r"(\d+)(d|h|min)")
_PART: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
_RANGE: Final = re.compile(r"(\d{2,3})-(\d{2,3})")
_TIMES: Final = {"morning": morning, "midday": midday, "evening": evening}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of ``hearthline plan change`` as they were written."""

    limits: Sequence[str] = ()
    usual: Sequence[str] = ()
    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    decide: Sequence[str] = ()
    undecide: Sequence[str] = ()
    oxygen: str | None = None
    oxygen_source: str | None = None
    no_oxygen: bool = False
    expect: Sequence[str] = ()
    not_expect: Sequence[str] = ()
    rules: Sequence[Rule] = ()
    drop: Sequence[str] = ()


async def whose_plan(unit: Unit, patient_id: UUID) -> tuple[Patient, tuple[Plan, ...]]:
    """The patient and every version, none where there is no plan. Raises
    :class:`~hearthline_backend.administration.AdministrationError`."""
    patient = await unit.care.patient(patient_id)
    if patient is None:
        raise AdministrationError("there is no such patient; hearthline patient list shows the ids there are")
    return patient, await unit.care.plan_history(patient_id)


async def clinician(unit: Unit, login: str, patient: Patient) -> User:
    """Who answers for the change. Raises :class:`~hearthline_backend.administration.AdministrationError`."""
    user = await unit.people.user_by_login(login)
    if user is None or not user.active or not may_change(user, patient.team_id):
        raise AdministrationError(
            f"{login!r} is nobody in the care team of this patient: --by takes the login of who answers for the change"
        )
    return user


def wished(before: Plan, asked: Asked, author: str, reason: str, now: datetime) -> PlanWish:
    """What the options want, on top of the newest version. Raises
    :class:`~hearthline_backend.administration.AdministrationError` that names the option."""
    wish = PlanWish.of(before)
    try:
        gone = [one for one in asked.remove if one not in wish.conditions]
        if gone:
            raise AdministrationError(f"--remove {gone[0]}: the plan has only {', '.join(wish.conditions) or 'none'}")
        kept = [one for one in wish.conditions if one not in asked.remove]
        wish = wish.with_conditions([*kept, *asked.add])
        wish = _with_oxygen(wish, asked, author, now)
        for rule_id in asked.drop:
            wish = wish.without_rule(rule_id)
        for rule in asked.rules:
            wish = wish.with_rule(rule)
    except RuleError as error:
        raise AdministrationError(str(error)) from None
    wish = _with_limits(wish, asked)
    for text in asked.undecide:
        wish = wish.undecided(text)
    for text in asked.decide:
        subject, equals, rule_id = text.partition("=")
        if not (subject and equals and rule_id):
            raise AdministrationError(f"--decide {text}: expected SUBJECT=RULE, as hearthline plan show prints them")
        wish = wish.with_decision(Decided(subject, rule_id, author, reason, now))
    return replace(wish, slots=_slots(wish.slots, asked))


def told(plan: Plan) -> Iterator[str]:
    """The plan in words, line by line."""
    who = "" if plan.author is None else f" by {plan.author}"
    yield f"Version {plan.version}, since {plan.valid_from:%Y-%m-%d %H:%M} UTC{who}: {plan.reason}"
    yield f"Conditions: {', '.join(plan.conditions) or 'none'}"
    own = {LimitPlace.of(one).rule_id for one in plan.adjusted.overrides}
    for rule in plan.rules:
        yield rule.id
        yield from (f"  {english(phrase)}" for phrase in describe(rule))
        yield f"  Source: {rule.source}"
        if rule.id in own:
            yield from (
                f"  Set by {one.author}: {one.level} {one.field} {one.value:g} {UNIT_TEXT.get(one.unit, one.unit)}, "
                f"{one.reason}"
                for one in plan.adjusted.overrides
                if one.rule_id == rule.id
            )
    if plan.adjusted.oxygen_target is not None:
        target = plan.adjusted.oxygen_target
        yield f"Oxygen target: {target.low} to {target.high} %, {target.source}"
    yield from (conflict_in_words(one) for one in conflicts_of(plan))
    for slot in plan.slots:
        yield f"Expected: {slot.kind}:{slot.name}, {slot.opens:%H:%M} to {slot.closes:%H:%M}"


def conflict_in_words(conflict: Conflict) -> str:
    """Who asks for what, what holds, and whether somebody has still to decide."""
    stakes = ", ".join(f"{one.rule_id} ({_levels(one.red, one.yellow)})" for one in conflict.stakes)
    state = "to be decided" if conflict.open else conflict.by.value.replace("_", " ")
    unit = UNIT_TEXT.get(conflict.unit, conflict.unit)
    return f"Conflict {conflict.subject} ({unit}), {state}: {stakes}. Holds: {_levels(conflict.red, conflict.yellow)}"


def _levels(red: float | None, yellow: float | None) -> str:
    levels = (("red", red), ("yellow", yellow))
    return ", ".join(f"{level} {number:g}" for level, number in levels if number is not None)


def as_json(plan: Plan) -> dict[str, Any]:
    """``{version, valid_from, author, reason, conditions, rules, slots, adjusted}``."""
    content: Mapping[str, Any] = PlanContent.of(plan).as_json()
    return {
        "version": plan.version,
        "valid_from": plan.valid_from.isoformat(),
        "author": plan.author,
        "reason": plan.reason,
        "conditions": list(plan.conditions),
        **content,
    }


def _with_oxygen(wish: PlanWish, asked: Asked, author: str, now: datetime) -> PlanWish:
    if asked.no_oxygen:
        return replace(wish, oxygen_target=None)
    if asked.oxygen is None:
        return wish
    found = _RANGE.fullmatch(asked.oxygen)
    if found is None:
        raise AdministrationError(f"--oxygen {asked.oxygen}: expected LOW-HIGH in per cent, such as 88-92")
    if not (asked.oxygen_source or "").strip():
        raise AdministrationError("--oxygen needs --oxygen-source: who says so")
    target = OxygenTarget(int(found[1]), int(found[2]), str(asked.oxygen_source).strip(), author, now)
    return replace(wish, oxygen_target=target)


def _with_limits(wish: PlanWish, asked: Asked) -> PlanWish:
    for text in asked.usual:
        choice = _choice(wish, text, "--usual")
        if choice.own is None:
            raise AdministrationError(f"--usual {text}: no limit of this patient's own stands there")
        wish = wish.without_limit(LimitPlace.of(choice.own))
    for text in asked.limits:
        place, equals, number = text.partition("=")
        choice = _choice(wish, place, "--limit")
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        low, high = choice.possible
        if not (equals and low <= value <= high):
            unit = UNIT_TEXT.get(choice.unit, choice.unit)
            raise AdministrationError(f"--limit {text}: expected {place}=NUMBER, {low:g} to {high:g} {unit}")
        if choice.own is not None:
            wish = wish.without_limit(LimitPlace.of(choice.own))
        wish = wish.with_limit(choice.override(value))
    return wish


def _choice(wish: PlanWish, text: str, option: str) -> LimitChoice:
    choices = limit_choices(wish)
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise AdministrationError(
            f"{option} {text}: expected RULE:red|yellow:FIELD, such as {written(choices[0].place)}"
        )
    spans = (
        None if found[4] is None else sum((int(n) * _PART[unit] for n, unit in _SPAN.findall(found[4])), timedelta())
    )
    place = LimitPlace(found[1], Level(found[2]), found[3], spans)
    choice = next((one for one in choices if one.place == place), None)
    if choice is None:
        ours = [written(one.place) for one in choices if one.rule.id == place.rule_id]
        there = ", ".join(ours or dict.fromkeys(one.rule.id for one in choices))
        raise AdministrationError(f"{option} {text}: there is no such limit in the plan; there are: {there}")
    return choice


def written(place: LimitPlace) -> str:
    """A place as the options write it: ``heart_failure.weight_up:yellow:weight@3d6h``."""
    text = f"{place.rule_id}:{place.level}:{place.field}"
    if place.within is None:
        return text
    days, rest = divmod(place.within, timedelta(days=1))
    hours, rest = divmod(rest, timedelta(hours=1))
    parts = ((days, "d"), (hours, "h"), (rest // timedelta(minutes=1), "min"))
    return f"{text}@{''.join(f'{number}{unit}' for number, unit in parts if number)}"


def _slots(slots: tuple[Slot, ...], asked: Asked) -> tuple[Slot, ...]:
    gone = {_slot(text, "--not-expect") for text in asked.not_expect}
    for kind, name in gone:
        if (kind, name) not in {(slot.kind, str(slot.name)) for slot in slots}:
            raise AdministrationError(f"--not-expect {kind}:{name}: the plan does not expect it")
    kept = [slot for slot in slots if (slot.kind, str(slot.name)) not in gone]
    there = {(slot.kind, str(slot.name)) for slot in kept}
    new = dict.fromkeys(_slot(text, "--expect") for text in asked.expect)
    return (*kept, *(_TIMES[name](kind) for kind, name in new if (kind, name) not in there))


def _slot(text: str, option: str) -> tuple[str, str]:
    kind, _colon, name = text.partition(":")
    if kind not in KINDS or name not in _TIMES:
        raise AdministrationError(
            f"{option} {text}: expected KIND:TIME, a kind such as blood_pressure, and {', '.join(_TIMES)}"
        )
    return kind, name
