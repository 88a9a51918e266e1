"""By which act somebody has an alert: read from its history, in which nothing is ever struck."""

from collections.abc import Iterable
from typing import Final

from hearthline_backend.storage.records.alerts import AlertEvent, Happened

TAKES: Final = (Happened.ACKNOWLEDGED, Happened.ASSIGNED, Happened.SNOOZED, Happened.OPENED_AGAIN)
"""After one of these somebody has the alert."""
BY_PEOPLE: Final = (*TAKES, Happened.UNASSIGNED, Happened.RESOLVED, Happened.SNOOZE_ENDED)
"""What a person does that changes how an alert stands."""
UNDONE: Final = (Happened.ACKNOWLEDGEMENT_UNDONE, Happened.UNDONE)


def taken_by(events: Iterable[AlertEvent]) -> AlertEvent | None:
    """The act by which whoever has the alert has it, undone ones left out; None where nobody ever took it. Says nothing
    of an alert that nobody has now."""
    acts: list[AlertEvent] = []
    for event in events:
        if event.what in BY_PEOPLE:
            acts.append(event)
        elif event.what in UNDONE and acts:
            acts.pop()
    return next((event for event in reversed(acts) if event.what in TAKES), None)
