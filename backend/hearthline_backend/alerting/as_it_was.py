"""How an alert stood before something happened to it: kept in its history, so that it can be put back.

What a reading did to an alert (worsened it, opened it again, withdrew it) is taken back when the reading is.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Alert, AlertState, Outcome

BEFORE: Final = "before"
"""Where it stands in the detail of an entry of the history."""
ADDED: Final = "added"
"""The readings that were new to the alert then."""
CAUSE: Final = "readings"
"""The readings that were looked at when an alert was withdrawn or joined with another."""
_TIMES: Final = ("owned_at", "review_by", "resolved_at")


def kept(alert: Alert) -> dict[str, Any]:
    """The alert as JSON, as far as readings and people change it."""
    times = {name: None if (at := getattr(alert, name)) is None else at.isoformat() for name in _TIMES}
    return {
        "state": alert.state.value,
        "level": alert.level.value,
        "review": alert.review,
        "owner": None if alert.owner_id is None else str(alert.owner_id),
        "outcome": None if alert.outcome is None else alert.outcome.value,
        **times,
    }


def level_of(before: Mapping[str, Any]) -> Level:
    """How bad it was."""
    return Level(before["level"])


def put_back(alert: Alert, before: Mapping[str, Any]) -> Alert:
    """The alert with state, owner and deadlines as they were; its level is the readings' business."""
    times: dict[str, Any] = {
        name: None if before[name] is None else datetime.fromisoformat(before[name]) for name in _TIMES
    }
    return replace(
        alert,
        state=AlertState(before["state"]),
        review=bool(before["review"]),
        owner_id=None if before["owner"] is None else UUID(before["owner"]),
        outcome=None if before["outcome"] is None else Outcome(before["outcome"]),
        **times,
    )
