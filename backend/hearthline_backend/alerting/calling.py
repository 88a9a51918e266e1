"""Who is called, by which contact: writes the due rows, in the transaction of what they tell."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from hearthline_backend.alerting.agreement import Agreed, Agreement, Round, agreement_of
from hearthline_backend.alerting.stepping import take_step
from hearthline_backend.alerting.timing import Timing
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, Happened
from hearthline_backend.storage.records.calls import Notification, Occasion, Task
from hearthline_backend.storage.records.people import Contact, OnCall
from hearthline_backend.storage.records.unit import Unit

log = structlog.get_logger(__name__)


async def call_next(
    unit: Unit,
    alert: Alert,
    order: Sequence[OnCall],
    level: Level,
    occasion: Occasion,
    *,
    place: int = 0,
    timing: Timing,
    now: datetime,
    agreed: Agreed | None = None,
) -> None:
    """Call the first in ``order``, those on call, or whom the team's steps name; for a red, plan the step after.
    ``place`` is the step to begin with. ``agreed`` is what the team has agreed, where it is read for many alerts.

    Somebody without any contact is passed over. A yellow waits for the end of quiet hours. With nobody on call that is
    noted once, the last resort of a red is called, and it is looked at again soon.
    """
    quiet_until = order[0].quiet_until if order else None
    if alert.level is Level.YELLOW and quiet_until is not None:
        await call_later(unit, alert, occasion, quiet_until, Task.CALL_AFTER_QUIET)
        return
    agreement = await (agreed.read() if agreed else agreement_of(unit, alert.patient_id, order, timing, now))
    if not any(agreement.people(step) for step in agreement.steps):
        await _nobody(unit, alert, agreement, level, occasion, timing, now)
    elif level is Level.RED:
        done = Round(place, agreement.order[:place])
        await go_on(unit, alert, agreement, level, occasion, done, timing=timing, now=now)
    else:
        first = next(people for step in agreement.steps if (people := agreement.people(step)))
        for person in agreement.order or first:
            if await call_person(unit, alert, person, level, occasion, now):
                break


async def go_on(
    unit: Unit,
    alert: Alert,
    agreement: Agreement,
    level: Level,
    occasion: Occasion,
    done: Round,
    *,
    timing: Timing,
    now: datetime,
    escalated: bool = False,
) -> None:
    """Take the next step at which somebody can be called, and plan the one after. When a round is over the last resort
    is called, and the next begins with the first step. ``escalated``: since nobody took it, which its history tells."""
    at_first, wait = done.number, timing.escalate_after

    async def call(user_id: UUID, channel: str | None) -> bool:
        return bool(await call_person(unit, alert, user_id, level, occasion, now, channel=channel))

    async def begun(place: int) -> None:
        if escalated and done.number == at_first:
            await unit.alerts.record(alert.id, now, Happened.ESCALATED, detail={"place": place})

    while True:
        done, wait, reached = await take_step(agreement, done, wait, call, begun)
        if reached or done.number > at_first:
            break  # or nobody can be reached at all: the same again at the next time
        done = done.again()
        await unit.alerts.record(alert.id, now, Happened.STARTED_AGAIN, detail={"place": 1})
        await call_last_resort(unit, alert, agreement, level, now)
    await unit.calls.plan(Task.ESCALATE, alert.id, now + wait, done.as_json(agreement, wait))


async def call_last_resort(unit: Unit, alert: Alert, agreement: Agreement, level: Level, now: datetime) -> None:
    """Nobody who should have has taken it: everybody of the last resort is called, by every contact."""
    if not agreement.last_resort:
        log.error("no_last_resort", alert=alert.id)
        return
    users = [str(one) for one in agreement.last_resort]
    await unit.alerts.record(alert.id, now, Happened.LAST_RESORT, detail={"users": users, "level": level.value})
    log.error("last_resort_called", alert=alert.id, people=len(users))
    for one in agreement.last_resort:
        await call_person(unit, alert, one, level, Occasion.LAST_RESORT, now)


async def call_later(
    unit: Unit, alert: Alert, occasion: Occasion, due_at: datetime, task: Task = Task.ESCALATE
) -> None:
    """Call nobody now; unless somebody has taken the alert by then, begin with the first on call."""
    payload = {"next": 0, "people": 0, "place": 1, "occasion": occasion.value, "level": alert.shown_level.value}
    await unit.calls.plan(task, alert.id, due_at, payload)


async def call_person(
    unit: Unit,
    alert: Alert,
    user_id: UUID,
    level: Level,
    occasion: Occasion,
    now: datetime,
    *,
    channel: str | None = None,
) -> tuple[Contact, ...]:
    """One notification to each contact that this level uses, or only to those of ``channel``; returns those
    contacts."""
    chosen = contacts_for(level, await unit.people.contacts(user_id), channel)
    rows = [Notification(uuid4(), alert.id, user_id, contact.id, occasion, now, now) for contact in chosen]
    await unit.calls.add(rows)
    detail = {"user": str(user_id), "occasion": occasion.value, "level": level.value}
    channels = [contact.channel for contact in chosen]
    await unit.alerts.record(alert.id, now, Happened.CALLED, detail={**detail, "channels": channels})
    if not chosen:
        log.error("person_on_call_has_no_contact", alert=alert.id, user=str(user_id))
    return chosen


def contacts_for(level: Level, contacts: Sequence[Contact], channel: str | None = None) -> tuple[Contact, ...]:
    """Those of ``channel``, where there are any. Else, for a red, every contact; for a yellow mail only, or the first
    contact where there is no mail."""
    wanted = tuple(contact for contact in contacts if contact.channel == channel)
    if wanted:
        return wanted
    if level is Level.RED:
        return tuple(contacts)
    mail = tuple(contact for contact in contacts if contact.channel == "mail")
    return mail or tuple(contacts[:1])


async def _nobody(
    unit: Unit, alert: Alert, agreement: Agreement, level: Level, occasion: Occasion, timing: Timing, now: datetime
) -> None:
    if await unit.alerts.last_event(alert.id, Happened.NOBODY_ON_CALL) is None:
        await unit.alerts.record(alert.id, now, Happened.NOBODY_ON_CALL, detail={"level": level.value})
        log.error("nobody_on_call", alert=alert.id)
    last = await unit.alerts.last_event(alert.id, Happened.LAST_RESORT)
    if level is Level.RED and (last is None or abs(now - last.at) >= timing.escalate_after):
        await call_last_resort(unit, alert, agreement, level, now)
    payload = {"next": 0, "people": 0, "occasion": occasion.value, "level": level.value}
    await unit.calls.plan(Task.ESCALATE, alert.id, now + timing.nobody_again_after, payload)
