"""The alert policy: one ordered list of small stages, each answering with a reason. The first that says no decides.

Yellow calls by mail only, the first person on call, once. Red calls by every contact, and goes on to the next person
until somebody acknowledges.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Happened
from hearthline_backend.storage.records.calls import Task
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import OnCall
from hearthline_backend.storage.records.snoozes import Snooze
from hearthline_protocol.readings import Quality, Reading, TimeQuality


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the policy may look at. ``what`` is what became of the alert; ``reading`` the newest one that makes it
    this bad; ``newer_exists`` whether a later judged reading of its kind is known; ``cleared`` whether the value is
    back within limits already; ``judged_before`` whether the reading is looked at again only because another one was
    corrected; ``snooze`` is the one in force for this rule and direction."""

    what: Happened | None
    level: Level
    reading: Reading
    newer_exists: bool
    cleared: bool
    patient: Patient
    on_call: Sequence[OnCall]
    timing: Timing
    now: datetime
    judged_before: bool = False
    snooze: Snooze | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One stage's answer: whether the case goes on, and why. ``detail`` holds numbers and times, never words."""

    stage: str
    passes: bool
    reason: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows. ``call`` is the level somebody is called with, None for nobody; ``review`` makes it a task with a
    deadline; ``answers`` are the reasons in the order they were given. ``later``: nobody is called at once, but if
    nobody has taken it when a call would go to the next person, the first is. ``waits`` is for what, and until when, a
    call waits that is made then unless somebody has taken the alert, or it is over."""

    call: Level | None
    review: bool
    answers: tuple[Answer, ...]
    later: bool = False
    waits: tuple[Task, datetime] | None = None

    def as_json(self) -> dict[str, Any]:
        """For the register of judged readings and the alert's history."""
        stages = [asdict(answer) for answer in self.answers]
        return {"call": None if self.call is None else self.call.value, "review": self.review, "stages": stages}


def quality_counts(case: Case) -> Answer:
    """A reading without a value, or not of the patient, never calls."""
    quality = case.reading.quality
    reason = "questionable_counts_and_is_marked" if quality is Quality.QUESTIONABLE else quality.value
    return Answer("quality_counts", quality.judged, reason)


def not_synthetic(case: Case) -> Answer:
    """What the watchdog wrote proves the chain and calls nobody on a care team."""
    synthetic = case.reading.synthetic
    return Answer("not_synthetic", not synthetic, "synthetic" if synthetic else "a_patients_own")


def new_or_worse(case: Case) -> Answer:
    """Nobody is called twice for the same alert, unless it got worse or came back after it was resolved."""
    calling = (Happened.RAISED, Happened.WORSENED, Happened.REOPENED)
    return Answer("new_or_worse", case.what in calling, "nothing_new" if case.what is None else case.what.value)


def not_over_already(case: Case) -> Answer:
    """A yellow that has cleared before anybody heard of it closes by itself. A red always needs a person."""
    over = case.cleared and case.level is Level.YELLOW
    return Answer("not_over_already", not over, "cleared_already" if over else "needs_somebody")


def patient_not_paused(case: Case) -> Answer:
    """While a patient is away or in hospital the alert stands in the list, and nobody is called before that is over:
    then for a red, and for a yellow not at all."""
    until = case.patient.paused_until
    if until is not None and until > case.now:
        return Answer("patient_not_paused", False, "paused", f"until {until.isoformat()}")
    return Answer("patient_not_paused", True, "not_paused")


def not_snoozed(case: Case) -> Answer:
    """Somebody has looked and wants to hear of this rule later. What is worse than what they saw breaks through."""
    snooze = case.snooze
    if snooze is None:
        return Answer("not_snoozed", True, "not_snoozed")
    until = f"until {snooze.until.isoformat()}"
    if case.level.rank > snooze.level.rank:
        return Answer("not_snoozed", True, "worse_than_snoozed", until)
    return Answer("not_snoozed", False, "snoozed", until)


def within_page_age(case: Case) -> Answer:
    """Late is not live: see :func:`age`."""
    how_old, limit = age(case.reading, case.now), case.timing.page_age(case.level)
    if how_old is None:
        return Answer("within_page_age", False, "time_unknown")
    reason = "within_page_age" if how_old <= limit else "late"
    return Answer("within_page_age", how_old <= limit, reason, f"{how_old} of {limit}")


def not_judged_before(case: Case) -> Answer:
    """Somebody who corrects a reading sees what becomes of the others; those were judged when they came."""
    reason = "another_reading_was_corrected" if case.judged_before else "judged_now"
    return Answer("not_judged_before", not case.judged_before, reason)


def outside_quiet_hours(case: Case) -> Answer:
    """A yellow waits until the quiet hours of who would be called are over, their own or the team's. A red never."""
    until = case.on_call[0].quiet_until if case.on_call else None
    if case.level is Level.RED or until is None:
        return Answer("outside_quiet_hours", True, "red_is_never_quiet" if until is not None else "no_quiet_hours")
    return Answer("outside_quiet_hours", False, "quiet_hours", f"until {until.isoformat()}")


def someone_on_call(case: Case) -> Answer:
    """An empty rota does not stop a call: it is said out loud, and looked at again."""
    first = case.on_call[0].user.initials if case.on_call else None
    return Answer("someone_on_call", True, "on_call" if case.on_call else "nobody_on_call", first)


STAGES: Final[tuple[Callable[[Case], Answer], ...]] = (
    quality_counts,
    not_synthetic,
    new_or_worse,
    not_over_already,
    patient_not_paused,
    not_snoozed,
    within_page_age,
    not_judged_before,
    outside_quiet_hours,
    someone_on_call,
)
"""The policy, read from top to bottom."""


def decide(case: Case) -> Decision:
    """Run the stages. After some a "no" leads somewhere else: a red that is late is a task, see :func:`_late`; one that
    was judged before waits for somebody to take it, but not for ever; some calls are made when what they wait for is
    over."""
    answers: list[Answer] = []
    for stage in STAGES:
        answer = stage(case)
        answers.append(answer)
        if not answer.passes:
            if stage is within_page_age and case.level is Level.RED:
                return _late(case, answers)
            if stage is not_judged_before and case.level is Level.RED:
                return Decision(None, False, tuple(answers), later=True)
            return Decision(None, False, tuple(answers), waits=_waits(case, answer))
    return Decision(case.level, False, tuple(answers))


def age(reading: Reading, now: datetime) -> timedelta | None:
    """How old a reading is as far as calling goes; None where nobody can say.

    A live reading is as old as its arrival at the gateway, unless its meter's clock was measured and proves otherwise.
    """
    proven = reading.time_quality in (TimeQuality.SYNCED, TimeQuality.CORRECTED)
    if reading.live and not proven:
        return now - reading.received_time
    return None if reading.time_quality is TimeQuality.UNKNOWN else now - reading.effective_time


def _waits(case: Case, answer: Answer) -> tuple[Task, datetime] | None:
    if answer.stage == patient_not_paused.__name__ and case.level is Level.RED and case.patient.paused_until:
        return Task.CALL_AFTER_PAUSE, case.patient.paused_until
    if answer.stage == outside_quiet_hours.__name__ and case.on_call[0].quiet_until is not None:
        return Task.CALL_AFTER_QUIET, case.on_call[0].quiet_until
    return None


def _late(case: Case, answers: list[Answer]) -> Decision:
    """A late red is a task with a deadline; it calls as yellow where nothing newer of its kind is known."""
    if case.newer_exists or case.judged_before:
        reason = "newer_reading_exists" if case.newer_exists else "another_reading_was_corrected"
        answers.append(Answer("late_red", False, reason))
        return Decision(None, True, tuple(answers))
    answers.append(Answer("late_red", True, "newest_of_its_kind"))
    answers.append(someone_on_call(case))
    return Decision(Level.YELLOW, True, tuple(answers))
