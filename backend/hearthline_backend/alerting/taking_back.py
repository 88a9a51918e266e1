"""What an act on an alert stopped, kept in its history, so that for a moment it can be taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hearthline_backend.alerting.as_it_was import BEFORE, kept
from hearthline_backend.alerting.holding import BY_PEOPLE
from hearthline_backend.storage.records.alerts import Alert, AlertEvent, Happened
from hearthline_backend.storage.records.calls import DueTask, Task
from hearthline_backend.storage.records.unit import Unit

CAN_BE_UNDONE: Final = tuple(one for one in BY_PEOPLE if one is not Happened.SNOOZE_ENDED)
_CHANGES_NOTHING: Final = (
    Happened.CALLED,
    Happened.NOTED,
    Happened.NOT_DELIVERED,
    Happened.NOBODY_ON_CALL,
    Happened.LAST_RESORT,
    Happened.EASED,
    Happened.CLEARED,
)
"""What may have happened after an act that is taken back: none of it is about who has the alert."""


async def stop(unit: Unit, alert: Alert, now: datetime, why: str) -> dict[str, Any]:
    """Nobody is called for this alert any more, and nothing planned for it happens; returns it all as JSON, together
    with how the alert stood."""
    cancelled = await unit.calls.cancel(alert.id)
    tasks = await unit.calls.call_off(alert.id, now, why)
    return {
        BEFORE: kept(alert),
        "cancelled": [str(one) for one in cancelled],
        "called_off": [_planned(task) for task in tasks],
    }


async def start_again(unit: Unit, alert_id: int, detail: Mapping[str, Any], now: datetime) -> None:
    """What :func:`stop` stopped goes on; what became due meanwhile is due now."""
    await unit.calls.cancel(alert_id)
    await unit.calls.call_off(alert_id, now, "taken back")
    await unit.calls.revive([UUID(one) for one in detail["cancelled"]], now)
    for task in detail["called_off"]:
        due_at = max(datetime.fromisoformat(task["due_at"]), now)
        await unit.calls.plan(Task(task["what"]), alert_id, due_at, task["payload"])


def last_act(events: Sequence[AlertEvent], actor_id: UUID) -> AlertEvent | None:
    """The last thing that happened to the alert, if it is an act of this person that can be taken back."""
    last = next((event for event in reversed(events) if event.what not in _CHANGES_NOTHING), None)
    if last is None or last.what not in CAN_BE_UNDONE or last.actor_id != actor_id or BEFORE not in last.detail:
        return None
    return last


def _planned(task: DueTask) -> dict[str, Any]:
    return {"what": task.what.value, "due_at": task.due_at.isoformat(), "payload": dict(task.payload)}
