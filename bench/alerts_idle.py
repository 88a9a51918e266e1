"""What ten thousand patients with schedules cost while nothing happens: the real ``hearthline serve``, as it stands.

Everybody has measured, every slot ahead is known as a row, and the backend ticks. Once a slot closes, each patient is
looked at; that cost is measured by itself and spread over the day.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Table

from bench.ingest_stand import Stand
from bench.rounds import BenchError
from bench.usage import processor_s
from hearthline_backend.alerting.silence import SilenceWatch
from hearthline_backend.domain.schedule import next_look
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.events import EventBus
from hearthline_backend.settings import READINGS_FILE, RECORDS_FILE
from hearthline_backend.storage import schema
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.migrate import migrate
from hearthline_backend.storage.patient_reading import PatientReading
from hearthline_backend.storage.records.care import Organisation, Patient, Team
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.plan_content import PlanContent
from hearthline_backend.storage.silence_tables import silence_watches
from hearthline_simulator.ward.profiles import TIME_ZONE
from tests.fixtures.readings import pressure

PATIENTS: Final = 10_000
_CONDITIONS: Final = ("hypertension",)
_ENROLLED_AGO: Final = timedelta(days=30)
_DAY_S: Final = 86_400.0
_SETTLES_S: Final = 5.0
_MARK: Final = timedelta(minutes=1)
_GROUP: Final = 2000


@dataclass(frozen=True, slots=True)
class IdleFound:
    """Shares of one core. ``serving`` is the whole process between two looks at it; ``looks`` what is spent when slots
    close, spread over a day; ``empty`` the same process without any patient."""

    patients: int
    serving: float
    empty: float
    look_us: float
    looks_a_day: int
    seconds: float

    @property
    def looks(self) -> float:
        """The share of the looks after closed slots."""
        return self.look_us * 1e-6 * self.looks_a_day / _DAY_S

    @property
    def share(self) -> float:
        """Everything together."""
        return self.serving + self.looks


async def measure(folder: Path, seconds: float, patients: int, looked_at: int) -> IdleFound:
    """``seconds`` for each of two processes, side by side; ``looked_at`` of the patients are looked at after a slot, in
    a store of their own. Raises :class:`BenchError` or what starting them raises."""
    full, none = folder / "full", folder / "none"
    now = datetime.now(UTC)
    plan_slots = await _write(full, patients, now)
    await _write(none, 0, now)
    look_us = await cost_of_looks(folder / "looks", looked_at, now)
    serving, empty = await asyncio.gather(
        _share(folder / "serving", full, seconds), _share(folder / "serving-none", none, seconds)
    )
    return IdleFound(patients, serving, empty, look_us, patients * plan_slots, seconds)


async def _share(work: Path, data: Path, seconds: float) -> float:
    """Of a core, spent by the whole backend while nothing comes and nothing is due."""
    await asyncio.to_thread(work.mkdir)
    settings = {"DATA_DIR": str(data), "READINGS_URL": f"embedded://{data / READINGS_FILE}"}
    async with Stand(work) as stand:
        child = await stand.start_backend("serve", settings)
        await asyncio.sleep(_SETTLES_S)  # the first round of everything that looks at its start
        before = processor_s(child.pid)
        await asyncio.sleep(seconds)
        return (processor_s(child.pid) - before) / seconds


async def cost_of_looks(folder: Path, patients: int, now: datetime) -> float:
    """Processor time of looking at one patient after a slot has closed, everybody having measured; microseconds."""
    await _write(folder, patients, now)
    records = SqlRecords.open(_url(folder))
    readings = await EmbeddedReadings.open(folder / READINGS_FILE)
    try:
        async with records.read() as unit:
            first = await unit.silence.next_patient_at()
        if first is None:
            raise BenchError("no patient is watched for silence")
        at = first + timedelta(seconds=1)
        await _measured(readings, patients, first - timedelta(hours=2))
        await _could_come(records, at)
        watch = SilenceWatch(records, readings, clock=lambda: at, events=EventBus())
        seen, began = 0, process_time()
        while count := await watch.run_due():
            seen += count
        spent = process_time() - began
        async with records.read() as unit:
            left = await unit.silence.next_patient_at()
        if seen < patients or (left is not None and left <= at):
            raise BenchError(f"{seen} of {patients} patients were looked at after their slot")
        return spent / seen * 1e6
    finally:
        await readings.close()
        await records.close()


async def _could_come(records: SqlRecords, at: datetime) -> None:
    """Marks of somebody who took readings for an hour."""
    moment = at - timedelta(hours=1)
    async with records.begin() as unit:
        while moment <= at:
            await unit.silence.mark_intake(moment)
            moment += _MARK


async def _measured(readings: EmbeddedReadings, patients: int, at: datetime) -> None:
    for start in range(0, patients, _GROUP):
        rows = [
            PatientReading(_patient_id(number), "bench-0001", pressure(id=UUID(int=number + 1), effective_time=at), at)
            for number in range(start, min(start + _GROUP, patients))
        ]
        await readings.write(rows)


async def _write(folder: Path, patients: int, now: datetime) -> int:
    """Records of so many patients, each looked at when its next slot is over; returns the slots a day of each."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    await migrate(_url(folder))
    records = SqlRecords.open(_url(folder))
    slots = 0
    try:
        async with records.begin() as unit:
            for table, rows in _rows(patients, now):
                if rows:
                    await unit.connection.execute(table.insert(), rows)
            slots = len(_plan(_patient_id(0), now).slots)
    finally:
        await records.close()
    return slots


def _rows(patients: int, now: datetime) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    since = now - _ENROLLED_AGO
    organisation = Organisation(uuid4(), "Benchmark region")
    team = Team(uuid4(), organisation.id, "Benchmark team", TIME_ZONE, "112")
    yield schema.organisations, [_columns(organisation)]
    yield schema.teams, [_columns(team)]
    people = [
        Patient(_patient_id(number), team.id, f"Bench {number}", "B.", 1950, TIME_ZONE, since)
        for number in range(patients)
    ]
    yield schema.patients, [_columns(one) for one in people]
    content = PlanContent.of(_plan(_patient_id(0), since)).as_json()
    yield schema.plans, [_plan_row(one.id, since, content) for one in people]
    due = next_look(_plan(_patient_id(0), since), TIME_ZONE, now + timedelta(hours=1))
    if due is None:
        raise BenchError("the template has no schedule")
    yield silence_watches, [{"patient_id": one.id, "due_at": due} for one in people]


def _plan(patient: UUID, since: datetime) -> Any:
    return build_plan(patient_id=patient, version=1, valid_from=since, conditions=_CONDITIONS, reason="As the template")


def _plan_row(patient: UUID, since: datetime, content: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "patient_id": patient,
        "version": 1,
        "conditions": list(_CONDITIONS),
        "content": content,
        "valid_from": since,
        "created_at": since,
        "reason": "As the template",
    }


def _patient_id(number: int) -> UUID:
    return UUID(int=0xA1E << 64 | number)


def _columns(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / RECORDS_FILE}"
