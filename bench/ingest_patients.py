"""The homes of the ingest benchmark in Records: gateways, patients with a cuff and a scale each, one threshold rule."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Table

from bench.ingest_readings import GATEWAYS, PATIENTS, PATIENTS_EACH, gateway, sensor
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.templates import HYPERTENSION
from hearthline_backend.storage import schema
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.records.care import Organisation, Patient, Team
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.plan_content import PlanContent
from hearthline_simulator.ward.profiles import TIME_ZONE

ENROLLED_AGO: Final = timedelta(days=30)
_MODELS: Final = {"blood_pressure": "generic-blood-pressure", "body_weight": "generic-weight"}


def patient_id(number: int) -> UUID:
    """The patient with this number from 0."""
    return UUID(int=0xBE << 64 | number)


async def write_homes(records_url: str) -> None:
    """Fill empty Records. Each plan is the first rule of the template for high blood pressure; nobody is on call."""
    await migrate(records_url)
    records = SqlRecords.open(records_url)
    since = datetime.now(UTC) - ENROLLED_AGO
    try:
        async with records.begin() as unit:
            organisation = Organisation(uuid4(), "Benchmark region")
            team = Team(uuid4(), organisation.id, "Benchmark team", TIME_ZONE, "112")
            await unit.care.add_organisation(organisation)
            await unit.care.add_team(team)
            for table, rows in _rows(organisation.id, team.id, since):
                await unit.connection.execute(table.insert(), rows)
    finally:
        await records.close()


def _rows(organisation: UUID, team: UUID, since: datetime) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Table by table: statement by statement through the repositories they would take ten times as long."""
    homes = [Gateway(gateway(number), f"{number:04d}", organisation, TIME_ZONE, since) for number in range(GATEWAYS)]
    yield schema.gateways, [_columns(one) for one in homes]
    people = [
        Patient(patient_id(number), team, f"Bench {number}", "B.", 1950, TIME_ZONE, since) for number in range(PATIENTS)
    ]
    yield schema.patients, [_columns(one) for one in people]
    yield schema.plans, [_plan(one.id, since) for one in people]
    meters = [
        (number, Sensor(sensor(number, kind), gateway(number // PATIENTS_EACH), model, kind, since))
        for number in range(PATIENTS)
        for kind, model in _MODELS.items()
    ]
    yield schema.sensors, [_columns(meter) for _, meter in meters]
    yield (
        schema.assignments,
        [_columns(Assignment(uuid4(), meter.address, patient_id(number), since)) for number, meter in meters],
    )


def _plan(patient: UUID, since: datetime) -> dict[str, Any]:
    plan = Plan(patient, 1, since, ("hypertension",), HYPERTENSION.rules[:1], (), "One rule of the template")
    return {
        "id": uuid4(),
        "patient_id": patient,
        "version": plan.version,
        "conditions": list(plan.conditions),
        "content": PlanContent.of(plan).as_json(),
        "valid_from": since,
        "created_at": since,
        "reason": plan.reason,
    }


def _columns(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}
