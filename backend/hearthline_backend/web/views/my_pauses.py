"""What a patient reads of the pauses of their plan: from when, until when, why, and who entered and ended them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hearthline_backend.domain.pauses import PauseKind
from hearthline_backend.storage.records.pauses import KeptPause
from hearthline_backend.web.language import _
from hearthline_backend.web.people_words import staff_name
from hearthline_backend.web.times import told_stamp


@dataclass(frozen=True, slots=True)
class MyPause:
    """One pause. ``by`` is who entered it and who ended it, ``note`` what they wrote."""

    text: str
    by: str
    note: str


def my_pauses(history: Sequence[KeptPause], now: datetime) -> tuple[MyPause, ...]:
    """Every pause, in the order given."""
    return tuple(MyPause(_text(one, now), _by(one, now), _note(one)) for one in history)


def _text(kept: KeptPause, now: datetime) -> str:
    pause = kept.pause
    begin, end = told_stamp(pause.begins_at, now), told_stamp(pause.ends, now)
    words = {
        PauseKind.HOSPITAL: _("In hospital: {begin} to {end}"),
        PauseKind.AWAY: _("Away: {begin} to {end}"),
        PauseKind.OTHER: _("On pause: {begin} to {end}"),
    }[pause.kind].format(begin=begin, end=end)
    return _("{pause}. It lasts now.").format(pause=words) if pause.covers(now) else words


def _by(kept: KeptPause, now: datetime) -> str:
    parts = []
    if kept.initials is not None:
        who, time = staff_name(kept.title or "", kept.initials).strip(), told_stamp(kept.made_at, now)
        parts.append(_("Entered by {who}, {time}.").format(who=who, time=time))
    pause = kept.pause
    if pause.ended_at is not None:
        planned = told_stamp(pause.until, now)
        if kept.ended_initials is None:
            parts.append(_("Ended early, planned until {time}.").format(time=planned))
        else:
            who = staff_name(kept.ended_title or "", kept.ended_initials).strip()
            parts.append(_("Ended early by {who}, planned until {time}.").format(time=planned, who=who))
    return " ".join(parts)


def _note(kept: KeptPause) -> str:
    return _("“{note}”").format(note=kept.note) if kept.note else ""
