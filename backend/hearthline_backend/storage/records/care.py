"""Organisations, their teams, the patients they care for, and every version of every plan."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.plans import Plan
from hearthline_backend.storage.records.among import among, among_given, given
from hearthline_backend.storage.records.plan_content import PlanContent
from hearthline_backend.storage.records.silence import Silence
from hearthline_backend.storage.schema import organisations, patients, plans, teams, users

_AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who answers for care and for the gateways."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Team:
    """The people who act. ``phone`` is theirs, ``emergency_number`` the country's; ``time_zone`` an IANA name."""

    id: UUID
    organisation_id: UUID
    name: str
    time_zone: str
    emergency_number: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """A person at home. While ``paused_until`` lies ahead, nothing is expected of them: see
    :class:`~hearthline_backend.storage.records.pauses.Pauses`, which keeps both columns."""

    id: UUID
    team_id: UUID
    given_name: str
    family_name: str
    birth_year: int
    time_zone: str
    enrolled_at: datetime
    phone: str | None = None
    paused_until: datetime | None = None
    pause_reason: str | None = None


class Care:
    """Who is cared for by whom, and by which plan."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_organisation(self, organisation: Organisation) -> None:
        """A new organisation."""
        await self._connection.execute(organisations.insert().values(**_columns(organisation)))

    async def organisation(self, organisation_id: UUID) -> Organisation | None:
        """One organisation."""
        query = select(organisations).where(organisations.c.id == organisation_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Organisation(**row._asdict())

    async def organisations(self) -> list[Organisation]:
        """Every organisation by name."""
        rows = await self._connection.execute(select(organisations).order_by(organisations.c.name))
        return [Organisation(**row._asdict()) for row in rows]

    async def add_team(self, team: Team) -> None:
        """A new team."""
        await self._connection.execute(teams.insert().values(**_columns(team)))
        await Silence(self._connection).digest_at(team.id, _AT_ONCE)

    async def team(self, team_id: UUID) -> Team | None:
        """One team."""
        row = (await self._connection.execute(_TEAM, {"team": team_id})).one_or_none()
        return None if row is None else Team(**row._asdict())

    async def teams(self, organisation_id: UUID | None = None) -> list[Team]:
        """Every team, or those of one organisation, by name."""
        query = select(teams).order_by(teams.c.name)
        if organisation_id is not None:
            query = query.where(teams.c.organisation_id == organisation_id)
        return [Team(**row._asdict()) for row in await self._connection.execute(query)]

    async def add_patient(self, patient: Patient) -> None:
        """Enrol a patient."""
        await self._connection.execute(patients.insert().values(**_columns(patient)))
        await Silence(self._connection).look_at(patient.id, _AT_ONCE)

    async def patient(self, patient_id: UUID) -> Patient | None:
        """One patient."""
        row = (await self._connection.execute(_PATIENT, {"patient": patient_id})).one_or_none()
        return None if row is None else Patient(**row._asdict())

    async def patients(self, *, team_id: UUID | None = None, ids: Collection[UUID] | None = None) -> list[Patient]:
        """Every patient, those of one team, or some, by family name."""
        if ids is not None and team_id is None:
            dialect = self._connection.dialect.name
            rows = await self._connection.execute(_these(dialect), {"patients": given(dialect, ids)})
            return [Patient(**row._asdict()) for row in rows]
        query = _BY_NAME if team_id is None else _BY_NAME.where(patients.c.team_id == team_id)
        if ids is not None:
            query = query.where(among(self._connection, patients.c.id, ids))
        return [Patient(**row._asdict()) for row in await self._connection.execute(query)]

    async def add_plan(self, plan: Plan, *, created_at: datetime, author_id: UUID | None = None) -> None:
        """A new version; an existing one is never changed."""
        row = {
            "id": uuid4(),
            "patient_id": plan.patient_id,
            "version": plan.version,
            "conditions": list(plan.conditions),
            "content": PlanContent.of(plan).as_json(),
            "valid_from": plan.valid_from,
            "created_at": created_at,
            "author_id": author_id,
            "reason": plan.reason,
        }
        await self._connection.execute(plans.insert().values(**row))
        await Silence(self._connection).look_at(plan.patient_id, _AT_ONCE)

    async def plan_history(self, patient_id: UUID) -> tuple[Plan, ...]:
        """Every version of a patient's plan, the oldest first."""
        return (await self.plan_histories([patient_id])).get(patient_id, ())

    async def plan_histories(self, patient_ids: Collection[UUID]) -> Mapping[UUID, tuple[Plan, ...]]:
        """The same for several patients at once; a patient without a plan is not in it."""
        found: dict[UUID, list[Plan]] = {}
        dialect = self._connection.dialect.name
        rows = await self._connection.execute(_plans_of(dialect), {"patients": given(dialect, patient_ids)})
        for row in rows:
            found.setdefault(row.patient_id, []).append(_plan(row))
        return {patient_id: tuple(history) for patient_id, history in found.items()}


_TEAM: Final = select(teams).where(teams.c.id == bindparam("team"))
_PATIENT: Final = select(patients).where(patients.c.id == bindparam("patient"))
_BY_NAME: Final = select(patients).order_by(patients.c.family_name, patients.c.given_name, patients.c.id)


@cache
def _these(dialect: str) -> Select[Any]:
    return _BY_NAME.where(among_given(dialect, patients.c.id, "patients"))


@cache
def _plans_of(dialect: str) -> Select[Any]:
    return _plans().where(among_given(dialect, plans.c.patient_id, "patients"))


def _plans() -> Select[Any]:
    columns = (plans, users.c.title, users.c.initials)
    return select(*columns).join(users, users.c.id == plans.c.author_id, isouter=True).order_by(plans.c.version)


def _plan(row: Row[Any]) -> Plan:
    content = PlanContent.model_validate(row.content)
    return Plan(
        patient_id=row.patient_id,
        version=row.version,
        valid_from=row.valid_from,
        conditions=tuple(row.conditions),
        rules=content.rules,
        slots=content.slots,
        reason=row.reason,
        author=None if row.initials is None else f"{row.title} {row.initials}",
        adjusted=content.adjusted,
    )


def _columns(thing: Organisation | Team | Patient) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing)}
