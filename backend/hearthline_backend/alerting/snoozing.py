"""Putting an alert off: nobody is called for its rule until then, unless it gets worse; and what comes back after."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from hearthline_backend.alerting import calling
from hearthline_backend.alerting.acting import MAX_NOTE, Acting, Actor, Done, taken
from hearthline_backend.alerting.action_errors import (
    NoteRequiredError,
    NotYourTeamError,
    SnoozeOverError,
    SnoozeTimeError,
)
from hearthline_backend.alerting.holding import taken_by
from hearthline_backend.alerting.taking_back import stop
from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, AlertState, Happened
from hearthline_backend.storage.records.calls import Occasion, Task
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.snoozes import Snooze, direction_of
from hearthline_backend.storage.records.unit import Unit


class Snoozing(Acting):
    """Later, and not any longer."""

    async def snooze(self, alert_id: int, actor: Actor, until: datetime, note: str = "") -> Done:
        """Hear of this rule of this patient, in this direction, only later; what is worse still comes through.

        A red needs a note. An earlier snooze of the same is replaced. At its end an alert that is still there comes
        back, see :class:`~.snooze_ends.SnoozeEnds`.
        """
        now, words, longest = self._clock(), note.strip()[:MAX_NOTE], self._timing.snooze_at_most
        async with self._records.begin() as unit:
            alert = await self._live(unit, alert_id, actor)
            if not now < until <= now + longest:
                raise SnoozeTimeError(alert_id, until, longest)
            if alert.shown_level is Level.RED and not words:
                raise NoteRequiredError(alert_id, None)
            if alert.owner_id not in (None, actor.id) and not await _is_put_off(unit, alert):
                raise await taken(unit, alert)
            stopped = await stop(unit, alert, now, "snoozed")
            put_off = replace(alert, state=AlertState.ACKNOWLEDGED, owner_id=actor.id, owned_at=now)
            await unit.alerts.save(put_off)
            snooze, replaced = await _replace_snooze(unit, put_off, actor, now, until)
            detail = {"snooze": snooze.id, "until": until.isoformat(), "replaced": replaced, **stopped}
            await unit.alerts.record(
                alert_id, now, Happened.SNOOZED, actor_id=actor.id, detail=detail, note=words or None
            )
        self._tell(put_off, actor, now)
        return Done(put_off, until, now + self._timing.undo_within)

    async def end_snooze(self, snooze_id: int, actor: Actor) -> tuple[Alert, ...]:
        """Not until its time but now: what it held back comes back and calls; returns those alerts."""
        now = self._clock()
        async with self._records.begin() as unit:
            snooze = await unit.snoozes.get(snooze_id)
            patient = None if snooze is None else await unit.care.patient(snooze.patient_id)
            if snooze is None or patient is None or patient.team_id != actor.team_id:
                raise NotYourTeamError(0 if snooze is None else snooze.alert_id)
            await unit.alerts.lock_patients([patient.id])
            if not await unit.snoozes.take([snooze_id]):
                raise SnoozeOverError(snooze.alert_id, snooze_id)
            held = await held_back(unit, snooze)
            await unit.alerts.lock([alert.id for alert in held])
            await unit.snoozes.end([snooze_id], now, actor.id)
            await unit.alerts.record(
                snooze.alert_id, now, Happened.SNOOZE_ENDED, actor_id=actor.id, detail={"snooze": snooze_id}
            )
            back = await bring_back(unit, snooze, await held_back(unit, snooze), patient, now, self._timing)
        for alert in back:
            self._tell(alert, actor, now)
        return back


async def held_back(unit: Unit, snooze: Snooze) -> tuple[Alert, ...]:
    """The live alerts that a snooze keeps quiet: the one it was asked for, and those it kept from calling since. What
    somebody has taken meanwhile, and what broke through, is not among them."""
    found = []
    for one in await unit.alerts.open_of_patient(snooze.patient_id):
        alert = one.alert
        if alert.rule_id != snooze.rule_id or alert.shown_level.rank > snooze.level.rank:
            continue
        events = await unit.alerts.events(alert.id)
        if _put_off_by(snooze, alert, events) or (alert.state is AlertState.OPEN and was_held(events)):
            found.append(alert)
    return tuple(found)


def was_held(events: tuple[AlertEvent, ...]) -> bool:
    """Whether a snooze is why nobody was called for what last happened to an alert."""
    for event in reversed(events):
        if event.what is Happened.CALLED:
            return False
        policy = event.detail.get("policy")
        if policy is not None:
            held = any(stage["stage"] == "not_snoozed" and not stage["passes"] for stage in policy["stages"])
            return policy["call"] is None and held
    return False


async def bring_back(
    unit: Unit, snooze: Snooze, alerts: tuple[Alert, ...], patient: Patient, now: datetime, timing: Timing
) -> tuple[Alert, ...]:
    """Nobody has these alerts any more, and the first on call is called for each."""
    order = await unit.people.on_call(patient.team_id, now) if alerts else ()
    back = []
    for alert in alerts:
        await stop(unit, alert, now, "snooze over")
        free = replace(alert, state=AlertState.OPEN, owner_id=None, owned_at=None)
        await unit.alerts.save(free)
        detail: dict[str, Any] = {"snooze": snooze.id, "was_with": str(snooze.made_by)}
        await unit.alerts.record(alert.id, now, Happened.CAME_BACK, detail=detail)
        if free.review_by is not None:
            due_at = max(free.review_by, now + timing.come_back_after)
            await unit.calls.plan(Task.COME_BACK, alert.id, due_at, {"review": True})
        level = free.shown_level
        await calling.call_next(unit, free, order, level, Occasion.SNOOZE_OVER, timing=timing, now=now)
        back.append(free)
    return tuple(back)


def _put_off_by(snooze: Snooze, alert: Alert, events: tuple[AlertEvent, ...]) -> bool:
    """Also where it closed by itself and is past its limit again: nobody was called for that."""
    act = taken_by(events)
    if act is None or act.what is not Happened.SNOOZED or act.detail.get("snooze") != snooze.id:
        return False
    since = events[events.index(act) + 1 :]
    return alert.owner_id in (None, snooze.made_by) and not any(one.what is Happened.CALLED for one in since)


def is_snooze(act: AlertEvent | None) -> bool:
    return act is not None and act.what is Happened.SNOOZED


async def _is_put_off(unit: Unit, alert: Alert) -> bool:
    return is_snooze(taken_by(await unit.alerts.events(alert.id)))


async def _replace_snooze(
    unit: Unit, alert: Alert, actor: Actor, now: datetime, until: datetime
) -> tuple[Snooze, list[int]]:
    direction = direction_of(await unit.care.plan_history(alert.patient_id), alert.rule_id, alert.plan_version)
    in_force = (await unit.snoozes.in_force([alert.patient_id], now)).get(alert.patient_id, ())
    replaced = [one.id for one in in_force if (one.rule_id, one.direction) == (alert.rule_id, direction)]
    await unit.snoozes.end(replaced, now, actor.id)
    snooze = Snooze(
        id=0,
        patient_id=alert.patient_id,
        rule_id=alert.rule_id,
        direction=direction,
        level=alert.shown_level,
        alert_id=alert.id,
        made_by=actor.id,
        made_at=now,
        until=until,
        due_at=until,
    )
    return await unit.snoozes.add(snooze), replaced
