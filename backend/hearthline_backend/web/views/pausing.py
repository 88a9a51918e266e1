"""A patient's pause in words: why nothing is expected, until when, and who said so."""

from dataclasses import dataclass
from datetime import datetime

from hearthline_backend.domain.pauses import PauseKind
from hearthline_backend.storage.records.pauses import KeptPause
from hearthline_backend.web.language import _
from hearthline_backend.web.times import stamp


@dataclass(frozen=True, slots=True)
class PauseLine:
    """One pause of the history."""

    what: str
    time: str
    text: str


def kind_words() -> dict[PauseKind, str]:
    """Why, as a form asks for it."""
    return {
        PauseKind.HOSPITAL: _("In hospital"),
        PauseKind.AWAY: _("Away, such as on holiday"),
        PauseKind.OTHER: _("Something else"),
    }


def pause_words(kept: KeptPause, now: datetime) -> str:
    """In hospital until Fri 27 Nov 12:00."""
    time = stamp(kept.pause.ends, now)
    return {
        PauseKind.HOSPITAL: _("In hospital until {time}"),
        PauseKind.AWAY: _("Away until {time}"),
        PauseKind.OTHER: _("On pause until {time}"),
    }[kept.pause.kind].format(time=time)


def pause_sentence(kept: KeptPause, now: datetime) -> str:
    """The same with who said so and the note."""
    said = pause_words(kept, now)
    if kept.initials is not None:
        said = _("{pause}, says {who}").format(pause=said, who=kept.initials)
    if kept.note:
        return f"{said}: {kept.note}"
    return said if said.endswith(".") else f"{said}."


def pause_line(kept: KeptPause, now: datetime) -> PauseLine:
    """One that is over, or lasts."""
    pause = kept.pause
    what = {
        PauseKind.HOSPITAL: _("In hospital"),
        PauseKind.AWAY: _("Away"),
        PauseKind.OTHER: _("On pause"),
    }[pause.kind]
    time = _("{begin} to {end}").format(begin=stamp(pause.begins_at, now), end=stamp(pause.ends, now))
    parts = [] if kept.initials is None else [_("Entered by {who}.").format(who=kept.initials.rstrip("."))]
    if pause.ended_at is not None:
        planned = stamp(pause.until, now)
        who = kept.ended_initials
        parts.append(
            _("Planned until {time}, ended early.").format(time=planned)
            if who is None
            else _("Planned until {time}, ended early by {who}.").format(time=planned, who=who.rstrip("."))
        )
    if kept.note:
        parts.append(kept.note)
    return PauseLine(what, time, " ".join(parts))
