"""What somebody wants to hear of later: one rule of one patient, in one direction, up to a level, until a time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.among import among_given, given
from hearthline_backend.storage.schema import users
from hearthline_backend.storage.snooze_tables import snoozes

EITHER_WAY: Final = "any"
"""The direction of a rule that has none of its own, such as a score."""


@dataclass(frozen=True, slots=True)
class Snooze:
    """One row of ``snoozes``. ``alert_id`` is where it was asked for, ``level`` what was seen there; ``due_at`` when
    what is still past its limit comes back. ``initials`` are of the person who made it."""

    id: int
    patient_id: UUID
    rule_id: str
    direction: str
    level: Level
    alert_id: int
    made_by: UUID
    made_at: datetime
    until: datetime
    due_at: datetime
    ended_at: datetime | None = None
    ended_by: UUID | None = None
    initials: str = ""

    def holds(self, rule_id: str, level: Level, now: datetime) -> bool:
        """Whether nobody is to be called for an alert of this patient's rule at this level."""
        in_force = self.ended_at is None and now < self.until
        return in_force and self.rule_id == rule_id and level.rank <= self.level.rank


def direction_of(history: Iterable[Plan], rule_id: str, version: int) -> str:
    """Which way a rule looks in a version of the plan."""
    rules = (rule for plan in history if plan.version == version for rule in plan.rules if rule.id == rule_id)
    return str(getattr(next(rules, None), "direction", EITHER_WAY))


class Snoozes:
    """Nobody waits for a row here while holding one: see :meth:`take`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, snooze: Snooze) -> Snooze:
        """A new one; its ``id`` is ignored, and given back."""
        values = {one.name: getattr(snooze, one.name) for one in fields(snooze) if one.name not in ("id", "initials")}
        statement = snoozes.insert().values(**values).returning(snoozes.c.id)
        return replace(snooze, id=int((await self._connection.execute(statement)).scalar_one()))

    async def get(self, snooze_id: int) -> Snooze | None:
        """One, whether it has ended or not."""
        row = (await self._connection.execute(_with_initials().where(snoozes.c.id == snooze_id))).one_or_none()
        return None if row is None else _snooze(row)

    async def in_force(self, patient_ids: Collection[UUID], now: datetime) -> Mapping[UUID, tuple[Snooze, ...]]:
        """Those of these patients that have not ended, by patient, oldest first."""
        found: dict[UUID, list[Snooze]] = {}
        if patient_ids:
            dialect = self._connection.dialect.name
            asked = {"patients": given(dialect, patient_ids), "now": now}
            for row in await self._connection.execute(_in_force(dialect), asked):
                found.setdefault(row.patient_id, []).append(_snooze(row))
        return {patient_id: tuple(ones) for patient_id, ones in found.items()}

    async def end(self, snooze_ids: Collection[int], at: datetime, by: UUID | None) -> None:
        """They hold nothing any more. ``by`` None: their time is over."""
        change = snoozes.update().where(snoozes.c.id.in_(list(snooze_ids)), snoozes.c.ended_at.is_(None))
        await self._connection.execute(change.values(ended_at=at, ended_by=by))

    async def go_on(self, snooze_ids: Collection[int]) -> None:
        """Undo their end."""
        change = snoozes.update().where(snoozes.c.id.in_(list(snooze_ids)))
        await self._connection.execute(change.values(ended_at=None, ended_by=None))

    async def put_off(self, snooze_id: int, due_at: datetime) -> None:
        """Look again then: nobody is called before."""
        await self._connection.execute(snoozes.update().where(snoozes.c.id == snooze_id).values(due_at=due_at))

    async def next_due_at(self) -> datetime | None:
        """When the next one is over; None where none is in force."""
        first: datetime | None = await self._connection.scalar(
            select(func.min(snoozes.c.due_at)).where(snoozes.c.ended_at.is_(None))
        )
        return first

    async def due(self, now: datetime, limit: int) -> tuple[Snooze, ...]:
        """Those whose time is over, the oldest first, not yet taken."""
        query = _with_initials().where(snoozes.c.ended_at.is_(None), snoozes.c.due_at <= now)
        query = query.order_by(None).order_by(snoozes.c.due_at, snoozes.c.id).limit(limit)
        return tuple(_snooze(row) for row in await self._connection.execute(query))

    async def take(self, snooze_ids: Collection[int]) -> frozenset[int]:
        """Those that have not ended and that nobody else is just ending, locked until the transaction ends. After their
        patients and before their alerts."""
        query = select(snoozes.c.id).where(snoozes.c.id.in_(list(snooze_ids)), snoozes.c.ended_at.is_(None))
        return frozenset(await self._connection.scalars(query.with_for_update(skip_locked=True)))


@cache
def _in_force(dialect: str) -> Select[Any]:
    its = among_given(dialect, snoozes.c.patient_id, "patients")
    return _with_initials().where(its, snoozes.c.ended_at.is_(None), snoozes.c.until > bindparam("now"))


def _with_initials() -> Select[Any]:
    query = select(snoozes, users.c.initials).join(users, users.c.id == snoozes.c.made_by)
    return query.order_by(snoozes.c.id)


def _snooze(row: Row[Any]) -> Snooze:
    values = {one.name: getattr(row, one.name) for one in fields(Snooze)}
    values["level"] = Level(row.level)
    return Snooze(**values)
