"""What the team did about each alert of the past: who took it, when, and how it ended. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Outcome
from hearthline_simulator.ward.profiles import Pattern, Profile
from hearthline_simulator.ward.stories import Care, Story

_TAKEN_AFTER_MIN: Final = {Level.RED: (2, 9), Level.YELLOW: (4, 38)}
_IN_HAND_MIN: Final = (9, 45)
"""Shorter than the time after which an acknowledged red comes back."""
_NOTES: Final = (
    (Outcome.TRUE, "Second reading asked for, still high. Rest, then measured again in the evening."),
    (Outcome.TRUE, "Tablet of the morning forgotten. Taken now."),
    (Outcome.KNOWN, "Known to the doctor, next visit is booked."),
    (Outcome.FALSE_ALARM, "Measured right after a walk. Explained to rest for five minutes first."),
    (Outcome.MEASUREMENT_ERROR, "Cuff was over the sleeve. Shown how to put it on."),
)
_WORSE_NOTES: Final = (
    (Outcome.TRUE, "Higher than last month. Doctor informed, dose to be raised."),
    (Outcome.KNOWN, "New dose since this week, effect expected in some days."),
)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a person of the team did. ``outcome`` None: took the alert; otherwise: resolved it."""

    at: datetime
    alert_id: int
    by: int
    outcome: Outcome | None = None
    note: str | None = None


def acts_for(
    profile: Profile, alert_id: int, level: Level, raised: datetime, measured: datetime, told: tuple[Story, ...]
) -> list[Act]:
    """What follows an alert raised at ``raised`` by a reading of ``measured``: its story's end, else any day's."""
    story = next((one for one in told if one.start <= measured <= one.end), None)
    if story is not None and not story.ordinary:
        return [] if story.care is None else _acts(alert_id, raised, story.care)
    return _acts(alert_id, raised, _on_any_day(profile, level, measured))


def _acts(alert_id: int, raised: datetime, care: Care) -> list[Act]:
    acts = [Act(raised + care.taken_after, alert_id, care.by)]
    if care.resolved_after is not None:
        acts.append(Act(raised + care.resolved_after, alert_id, care.by, Outcome(care.outcome), care.note))
    return acts


def _on_any_day(profile: Profile, level: Level, measured: datetime) -> Care:
    draw = Random(f"{profile.home}/{measured.isoformat()}/care")
    notes = _WORSE_NOTES if profile.pattern is Pattern.DETERIORATING else _NOTES
    outcome, note = draw.choice(notes)
    taken = draw.uniform(*_TAKEN_AFTER_MIN[level])
    resolved = taken + draw.uniform(*_IN_HAND_MIN)
    return Care(
        by=draw.choice((0, 0, 1)),
        taken_after=timedelta(minutes=taken),
        resolved_after=timedelta(minutes=resolved),
        note=note,
        outcome=outcome.value,
    )
