"""What people are told of that is no patient's alert: something wrong in a home, a team's morning."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.schema import notifications
from hearthline_backend.storage.silence_tables import notices


class NoticeKind(StrEnum):
    """What a notice is about."""

    HOME = "home"
    """A home needs a technician."""
    DIGEST = "digest"
    """A care team's morning."""
    BEHIND = "behind"
    """A hop behind every home was away when measurements were due."""
    REPORT = "report"
    """A report that nobody has confirmed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One row of ``notices``. ``path`` is of the view it links to and names nobody; zone and emergency number are those
    of the people who are told."""

    id: int
    what: NoticeKind
    path: str
    time_zone: str
    emergency_number: str
    created_at: datetime
    home_alert_id: int | None = None
    digest_id: int | None = None


class Notices:
    """Rows only grow."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, notice: Notice) -> Notice:
        """A new one; ``notice.id`` is ignored. Returns it with its number."""
        values = {
            "what": notice.what.value,
            "path": notice.path,
            "time_zone": notice.time_zone,
            "emergency_number": notice.emergency_number,
            "created_at": notice.created_at,
            "home_alert_id": notice.home_alert_id,
            "digest_id": notice.digest_id,
        }
        number = await self._connection.scalar(notices.insert().values(**values).returning(notices.c.id))
        return replace(notice, id=int(number or 0))

    async def of_home_alert(self, home_alert_id: int) -> tuple[Notice, ...]:
        """What was told of one home alert, oldest first."""
        query = select(notices).where(notices.c.home_alert_id == home_alert_id).order_by(notices.c.id)
        return tuple(_notice(row) for row in await self._connection.execute(query))

    async def cancel(self, home_alert_id: int) -> tuple[UUID, ...]:
        """Nobody has to be told of this home alert any more; returns the notifications that were cancelled."""
        its = select(notices.c.id).where(notices.c.home_alert_id == home_alert_id)
        change = update(notifications).where(notifications.c.notice_id.in_(its), notifications.c.state == "due")
        rows = await self._connection.scalars(change.values(state="cancelled").returning(notifications.c.id))
        return tuple(rows)


def _notice(row: Row[Any]) -> Notice:
    values = row._asdict()
    values["what"] = NoticeKind(row.what)
    return Notice(**values)
