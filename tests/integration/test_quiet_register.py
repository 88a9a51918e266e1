"""The short way through Records, on either engine: what it writes, when it writes nothing, what it leaves out."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hearthline_backend.storage.ports import PatientReading, QuietRegister
from hearthline_backend.storage.records.alerts import NearAlert
from hearthline_backend.storage.records.judgements import Judgement, Quiet
from hearthline_backend.storage.records.quiet_register import QuietGroup
from tests.fixtures.clinic import Clinic
from tests.fixtures.records import NOW, Engine, Household, seed, seed_gateway, temporary_records

WITHIN = '{"within": 1}'
DAY = timedelta(days=1)
WITHIN_S = 30.0


@dataclass
class Ward:
    """A clinic with one patient, and the register under test."""

    clinic: Clinic
    register: QuietRegister

    async def care(self) -> int:
        """The revision of plans and patients."""
        async with self.clinic.records.read() as unit:
            return await unit.revisions.number("care")

    def row(self, at: datetime | None = None, kind: str = "blood_pressure") -> Quiet:
        """A reading of the patient that says nothing."""
        return (uuid4(), self.clinic.patient, kind, at or self.clinic.clock.now, WITHIN)

    async def group(self, *rows: Quiet, care: int | None = None) -> QuietGroup:
        """Around the clinic's present, with every alert near that is of the same kind."""
        now = self.clinic.clock.now
        known = await self.care() if care is None else care
        return QuietGroup(rows, [self.clinic.patient], known, now - 9 * DAY, now + 9 * DAY, _same_kind)

    async def judged(self, rows: Sequence[Quiet]) -> list[Judgement | None]:
        """What the register has of them."""
        async with self.clinic.records.read() as unit:
            return [await unit.judgements.get(row[0]) for row in rows]


def _same_kind(alerts: Sequence[NearAlert], kind: str, at: datetime) -> bool:
    return any(one.kind == kind and at >= one.last_effective_time for one in alerts)


@pytest.fixture
async def ward(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ward]:
    async with temporary_records(tmp_path, records_engine) as records:
        clinic = Clinic(records)
        await clinic.open()
        assert records.quiet is not None
        yield Ward(clinic, records.quiet)


async def test_a_group_is_registered_once_and_who_was_heard_is_noted(ward: Ward) -> None:
    home = Household(organisation=ward.clinic.organisation)
    async with ward.clinic.records.begin() as unit:
        await seed_gateway(unit, home)
    rows = [ward.row(kind=kind) for kind in ("blood_pressure", "glucose", "body_weight")]
    now = ward.clinic.clock.now
    assert await ward.register.add(await ward.group(*rows), [home.gateway, "home-unknown"], now) == frozenset()
    again = [(*row[:4], '{"within": 9}') for row in rows]
    assert await ward.register.add(await ward.group(*again), [], now + DAY) == frozenset()
    for row, found in zip(rows, await ward.judged(rows), strict=True):
        assert found == Judgement(row[0], row[1], row[2], row[3], now, json.loads(WITHIN))
    async with ward.clinic.records.read() as unit:
        gateway = await unit.homes.gateway(home.gateway)
    assert gateway is not None
    assert gateway.heard_at == now


async def test_nothing_at_all_is_written_where_plans_are_not_as_remembered(ward: Ward) -> None:
    home = Household(organisation=ward.clinic.organisation)
    async with ward.clinic.records.begin() as unit:
        await seed_gateway(unit, home)
    row, before = ward.row(), await ward.care()
    async with ward.clinic.records.begin() as unit:
        await seed(unit, Household(gateway="home-0002", organisation=ward.clinic.organisation), gateway=False)
    assert await ward.care() > before
    assert await ward.register.add(await ward.group(row, care=before), [home.gateway], NOW) is None
    assert await ward.judged([row]) == [None]
    async with ward.clinic.records.read() as unit:
        gateway = await unit.homes.gateway(home.gateway)
    assert gateway is not None
    assert gateway.heard_at is None
    assert await ward.register.add(await ward.group(row), [], NOW) == frozenset()


async def test_what_an_alert_is_near_to_is_left_out_and_the_others_are_registered(ward: Ward) -> None:
    await ward.clinic.arrive(ward.clinic.measured(186, 112))
    at = ward.clinic.clock.now
    rows = [ward.row(at - DAY), ward.row(at), ward.row(at, kind="glucose"), ward.row(at + DAY)]
    assert await ward.register.add(await ward.group(*rows), [], at) == frozenset({1, 3})
    found = await ward.judged(rows)
    assert [one is not None for one in found] == [True, False, True, False]
    assert await ward.register.add(await ward.group(), [], at) == frozenset()


async def test_an_alert_that_another_is_just_raising_is_waited_for(ward: Ward) -> None:
    """With PostgreSQL by the lock of the patient, with SQLite by that of its one writer."""
    reading = ward.clinic.measured(186, 112)
    row = ward.row(ward.clinic.clock.now + timedelta(minutes=1))
    group, now = await ward.group(row), ward.clinic.clock.now
    stored = [PatientReading(ward.clinic.patient, "home-0001", reading, now)]
    await ward.clinic.readings.write(stored)
    async with ward.clinic.records.begin() as unit:
        await ward.clinic.judge.judge(unit, stored, now)
        adding = asyncio.create_task(ward.register.add(group, [], now))
        done, _ = await asyncio.wait({adding}, timeout=0.5)  # it cannot be done, however long this is
        assert not done
    async with asyncio.timeout(WITHIN_S):
        assert await adding == frozenset({0})


async def test_a_look_says_how_homes_stand_and_what_people_have_spoken_of(ward: Ward) -> None:
    before = await ward.register.look([])
    assert before.claimed == frozenset()
    asked = [UUID(int=1), uuid4()]
    home = Household(organisation=ward.clinic.organisation)
    async with ward.clinic.records.begin() as unit:
        await seed_gateway(unit, home)
        await unit.homes.claim(asked[1], ward.clinic.patient, None, NOW)
    after = await ward.register.look(asked)
    assert after.homes > before.homes
    assert after.claimed == {asked[1]}
