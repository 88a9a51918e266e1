"""What is put off for a patient, what could be taken together, and where conditions disagree about limits."""

from dataclasses import dataclass
from uuid import UUID

from hearthline_backend.domain.adjusting import Conflict, Holds
from hearthline_backend.domain.conflicts import conflicts_of
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, ThresholdRule
from hearthline_backend.storage.records.alerts import OpenAlert
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_backend.web.figures import field_name, kind_name, plain_figure
from hearthline_backend.web.language import _
from hearthline_backend.web.times import stamp
from hearthline_backend.web.views.beside import rule_name
from hearthline_backend.web.views.facts import PatientFacts
from hearthline_backend.web.views.ownership import person
from hearthline_backend.web.views.worklist_row import rule_of


@dataclass(frozen=True, slots=True)
class SnoozeLine:
    """One snooze in force."""

    id: int
    what: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One live alert that can be taken together with others."""

    id: int
    mark: str
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class ConflictLine:
    """One place where conditions ask for different limits. ``open``: a clinician has still to decide."""

    subject: str
    text: str
    open: bool


def snooze_lines(facts: PatientFacts, viewer: UUID) -> tuple[SnoozeLine, ...]:
    """Those in force, the one that ends first first."""
    return tuple(_snooze_line(one, facts, viewer) for one in sorted(facts.snoozes, key=lambda one: one.until))


def _snooze_line(snooze: Snooze, facts: PatientFacts, viewer: UUID) -> SnoozeLine:
    rules = (plan.rule(snooze.rule_id) for plan in reversed(facts.history))
    rule = next((rule for rule in rules if rule is not None), None)
    what = rule_name(rule) if rule is not None else _("Another rule")
    text = (
        _("{who} snoozed it until {time}. A red still comes through.")
        if snooze.level is Level.YELLOW
        else _("{who} snoozed it until {time}, red as well.")
    )
    who = person(snooze.made_by, snooze.initials, viewer)
    return SnoozeLine(
        snooze.id, what, text.format(who=who, time=stamp(snooze.until, facts.now)), f"/alerts/{snooze.alert_id}"
    )


def choices(facts: PatientFacts) -> tuple[Choice, ...]:
    """The live alerts that nobody has, the most urgent first; none where there is only one."""
    open_ = [one for one in sorted(facts.alerts, key=facts.urgency) if facts.untaken(one)]
    if len(open_) < 2:
        return ()
    return tuple(
        Choice(
            one.alert.id,
            "red" if one.alert.shown_level is Level.RED else "yellow",
            _("Red") if one.alert.shown_level is Level.RED else _("Yellow"),
            _("{what}, since {time}").format(what=_about(facts, one), time=stamp(one.alert.effective_time, facts.now)),
        )
        for one in open_
    )


def _about(facts: PatientFacts, one: OpenAlert) -> str:
    """Two alerts of one kind are told apart by the field that is past its limit: blood pressure, pulse."""
    kind, rule = kind_name(one.alert.kind), rule_of(facts, one)
    fields = [limit.field for limit in (*rule.red, *rule.yellow)] if isinstance(rule, ThresholdRule) else []
    return f"{kind}, {field_name(one.alert.kind, fields[0]).lower()}" if fields else kind


def conflict_lines(plan: Plan | None) -> tuple[ConflictLine, ...]:
    """Where the conditions of a plan disagree, undecided ones first."""
    found: tuple[Conflict, ...] = () if plan is None else conflicts_of(plan)
    return tuple(_conflict_line(one) for one in sorted(found, key=lambda one: not one.open))


def _conflict_line(one: Conflict) -> ConflictLine:
    subject = f"{kind_name(one.kind)}, {field_name(one.kind, one.field).lower()}"
    held = [
        words.format(limit=plain_figure(one.kind, one.field, limit))
        for words, limit in ((_("red at {limit}"), one.red), (_("yellow at {limit}"), one.yellow))
        if limit is not None
    ]
    why = {
        Holds.STRICTER: _(
            "Nobody has decided yet: the stricter limit is yellow, and red comes where both are crossed."
        ),
        Holds.OXYGEN_TARGET: _("The oxygen target of this patient wins."),
        Holds.PERSONAL: _("The limit set for this patient wins."),
        Holds.DECIDED: _("A clinician has decided."),
    }
    return ConflictLine(subject, f"{why[one.by]} {_('Now {limits}.').format(limits=', '.join(held))}", one.open)
