"""One row of the worklist: who, what happens, seven days, who has it, one thing to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.holding import taken_by
from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.schedule import PatientStatus
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.alerts import AlertState, Happened, OpenAlert
from hearthline_backend.storage.records.people import OnCall
from hearthline_backend.web.figures import Figure, condition_name, kind_name, reading_figure
from hearthline_backend.web.language import _, current, n_
from hearthline_backend.web.phrases import advised
from hearthline_backend.web.times import When, age_text, stamp, when
from hearthline_backend.web.views.facts import PatientFacts
from hearthline_backend.web.views.findings import limit_sentence
from hearthline_backend.web.views.ownership import Ownership, ownership
from hearthline_backend.web.views.pausing import pause_sentence, pause_words
from hearthline_backend.web.views.silence_words import last_told, not_heard, told_words
from hearthline_backend.web.views.sparkline import Sparkline, build_sparkline

OFFLINE_AFTER: Final = timedelta(minutes=15)
"""A home that was not heard for this long is said to be out of contact."""


@dataclass(frozen=True, slots=True)
class Row:
    """``mark`` is red, yellow, none or green; ``state`` open or has. ``act`` is what the one button does."""

    patient_id: UUID
    name: str
    born: str
    conditions: str
    mark: str
    word: str
    state: str
    href: str
    lead: str
    figure: Figure | None
    rest: str
    due: str
    measured: tuple[str, When] | None
    note: str
    spark: Sparkline | None
    owner: Ownership
    act: str
    alert_id: int | None = None
    csrf: str = ""
    choosing: bool = False
    """Whether several are being chosen, to be acknowledged together."""
    report: "Unread | None" = None

    @property
    def version(self) -> str:
        """Changes when anything that is shown does, so that a row that is still right is not swapped."""
        return _version(replace(self, csrf=""))


@dataclass(frozen=True, slots=True)
class Unread:
    """A report that nobody has confirmed: where it is read, and until when it has to be."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class CalmLine:
    """A green patient in one line. ``moved`` is the mark it has now, when it no longer is green."""

    patient_id: UUID
    name: str
    birth_year: int
    when: When | None
    what: str
    moved: str = ""
    moved_word: str = ""
    report: "Unread | None" = None

    @property
    def version(self) -> str:
        """As of a row."""
        return _version(self)


def _version(shown: object) -> str:
    return sha256(repr(shown).encode()).hexdigest()[:12]


def full_name(facts: PatientFacts) -> str:
    """Given and family name."""
    return f"{facts.patient.given_name} {facts.patient.family_name}".strip()


def born(birth_year: int, now: datetime) -> str:
    """Born 1948 (78 y). The year is all that is known, so the age is the one reached this year."""
    age = now.astimezone(current().zone).year - birth_year
    return _("Born {year} ({age} y)").format(year=birth_year, age=age).replace(f"{age} ", f"{age}\u00a0")


def conditions_text(plan: Plan | None) -> str:
    """High blood pressure, heart failure."""
    names = [condition_name(one) for one in plan.conditions] if plan is not None else []
    return ", ".join(
        [*names[:1], *(name[:1].lower() + name[1:] if name[1:2].islower() else name for name in names[1:])]
    )


def shown_kind(facts: PatientFacts) -> str | None:
    """The kind a row is about."""
    if facts.worst is not None:
        return facts.worst.alert.kind
    return facts.missing[0].kind if facts.missing else None


def rule_of(facts: PatientFacts, one: OpenAlert) -> Rule | None:
    """The rule that raised an alert, in the version that judged it."""
    plans = [plan for plan in facts.history if plan.version == one.alert.plan_version]
    return next((rule for plan in plans for rule in plan.rules if rule.id == one.alert.rule_id), None)


def build_row(
    facts: PatientFacts,
    viewer: UUID,
    csrf: str,
    *,
    on_call: Sequence[OnCall] = (),
    window: Sequence[PatientReading] = (),
    reading: PatientReading | None = None,
    just_taken: bool = False,
) -> Row:
    """``window`` are the readings of the row's kind; ``reading`` the worst of its alert."""
    one = facts.worst
    if one is None:
        return _silent(facts, csrf, window)
    has = ownership(
        one,
        viewer,
        facts.now,
        first=facts.first_called.get(one.alert.id),
        task=facts.next_tasks.get(one.alert.id),
        on_call=on_call,
        snooze=facts.snooze_of(one),
        story=facts.stories.get(one.alert.id, ()),
        names=facts.names,
    )
    rule = rule_of(facts, one)
    lead, rest = _sentence(facts, one, rule, reading)
    given = one.alert.owner_id == viewer and _unseen(facts, one)
    unread = unread_report(facts)
    act = "acknowledge" if facts.untaken(one) or given else "undo" if just_taken and has.mine else "open"
    act = "report" if act == "open" and unread is not None else act
    mark = "red" if facts.status is PatientStatus.RED else "yellow"
    return Row(
        patient_id=facts.patient.id,
        name=full_name(facts),
        born=born(facts.patient.birth_year, facts.now),
        conditions=_situation(facts),
        mark=mark,
        word=_("Red") if mark == "red" else _("Yellow"),
        state="open" if has.nobody else "has",
        href=f"/alerts/{one.alert.id}",
        lead=lead,
        figure=reading_figure(reading.reading) if reading is not None else None,
        rest=rest,
        due=_due(one, rule),
        measured=_measured(facts, reading),
        note=_note(facts, one, reading),
        spark=build_sparkline(one.alert.kind, window, facts.plan, facts.now, one.alert.worst_reading),
        owner=has,
        act=act,
        alert_id=one.alert.id,
        csrf=csrf,
        report=unread,
    )


def unread_report(facts: PatientFacts) -> Unread | None:
    """The oldest report on a patient that nobody has confirmed."""
    if not facts.reports:
        return None
    first = facts.reports[0]
    if first.superseded_by is not None or first.confirm_by <= facts.now:
        text = _("Report not confirmed.")
    else:
        text = _("Report not confirmed, until {time}.").format(time=stamp(first.confirm_by, facts.now))
    return Unread(f"/patients/{facts.patient.id}/reports/{first.number}", text)


def _unseen(facts: PatientFacts, one: OpenAlert) -> bool:
    """Whether it was given to somebody who has not acknowledged it."""
    by = taken_by(facts.stories.get(one.alert.id, ())) if one.alert.state is AlertState.ACKNOWLEDGED else None
    return by is not None and by.what is Happened.ASSIGNED and by.actor_id != one.alert.owner_id


def _sentence(
    facts: PatientFacts, one: OpenAlert, rule: Rule | None, reading: PatientReading | None
) -> tuple[str, str]:
    kind = kind_name(one.alert.kind)
    limit = limit_sentence(rule, reading.reading, one.alert.level) if rule is not None and reading is not None else ""
    newest = facts.latest.get(one.alert.kind)
    if one.alert.review:
        text = _("Late reading: {kind}").format(kind=kind.lower())
        if newest is None or reading is None or newest.reading.id == reading.reading.id:
            return text, limit
        newer = _("Newer: {figure}.").format(figure=reading_figure(newest.reading))
        return text, f"{limit} {newer}".strip()
    if one.alert.cleared and newest is not None:
        back = _("Now {figure}, back within limits.").format(figure=reading_figure(newest.reading))
        return kind, f"{limit} {back}".strip()
    if newest is not None and reading is not None and newest.reading.id != reading.reading.id:
        now = _("Now {figure}.").format(figure=reading_figure(newest.reading))
        return kind, f"{limit} {now}".strip()
    return kind, limit


def _due(one: OpenAlert, rule: Rule | None) -> str:
    if one.alert.review:
        return _("To review. It arrived too late to be called as if it were now.")
    if one.alert.review_by is not None:
        return _("To review. A late reading splits it into two.")
    return advised(rule.advice) if rule is not None and not one.alert.cleared else ""


def _measured(facts: PatientFacts, reading: PatientReading | None) -> tuple[str, When] | None:
    return None if reading is None else (_("Measured"), when(reading.reading.effective_time, facts.now))


def _note(facts: PatientFacts, one: OpenAlert, reading: PatientReading | None) -> str:
    said = []
    if reading is not None and one.alert.review:
        said.append(_("Arrived {time}.").format(time=stamp(reading.stored_time, facts.now)))
    newest = facts.latest.get(one.alert.kind)
    if reading is not None and newest is not None and newest.reading.id == reading.reading.id and not one.alert.review:
        said.append(_("No second reading yet."))
    others = len(facts.alerts) - 1
    if others:
        said.append(n_("And {n} more alert.", "And {n} more alerts.", others).format(n=others))
    return " ".join(said)


def _silent(facts: PatientFacts, csrf: str, window: Sequence[PatientReading]) -> Row:
    gone = facts.missing[0] if facts.missing else None
    kind = gone.kind if gone is not None else None
    last = facts.latest.get(kind) if kind is not None else None
    out = out_of_contact(facts)
    silence = next((one for one in facts.silences if one.alert.kind == kind), None)
    detail = last_told(facts.stories.get(silence.alert.id, ())) if silence is not None else {}
    technical = not detail.get("care") if detail else out is not None
    lead = ""
    rest = _("Everything due has arrived and is in range.")
    note = ""
    if gone is not None and kind is not None:
        since = gone.last or facts.patient.enrolled_at
        silent = age_text(facts.now - since)
        if gone.last is None:
            lead = _("No {kind} since enrolment, {age} ago.").format(kind=kind_name(kind).lower(), age=silent)
        else:
            lead = _("No {kind} for {age}.").format(kind=kind_name(kind).lower(), age=silent)
        rest = told_words(detail, kind) or (out[0] if out is not None else not_heard(kind))
        missed = n_("{n} planned reading missed since.", "{n} planned readings missed since.", gone.slots_missed)
        note = missed.format(n=gone.slots_missed)
    if last is not None:
        told = _("Last: {figure}, {time}.").format(
            figure=reading_figure(last.reading), time=stamp(last.reading.effective_time, facts.now)
        )
        note = f"{told} {note}"
    more = len(facts.missing) - 1
    if more > 0:
        also = ", ".join(kind_name(one.kind).lower() for one in facts.missing[1:])
        note = f"{note} {_('Also missing: {kinds}.').format(kinds=also)}"
    green, unread = gone is None, unread_report(facts)
    return Row(
        patient_id=facts.patient.id,
        name=full_name(facts),
        born=born(facts.patient.birth_year, facts.now),
        conditions=conditions_text(facts.plan),
        mark="green" if green else "none",
        word=_("Green") if green else _("No data"),
        state="has" if green else "open",
        href=f"/patients/{facts.patient.id}" if silence is None else f"/alerts/{silence.alert.id}",
        lead=lead,
        figure=None,
        rest=rest,
        due="" if green else _("Nothing to do here: a technician sees this home.") if technical else _("Call and ask."),
        measured=None,
        note=note,
        spark=build_sparkline(kind, window, facts.plan, facts.now) if kind is not None else None,
        owner=_silent_owner(facts, out, silence, detail),
        act="open" if unread is None else "report",
        csrf=csrf,
        report=unread,
    )


def _situation(facts: PatientFacts) -> str:
    """Conditions, and where the patient is."""
    away = "" if facts.pause is None else pause_words(facts.pause, facts.now)
    return ", ".join(part for part in (conditions_text(facts.plan), away) if part)


def out_of_contact(facts: PatientFacts) -> tuple[str, datetime | None] | None:
    """What is said when every gateway of the home is silent; None while one is heard."""
    if not facts.gateways:
        return None
    heard = [gateway.heard_at for gateway in facts.gateways if gateway.heard_at is not None]
    last = max(heard, default=None)
    offline = all((gateway.status or {}).get("state") == "offline" for gateway in facts.gateways)
    if last is not None and facts.now - last <= OFFLINE_AFTER and not offline:
        return None
    return _("No contact with the home: its internet or its power. Readings wait there."), last


def _silent_owner(
    facts: PatientFacts,
    out: tuple[str, datetime | None] | None,
    silence: OpenAlert | None,
    detail: Mapping[str, object],
) -> Ownership:
    if not facts.missing:
        return Ownership(_("Nothing to do"))
    if silence is not None and silence.alert.state is AlertState.ACKNOWLEDGED:
        return Ownership(_("{name} has it").format(name=silence.owner_initials or _("Somebody")))
    since = (
        () if out is None or out[1] is None else (_("Home silent since {time}.").format(time=stamp(out[1], facts.now)),)
    )
    if (detail and not detail.get("care")) or (not detail and out is not None):
        return Ownership(_("Technician"), since)
    closed = facts.missing[0].slot_closed
    due = (_("Due since {time}.").format(time=stamp(closed, facts.now)),)
    both = detail.get("technician")
    return Ownership(_("Care team and technician") if both else _("Care team"), due)


def calm_line(facts: PatientFacts) -> CalmLine:
    """A green patient: what came last, and when; or why nothing has come yet."""
    at, what = _calm_words(facts)
    moved, word = ("", "") if facts.status is PatientStatus.GREEN else _moved(facts.status)
    patient = facts.patient
    return CalmLine(patient.id, full_name(facts), patient.birth_year, at, what, moved, word, unread_report(facts))


def _calm_words(facts: PatientFacts) -> tuple[When | None, str]:
    newest = facts.newest
    if facts.pause is not None:
        return None, pause_sentence(facts.pause, facts.now)
    if newest is None:
        return None, _("Enrolled {time}. No readings yet.").format(time=stamp(facts.patient.enrolled_at, facts.now))
    day = [
        row
        for row in sorted(facts.latest.values(), key=lambda row: row.reading.effective_time, reverse=True)
        if newest.reading.effective_time - row.reading.effective_time < timedelta(hours=12)
    ]
    told = [f"{kind_name(row.reading.kind)} {reading_figure(row.reading)}" for row in day]
    text = ", ".join([*told[:1], *(one[:1].lower() + one[1:] for one in told[1:])])
    return when(newest.reading.effective_time, facts.now), text


def _moved(status: PatientStatus) -> tuple[str, str]:
    return {
        PatientStatus.RED: ("red", _("Red now")),
        PatientStatus.YELLOW: ("yellow", _("Yellow now")),
        PatientStatus.NO_DATA: ("none", _("No data now")),
    }[status]
