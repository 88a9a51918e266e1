"""The report view's parts: the evidence as it was, three days in figures, who was told, who has read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.three_days import SPAN
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.calls import NotificationState, Told
from hearthline_backend.storage.records.report_content import EvidenceContent, KindContent, ReportContent
from hearthline_backend.storage.records.reports import Report, ReportEvent, ReportHappened
from hearthline_backend.web.figures import Figure, field_name, kind_name, quality_words, reading_figure, stepped_figure
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import clock_s, stamp
from hearthline_backend.web.views.alert import channel_name, quality
from hearthline_backend.web.views.findings import Finding, findings, often_words, recorded_findings
from hearthline_backend.web.views.headlines import rule_subject
from hearthline_backend.web.views.ownership import person
from hearthline_backend.web.views.patient import CHART_ORDER, Entry, TableRow, table_rows
from hearthline_backend.web.views.policy_words import nobody_called
from hearthline_backend.web.views.sparkline import Sparkline, build_sparkline
from hearthline_protocol.readings import Quality, Reading

_TODAY_ENOUGH: Final = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One alert: what was measured and which limits it was past. ``quality`` is what the meter said of itself."""

    alert: int
    subject: str
    figure: Figure
    measured: datetime | None
    why: tuple[Finding, ...]
    quality: str
    policy: str


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field in figures, as text with units."""

    name: str
    count: str
    low: str
    mean: str
    high: str
    last: str


@dataclass(frozen=True, slots=True)
class KindPart:
    """One kind: figures, chart, table, and what else one must know about these days."""

    kind: str
    name: str
    lines: tuple[FieldLine, ...]
    told: tuple[str, ...]
    spark: Sparkline
    rows: tuple[TableRow, ...]
    side: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How the report stands. ``mark`` with ``word``; ``lede`` is the sentence below the heading."""

    mark: str
    word: str
    taken: bool
    lede: str


def standing(report: Report, confirmed: ReportEvent | None, viewer: UUID, now: datetime) -> Standing:
    """Who has read it and when, or until when somebody has to."""
    if report.confirmed_at is not None:
        who = person(report.confirmed_by, confirmed.initials if confirmed is not None else None, viewer)
        time = stamp(report.confirmed_at, now)
        word = _("You have read it, {time}") if report.confirmed_by == viewer else _("{who} has read it, {time}")
        text = word.format(who=who, time=time)
        gone = _("Later data withdrew it. It stays as it was.") if report.withdrawn_at is not None else ""
        return Standing("none" if gone else "yellow", text, True, gone)
    if report.withdrawn_at is not None:
        lede = _("Later data withdrew what it rests on. It stays as it was, and nobody has to confirm it.")
        return Standing("none", _("Withdrawn"), True, lede)
    by = stamp(report.confirm_by, now)
    if report.superseded_by is not None:
        lede = _("A red alert took over, and calls instead. The report still waits to be confirmed.")
    elif report.confirm_by > now:
        lede = _("Confirm by {time} that you have read it; otherwise the team is called.").format(time=by)
    else:
        lede = _("It was to be confirmed by {time}. The team is being called.").format(time=by)
    return Standing("yellow", _("Not confirmed"), False, lede)


def heading(content: ReportContent, name: str, history: tuple[Plan, ...]) -> str:
    """Ana turned yellow: blood pressure."""
    subjects = [_subject(one, _rule(one, history)) for one in content.evidence]
    ordered = list(dict.fromkeys(one[:1].lower() + one[1:] for one in subjects))
    return _("{name} turned yellow: {what}").format(name=name, what=", ".join(ordered))


def evidence_parts(
    content: ReportContent, patient_id: UUID, history: tuple[Plan, ...], now: datetime
) -> tuple[Evidence, ...]:
    """Each alert by which the patient turned yellow."""
    rows = {row.id: row for row in content.rows(patient_id)}
    return tuple(_evidence(one, rows, _rule(one, history), now) for one in content.evidence)


def _evidence(one: EvidenceContent, rows: Mapping[UUID, PatientReading], rule: Rule | None, now: datetime) -> Evidence:
    fired = [evaluation for evaluation in one.evaluations if evaluation["fired"]] or list(one.evaluations)
    last: Mapping[str, Any] | None = fired[-1] if fired else None
    row = rows.get(UUID(last["reading"])) if last is not None else None
    return Evidence(
        alert=one.alert,
        subject=_subject(one, rule),
        figure=Figure(_("No value"), "") if row is None else reading_figure(row.reading),
        measured=None if row is None else row.effective_time,
        why=_why(one, rule, None if row is None else row.reading, last),
        quality="" if row is None else quality(row.reading),
        policy=nobody_called(one.policy, now),
    )


def _why(
    one: EvidenceContent, rule: Rule | None, reading: Reading | None, evaluation: Mapping[str, Any] | None
) -> tuple[Finding, ...]:
    if not isinstance(rule, ThresholdRule):
        return recorded_findings(rule, evaluation)
    found = () if reading is None else findings(rule, reading)
    if not found or found[0].level is None:
        return found
    first = found[0]
    return (Finding(first.level, first.lead, f"{often_words(rule, one.level)} {first.rest}".strip()), *found[1:])


def _rule(one: EvidenceContent, history: tuple[Plan, ...]) -> Rule | None:
    plan = next((plan for plan in history if plan.version == one.plan_version), None)
    return None if plan is None else plan.rule(one.rule)


def _subject(one: EvidenceContent, rule: Rule | None) -> str:
    return kind_name(one.kind) if rule is None else rule_subject(rule)


def kind_parts(
    content: ReportContent,
    patient_id: UUID,
    plan: Plan | None,
    now: datetime,
    corrected: Mapping[UUID, tuple[str, ...]],
) -> tuple[KindPart, ...]:
    """Every kind of the three days, those of the evidence first. ``corrected`` are histories of readings in words."""
    fired = {UUID(row["reading"]): one.alert for one in content.evidence for row in one.evaluations}
    first = {one.kind for one in content.evidence}
    ordered = sorted(content.kinds, key=lambda one: (one.kind not in first, _place(one.kind)))
    return tuple(_kind(one, content, patient_id, plan, now, fired, corrected) for one in ordered)


def _place(kind: str) -> int:
    return CHART_ORDER.index(kind) if kind in CHART_ORDER else len(CHART_ORDER)


def _kind(
    one: KindContent,
    content: ReportContent,
    patient_id: UUID,
    plan: Plan | None,
    now: datetime,
    fired: Mapping[UUID, int],
    corrected: Mapping[UUID, tuple[str, ...]],
) -> KindPart:
    rows = content.rows(patient_id, one.kind)
    opener = next((row.id for row in reversed(rows) if row.id in fired), None)
    shown = table_rows(rows, now, fired, corrected, f"/patients/{patient_id}/readings/")
    return KindPart(
        kind=one.kind,
        name=kind_name(one.kind),
        lines=tuple(_line(one.kind, field) for field in one.fields),
        told=_told_of(one, rows),
        spark=build_sparkline(one.kind, rows, plan, content.until, opener, SPAN),
        rows=shown,
        side=field_name(one.kind, "pulse") if any(row.side for row in shown) else "",
    )


def _line(kind: str, field: Any) -> FieldLine:
    def text(number: float) -> str:
        return str(stepped_figure(kind, field.field, number))

    name = field_name(kind, field.field)
    return FieldLine(name, str(field.count), text(field.low), text(field.mean), text(field.high), text(field.last))


def _told_of(one: KindContent, rows: Sequence[PatientReading]) -> tuple[str, ...]:
    """How many readings, how many are missing, and what the meters said about them."""
    said = [n_("{n} reading.", "{n} readings.", one.readings).format(n=one.readings)]
    if one.slots:
        missed = n_("{missed} of {n} planned reading missed.", "{missed} of {n} planned readings missed.", one.slots)
        said.append(missed.format(missed=one.missed, n=one.slots))
    counts = {worth: one.qualities.get(worth.value, 0) for worth in Quality}
    counted = {
        Quality.FAILED: n_("{n} without a value.", "{n} without a value.", counts[Quality.FAILED]),
        Quality.QUESTIONABLE: n_("{n} questionable.", "{n} questionable.", counts[Quality.QUESTIONABLE]),
        Quality.BEYOND_LOW: n_("{n} too low for the meter.", "{n} too low for the meter.", counts[Quality.BEYOND_LOW]),
        Quality.BEYOND_HIGH: n_(
            "{n} too high for the meter.", "{n} too high for the meter.", counts[Quality.BEYOND_HIGH]
        ),
        Quality.NOT_PATIENT: n_("{n} not of the patient.", "{n} not of the patient.", counts[Quality.NOT_PATIENT]),
    }
    said += [text.format(n=counts[worth]) for worth, text in counted.items() if counts[worth]]
    noted = dict.fromkeys(words for row in rows if row.reading.flags for words in quality_words(row.reading))
    if noted:
        said.append(_("Noted: {what}.").format(what="; ".join(words[:1].lower() + words[1:] for words in noted)))
    return tuple(said)


def timeline(
    report: Report,
    events: Sequence[ReportEvent],
    told: Sequence[Told],
    names: Mapping[str, str],
    viewer: UUID,
    now: datetime,
) -> tuple[Entry, ...]:
    """Who was told and who read it, oldest first, and what comes next. ``names`` are initials by the ids that the
    history names."""
    dated: list[tuple[datetime, int, Entry]] = [
        (one.at, 0, _event_entry(one, names, viewer, now)) for one in events if one.what is not ReportHappened.CALLED
    ]
    dated += [
        (one.notification.sent_at or one.notification.created_at, 1, _told_entry(one, viewer, now)) for one in told
    ]
    entries = [entry for _at_, _rank, entry in sorted(dated, key=lambda one: one[:2])]
    if report.waiting and report.superseded_by is None and report.due_at is not None:
        upcoming = _("Next: the team is called by its steps")
        entries.append(
            Entry(stamp(max(report.due_at, now), now), upcoming, small=_("Unless someone confirms"), next=True)
        )
    return tuple(entries)


def _event_entry(event: ReportEvent, names: Mapping[str, str], viewer: UUID, now: datetime) -> Entry:
    who = person(event.actor_id, event.initials, viewer)
    alert = event.detail.get("alert", "")
    words = {
        ReportHappened.MADE: _("The patient turned yellow: report made"),
        ReportHappened.ESCALATED: _("Nobody confirmed it: to the next step"),
        ReportHappened.NOBODY_ON_CALL: _("Nobody is on call"),
        ReportHappened.LAST_RESORT: _("Nobody confirmed it: the last resort was called"),
        ReportHappened.NOT_DELIVERED: _("A call could not be delivered"),
        ReportHappened.SUPERSEDED: _("Red alert {number} took over: it calls instead").format(number=alert),
        ReportHappened.RESUMED: _("Red alert {number} no longer holds: calls for the report go on").format(
            number=alert
        ),
        ReportHappened.CONFIRMED: _("{who} confirmed having read it").format(who=who),
        ReportHappened.PARTLY_WITHDRAWN: _("Later data withdrew alert {number}").format(number=alert),
        ReportHappened.WITHDRAWN: _("Later data withdrew alert {number}, and with it this report").format(number=alert),
        ReportHappened.RETURNED: _("Later data brought alert {number} back").format(number=alert),
        ReportHappened.JOINED: _("Alert {number} was joined with an earlier one").format(number=alert),
    }
    small = _("“{note}”").format(note=event.note) if event.note else ""
    if event.what is ReportHappened.MADE:
        people = [names.get(one, _("Somebody")) for one in event.detail.get("addressed", ())]
        small = _("To who is on call: {people}").format(people=", ".join(people)) if people else _("Nobody is on call")
    return Entry(_at(event.at, now), words.get(event.what, event.what.value), small=small)


def _told_entry(one: Told, viewer: UUID, now: datetime) -> Entry:
    notification = one.notification
    words = {
        NotificationState.DUE: _("{who}: {channel} is being sent"),
        NotificationState.SENT: _("{who}: {channel} sent"),
        NotificationState.FAILED: _("{who}: {channel} could not be delivered"),
        NotificationState.CANCELLED: _("{who}: {channel} no longer needed"),
    }
    who = person(notification.user_id, one.initials, viewer)
    text = words[notification.state].format(who=who, channel=channel_name(one.channel))
    about = _("About the alert, with the report") if notification.alert_id is not None else _("About the report")
    return Entry(_at(notification.sent_at or notification.created_at, now), text, small=about)


def _at(at: datetime, now: datetime) -> str:
    return clock_s(at) if now - at < _TODAY_ENOUGH else stamp(at, now)
