"""What teams have agreed about calls: rotas with their versions, holidays, stand-ins, and calls to try them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.rotas import AHEAD, Holiday, StandIn, TeamRota
from hearthline_backend.storage.records.rota_content import RotaContent
from hearthline_backend.storage.rota_tables import rota_holidays, rota_stand_ins, rotas, trial_calls


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a team has agreed, at and around one moment. ``content`` is the version in force; None before the first."""

    content: RotaContent | None
    rota: TeamRota


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a team's rota. ``author_id`` None: at the command line."""

    number: int
    valid_from: datetime
    content: RotaContent
    reason: str
    created_at: datetime
    author_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgreedHoliday:
    """A holiday with its number and name."""

    id: int
    name: str
    holiday: Holiday


@dataclass(frozen=True, slots=True)
class AgreedStandIn:
    """A stand-in with its number and why."""

    id: int
    reason: str
    stand_in: StandIn


@dataclass(frozen=True, slots=True)
class TrialCall:
    """A call to somebody of the last resort, made to see whether it arrives. ``outcome`` is sent, failed or unknown."""

    user_id: UUID
    channel: str
    at: datetime
    outcome: str


class Rotas:
    """Only grows; what is taken back stays, marked with when."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def agreed(self, team_id: UUID, at: datetime) -> Agreed | None:
        """What holds for a team at and around a moment; None where it never set a rota."""
        versions = await self._versions_around(team_id, at)
        if not versions:
            return None
        holidays = [one.holiday for one in await self.holidays(team_id, (at - AHEAD).date(), (at + AHEAD).date())]
        stand_ins = [one.stand_in for one in await self.stand_ins(team_id, at - AHEAD)]
        valid = [content for valid_from, content in versions if valid_from <= at]
        rota = TeamRota(at, [(since, content.rota()) for since, content in versions], holidays, stand_ins)
        return Agreed(valid[-1] if valid else None, rota)

    async def content(self, team_id: UUID, at: datetime) -> RotaContent | None:
        """The version in force at a moment."""
        versions = [content for since, content in await self._versions_around(team_id, at) if since <= at]
        return versions[-1] if versions else None

    async def versions(self, team_id: UUID) -> tuple[Version, ...]:
        """Every version there ever was, the oldest first."""
        query = select(rotas).where(rotas.c.team_id == team_id).order_by(rotas.c.version)
        return tuple(
            Version(row.version, row.valid_from, _content(row.content), row.reason, row.created_at, row.author_id)
            for row in await self._connection.execute(query)
        )

    async def add_version(
        self,
        team_id: UUID,
        content: RotaContent,
        *,
        valid_from: datetime,
        created_at: datetime,
        reason: str,
        author_id: UUID | None = None,
    ) -> int:
        """From ``valid_from`` on this holds, and until another version does; returns its number."""
        newest = select(func.coalesce(func.max(rotas.c.version), 0)).where(rotas.c.team_id == team_id)
        number = int(await self._connection.scalar(newest) or 0) + 1
        values = {
            "team_id": team_id,
            "version": number,
            "valid_from": valid_from,
            "content": content.as_json(),
            "author_id": author_id,
            "created_at": created_at,
            "reason": reason,
        }
        await self._connection.execute(insert(rotas).values(**values))
        return number

    # --- holidays ---

    async def add_holiday(
        self, team_id: UUID, holiday: Holiday, name: str, *, created_at: datetime, author_id: UUID | None = None
    ) -> None:
        """On this day others are on call; an earlier word on the same day counts no longer."""
        await self.remove_holiday(team_id, holiday.day, created_at)
        content = {"like": holiday.like, "people": [str(one) for one in holiday.people]}
        values = {"team_id": team_id, "day": holiday.day.isoformat(), "name": name, "content": content}
        await self._connection.execute(
            insert(rota_holidays).values(**values, created_at=created_at, author_id=author_id)
        )

    async def remove_holiday(self, team_id: UUID, day: date, at: datetime) -> bool:
        """It is a day as any other; returns whether it was none before."""
        its = rota_holidays.c.team_id == team_id, rota_holidays.c.day == day.isoformat()
        change = update(rota_holidays).where(*its, rota_holidays.c.removed_at.is_(None)).values(removed_at=at)
        return bool((await self._connection.execute(change)).rowcount)

    async def holidays(self, team_id: UUID, first: date, last: date) -> tuple[AgreedHoliday, ...]:
        """Between two days, both included."""
        query = select(rota_holidays).where(
            rota_holidays.c.team_id == team_id,
            rota_holidays.c.removed_at.is_(None),
            rota_holidays.c.day >= first.isoformat(),
            rota_holidays.c.day <= last.isoformat(),
        )
        rows = await self._connection.execute(query.order_by(rota_holidays.c.day))
        return tuple(AgreedHoliday(row.id, row.name, _holiday(row.day, row.content)) for row in rows)

    # --- stand-ins ---

    async def add_stand_in(
        self, team_id: UUID, stand_in: StandIn, reason: str, *, created_at: datetime, author_id: UUID | None = None
    ) -> None:
        """Somebody is away for a while."""
        values = {
            "team_id": team_id,
            "away_id": stand_in.away,
            "instead_id": stand_in.instead,
            "starts_at": stand_in.begins,
            "ends_at": stand_in.ends,
            "reason": reason,
            "author_id": author_id,
            "created_at": created_at,
        }
        await self._connection.execute(insert(rota_stand_ins).values(**values))

    async def remove_stand_in(self, team_id: UUID, number: int, at: datetime) -> bool:
        """It holds no longer; returns whether it did."""
        its = rota_stand_ins.c.team_id == team_id, rota_stand_ins.c.id == number
        change = update(rota_stand_ins).where(*its, rota_stand_ins.c.removed_at.is_(None)).values(removed_at=at)
        return bool((await self._connection.execute(change)).rowcount)

    async def stand_ins(self, team_id: UUID, since: datetime) -> tuple[AgreedStandIn, ...]:
        """Those that end after ``since``, in the order in which they were agreed."""
        query = select(rota_stand_ins).where(
            rota_stand_ins.c.team_id == team_id,
            rota_stand_ins.c.removed_at.is_(None),
            rota_stand_ins.c.ends_at > since,
        )
        rows = await self._connection.execute(query.order_by(rota_stand_ins.c.id))
        return tuple(
            AgreedStandIn(row.id, row.reason, StandIn(row.away_id, row.instead_id, row.starts_at, row.ends_at))
            for row in rows
        )

    # --- trials ---

    async def add_trial(self, team_id: UUID, trial: TrialCall) -> None:
        """A call was tried."""
        values = {"user_id": trial.user_id, "channel": trial.channel, "at": trial.at, "outcome": trial.outcome}
        await self._connection.execute(insert(trial_calls).values(team_id=team_id, **values))

    async def last_trials(self, team_id: UUID, since: datetime) -> tuple[TrialCall, ...]:
        """Since a moment, newest first."""
        query = select(trial_calls).where(trial_calls.c.team_id == team_id, trial_calls.c.at > since)
        rows = await self._connection.execute(query.order_by(trial_calls.c.at.desc(), trial_calls.c.id.desc()))
        return tuple(TrialCall(row.user_id, row.channel, row.at, row.outcome) for row in rows)

    async def _versions_around(self, team_id: UUID, at: datetime) -> Sequence[tuple[datetime, RotaContent]]:
        """Versions valid from :data:`AHEAD` before the moment to as long after it, the oldest first. Of several valid
        from one moment the last one counts."""
        own = rotas.c.team_id == team_id
        first = select(func.max(rotas.c.valid_from)).where(own, rotas.c.valid_from <= at - AHEAD).scalar_subquery()
        query = select(rotas.c.valid_from, rotas.c.content).where(
            own, or_(first.is_(None), rotas.c.valid_from >= first), rotas.c.valid_from <= at + AHEAD
        )
        rows = await self._connection.execute(query.order_by(rotas.c.valid_from, rotas.c.version))
        return list({row.valid_from: _content(row.content) for row in rows}.items())


def _content(stored: Mapping[str, Any]) -> RotaContent:
    return RotaContent.model_validate(stored)


def _holiday(day: str, content: Mapping[str, Any]) -> Holiday:
    people = tuple(UUID(one) for one in content.get("people", ()))
    return Holiday(date.fromisoformat(day), content.get("like"), people)
