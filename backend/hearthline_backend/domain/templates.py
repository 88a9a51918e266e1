"""Condition templates: what a plan starts from, each limit with its source.

Limits are chosen to keep alerts few and true: a red needs one reading because waiting would be worse, a yellow needs
two of the last three. The averages of NICE NG136 (135/85 mmHg) judge a week of readings and never a single one, so they
are not limits here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Final
from uuid import UUID

from hearthline_backend.domain.plans import Plan, Slot
from hearthline_backend.domain.rules import Level, Limit, Persistence, RuleError, ThresholdRule

TWO_OF_THREE: Final = Persistence(2, 3)


@dataclass(frozen=True, slots=True)
class Template:
    """The rules and the daily slots of one condition."""

    name: str
    rules: tuple[ThresholdRule, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Override:
    """A clinician's own limit for one patient: it replaces, or adds, the limit of that field and level in one rule."""

    rule_id: str
    level: Level
    field: str
    value: float
    unit: str


def _msgid(text: str) -> str:
    """Marks a text for the translators' catalogues; it is translated for the person who reads it."""
    return text


_MORNING: Final = (time(6), time(10))
_EVENING: Final = (time(18), time(22))

HYPERTENSION: Final = Template(
    name="hypertension",
    rules=(
        ThresholdRule(
            id="hypertension.pressure_high",
            kind="blood_pressure",
            direction="above",
            red=(Limit("systolic", 180, "mm[Hg]"), Limit("diastolic", 120, "mm[Hg]")),
            yellow=(Limit("systolic", 160, "mm[Hg]"), Limit("diastolic", 100, "mm[Hg]")),
            yellow_persistence=TWO_OF_THREE,
            source="NICE NG136: 180/120 mmHg is the threshold for severe, 160/100 mmHg for stage 2, both in the clinic",
            advice=_msgid("Ask for 5 minutes of rest, then a second reading."),
        ),
        ThresholdRule(
            id="hypertension.pressure_low",
            kind="blood_pressure",
            direction="below",
            red=(Limit("systolic", 90, "mm[Hg]"),),
            yellow=(Limit("systolic", 100, "mm[Hg]"),),
            yellow_persistence=TWO_OF_THREE,
            source="NEWS2 (Royal College of Physicians, 2017): systolic 90 mmHg or less scores 3, 91 to 100 scores 2",
            advice=_msgid("Ask about dizziness and falls, then a second reading while seated."),
        ),
        ThresholdRule(
            id="hypertension.pulse_high",
            kind="blood_pressure",
            direction="above",
            red=(Limit("pulse", 131, "/min"),),
            yellow=(Limit("pulse", 111, "/min"),),
            yellow_persistence=TWO_OF_THREE,
            source="NEWS2 (Royal College of Physicians, 2017): pulse 131 /min or more scores 3, 111 to 130 scores 2",
            advice=_msgid("Ask for 5 minutes of rest, then a second reading."),
        ),
        ThresholdRule(
            id="hypertension.pulse_low",
            kind="blood_pressure",
            direction="below",
            red=(Limit("pulse", 40, "/min"),),
            yellow=(),
            source="NEWS2 (Royal College of Physicians, 2017): pulse 40 /min or less scores 3",
            advice=_msgid("Ask about dizziness and about tablets that slow the pulse, then a second reading."),
        ),
    ),
    slots=(
        Slot("blood_pressure", "morning", *_MORNING),
        Slot("blood_pressure", "evening", *_EVENING),
    ),
)

TEMPLATES: Final[Mapping[str, Template]] = {template.name: template for template in (HYPERTENSION,)}
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
    extra_rules: Iterable[ThresholdRule] = (),
    extra_slots: Iterable[Slot] = (),
) -> Plan:
    """One version of a patient's plan: the templates of ``conditions``, then what was adjusted for the patient.

    ``extra_rules`` and ``extra_slots`` add what no template asks for, such as an oxygen limit. Raises
    :class:`~hearthline_backend.domain.rules.RuleError` for an unknown condition, a rule that occurs twice, an override
    of a rule that is not there, an adjustment without author, or a limit that cannot mean anything.
    """
    overrides, extra_rules = tuple(overrides), tuple(extra_rules)
    if valid_from.tzinfo is None:
        raise RuleError("a plan holds from an instant with its zone")
    if (overrides or extra_rules) and author is None:
        raise RuleError("an adjusted plan names its author")
    if not reason.strip():
        raise RuleError("a plan gives its reason")
    templates = [_template(name) for name in conditions]
    rules = _with_overrides((*(rule for one in templates for rule in one.rules), *extra_rules), overrides)
    slots = tuple(dict.fromkeys((*(slot for one in templates for slot in one.slots), *extra_slots)))
    return Plan(patient_id, version, valid_from, tuple(conditions), rules, slots, reason, author)


def _template(name: str) -> Template:
    template = TEMPLATES.get(name)
    if template is None:
        raise RuleError(f"there is no template {name!r}; known: {', '.join(sorted(TEMPLATES))}")
    return template


def _with_overrides(rules: tuple[ThresholdRule, ...], overrides: tuple[Override, ...]) -> tuple[ThresholdRule, ...]:
    by_id = {rule.id: rule for rule in rules}
    if len(by_id) != len(rules):
        raise RuleError("a plan has each rule once")
    grouped: dict[str, list[Override]] = {}
    for override in overrides:
        if override.rule_id not in by_id:
            raise RuleError(f"there is no rule {override.rule_id!r} to adjust; known: {', '.join(by_id)}")
        grouped.setdefault(override.rule_id, []).append(override)
    for rule_id, changes in grouped.items():
        by_id[rule_id] = _adjusted(by_id[rule_id], changes)
    return tuple(by_id.values())


def _adjusted(rule: ThresholdRule, changes: list[Override]) -> ThresholdRule:
    limits = {Level.RED: {one.field: one for one in rule.red}, Level.YELLOW: {one.field: one for one in rule.yellow}}
    for change in changes:
        limits[change.level][change.field] = Limit(change.field, change.value, change.unit, personal=True)
    return replace(rule, red=tuple(limits[Level.RED].values()), yellow=tuple(limits[Level.YELLOW].values()))
