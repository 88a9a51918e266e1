"""Gateways, the meters they hear, and whose measurement a meter's reading is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.silence import Silence
from hearthline_backend.storage.records.upsert import insert_or_replace
from hearthline_backend.storage.schema import assignments, claims, gateways, sensors

HEARD_POSTGRESQL: Final = """UPDATE gateways SET heard_at = $1 WHERE name IN
    (SELECT name FROM gateways WHERE name = ANY($2::varchar[]) FOR NO KEY UPDATE SKIP LOCKED)"""
"""See :meth:`Homes.heard`."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One box in one home. ``home`` is the label a technician knows it by; ``status`` the last ``GatewayStatus``."""

    name: str
    home: str
    organisation_id: UUID
    time_zone: str
    enrolled_at: datetime
    status: Mapping[str, Any] | None = None
    status_at: datetime | None = None
    heard_at: datetime | None = None
    reported: Mapping[str, Any] | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sensor:
    """One meter, by its identity address. ``device`` is what it is, one of ``administration.DEVICES``."""

    address: str
    gateway: str
    model: str
    device: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """Whose measurements a meter's are, from one time to another; ``user_slot`` None means every slot of the meter.
    ``shared`` says that others use it as well and that it does not tell them apart."""

    id: UUID
    sensor: str
    patient_id: UUID
    valid_from: datetime
    user_slot: int | None = None
    valid_until: datetime | None = None
    assigned_by: UUID | None = None
    shared: bool = False

    def covers(self, user_slot: int | None, at: datetime) -> bool:
        """Whether a measurement of this slot at this time is this patient's."""
        return (
            self.user_slot in (None, user_slot)
            and self.valid_from <= at
            and (self.valid_until is None or at < self.valid_until)
        )


class Homes:
    """Gateways, sensors and assignments of every organisation."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_gateway(self, gateway: Gateway) -> None:
        """Enrol a gateway. What it sent before waits in quarantine and is taken then."""
        await self._connection.execute(gateways.insert().values(**_columns(gateway)))
        await Silence(self._connection).look_at_homes({gateway.name: gateway.enrolled_at})

    async def gateway(self, name: str) -> Gateway | None:
        """One gateway by its name."""
        row = (await self._connection.execute(select(gateways).where(gateways.c.name == name))).one_or_none()
        return None if row is None else _gateway(row)

    async def gateways(self, organisation_id: UUID | None = None) -> list[Gateway]:
        """Every gateway, or those of one organisation, by home."""
        query = select(gateways).order_by(gateways.c.home)
        if organisation_id is not None:
            query = query.where(gateways.c.organisation_id == organisation_id)
        return [_gateway(row) for row in await self._connection.execute(query)]

    async def gateways_named(self, names: Collection[str]) -> dict[str, Gateway]:
        """Those of ``names`` that are enrolled."""
        rows = await self._connection.execute(select(gateways).where(among(self._connection, gateways.c.name, names)))
        return {row.name: _gateway(row) for row in rows}

    async def organisations_of(self, names: Collection[str]) -> dict[str, UUID]:
        """Those of the gateways ``names`` that are enrolled, each with its organisation."""
        query = select(gateways.c.name, gateways.c.organisation_id)
        query = query.where(among(self._connection, gateways.c.name, names))
        return {row.name: row.organisation_id for row in await self._connection.execute(query)}

    async def heard(self, names: Collection[str], at: datetime) -> None:
        """Note that these gateways sent something. One that another process is just writing is left out: it is heard
        there, and nobody waits for anybody."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.exec_driver_sql(HEARD_POSTGRESQL, (at, list(names)))
            return
        theirs = among(self._connection, gateways.c.name, names)
        await self._connection.execute(gateways.update().where(theirs).values(heard_at=at))

    async def report(self, name: str, status: Mapping[str, Any], at: datetime, *, heard: bool) -> bool:
        """Keep a gateway's own status; False when nobody enrolled it. The broker's word that it went (its last will)
        is a status without being ``heard``."""
        values: dict[str, Any] = {"status": dict(status), "status_at": at}
        if heard:
            values["heard_at"] = at
        done = await self._connection.execute(gateways.update().where(gateways.c.name == name).values(**values))
        return done.rowcount > 0

    async def add_sensor(self, sensor: Sensor) -> None:
        """Add a meter to a gateway's home."""
        await self._connection.execute(sensors.insert().values(**_columns(sensor)))

    async def move_sensor(self, address: str, gateway: str, at: datetime) -> None:
        """The meter now belongs to another home. Whose it was ends here: its next readings wait until somebody says
        whose they are, since a meter that changes homes usually changes people."""
        await self._connection.execute(sensors.update().where(sensors.c.address == address).values(gateway=gateway))
        still = assignments.c.valid_until.is_(None) | (assignments.c.valid_until > at)
        ended = assignments.update().where(assignments.c.sensor == address).where(still).values(valid_until=at)
        await self._connection.execute(ended)

    async def sensors(self, gateway_names: Collection[str] | None = None) -> list[Sensor]:
        """Every meter, or those of some gateways, by address."""
        query = select(sensors).order_by(sensors.c.address)
        if gateway_names is not None:
            query = query.where(among(self._connection, sensors.c.gateway, gateway_names))
        return [_sensor(row) for row in await self._connection.execute(query)]

    async def sensors_at(self, addresses: Collection[str]) -> dict[str, Sensor]:
        """Those of ``addresses`` that are known, by address."""
        rows = await self._connection.execute(
            select(sensors).where(among(self._connection, sensors.c.address, addresses))
        )
        return {row.address: _sensor(row) for row in rows}

    async def assign(self, assignment: Assignment) -> None:
        """From ``valid_from`` on the meter (or its slot) is this patient's; who had it before had it until then. A
        ``shared`` one stands beside those of others who share the meter."""
        meter = select(sensors.c.address).where(sensors.c.address == assignment.sensor)
        await self._connection.execute(meter.with_for_update(key_share=True))  # two at once would both be the last
        previous = (
            assignments.update()
            .where(assignments.c.sensor == assignment.sensor)
            .where(assignments.c.user_slot.is_not_distinct_from(assignment.user_slot))
            .where(assignments.c.valid_until.is_(None) | (assignments.c.valid_until > assignment.valid_from))
            .where(assignments.c.valid_from <= assignment.valid_from)
            .values(valid_until=assignment.valid_from)
        )
        if assignment.shared:
            own = assignments.c.patient_id == assignment.patient_id
            previous = previous.where(own | assignments.c.shared.is_(False))
        await self._connection.execute(previous)
        await self._connection.execute(assignments.insert().values(**_columns(assignment)))

    async def assignments(
        self, *, sensors_at: Collection[str] | None = None, patients: Collection[UUID] | None = None
    ) -> list[Assignment]:
        """Assignments past and present of some meters, of some patients, or all; the oldest first."""
        query = select(assignments).order_by(assignments.c.valid_from, assignments.c.id)
        if sensors_at is not None:
            query = query.where(among(self._connection, assignments.c.sensor, sensors_at))
        if patients is not None:
            query = query.where(among(self._connection, assignments.c.patient_id, patients))
        return [_assignment(row) for row in await self._connection.execute(query)]

    async def claim(self, reading_id: UUID, patient_id: UUID | None, by: UUID | None, at: datetime) -> None:
        """A person says whose a reading is, None for a guest's; the last word counts."""
        values = {"reading_id": reading_id, "patient_id": patient_id, "claimed_by": by, "claimed_at": at}
        await self._connection.execute(insert_or_replace(self._connection, claims, ["reading_id"], values))

    async def unclaim(self, reading_id: UUID) -> None:
        """Nobody has said anything about this reading."""
        await self._connection.execute(claims.delete().where(claims.c.reading_id == reading_id))

    async def claims(self, reading_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
        """Those of the readings that a person has claimed, with the patient."""
        rows = await self._connection.execute(
            select(claims).where(among(self._connection, claims.c.reading_id, reading_ids))
        )
        return {row.reading_id: row.patient_id for row in rows}


def sharers(history: Sequence[Assignment], user_slot: int | None, at: datetime) -> list[Assignment]:
    """Everybody a measurement may belong to: more than one where people share a meter that cannot tell them apart."""
    found = owner(history, user_slot, at)
    if found is None or not found.shared:
        return [] if found is None else [found]
    return [one for one in history if one.shared and one.user_slot == found.user_slot and one.covers(user_slot, at)]


def owner(history: Sequence[Assignment], user_slot: int | None, at: datetime) -> Assignment | None:
    """The assignment a measurement falls under; one for exactly its slot wins over one for the whole meter."""
    covering = [one for one in history if one.covers(user_slot, at)]
    return max(covering, key=lambda one: (one.user_slot is not None, one.valid_from), default=None)


def _columns(thing: Gateway | Sensor | Assignment) -> dict[str, Any]:
    return {field.name: getattr(thing, field.name) for field in fields(thing)}


def _gateway(row: Row[Any]) -> Gateway:
    return Gateway(**row._asdict())


def _sensor(row: Row[Any]) -> Sensor:
    return Sensor(**row._asdict())


def _assignment(row: Row[Any]) -> Assignment:
    return Assignment(**row._asdict())
