"""What was corrected about readings, in words: for the table, for one reading, for the patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.storage.records.corrections import Correction, What
from hearthline_backend.web.figures import kind_name
from hearthline_backend.web.language import _
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.times import spoken_stamp, stamp
from hearthline_backend.web.views.ownership import person
from hearthline_backend.web.views.patient import Entry


@dataclass(frozen=True, slots=True)
class Told:
    """One correction as a patient reads it."""

    text: str
    reason: str
    time: str


def in_error(history: Sequence[Correction]) -> bool:
    """Whether a reading counts no longer, as its history says last."""
    last = next((one for one in reversed(history) if one.what in (What.ENTERED_IN_ERROR, What.RESTORED)), None)
    return last is not None and last.what is What.ENTERED_IN_ERROR


def taken_in_error(found: Mapping[UUID, Sequence[Correction]], patient_id: UUID) -> list[UUID]:
    """Those that are this patient's and count no longer."""
    return [
        reading_id
        for reading_id, history in found.items()
        if in_error(history) and history[-1].patient_after == patient_id
    ]


def claimed(history: Sequence[Correction], patient_id: UUID) -> bool:
    """Whether it is this patient's because a person said so, which can be taken back."""
    last = next((one for one in reversed(history) if one.what in (What.CLAIMED, What.UNCLAIMED, What.MOVED)), None)
    return last is not None and last.what is not What.UNCLAIMED and last.patient_after == patient_id


def what_words(one: Correction, patient_id: UUID | None) -> str:
    """What was done, as seen from one patient."""
    if one.what is What.CLAIMED:
        return _("Said to be this patient’s") if one.patient_after == patient_id else _("Said to be a guest’s")
    if one.what is What.MOVED:
        came = one.patient_after == patient_id
        return _("Moved here from another patient") if came else _("Moved to another patient")
    return {
        What.UNCLAIMED: _("Taken back: it waited again"),
        What.DATED: _("Its time was corrected"),
        What.ENTERED_IN_ERROR: _("Entered in error"),
        What.RESTORED: _("Restored"),
    }[one.what]


def note(one: Correction, patient_id: UUID, viewer: UUID, now: datetime) -> str:
    """Who, when and why, in one line of a table."""
    who = person(one.by, one.initials, viewer) if one.by is not None else _("at the command line")
    words = _("{what}: {who}, {time}").format(what=what_words(one, patient_id), who=who, time=stamp(one.at, now))
    return f"{words}. {_quoted(one.reason)}" if one.reason else f"{words}."


def notes(history: Sequence[Correction], patient_id: UUID, viewer: UUID, now: datetime) -> tuple[str, ...]:
    """Every correction that concerns this patient, the newest first."""
    return tuple(note(one, patient_id, viewer, now) for one in reversed(history) if patient_id in one.patients)


def entries(history: Sequence[Correction], patient_id: UUID, viewer: UUID, now: datetime) -> tuple[Entry, ...]:
    """The history of one reading, the newest first."""
    found = []
    for one in reversed(history):
        if patient_id not in one.patients:
            continue
        who = person(one.by, one.initials, viewer) if one.by is not None else _("At the command line")
        text = f"{what_words(one, patient_id)}: {who}"
        if one.finished_at is None:
            text = _("{text} (being done)").format(text=text)
        small = _quoted(one.reason) if one.reason else ""
        if one.what is What.DATED and one.effective_before is not None:
            small = _("It said {time}. {reason}").format(time=stamp(one.effective_before, now), reason=small).strip()
        found.append(Entry(stamp(one.at, now), text, small=small))
    return tuple(found)


def for_patient(history: Sequence[Correction], patient_id: UUID, now: datetime) -> tuple[Told, ...]:
    """Who corrected what, in the patient's own words, the newest first. What concerns somebody else stays unsaid."""
    told = []
    for one in history:
        who = staff_name(one.title or "", one.initials or "").strip() or _("The service")
        kind = kind_name(one.kind or "").lower() or _("reading")
        words = _for_patient(one, patient_id).format(who=who, kind=kind)
        shared = one.what in (What.DATED, What.ENTERED_IN_ERROR, What.RESTORED)
        told.append(Told(words, _quoted(one.reason) if shared and one.reason else "", spoken_stamp(one.at, now)))
    return tuple(told)


def _for_patient(one: Correction, patient_id: UUID) -> str:
    mine = one.patient_after == patient_id
    if one.what is What.CLAIMED:
        return _("{who} said that this is your {kind}")
    if one.what is What.MOVED:
        return _("{who} moved a {kind} into your readings") if mine else _("{who}: this {kind} was not yours")
    return {
        What.UNCLAIMED: _("{who} took back that a {kind} was yours"),
        What.DATED: _("{who} corrected the time of your {kind}"),
        What.ENTERED_IN_ERROR: _("{who} marked your {kind} as a mistake. It no longer counts"),
        What.RESTORED: _("{who} let your {kind} count again"),
    }[one.what]


def _quoted(words: str) -> str:
    return _("“{note}”").format(note=words)
