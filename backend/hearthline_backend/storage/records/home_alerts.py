"""What is wrong in homes, for technicians: no patient is in it. Rows change, their history only grows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.home_faults import Fault
from hearthline_backend.domain.silence import Hop
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.upsert import insert_or_skip
from hearthline_backend.storage.schema import users
from hearthline_backend.storage.silence_tables import home_alert_events, home_alerts


class HomeAlertState(StrEnum):
    """The first two are live."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class HomeHappened(StrEnum):
    """What an entry of a home alert's history tells."""

    OPENED = "opened"
    CHANGED = "changed"
    CALLED = "called"
    NOBODY_TO_CALL = "nobody_to_call"
    ACKNOWLEDGED = "acknowledged"
    GIVEN_BACK = "given_back"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class HomeAlert:
    """One row of ``home_alerts``. ``meter`` is empty where it is about the home itself."""

    id: int
    gateway: str
    about: str
    meter: str
    hops: tuple[Hop, ...]
    state: HomeAlertState
    opened_at: datetime
    since: datetime | None = None
    closed_at: datetime | None = None
    owner_id: UUID | None = None
    owned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HomeAlertEvent:
    """One entry of the history; ``initials`` are of the person who acted."""

    home_alert_id: int
    at: datetime
    what: HomeHappened
    detail: Mapping[str, Any] = field(default_factory=dict)
    initials: str | None = None


class HomeAlerts:
    """One live alert for each thing that is wrong in a home."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, gateway: str, fault: Fault, now: datetime) -> tuple[HomeAlert, bool]:
        """The live alert of this fault, and whether it is new."""
        same = (
            home_alerts.c.gateway == gateway,
            home_alerts.c.about == fault.about,
            home_alerts.c.meter == fault.meter,
            home_alerts.c.closed_at.is_(None),
        )
        query = select(home_alerts).where(*same)
        row = (await self._connection.execute(query)).one_or_none()
        if row is not None:
            return _alert(row), False
        values = {
            "gateway": gateway,
            "about": fault.about,
            "meter": fault.meter,
            "hops": [hop.value for hop in fault.hops],
            "state": HomeAlertState.OPEN.value,
            "opened_at": now,
            "since": fault.since,
        }
        key = ("gateway", "about", "meter")
        insert = insert_or_skip(self._connection, home_alerts, key, home_alerts.c.closed_at.is_(None))
        made = (await self._connection.execute(insert.values(**values).returning(home_alerts))).one_or_none()
        if made is None:  # another process has just opened it
            return _alert((await self._connection.execute(query)).one()), False
        alert = _alert(made)
        await self.record(alert.id, now, HomeHappened.OPENED, detail={"hops": values["hops"]})
        return alert, True

    async def change(self, alert: HomeAlert, hops: tuple[Hop, ...], now: datetime) -> None:
        """The evidence names other hops now."""
        names = [hop.value for hop in hops]
        await self._connection.execute(update(home_alerts).where(home_alerts.c.id == alert.id).values(hops=names))
        await self.record(alert.id, now, HomeHappened.CHANGED, detail={"hops": names})

    async def close(self, alert_id: int, now: datetime) -> None:
        """It is no longer so."""
        change = update(home_alerts).where(home_alerts.c.id == alert_id)
        await self._connection.execute(change.values(state=HomeAlertState.CLOSED.value, closed_at=now))
        await self.record(alert_id, now, HomeHappened.CLOSED)

    async def take(self, alert_id: int, user_id: UUID, now: datetime, seen: UUID | None = None) -> bool:
        """A technician takes it, from ``seen`` if somebody had it; False where that is so no more."""
        state = HomeAlertState.OPEN if seen is None else HomeAlertState.ACKNOWLEDGED
        still = home_alerts.c.id == alert_id, home_alerts.c.state == state.value
        change = update(home_alerts).where(*still, *([] if seen is None else [home_alerts.c.owner_id == seen]))
        values = {"state": HomeAlertState.ACKNOWLEDGED.value, "owner_id": user_id, "owned_at": now}
        if (await self._connection.execute(change.values(**values))).rowcount == 0:
            return False
        await self.record(alert_id, now, HomeHappened.ACKNOWLEDGED, actor_id=user_id)
        return True

    async def give_back(self, alert_id: int, user_id: UUID, now: datetime) -> bool:
        """Who has it has it no more; False where they had it not."""
        still = (
            home_alerts.c.id == alert_id,
            home_alerts.c.state == HomeAlertState.ACKNOWLEDGED.value,
            home_alerts.c.owner_id == user_id,
        )
        values = {"state": HomeAlertState.OPEN.value, "owner_id": None, "owned_at": None}
        if (await self._connection.execute(update(home_alerts).where(*still).values(**values))).rowcount == 0:
            return False
        await self.record(alert_id, now, HomeHappened.GIVEN_BACK, actor_id=user_id)
        return True

    async def record(
        self,
        alert_id: int,
        at: datetime,
        what: HomeHappened,
        *,
        actor_id: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """One more entry in the history. ``detail`` holds hops, ids and times, never words."""
        values = {"home_alert_id": alert_id, "at": at, "what": what.value, "actor_id": actor_id}
        await self._connection.execute(home_alert_events.insert().values(**values, detail=dict(detail or {})))

    async def get(self, alert_id: int) -> HomeAlert | None:
        """One alert."""
        row = (await self._connection.execute(select(home_alerts).where(home_alerts.c.id == alert_id))).one_or_none()
        return None if row is None else _alert(row)

    async def live(self, gateways: Collection[str]) -> Mapping[str, tuple[HomeAlert, ...]]:
        """Live alerts by gateway, oldest first."""
        query = select(home_alerts).where(
            among(self._connection, home_alerts.c.gateway, gateways), home_alerts.c.closed_at.is_(None)
        )
        found: dict[str, tuple[HomeAlert, ...]] = {}
        for row in await self._connection.execute(query.order_by(home_alerts.c.opened_at, home_alerts.c.id)):
            found[row.gateway] = (*found.get(row.gateway, ()), _alert(row))
        return found

    async def of_home(self, gateway: str, limit: int = 20) -> tuple[HomeAlert, ...]:
        """The newest alerts of one home, live ones and those that are over."""
        query = select(home_alerts).where(home_alerts.c.gateway == gateway)
        query = query.order_by(home_alerts.c.opened_at.desc(), home_alerts.c.id.desc()).limit(limit)
        return tuple(_alert(row) for row in await self._connection.execute(query))

    async def events(self, alert_ids: Collection[int]) -> tuple[HomeAlertEvent, ...]:
        """The history of some alerts, oldest first."""
        query = select(home_alert_events, users.c.initials)
        query = query.join(users, users.c.id == home_alert_events.c.actor_id, isouter=True)
        query = query.where(among(self._connection, home_alert_events.c.home_alert_id, alert_ids))
        return tuple(_event(row) for row in await self._connection.execute(query.order_by(home_alert_events.c.id)))


def _alert(row: Row[Any]) -> HomeAlert:
    values = row._asdict()
    values["hops"] = tuple(Hop(one) for one in row.hops)
    values["state"] = HomeAlertState(row.state)
    return HomeAlert(**values)


def _event(row: Row[Any]) -> HomeAlertEvent:
    return HomeAlertEvent(row.home_alert_id, row.at, HomeHappened(row.what), row.detail, row.initials)
