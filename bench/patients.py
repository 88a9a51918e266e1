"""Writes the benchmark's patients into Records before the backend starts: one team, one nurse with a webhook."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from bench.cuffs import SLOTS, BenchCuff
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.settings import RECORDS_FILE
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.records.care import Organisation, Patient, Team
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.storage.records.unit import Unit
from hearthline_simulator.ward.profiles import TIME_ZONE

GATEWAY: Final = "bench-0001"
_ENROLLED_AGO: Final = timedelta(days=30)


async def write_patients(data_dir: Path, cuffs: Sequence[BenchCuff], webhook: str, secret: str) -> None:
    """Make the records file in ``data_dir`` and fill it. Every patient is on the plan for high blood pressure, as it
    comes from the template; ``webhook`` is where the nurse is called, ``secret`` signs it."""
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    url = f"sqlite+aiosqlite:///{data_dir / RECORDS_FILE}"
    await migrate(url)
    records = SqlRecords.open(url)
    since = datetime.now(UTC) - _ENROLLED_AGO
    try:
        async with records.begin() as unit:
            team = await _team(unit, webhook, secret, since)
            await unit.homes.add_gateway(Gateway(GATEWAY, "0001", team.organisation_id, TIME_ZONE, since))
            for cuff in cuffs:
                await unit.homes.add_sensor(Sensor(cuff.address, GATEWAY, cuff.meter.meter.model, "cuff", since))
                for slot in SLOTS:
                    await _enrol(unit, cuff, slot, team, since)
    finally:
        await records.close()


async def _team(unit: Unit, webhook: str, secret: str, since: datetime) -> Team:
    organisation = Organisation(uuid4(), "Benchmark region")
    team = Team(uuid4(), organisation.id, "Benchmark team", TIME_ZONE, "112")
    nurse = User(uuid4(), "nurse", "!", Role.CARE, "E.S.", "Nurse", organisation.id, team.id)  # "!" fits no password
    await unit.care.add_organisation(organisation)
    await unit.care.add_team(team)
    await unit.people.add_user(nurse)
    await unit.people.add_contact(Contact(uuid4(), nurse.id, "webhook", f"{webhook}/{nurse.login}", secret, 0))
    await unit.people.put_on_call(team.id, nurse.id, position=0, starts_at=since)
    return team


async def _enrol(unit: Unit, cuff: BenchCuff, slot: int, team: Team, since: datetime) -> None:
    patient = cuff.patient(slot)
    await unit.care.add_patient(Patient(patient, team.id, f"{cuff.name}, {slot}", "B.", 1950, TIME_ZONE, since))
    plan = build_plan(
        patient_id=patient, version=1, valid_from=since, conditions=("hypertension",), reason="As the template"
    )
    await unit.care.add_plan(plan, created_at=since)
    await unit.homes.assign(Assignment(cuff.assignment(slot), cuff.address, patient, since, slot))
