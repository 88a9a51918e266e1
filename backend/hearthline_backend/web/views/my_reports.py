"""What a patient reads of the reports about them: what went from green to yellow, who was told, who has read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.any_rule import Rule
from hearthline_backend.domain.average_rule import AverageRule
from hearthline_backend.domain.change_rule import ChangeRule
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import ThresholdRule
from hearthline_backend.domain.trend_rules import CusumRule, MovingAverageRule
from hearthline_backend.storage.records.calls import NotificationState, Told
from hearthline_backend.storage.records.people import User
from hearthline_backend.storage.records.report_content import EvidenceContent
from hearthline_backend.storage.records.reports import Report, ReportEvent, ReportHappened
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.figures import kind_name
from hearthline_backend.web.language import _
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.times import spoken_stamp, told_stamp
from hearthline_backend.web.views.my_data import together_meaning, told_lines
from hearthline_backend.web.views.report_told import told_of

_OF_ONE_KIND = ThresholdRule | ChangeRule | AverageRule | MovingAverageRule | CusumRule


@dataclass(frozen=True, slots=True)
class MyReport:
    """One report. ``told`` are who was called and when, ``read`` is who confirmed or that nobody has."""

    text: str
    time: str
    told: tuple[str, ...]
    read: str
    note: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What Records know of one report besides what it says."""

    evidence: Sequence[EvidenceContent]
    told: Sequence[Told]
    reader: User | None
    words: str


async def my_reports(
    unit: Unit, patient_id: UUID, history: Sequence[Plan], now: datetime, limit: int
) -> tuple[MyReport, ...]:
    """The newest reports about one patient, newest first."""
    found = await unit.reports.of_patient(patient_id, limit)
    evidence = await unit.reports.evidence([one.id for one in found])
    told = await told_of(unit, found)
    readers = await unit.people.users({one.confirmed_by for one in found if one.confirmed_by is not None})
    words = await unit.reports.events_of([one.id for one in found], ReportHappened.CONFIRMED)
    return tuple(
        report_line(one, _Known(evidence[one.id], told[one.id], _reader(one, readers), _note(words, one)), history, now)
        for one in found
    )


def report_line(report: Report, known: _Known, history: Sequence[Plan], now: datetime) -> MyReport:
    """One report in whole sentences."""
    said = [sentence for one in known.evidence for sentence in turned(one.kind, _rule(one, history))]
    return MyReport(
        " ".join(dict.fromkeys(said)),
        spoken_stamp(report.made_at, now),
        _told(known.told, now),
        _read(report, known.reader, now),
        known.words,
    )


def turned(kind: str, rule: Rule | None) -> tuple[str, ...]:
    """What went from green to yellow, and how it was. ``rule`` is None where its plan is not known any more."""
    if rule is not None and not isinstance(rule, _OF_ONE_KIND):
        return (_("Several of your readings together went from green to yellow."),)
    name = kind_name(kind)
    first = _("Your {kind} went from green to yellow.").format(kind=name[:1].lower() + name[1:])
    if rule is None:
        return (first,)
    if not isinstance(rule, ThresholdRule):
        return first, together_meaning(rule)
    if rule.direction == "above":
        return first, _("It was higher than the limit you and your doctor agreed on.")
    return first, _("It was lower than the limit you and your doctor agreed on.")


def _rule(one: EvidenceContent, history: Sequence[Plan]) -> Rule | None:
    plan = next((plan for plan in history if plan.version == one.plan_version), None)
    return None if plan is None else plan.rule(one.rule)


def _told(told: Sequence[Told], now: datetime) -> tuple[str, ...]:
    """Only what was really sent, oldest first."""
    sent = [one for one in told if one.notification.state is NotificationState.SENT]
    sent.sort(key=lambda one: one.notification.sent_at or one.notification.created_at)
    lines = told_lines(sent, now, told_stamp)
    return tuple(_("{who}, {time}").format(who=one.text, time=one.time) for one in lines)


def _read(report: Report, reader: User | None, now: datetime) -> str:
    gone = _("It was taken back: what it was about no longer counts.") if report.withdrawn_at is not None else ""
    if report.confirmed_at is None:
        return gone or _("Nobody has confirmed reading it so far.")
    who = _("Somebody") if reader is None else staff_name(reader.title, reader.initials)
    said = _("{who} confirmed reading it, {time}.").format(who=who, time=told_stamp(report.confirmed_at, now))
    return f"{said} {gone}".strip()


def _reader(report: Report, readers: Mapping[UUID, User]) -> User | None:
    return None if report.confirmed_by is None else readers.get(report.confirmed_by)


def _note(events: Mapping[int, Sequence[ReportEvent]], report: Report) -> str:
    note = next((one.note for one in events.get(report.id, ()) if one.note), None)
    return _("“{note}”").format(note=note) if note else ""
