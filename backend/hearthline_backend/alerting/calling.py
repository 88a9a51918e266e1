"""Who is called, by which contact: writes the due rows, in the transaction of what they tell."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import structlog

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
) -> None:
    """Call the person at ``place`` in ``order``, those on call, counted round; for a red, plan the one after.

    Somebody without any contact is passed over. With nobody on call that is noted once, and looked at again soon.
    """
    if not order:
        await _nobody(unit, alert, level, occasion, timing, now)
        return
    for turn in range(place, place + len(order)):
        if await call_person(unit, alert, order[turn % len(order)].user.id, level, occasion, now):
            place = turn
            break
    if level is Level.RED:
        payload = {"next": place + 1, "people": len(order)}
        await unit.calls.plan(Task.ESCALATE, alert.id, now + timing.escalate_after, payload)


async def call_later(unit: Unit, alert: Alert, occasion: Occasion, due_at: datetime) -> None:
    """Call nobody now; unless somebody has taken the alert by then, begin with the first on call."""
    payload = {"next": 0, "people": 0, "occasion": occasion.value, "level": alert.shown_level.value}
    await unit.calls.plan(Task.ESCALATE, alert.id, due_at, payload)


async def call_person(
    unit: Unit, alert: Alert, user_id: UUID, level: Level, occasion: Occasion, now: datetime
) -> tuple[Contact, ...]:
    """One notification to each contact that this level uses; returns those contacts."""
    chosen = contacts_for(level, await unit.people.contacts(user_id))
    rows = [Notification(uuid4(), alert.id, user_id, contact.id, occasion, now, now) for contact in chosen]
    await unit.calls.add(rows)
    detail = {"user": str(user_id), "occasion": occasion.value, "level": level.value}
    channels = [contact.channel for contact in chosen]
    await unit.alerts.record(alert.id, now, Happened.CALLED, detail={**detail, "channels": channels})
    if not chosen:
        log.error("person_on_call_has_no_contact", alert=alert.id, user=str(user_id))
    return chosen


def contacts_for(level: Level, contacts: Sequence[Contact]) -> tuple[Contact, ...]:
    """Red: every contact. Yellow: mail only, or the first contact where there is no mail."""
    if level is Level.RED:
        return tuple(contacts)
    mail = tuple(contact for contact in contacts if contact.channel == "mail")
    return mail or tuple(contacts[:1])


async def _nobody(unit: Unit, alert: Alert, level: Level, occasion: Occasion, timing: Timing, now: datetime) -> None:
    if await unit.alerts.last_event(alert.id, Happened.NOBODY_ON_CALL) is None:
        await unit.alerts.record(alert.id, now, Happened.NOBODY_ON_CALL, detail={"level": level.value})
        log.error("nobody_on_call", alert=alert.id)
    payload = {"next": 0, "people": 0, "occasion": occasion.value, "level": level.value}
    await unit.calls.plan(Task.ESCALATE, alert.id, now + timing.nobody_again_after, payload)
