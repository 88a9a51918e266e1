"""What teams have agreed about calls: rotas with their versions, holidays, stand-ins, and calls to try them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.duty_spans import BesideRota
from hearthline_backend.domain.rotas import AHEAD, Holiday, StandIn, TeamRota
from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.records.rota_content import RotaContent
from hearthline_backend.storage.rota_tables import rota_holidays, rota_stand_ins, rotas, trial_calls
from hearthline_backend.storage.schema import on_call, teams


class RotaChangedError(HearthlineError):
    """Somebody has agreed another version since the one that was changed. Nothing has been kept."""

    def __init__(self, newest: int) -> None:
        super().__init__(f"version {newest} of the rota was agreed meanwhile; look at it, then change that one")
        self.newest = newest


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
class Entered:
    """By whom and when something was entered and taken back. A person None: at the command line."""

    at: datetime
    by: UUID | None = None
    removed_at: datetime | None = None
    removed_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgreedHoliday:
    """A holiday with its number and name."""

    id: int
    name: str
    holiday: Holiday
    entered: Entered


@dataclass(frozen=True, slots=True)
class AgreedStandIn:
    """A stand-in with its number and why."""

    id: int
    reason: str
    stand_in: StandIn
    entered: Entered


@dataclass(frozen=True, slots=True)
class Around:
    """What was agreed around one moment. ``versions`` are ``(valid_from, content)``, the oldest first."""

    at: datetime
    versions: tuple[tuple[datetime, RotaContent], ...]
    holidays: tuple[Holiday, ...]
    stand_ins: tuple[StandIn, ...]

    def rota(self) -> TeamRota | None:
        """None where there is no version."""
        if not self.versions:
            return None
        versions = [(since, content.rota()) for since, content in self.versions]
        return TeamRota(self.at, versions, self.holidays, self.stand_ins)

    def with_version(self, valid_from: datetime, content: RotaContent) -> "Around":
        """As if this version were agreed now: of two valid from one moment it is the one that counts."""
        others = [one for one in self.versions if one[0] != valid_from]
        versions = sorted([*others, (valid_from, content)], key=lambda one: one[0])
        return Around(self.at, tuple(versions), self.holidays, self.stand_ins)


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
        around = await self.around(team_id, at)
        rota = around.rota()
        if rota is None:
            return None
        valid = [content for valid_from, content in around.versions if valid_from <= at]
        return Agreed(valid[-1] if valid else None, rota)

    async def around(self, team_id: UUID, at: datetime) -> Around:
        """Everything that counts from :data:`AHEAD` before a moment to as long after it."""
        versions = await self._versions_around(team_id, at)
        if not versions:
            return Around(at, (), (), ())
        holidays = await self.holidays(team_id, (at - AHEAD).date(), (at + AHEAD).date())
        stand_ins = await self.stand_ins(team_id, at - AHEAD)
        return Around(
            at, tuple(versions), tuple(one.holiday for one in holidays), tuple(one.stand_in for one in stand_ins)
        )

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
        after: int | None = None,
    ) -> int:
        """From ``valid_from`` on this holds, and until another version does; returns its number.

        ``after`` is the number of the version that was changed, 0 for none; with a newer one this raises
        :class:`RotaChangedError`. Teams are locked, so that of two at once the second one learns of the first.
        """
        await self._connection.execute(select(teams.c.id).where(teams.c.id == team_id).with_for_update())
        newest = await self.newest(team_id)
        if after is not None and newest != after:
            raise RotaChangedError(newest)
        number = newest + 1
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

    async def newest(self, team_id: UUID) -> int:
        """The number of the newest version; 0 before the first."""
        query = select(func.coalesce(func.max(rotas.c.version), 0)).where(rotas.c.team_id == team_id)
        return int(await self._connection.scalar(query) or 0)

    # --- holidays ---

    async def add_holiday(
        self, team_id: UUID, holiday: Holiday, name: str, *, created_at: datetime, author_id: UUID | None = None
    ) -> None:
        """On this day others are on call; an earlier word on the same day counts no longer."""
        await self.remove_holiday(team_id, holiday.day, created_at, author_id)
        content = {"like": holiday.like, "people": [str(one) for one in holiday.people]}
        values = {"team_id": team_id, "day": holiday.day.isoformat(), "name": name, "content": content}
        await self._connection.execute(
            insert(rota_holidays).values(**values, created_at=created_at, author_id=author_id)
        )

    async def remove_holiday(
        self, team_id: UUID, day: date, at: datetime, by: UUID | None = None, number: int | None = None
    ) -> bool:
        """It is a day as any other; returns whether it was none before. With ``number`` only that entry counts."""
        its = [rota_holidays.c.team_id == team_id, rota_holidays.c.day == day.isoformat()]
        its += [] if number is None else [rota_holidays.c.id == number]
        change = update(rota_holidays).where(*its, rota_holidays.c.removed_at.is_(None))
        return bool((await self._connection.execute(change.values(removed_at=at, removed_by_id=by))).rowcount)

    async def holidays(self, team_id: UUID, first: date, last: date) -> tuple[AgreedHoliday, ...]:
        """Between two days, both included."""
        query = select(rota_holidays).where(
            rota_holidays.c.team_id == team_id,
            rota_holidays.c.removed_at.is_(None),
            rota_holidays.c.day >= first.isoformat(),
            rota_holidays.c.day <= last.isoformat(),
        )
        return tuple(
            _agreed_holiday(row) for row in await self._connection.execute(query.order_by(rota_holidays.c.day))
        )

    async def every_holiday(self, team_id: UUID, limit: int) -> tuple[AgreedHoliday, ...]:
        """The last that were entered, those taken back too, newest first."""
        query = select(rota_holidays).where(rota_holidays.c.team_id == team_id)
        query = query.order_by(rota_holidays.c.id.desc()).limit(limit)
        return tuple(_agreed_holiday(row) for row in await self._connection.execute(query))

    # --- stand-ins ---

    async def add_stand_in(
        self, team_id: UUID, stand_in: StandIn, reason: str, *, created_at: datetime, author_id: UUID | None = None
    ) -> int:
        """Somebody is away for a while; returns the entry's number."""
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
        made = await self._connection.execute(insert(rota_stand_ins).values(**values).returning(rota_stand_ins.c.id))
        return int(made.scalar_one())

    async def remove_stand_in(self, team_id: UUID, number: int, at: datetime, by: UUID | None = None) -> bool:
        """It holds no longer; returns whether it did."""
        its = rota_stand_ins.c.team_id == team_id, rota_stand_ins.c.id == number
        change = update(rota_stand_ins).where(*its, rota_stand_ins.c.removed_at.is_(None))
        return bool((await self._connection.execute(change.values(removed_at=at, removed_by_id=by))).rowcount)

    async def stand_ins(self, team_id: UUID, since: datetime) -> tuple[AgreedStandIn, ...]:
        """Those that end after ``since``, in the order in which they were agreed."""
        query = select(rota_stand_ins).where(
            rota_stand_ins.c.team_id == team_id,
            rota_stand_ins.c.removed_at.is_(None),
            rota_stand_ins.c.ends_at > since,
        )
        return tuple(
            _agreed_stand_in(row) for row in await self._connection.execute(query.order_by(rota_stand_ins.c.id))
        )

    async def every_stand_in(self, team_id: UUID, limit: int) -> tuple[AgreedStandIn, ...]:
        """The last that were entered, those over or taken back too, newest first."""
        query = select(rota_stand_ins).where(rota_stand_ins.c.team_id == team_id)
        query = query.order_by(rota_stand_ins.c.id.desc()).limit(limit)
        return tuple(_agreed_stand_in(row) for row in await self._connection.execute(query))

    async def beside(self, team_id: UUID, begins: datetime, ends: datetime) -> tuple[BesideRota, ...]:
        """Who is put on call by hand at any time between two moments, in the order in which they are called."""
        query = select(on_call).where(
            on_call.c.team_id == team_id,
            on_call.c.starts_at < ends,
            or_(on_call.c.ends_at.is_(None), on_call.c.ends_at > begins),
        )
        ordered = query.order_by(on_call.c.position, on_call.c.starts_at.desc(), on_call.c.id)
        rows = await self._connection.execute(ordered)
        return tuple(BesideRota(row.user_id, row.position, row.starts_at, row.ends_at) for row in rows)

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
        span = {"team": team_id, "earliest": at - AHEAD, "latest": at + AHEAD}
        rows = await self._connection.execute(_AROUND, span)
        return list({row.valid_from: _content(row.content) for row in rows}.items())


_OWN: Final = rotas.c.team_id == bindparam("team")
_FIRST: Final = (
    select(func.max(rotas.c.valid_from)).where(_OWN, rotas.c.valid_from <= bindparam("earliest")).scalar_subquery()
)
_AROUND: Final = (
    select(rotas.c.valid_from, rotas.c.content)
    .where(_OWN, or_(_FIRST.is_(None), rotas.c.valid_from >= _FIRST), rotas.c.valid_from <= bindparam("latest"))
    .order_by(rotas.c.valid_from, rotas.c.version)
)


def _content(stored: Mapping[str, Any]) -> RotaContent:
    return RotaContent.model_validate(stored)


def _holiday(day: str, content: Mapping[str, Any]) -> Holiday:
    people = tuple(UUID(one) for one in content.get("people", ()))
    return Holiday(date.fromisoformat(day), content.get("like"), people)


def _agreed_holiday(row: Row[Any]) -> AgreedHoliday:
    return AgreedHoliday(row.id, row.name, _holiday(row.day, row.content), _entered(row))


def _agreed_stand_in(row: Row[Any]) -> AgreedStandIn:
    stand_in = StandIn(row.away_id, row.instead_id, row.starts_at, row.ends_at)
    return AgreedStandIn(row.id, row.reason, stand_in, _entered(row))


def _entered(row: Row[Any]) -> Entered:
    return Entered(row.created_at, row.author_id, row.removed_at, row.removed_by_id)
