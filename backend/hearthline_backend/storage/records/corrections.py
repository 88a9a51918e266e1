"""What people changed about readings afterwards: written first, finished when it is done, never changed again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.patient_reading import NOBODY, Place
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.schema import corrections, users

MAX_REASON: Final = 300


class What(StrEnum):
    """What a correction did."""

    CLAIMED = "claimed"
    """Somebody said whose a waiting reading is; ``patient_after`` None is a guest's."""
    UNCLAIMED = "unclaimed"
    """That was taken back: the reading waits again."""
    MOVED = "moved"
    """From one patient to another."""
    DATED = "dated"
    ENTERED_IN_ERROR = "entered_in_error"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Correction:
    """One row. A patient that is :data:`~hearthline_backend.storage.patient_reading.NOBODY` is nobody yet.
    ``initials`` and ``title`` are of the person who did it; None: at the command line. ``finished_at`` None: written
    down, and still to be done. ``judgement`` is what stood in the register of judged readings."""

    id: int
    reading_id: UUID
    kind: str | None
    what: What
    at: datetime
    reason: str
    patient_before: UUID | None = None
    patient_after: UUID | None = None
    effective_before: datetime | None = None
    effective_after: datetime | None = None
    aside_before: bool = False
    aside_after: bool = False
    by: UUID | None = None
    finished_at: datetime | None = None
    judgement: Any = None
    initials: str | None = None
    title: str | None = None

    @property
    def before(self) -> Place | None:
        """Where it stood; None where it stood nowhere that is told."""
        return _place(self.patient_before, self.effective_before, self.aside_before)

    @property
    def after(self) -> Place | None:
        """Where it stands since."""
        return _place(self.patient_after, self.effective_after, self.aside_after)

    @property
    def patients(self) -> frozenset[UUID]:
        """Everybody it concerns."""
        return frozenset(one for one in (self.patient_before, self.patient_after) if one not in (None, NOBODY))


class CorrectionHistory:
    """Rows of ``corrections``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, correction: Correction) -> int:
        """Write one down; its id is ignored. Returns its number."""
        left_out = ("id", "initials", "title", "judgement")
        values = {one.name: getattr(correction, one.name) for one in fields(correction) if one.name not in left_out}
        statement = corrections.insert().values(**values).returning(corrections.c.id)
        return int((await self._connection.execute(statement)).scalar_one())

    async def finish(self, number: int, at: datetime, judgement: Any) -> None:
        """It is done; ``judgement`` is the row of the register that was taken back, as JSON, or None."""
        change = corrections.update().where(corrections.c.id == number)
        kept = {} if judgement is None else {"judgement": judgement}
        await self._connection.execute(change.values(finished_at=at, **kept))

    async def get(self, number: int, *, lock: bool = False) -> Correction | None:
        """One by its number; ``lock`` keeps others from finishing it until the transaction ends."""
        query = _all().where(corrections.c.id == number)
        query = query.with_for_update(of=corrections) if lock else query
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _correction(row)

    async def pending(self, reading_id: UUID | None = None, limit: int = 100) -> tuple[Correction, ...]:
        """What is written down and not yet done, the oldest first; of one reading, or of all."""
        query = _all().where(corrections.c.finished_at.is_(None)).order_by(corrections.c.id).limit(limit)
        if reading_id is not None:
            query = query.where(corrections.c.reading_id == reading_id)
        return tuple(_correction(row) for row in await self._connection.execute(query))

    async def of_readings(self, reading_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Correction]]:
        """The history of each of these readings that has one, oldest first."""
        found: dict[UUID, list[Correction]] = {}
        its = among(self._connection, corrections.c.reading_id, reading_ids)
        for row in await self._connection.execute(_all().where(its).order_by(corrections.c.id)):
            found.setdefault(row.reading_id, []).append(_correction(row))
        return found

    async def of_patient(self, patient_id: UUID, since: datetime, limit: int = 500) -> tuple[Correction, ...]:
        """What was changed about readings that were or became this patient's, the newest first."""
        concerns = or_(corrections.c.patient_before == patient_id, corrections.c.patient_after == patient_id)
        query = _all().where(concerns, corrections.c.at >= since).order_by(corrections.c.id.desc()).limit(limit)
        return tuple(_correction(row) for row in await self._connection.execute(query))


def _all() -> Select[Any]:
    query = select(corrections, users.c.initials, users.c.title)
    return query.join(users, users.c.id == corrections.c.by, isouter=True)


def _correction(row: Row[Any]) -> Correction:
    values = {one.name: getattr(row, one.name) for one in fields(Correction)}
    return Correction(**(values | {"what": What(row.what)}))


def _place(patient_id: UUID | None, at: datetime | None, aside: bool) -> Place | None:
    return None if patient_id is None or at is None else Place(patient_id, at, aside)
