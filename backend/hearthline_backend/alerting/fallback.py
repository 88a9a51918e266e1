"""When a call cannot be delivered: the person's other contacts, then the next person, at last the last resort."""

from datetime import datetime
from uuid import uuid4

from hearthline_backend.alerting import calling
from hearthline_backend.alerting.agreement import Agreement, agreement_of
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened
from hearthline_backend.storage.records.calls import Claim, Notification, NotificationState, Occasion, Task
from hearthline_backend.storage.records.unit import Unit


async def somebody_else(unit: Unit, claim: Claim, channels: frozenset[str], now: datetime) -> bool:
    """Call another way; returns False where there is none, so that the call itself has to be tried again."""
    row = claim.notification
    if row.alert_id is None:
        return False
    alert = await unit.alerts.get(row.alert_id)
    if alert is None or alert.state is not AlertState.OPEN:
        return True
    told = [one.notification for one in await unit.calls.of_alert(row.alert_id)]
    if any(one.user_id == row.user_id and one.created_at > row.created_at for one in told):
        return True  # called again meanwhile: that call goes on, and this one would only come beside it
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
        return await _hasten(unit, claim, alert, now)
    return await _next_person(unit, claim, alert, {one.user_id for one in told}, now)


async def _hasten(unit: Unit, claim: Claim, alert: Alert, now: datetime) -> bool:
    """A red goes on anyway, to the next person and at last to the last resort: now instead of later, until that was
    called. After that there is nobody new to be called sooner."""
    task = await unit.calls.pending(alert.id, Task.ESCALATE)
    if task is None or int(task.payload.get("people", 0)) == 0:
        return False
    if await unit.alerts.last_event(alert.id, Happened.STARTED_AGAIN) is not None:
        return False
    if int(task.payload["people"]) == 1 and not await _has_last_resort(unit, claim, alert, now):
        return False
    await unit.calls.hasten(task.id, now)
    return True


async def _has_last_resort(unit: Unit, claim: Claim, alert: Alert, now: datetime) -> bool:
    return bool((await _agreed(unit, claim, alert, now)).last_resort)


async def _next_person(unit: Unit, claim: Claim, alert: Alert, called: set[object], now: datetime) -> bool:
    """A yellow goes to the next on call, and after them to the last resort."""
    agreement = await _agreed(unit, claim, alert, now)
    for people, occasion in ((agreement.order, Occasion.ESCALATED), (agreement.last_resort, Occasion.LAST_RESORT)):
        for person in people:
            if person not in called and await calling.call_person(unit, alert, person, claim.level, occasion, now):
                return True
    return False


async def _agreed(unit: Unit, claim: Claim, alert: Alert, now: datetime) -> Agreement:
    order = () if claim.team_id is None else await unit.people.on_call(claim.team_id, now)
    return await agreement_of(unit, alert.patient_id, order, DEFAULT, now)
