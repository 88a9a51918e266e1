"""What people do with an alert: take it, give it, put it off, note something, end it, open it again.

Every act is on record and locked, and changes the alert it names and no other.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from hearthline_backend.alerting import calling
from hearthline_backend.alerting.acting import MAX_NOTE, Actor, Done, DoneTogether, taken
from hearthline_backend.alerting.action_errors import (
    AlertActionError,
    NobodyHasItError,
    NotAColleagueError,
    NotAnOutcomeError,
    NoteRequiredError,
    NothingToUndoError,
    NotOverError,
)
from hearthline_backend.alerting.as_it_was import BEFORE, put_back
from hearthline_backend.alerting.holding import taken_by
from hearthline_backend.alerting.snoozing import Snoozing, is_snooze
from hearthline_backend.alerting.taking_back import last_act, start_again, stop
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Occasion, Task
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.unit import Unit

CHOICES: Final = (Outcome.TRUE, Outcome.FALSE_ALARM, Outcome.MEASUREMENT_ERROR, Outcome.KNOWN, Outcome.OTHER)
"""Outcomes a person may choose."""

MOST_AT_ONCE: Final = 200
"""Alerts that are acknowledged together at most; further ones are left as they are."""


def note_required(alert: Alert, outcome: Outcome) -> bool:
    """A red never ends without words, nor does anything that ends as "other"."""
    return alert.level is Level.RED or outcome is Outcome.OTHER


class AlertActions(Snoozing):
    """Everything a person may do with an alert."""

    # --- who has it ---

    async def acknowledge(self, alert_id: int, actor: Actor) -> Done:
        """Take the alert: calls stop, the team sees who has it, and a red comes back if it is still open later.

        The same person again changes nothing, unless it was given to them: then they have seen it.
        """
        now = self._clock()
        async with self._records.begin() as unit:
            done, new = await self._take(unit, await self._live(unit, alert_id, actor), actor, now)
        if new:
            self._tell(done.alert, actor, now)
        return done

    async def acknowledge_many(self, alert_ids: Collection[int], actor: Actor) -> DoneTogether:
        """Take several in one transaction, each with its own entry in its history. One that cannot be taken, such as
        one that somebody else has, is left as it is and does not stop the others."""
        now, done, refused = self._clock(), list[Done](), list[AlertActionError]()
        wanted = sorted(set(alert_ids))[:MOST_AT_ONCE]
        async with self._records.begin() as unit:
            await unit.alerts.lock(wanted)
            for alert_id in wanted:
                try:
                    one, _new = await self._take(unit, await self._live(unit, alert_id, actor), actor, now)
                    done.append(one)
                except AlertActionError as error:
                    refused.append(error)
        for one in done:
            self._tell(one.alert, actor, now)
        return DoneTogether(tuple(done), tuple(refused))

    async def assign(self, alert_id: int, actor: Actor, colleague_id: UUID, *, seen: UUID | None) -> Done:
        """Give the alert to a colleague of the team, who is told. A red comes back soon unless they acknowledge it.

        ``seen`` is who had it when this was asked for, None for nobody: who has taken it since keeps it.
        """
        now, mine = self._clock(), colleague_id == actor.id
        async with self._records.begin() as unit:
            alert = await self._live(unit, alert_id, actor)
            if alert.owner_id not in (None, seen):
                raise await taken(unit, alert)
            if not await _is_colleague(unit, colleague_id, actor):
                raise NotAColleagueError(alert_id, colleague_id)
            stopped = await stop(unit, alert, now, "assigned")
            given = replace(alert, state=AlertState.ACKNOWLEDGED, owner_id=colleague_id, owned_at=now)
            await unit.alerts.save(given)
            detail = {"to": str(colleague_id), **stopped}
            await unit.alerts.record(alert_id, now, Happened.ASSIGNED, actor_id=actor.id, detail=detail)
            if not mine:
                await calling.call_person(unit, given, colleague_id, given.shown_level, Occasion.ASSIGNED, now)
            back = await self._plan_return(unit, given, now, unseen=not mine)
        self._tell(given, actor, now)
        return Done(given, back, now + self._timing.undo_within)

    async def unassign(self, alert_id: int, actor: Actor) -> Done:
        """Nobody has it any more; for a red the next one on call is called at once."""
        now = self._clock()
        async with self._records.begin() as unit:
            alert = await self._live(unit, alert_id, actor)
            if alert.owner_id is None:
                raise NobodyHasItError(alert_id)
            stopped = await stop(unit, alert, now, "unassigned")
            free = replace(alert, state=AlertState.OPEN, owner_id=None, owned_at=None)
            await unit.alerts.save(free)
            detail = {"was_with": str(alert.owner_id), **stopped}
            await unit.alerts.record(alert_id, now, Happened.UNASSIGNED, actor_id=actor.id, detail=detail)
            await self._plan_review(unit, free, now)
            if free.shown_level is Level.RED and actor.team_id is not None:
                order = await unit.people.on_call(actor.team_id, now)
                place = next((place + 1 for place, one in enumerate(order) if one.user.id == actor.id), 0)
                await calling.call_next(
                    unit, free, order, Level.RED, Occasion.ESCALATED, place=place, timing=self._timing, now=now
                )
        self._tell(free, actor, now)
        return Done(free, None, now + self._timing.undo_within)

    # --- the end ---

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
            detail = {"outcome": outcome.value, **await stop(unit, alert, now, "resolved")}
            over = replace(alert, state=AlertState.RESOLVED, resolved_at=now, outcome=outcome)
            await unit.alerts.save(over)
            await unit.alerts.record(
                alert.id, now, Happened.RESOLVED, actor_id=actor.id, detail=detail, note=words or None
            )
        self._tell(over, actor, now)
        return Done(over, None, now + self._timing.undo_within)

    async def reopen(self, alert_id: int, actor: Actor, note: str = "") -> Done:
        """It was resolved, or closed by itself, too early: whoever opens it again has it."""
        now, words = self._clock(), note.strip()[:MAX_NOTE]
        async with self._records.begin() as unit:
            alert = await self._mine(unit, alert_id, actor)
            if alert.state is not AlertState.RESOLVED:
                raise NotOverError(alert_id, alert.state)
            detail = await stop(unit, alert, now, "opened again")
            again = replace(
                alert,
                state=AlertState.ACKNOWLEDGED,
                owner_id=actor.id,
                owned_at=now,
                resolved_at=None,
                outcome=None,
            )
            await unit.alerts.save(again)
            await unit.alerts.record(
                alert_id, now, Happened.OPENED_AGAIN, actor_id=actor.id, detail=detail, note=words or None
            )
            back = await self._plan_return(unit, again, now)
        self._tell(again, actor, now)
        return Done(again, back, now + self._timing.undo_within)

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

    # --- taken back ---

    async def undo(self, alert_id: int, actor: Actor) -> Done:
        """The alert as it was before this person's last act on it, calls and deadlines included. Only for a moment, and
        only while nothing else has happened to it."""
        now = self._clock()
        async with self._records.begin() as unit:
            back = await self._undo(unit, alert_id, actor, now)
        self._tell(back, actor, now)
        return Done(back)

    async def undo_many(self, alert_ids: Collection[int], actor: Actor) -> DoneTogether:
        """The same for several, as :meth:`acknowledge_many` takes them."""
        now, done, refused = self._clock(), list[Done](), list[AlertActionError]()
        wanted = sorted(set(alert_ids))[:MOST_AT_ONCE]
        async with self._records.begin() as unit:
            await unit.alerts.lock(wanted)
            for alert_id in wanted:
                try:
                    done.append(Done(await self._undo(unit, alert_id, actor, now)))
                except AlertActionError as error:
                    refused.append(error)
        for one in done:
            self._tell(one.alert, actor, now)
        return DoneTogether(tuple(done), tuple(refused))

    async def _undo(self, unit: Unit, alert_id: int, actor: Actor, now: datetime) -> Alert:
        alert = await self._mine(unit, alert_id, actor)
        act = last_act(await unit.alerts.events(alert_id), actor.id)
        if act is None or now - act.at > self._timing.undo_within:
            raise NothingToUndoError(alert_id)
        if act.what is Happened.SNOOZED:
            await unit.snoozes.end([int(act.detail["snooze"])], now, actor.id)
            await unit.snoozes.go_on([int(one) for one in act.detail["replaced"]])
        await start_again(unit, alert_id, act.detail, now)
        back = put_back(alert, act.detail[BEFORE])
        await unit.alerts.save(back)
        if act.what is Happened.ACKNOWLEDGED:
            await unit.alerts.record(alert_id, now, Happened.ACKNOWLEDGEMENT_UNDONE, actor_id=actor.id)
        else:
            detail = {"what": act.what.value}
            await unit.alerts.record(alert_id, now, Happened.UNDONE, actor_id=actor.id, detail=detail)
        return back

    # --- shared ---

    async def _take(self, unit: Unit, alert: Alert, actor: Actor, now: datetime) -> tuple[Done, bool]:
        if alert.state is AlertState.ACKNOWLEDGED:
            by = taken_by(await unit.alerts.events(alert.id))
            given = by is not None and by.what is Happened.ASSIGNED and by.actor_id != actor.id
            if alert.owner_id == actor.id and not given:
                return await self._still_mine(unit, alert, now), False
            if alert.owner_id != actor.id and not is_snooze(by):
                raise await taken(unit, alert)
        stopped = await stop(unit, alert, now, "acknowledged")
        mine = replace(alert, state=AlertState.ACKNOWLEDGED, owner_id=actor.id, owned_at=now)
        await unit.alerts.save(mine)
        await unit.alerts.record(alert.id, now, Happened.ACKNOWLEDGED, actor_id=actor.id, detail=stopped)
        back = await self._plan_return(unit, mine, now)
        return Done(mine, back, now + self._timing.undo_within), True

    async def _still_mine(self, unit: Unit, alert: Alert, now: datetime) -> Done:
        task = await unit.calls.pending(alert.id, Task.COME_BACK)
        undo = None if alert.owned_at is None else alert.owned_at + self._timing.undo_within
        return Done(alert, None if task is None else task.due_at, undo if undo is not None and undo > now else None)


async def _is_colleague(unit: Unit, user_id: UUID, actor: Actor) -> bool:
    user: User | None = await unit.people.user(user_id)
    return user is not None and user.active and user.role is Role.CARE and user.team_id == actor.team_id
