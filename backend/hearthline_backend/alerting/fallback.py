"""When a call cannot be delivered: the person's other contacts, then the next person."""

from datetime import datetime
from uuid import uuid4

from hearthline_backend.alerting import calling
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.records.calls import Claim, Notification, NotificationState, Occasion, Task
from hearthline_backend.storage.records.unit import Unit


async def somebody_else(unit: Unit, claim: Claim, channels: frozenset[str], now: datetime) -> bool:
    """Call another way; returns False where there is none, so that the call itself has to be tried again."""
    row = claim.notification
    alert = await unit.alerts.get(row.alert_id)
    if alert is None or alert.state is not AlertState.OPEN:
        return True
    told = [one.notification for one in await unit.calls.of_alert(row.alert_id)]
    beside = [
        one for one in told if (one.user_id, one.created_at) == (row.user_id, row.created_at) and one.id != row.id
    ]
    if any(one.state in (NotificationState.SENT, NotificationState.DUE) for one in beside):
        return True
    tried = {row.contact_id, *(one.contact_id for one in beside)}
    for contact in await unit.people.contacts(row.user_id):
        if contact.id not in tried and contact.channel in channels:
            other = Notification(uuid4(), row.alert_id, row.user_id, contact.id, row.occasion, row.created_at, now)
            await unit.calls.add([other])
            return True
    if claim.level is Level.RED:
        return await _hasten(unit, alert, now)
    return await _next_person(unit, claim, alert, {one.user_id for one in told}, now)


async def _hasten(unit: Unit, alert: Alert, now: datetime) -> bool:
    """A red goes on to the next person anyway: now instead of later, unless that is the same person."""
    task = await unit.calls.pending(alert.id, Task.ESCALATE)
    if task is None or int(task.payload.get("people", 0)) <= 1:
        return False
    await unit.calls.hasten(task.id, now)
    return True


async def _next_person(unit: Unit, claim: Claim, alert: Alert, called: set[object], now: datetime) -> bool:
    for person in await unit.people.on_call(claim.team_id, now):
        if person.user.id not in called and await calling.call_person(
            unit, alert, person.user.id, claim.level, Occasion.ESCALATED, now
        ):
            return True
    return False
