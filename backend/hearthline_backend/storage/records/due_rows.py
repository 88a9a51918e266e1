"""Which kinds of rows are due, told by one statement: asking each kind by itself costs a transaction a kind, every
second, while nothing happens."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.call_rows import NotificationState
from hearthline_backend.storage.records.synthetic import ALERT, APART, ERASURE
from hearthline_backend.storage.report_tables import reports
from hearthline_backend.storage.schema import due, notifications
from hearthline_backend.storage.silence_tables import digest_watches, home_watches, silence_watches
from hearthline_backend.storage.snooze_tables import snoozes


class Queue(StrEnum):
    """What can be due, each a queue of its own."""

    TASKS = "tasks"
    SNOOZES = "snoozes"
    PATIENTS = "patients"
    HOMES = "homes"
    DIGESTS = "digests"
    REPORTS = "reports"
    NOTIFICATIONS = "notifications"
    SYNTHETIC_ALERTS = "synthetic_alerts"
    SYNTHETIC_ERASURES = "synthetic_erasures"


class DueRows:
    """Looks at every queue at once."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due_queues(self, now: datetime) -> frozenset[Queue]:
        """The queues whose first row is due at ``now``. Who works on a queue looks again by itself."""
        firsts = (await self._connection.execute(_FIRSTS, {"now": now})).one()
        return frozenset(what for what, first in zip(Queue, firsts, strict=True) if first is not None and first <= now)


def _first(what: Queue) -> Select[Any]:
    """When the first row of a queue is due."""
    match what:
        case Queue.TASKS:
            return _first_due(due.c.what.not_in(APART))
        case Queue.SNOOZES:
            return select(func.min(snoozes.c.due_at)).where(snoozes.c.ended_at.is_(None))
        case Queue.PATIENTS:
            return _first_of(silence_watches)
        case Queue.HOMES:
            return _first_of(home_watches)
        case Queue.DIGESTS:
            return _first_of(digest_watches)
        case Queue.REPORTS:
            return select(func.min(reports.c.due_at)).where(reports.c.due_at.is_not(None))
        case Queue.NOTIFICATIONS:
            claimed = notifications.c.claimed_until
            free = or_(claimed.is_(None), claimed <= bindparam("now", type_=claimed.type))
            waits = notifications.c.state == NotificationState.DUE.value
            return select(func.min(notifications.c.due_at)).where(waits, free)
        case Queue.SYNTHETIC_ALERTS:
            return _first_due(due.c.what == ALERT)
        case Queue.SYNTHETIC_ERASURES:
            return _first_due(due.c.what == ERASURE)


def _first_due(its: ColumnElement[bool]) -> Select[Any]:
    return select(func.min(due.c.due_at)).where(due.c.done_at.is_(None), its)


def _first_of(watch: Table) -> Select[Any]:
    return select(func.min(watch.c.due_at))


_FIRSTS: Final = select(*(_first(what).scalar_subquery().label(what.value) for what in Queue))
