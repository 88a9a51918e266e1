"""Why an alert was raised or was not: the last readings of a patient, looked at again by every rule of their kind.

Evaluations are worked out from what is stored, by the plan in force at each reading's time, so that a reading that said
nothing can explain itself as well as one that fired. Whom the policy called, or why nobody, stands in the register.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hearthline_backend.alerting.looks import kinds_of, rules_of
from hearthline_backend.domain.evaluation import Evaluation, evaluate, reach
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rule_words import english, tell
from hearthline_backend.replay.stored_readings import stored_observations
from hearthline_backend.storage.ports import ReadingStore
from hearthline_backend.storage.records.alerts import AlertState
from hearthline_backend.storage.records.calls import Task
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.unit import Unit
from hearthline_protocol.kinds import KINDS

_LAST_SEEN_WITHIN: Final = timedelta(days=90)
_LEAST: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Explained:
    """One reading: what every rule of its kind says of it, and what the register keeps; None where it has not been
    judged."""

    reading: Observation
    evaluations: tuple[Evaluation, ...]
    register: Mapping[str, Any] | None

    @property
    def calls(self) -> list[Mapping[str, Any]]:
        """What the policy decided, rule by rule, with its stages."""
        return [] if self.register is None else list(self.register.get("calls", ()))

    @property
    def nothing_followed(self) -> str | None:
        """Why no policy was asked, in a word; None where one was."""
        if self.calls:
            return None
        if self.register is None:
            return "not_judged_yet"
        if any(evaluation["fired"] for evaluation in self.register.get("evaluations", ())):
            return "an_alert_goes_on"
        return str(self.register.get("reason") or "no_alert_changed")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that nobody has, for which somebody is called at ``until``, when what it waits for is over."""

    alert_id: int
    rule_id: str
    task: Task
    until: datetime


_ENDS: Final = {Task.CALL_AFTER_QUIET: "quiet_hours", Task.CALL_AFTER_PAUSE: "paused"}
"""What a call can wait for the end of, as the policy calls it."""


async def waiting(unit: Unit, patient: Patient) -> list[Waiting]:
    """Of whose alerts the call waits now, oldest first."""
    alerts = [one.alert for one in await unit.alerts.open_of_patient(patient.id)]
    tasks = await unit.calls.next_tasks([one.id for one in alerts if one.state is AlertState.OPEN])
    return [
        Waiting(one.id, one.rule_id, task.what, task.due_at)
        for one in alerts
        if (task := tasks.get(one.id)) is not None and task.what in _ENDS
    ]


async def explain(
    unit: Unit, readings: ReadingStore, patient: Patient, history: tuple[Plan, ...], at: datetime
) -> list[Explained]:
    """The newest reading of each kind at or before ``at``, by kind. Raises ``StoreUnavailableError``."""
    found: list[Explained] = []
    for kind in KINDS:
        ours = await stored_observations(readings, patient.id, [kind], at - _LAST_SEEN_WITHIN, at + _LEAST)
        if ours:
            evaluations = await _evaluations(readings, patient, history, ours[-1])
            judged = await unit.judgements.get(ours[-1].reading_id)
            found.append(Explained(ours[-1], evaluations, None if judged is None else judged.explanation))
    return found


def as_json(patient: Patient, explained: list[Explained], waits: Sequence[Waiting] = ()) -> dict[str, Any]:
    """``{patient, evaluations: [{rule, version, readings, fired, reason, level, kind, at, text}], calls, nobody,
    waits: [{alert, rule, reason, until}]}``."""
    return {
        "patient": str(patient.id),
        "evaluations": [_as_json(evaluation) for one in explained for evaluation in one.evaluations],
        "calls": [{"reading": str(one.reading.reading_id), **call} for one in explained for call in one.calls],
        "nobody": [
            {"reading": str(one.reading.reading_id), "kind": one.reading.kind, "reason": one.nothing_followed}
            for one in explained
            if one.nothing_followed is not None
        ],
        "waits": [
            {"alert": one.alert_id, "rule": one.rule_id, "reason": _ENDS[one.task], "until": one.until.isoformat()}
            for one in waits
        ],
    }


async def _evaluations(
    readings: ReadingStore, patient: Patient, history: tuple[Plan, ...], reading: Observation
) -> tuple[Evaluation, ...]:
    found = []
    for rule_id in rules_of(history, {reading.kind}):
        start = reading.effective_time - reach(history, rule_id)
        end = reading.effective_time + _LEAST
        around = await stored_observations(readings, patient.id, kinds_of(history, rule_id), start, end)
        before = [one for one in around if one.order <= reading.order]
        found.append(evaluate(before, history, rule_id, patient.time_zone, told={reading.reading_id})[-1])
    return tuple(found)


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "rule": evaluation.rule_id,
        "version": evaluation.plan_version,
        "readings": [str(one) for one in evaluation.readings],
        "fired": evaluation.fired,
        "reason": evaluation.why.value,
        "level": None if evaluation.level is None else evaluation.level.value,
        "kind": evaluation.observation.kind,
        "at": evaluation.observation.effective_time.isoformat(),
        "text": english(tell(evaluation)),
    }
