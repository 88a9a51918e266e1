"""What an operator wants to know of Records: the schema they are at, what waits in quarantine, what is overdue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnElement, Connection, func, or_, select

from hearthline_backend.storage.quarantine_tables import quarantine
from hearthline_backend.storage.records.calls import NotificationState
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.storage.schema import alerts, due, notifications


@dataclass(frozen=True, slots=True)
class Overdue:
    """So much should have been done by now; ``oldest`` is when the first of it was due."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class OperatingFigures:
    """``quarantined`` counts rows by status; ``unowned_reds`` are red alerts that nobody has taken, since they opened,
    whether anybody was called or not."""

    quarantined: Mapping[str, int]
    tasks: Overdue
    notifications: Overdue
    unowned_reds: Overdue


async def operating_figures(unit: Unit, now: datetime) -> OperatingFigures:
    """Four counts, each along an index or over a table that stays small."""
    rows = await unit.connection.execute(select(quarantine.c.status, func.count()).group_by(quarantine.c.status))
    unclaimed = or_(notifications.c.claimed_until.is_(None), notifications.c.claimed_until <= now)
    waiting = notifications.c.state == NotificationState.DUE.value
    return OperatingFigures(
        {status: int(count) for status, count in rows},
        await _overdue(unit, due.c.due_at, now, due.c.done_at.is_(None)),
        await _overdue(unit, notifications.c.due_at, now, waiting, unclaimed),
        await _overdue(unit, alerts.c.opened_at, now, alerts.c.level == "red", alerts.c.state == "open"),
    )


async def _overdue(unit: Unit, due_at: ColumnElement[Any], now: datetime, *open_: ColumnElement[bool]) -> Overdue:
    count, oldest = (
        await unit.connection.execute(select(func.count(), func.min(due_at)).where(due_at <= now, *open_))
    ).one()
    return Overdue(int(count), oldest)


async def schema_revision(unit: Unit) -> str | None:
    """The revision Records are at; None where nobody ever made them."""
    return await unit.connection.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_revision() -> str:
    """The revision that this release needs."""
    found = ScriptDirectory(str(Path(__file__).parent / "migrations")).get_current_head()
    if found is None:
        raise LookupError("this release has no migrations: install it again")
    return found
