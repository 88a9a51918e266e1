"""A backtest sees the episodes that live judging saw, of what counts, whoever much there is and however far back."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.domain.adjusting import Override
from hearthline_backend.domain.plan_wish import PlanWish, next_plan
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.replay import backtest as replayed
from hearthline_backend.replay.backtest import Backtest, compare
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.patient_reading import PatientReading, Place
from hearthline_backend.storage.records.care import Patient
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Household, seed, temporary_records

EVA = UUID(int=0xE7A)
ENROLLED = NOW - timedelta(days=200)


@pytest.fixture
async def readings(tmp_path: Path) -> AsyncIterator[EmbeddedReadings]:
    opened = await EmbeddedReadings.open(tmp_path / "readings.sqlite3")
    yield opened
    await opened.close()


def eva(enrolled: timedelta = timedelta(days=200)) -> Patient:
    return Patient(EVA, UUID(int=1), "Eva", "Test", 1950, "Europe/Madrid", NOW - enrolled)


def plan(since: timedelta = timedelta(days=200)) -> Plan:
    return build_plan(
        patient_id=EVA, version=1, valid_from=NOW - since, conditions=["hypertension"], reason="as the templates"
    )


def stricter(before: Plan) -> Plan:
    wish = PlanWish.of(before).with_limit(
        Override("hypertension.pressure_high", Level.YELLOW, "systolic", 140, "mm[Hg]")
    )
    return next_plan(before, wish, at=NOW, author="Dr M.R.", reason="after the visit")


def row(number: int, systolic: float, days_ago: float, **other: object) -> PatientReading:
    at = NOW - timedelta(days=days_ago)
    content = pressure(systolic, 80, id=UUID(int=number), effective_time=at, received_time=at, **other)
    return PatientReading(EVA, "home-0001", content, at)


async def test_the_episodes_are_those_of_live_judging(tmp_path: Path, readings: EmbeddedReadings) -> None:
    pick = random.Random(7)
    rows = [row(n, pick.choice((118, 131, 150, 163, 171, 184, 96)), 150 - n * 0.6) for n in range(1, 250)]
    home = Household()
    async with temporary_records(tmp_path) as records:
        async with records.begin() as unit:
            await seed(unit, home)
            patient = Patient(EVA, home.team, "Eva", "Test", 1950, "Europe/Madrid", ENROLLED)
            await unit.care.add_patient(patient)
            await unit.care.add_plan(plan(), created_at=ENROLLED)
        await readings.write(rows)
        shuffled = pick.sample(rows, len(rows))
        for first in range(0, len(shuffled), 50):
            async with records.begin() as unit:
                await Judge(readings).judge(unit, shuffled[first : first + 50], NOW)
        async with records.read() as unit:
            alerts = await unit.alerts.of_patient(EVA, ENROLLED)
    start = NOW - timedelta(days=90)
    live = {(one.rule_id, one.episode): one.level for one in alerts if one.state.value != "withdrawn"}
    opened = {one.id: one.effective_time for one in rows}
    found = Backtest(90)
    await compare(found, readings, eva(), plan(), stricter(plan()), NOW)
    seen = {(one.rule_id, one.opened_by): one.level for one in found.in_force.stretches}
    assert seen == {key: level for key, level in live.items() if opened[key[1]] >= start}
    assert len(seen) > 5
    assert found.proposed.counts.total != found.in_force.counts.total


async def test_what_does_not_count_is_left_out(readings: EmbeddedReadings) -> None:
    rows = [row(1, 186, 9), row(2, 120, 8), row(3, 190, 7), row(4, 120, 6), row(5, 199, 5, synthetic=True)]
    await readings.write(rows)
    await readings.move({rows[2].id: Place(EVA, rows[2].effective_time, aside=True)})
    found = Backtest(90)
    await compare(found, readings, eva(), plan(), plan(), NOW)
    assert found.readings == 3
    assert found.in_force.of("hypertension.pressure_high") == {"red": 1, "yellow": 0}


async def test_the_load_is_told_of_the_time_that_was_measured(readings: EmbeddedReadings) -> None:
    await readings.write([row(n, 186 if n % 2 else 120, 21 - 3 * n) for n in range(6)])
    found = Backtest(90)
    await compare(found, readings, eva(), plan(), plan(), NOW)
    assert found.patient_weeks == pytest.approx(3)
    assert found.per_week(found.in_force) == pytest.approx(1)
    short = Backtest(90)
    await compare(short, readings, eva(timedelta(days=6.5)), plan(), plan(), NOW)
    assert short.patient_weeks < 1
    assert short.per_week(short.in_force) == short.in_force.counts.total == 1
    never = Backtest(90)
    await compare(never, readings, eva(timedelta(days=1)), plan(), plan(), NOW)
    assert (never.patients, never.patient_weeks, never.per_week(never.in_force)) == (1, 0, 0)


async def test_what_was_open_before_is_not_counted_again(readings: EmbeddedReadings) -> None:
    await readings.write([row(n, 186, 100 - 0.5 * n) for n in range(60)])
    found = Backtest(90)
    await compare(found, readings, eva(), plan(), plan(), NOW)
    assert found.in_force.of("hypertension.pressure_high") == {"red": 0, "yellow": 0}


async def test_memory_is_bounded_and_everything_is_counted(
    readings: EmbeddedReadings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[timedelta] = []
    window = readings.window

    async def watched(*arguments: object) -> list[PatientReading]:
        asked.append(arguments[3] - arguments[2])  # type: ignore[operator]
        return await window(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(readings, "window", watched)
    monkeypatch.setattr(replayed, "MOST_STRETCHES", 3)
    await readings.write([row(n, 186 if n % 4 else 120, 190 - 1.2 * n) for n in range(150)])
    found = Backtest(180)
    await compare(found, readings, eva(), plan(), plan(), NOW)
    assert found.in_force.stretches[-1].opened > NOW - timedelta(days=20)  # the newest are kept
    assert max(asked) <= timedelta(days=31)
    assert len(found.in_force.stretches) == 3
    assert found.in_force.counts.total > 10
