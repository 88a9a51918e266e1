"""What people do with an alert: take it, give it back, note something, end it. Every act is on record and locked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from hearthline_backend.alerting.action_errors import (
    AlertNotFoundError,
    AlertOverError,
    AlreadyTakenError,
    NotAnOutcomeError,
    NoteRequiredError,
    NothingToUndoError,
    NotYourTeamError,
)
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import DueTask, Task
from hearthline_backend.storage.records.unit import Unit

CHOICES: Final = (Outcome.TRUE, Outcome.FALSE_ALARM, Outcome.MEASUREMENT_ERROR, Outcome.KNOWN, Outcome.OTHER)
"""Outcomes a person may choose."""

MAX_NOTE: Final = 2000
"""Characters of a note; longer ones are refused by the form, and cut here."""


class Actor(Protocol):
    """Who acts, such as a user of Records. Only a member of the patient's team may."""

    @property
    def id(self) -> UUID:
        """The user."""

    @property
    def team_id(self) -> UUID | None:
        """The care team; None for everybody who is not in one."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did. ``comes_back_at``: a red that is still open then calls again. ``undo_until``: see undo."""

    alert: Alert
    comes_back_at: datetime | None = None
    undo_until: datetime | None = None


def note_required(alert: Alert, outcome: Outcome) -> bool:
    """A red never ends without words, nor does anything that ends as "other"."""
    return alert.level is Level.RED or outcome is Outcome.OTHER


class AlertActions:
    """Acts on alerts; each is one transaction and one live event after it."""

    def __init__(
        self, records: Records, events: EventBus, clock: Callable[[], datetime], timing: Timing = DEFAULT
    ) -> None:
        self._records = records
        self._events = events
        self._clock = clock
        self._timing = timing

    async def acknowledge(self, alert_id: int, actor: Actor) -> Done:
        """Take the alert: calls stop, the team sees who has it, and a red comes back if it is still open later.

        The same person again changes nothing. Raises :class:`~.action_errors.AlertActionError`.
        """
        now = self._clock()
        async with self._records.begin() as unit:
            alert = await self._live(unit, alert_id, actor)
            if alert.state is AlertState.ACKNOWLEDGED:
                if alert.owner_id != actor.id:
                    raise await _taken(unit, alert)
                return await self._still_mine(unit, alert, now)
            cancelled = await unit.calls.cancel(alert.id)
            tasks = await unit.calls.call_off(alert.id, now, "acknowledged")
            taken = replace(alert, state=AlertState.ACKNOWLEDGED, owner_id=actor.id, owned_at=now)
            await unit.alerts.save(taken)
            detail = {"cancelled": [str(one) for one in cancelled], "called_off": [_planned(task) for task in tasks]}
            await unit.alerts.record(alert.id, now, Happened.ACKNOWLEDGED, actor_id=actor.id, detail=detail)
            back = await self._plan_return(unit, taken, now)
        self._tell(taken, actor, now)
        return Done(taken, back, now + self._timing.undo_within)

    async def undo_acknowledge(self, alert_id: int, actor: Actor) -> Done:
        """Give it back as it was, calls and deadlines included; only the person who took it, only for a moment."""
        now = self._clock()
        async with self._records.begin() as unit:
            alert = await self._live(unit, alert_id, actor)
            mine = alert.state is AlertState.ACKNOWLEDGED and alert.owner_id == actor.id
            if not mine or alert.owned_at is None or now - alert.owned_at > self._timing.undo_within:
                raise NothingToUndoError(alert_id)
            event = await unit.alerts.last_event(alert.id, Happened.ACKNOWLEDGED)
            await unit.calls.call_off(alert.id, now, "acknowledgement undone")
            await _restore(unit, alert.id, {} if event is None else event.detail, now)
            free = replace(alert, state=AlertState.OPEN, owner_id=None, owned_at=None)
            await unit.alerts.save(free)
            await unit.alerts.record(alert.id, now, Happened.ACKNOWLEDGEMENT_UNDONE, actor_id=actor.id)
        self._tell(free, actor, now)
        return Done(free)

    async def resolve(self, alert_id: int, actor: Actor, outcome: Outcome, note: str = "") -> Done:
        """End the alert with what it was. Anybody of the team may; the history names who.

        A red needs a note, and so does the outcome "other".
        """
        now, words = self._clock(), note.strip()[:MAX_NOTE]
        if outcome not in CHOICES:
            raise NotAnOutcomeError(alert_id, outcome)
        async with self._records.begin() as unit:
            alert = await self._live(unit, alert_id, actor)
            if not words and note_required(alert, outcome):
                raise NoteRequiredError(alert_id, outcome)
            await unit.calls.cancel(alert.id)
            await unit.calls.call_off(alert.id, now, "resolved")
            over = replace(alert, state=AlertState.RESOLVED, resolved_at=now, outcome=outcome)
            await unit.alerts.save(over)
            await unit.alerts.record(
                alert.id,
                now,
                Happened.RESOLVED,
                actor_id=actor.id,
                detail={"outcome": outcome.value},
                note=words or None,
            )
        self._tell(over, actor, now)
        return Done(over)

    async def add_note(self, alert_id: int, actor: Actor, note: str) -> Done:
        """Write something down without changing anything else; also on an alert that is over."""
        now, words = self._clock(), note.strip()[:MAX_NOTE]
        if not words:
            raise NoteRequiredError(alert_id, None)
        async with self._records.begin() as unit:
            alert = await self._mine(unit, alert_id, actor)
            await unit.alerts.record(alert.id, now, Happened.NOTED, actor_id=actor.id, note=words)
        self._tell(alert, actor, now)
        return Done(alert)

    async def _mine(self, unit: Unit, alert_id: int, actor: Actor) -> Alert:
        alert = await unit.alerts.get(alert_id, lock=True)
        if alert is None:
            raise AlertNotFoundError(alert_id)
        patient = await unit.care.patient(alert.patient_id)
        if patient is None or actor.team_id is None or patient.team_id != actor.team_id:
            raise NotYourTeamError(alert_id)
        return alert

    async def _live(self, unit: Unit, alert_id: int, actor: Actor) -> Alert:
        alert = await self._mine(unit, alert_id, actor)
        if not alert.state.live:
            raise AlertOverError(alert_id, alert.state, alert.resolved_at)
        return alert

    async def _still_mine(self, unit: Unit, alert: Alert, now: datetime) -> Done:
        task = await unit.calls.pending(alert.id, Task.COME_BACK)
        undo = None if alert.owned_at is None else alert.owned_at + self._timing.undo_within
        return Done(alert, None if task is None else task.due_at, undo if undo is not None and undo > now else None)

    async def _plan_return(self, unit: Unit, alert: Alert, now: datetime) -> datetime | None:
        """A red, and a review, is not forgotten because somebody once took it."""
        if alert.level is not Level.RED:
            return None
        back = now + self._timing.come_back_after
        if alert.review and alert.review_by is not None:
            back = max(back, alert.review_by)
        await unit.calls.plan(Task.COME_BACK, alert.id, back, {"review": True} if alert.review else {})
        return back

    def _tell(self, alert: Alert, actor: Actor, now: datetime) -> None:
        self._events.publish(Event("alert", now, alert.patient_id, actor.team_id, alert_id=alert.id))


async def _taken(unit: Unit, alert: Alert) -> AlreadyTakenError:
    owner = None if alert.owner_id is None else await unit.people.user(alert.owner_id)
    return AlreadyTakenError(alert.id, owner.initials if owner is not None else "", alert.owned_at)


def _planned(task: DueTask) -> dict[str, Any]:
    return {"what": task.what.value, "due_at": task.due_at.isoformat(), "payload": dict(task.payload)}


async def _restore(unit: Unit, alert_id: int, detail: Mapping[str, Any], now: datetime) -> None:
    """What the acknowledgement stopped goes on; what became due meanwhile is due now."""
    await unit.calls.revive([UUID(one) for one in detail.get("cancelled", ())], now)
    for task in detail.get("called_off", ()):
        due_at = max(datetime.fromisoformat(task["due_at"]), now)
        await unit.calls.plan(Task(task["what"]), alert_id, due_at, task["payload"])
