"""What every act on an alert is made of: who may, one transaction, one lock, one live event after it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from hearthline_backend.alerting.action_errors import (
    AlertActionError,
    AlertNotFoundError,
    AlertOverError,
    AlreadyTakenError,
    NotYourTeamError,
)
from hearthline_backend.alerting.timing import DEFAULT, Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.events import Event, EventBus
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.alerts import Alert
from hearthline_backend.storage.records.calls import Task
from hearthline_backend.storage.records.unit import Unit

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


@dataclass(frozen=True, slots=True)
class DoneTogether:
    """What became of several: those that were acted upon, and why the others were not."""

    done: tuple[Done, ...]
    refused: tuple[AlertActionError, ...]


class Acting:
    """Every act is on record and locked, and changes the alert it names and no other.

    All raise :class:`~.action_errors.AlertActionError` where nothing was changed.
    """

    def __init__(
        self, records: Records, events: EventBus, clock: Callable[[], datetime], timing: Timing = DEFAULT
    ) -> None:
        self._records = records
        self._events = events
        self._clock = clock
        self._timing = timing

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

    async def _plan_return(self, unit: Unit, alert: Alert, now: datetime, *, unseen: bool = False) -> datetime | None:
        """A red, and a review, is not forgotten because somebody once took it, nor because it was given to somebody who
        does not know yet (``unseen``)."""
        review = await self._plan_review(unit, alert, now)
        if alert.shown_level is not Level.RED:
            return review
        back = now + (self._timing.escalate_after if unseen else self._timing.come_back_after)
        await unit.calls.plan(Task.COME_BACK, alert.id, back, {"assigned": True} if unseen else {})
        return back

    async def _plan_review(self, unit: Unit, alert: Alert, now: datetime) -> datetime | None:
        """One that is overdue already gets as long as a red that was taken."""
        if alert.review_by is None:
            return None
        due_at = max(alert.review_by, now + self._timing.come_back_after)
        await unit.calls.plan(Task.COME_BACK, alert.id, due_at, {"review": True})
        return due_at

    def _tell(self, alert: Alert, actor: Actor, now: datetime) -> None:
        self._events.publish(Event("alert", now, alert.patient_id, actor.team_id, alert_id=alert.id))


async def taken(unit: Unit, alert: Alert) -> AlreadyTakenError:
    """Who has it, to be raised."""
    owner = None if alert.owner_id is None else await unit.people.user(alert.owner_id)
    return AlreadyTakenError(alert.id, owner.initials if owner is not None else "", alert.owned_at)
