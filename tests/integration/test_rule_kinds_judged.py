"""Rules that look at more than one reading, judged over real stores: any order, late readings, several kinds, plans."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.domain.any_rule import ReadingRule
from hearthline_backend.domain.change_rule import Change, ChangeRule
from hearthline_backend.domain.combination_rule import AllOf, Changed, CombinationRule, Crossed
from hearthline_backend.domain.episodes import episodes
from hearthline_backend.domain.observation import Observation
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level, Limit, ThresholdRule
from hearthline_backend.domain.score_rule import ScoreRule
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.patient_reading import NOBODY, PatientReading, Place
from hearthline_backend.storage.ports import ReadingStore, Records
from hearthline_backend.storage.records.alerts import Alert, AlertState
from hearthline_backend.storage.schema import judged
from hearthline_protocol.readings import Reading
from tests.fixtures.influxd import INFLUXD_PATIENCE, influx_readings
from tests.fixtures.readings import pressure, value
from tests.fixtures.records import NOW, Engine, Household, seed, temporary_records
from tests.fixtures.rule_kinds import AVERAGE, CUSUM

pytestmark = INFLUXD_PATIENCE
RISING = ChangeRule(
    "hf.weight_up",
    "body_weight",
    "weight",
    "rises",
    (),
    (Change(2, "kg", timedelta(days=3, hours=12)),),
    "guideline",
    "Ask about breath and swelling.",
)
TOGETHER = CombinationRule(
    "hf.weight_and_oxygen",
    AllOf(
        (
            Changed("body_weight", "weight", "rises", 1.5, "kg"),
            Crossed("oxygen_saturation", "spo2", "below", 92, "%"),
        )
    ),
    None,
    timedelta(days=2),
    "guideline",
    "Call now.",
)
OXYGEN = ThresholdRule(
    "hf.oxygen_low", "oxygen_saturation", "below", (Limit("spo2", 85, "%"),), (), "guideline", "Ask for another."
)


@dataclass
class Home:
    """One patient with a plan of rules under test."""

    records: Records
    readings: ReadingStore
    household: Household

    async def plans(self, *plans: tuple[float, Sequence[ReadingRule]]) -> tuple[Plan, ...]:
        """Versions after the household's first one, each in force since so many days ago."""
        made = []
        async with self.records.begin() as unit:
            for number, (days, rules) in enumerate(plans, 2):
                since = NOW - timedelta(days=days)
                plan = Plan(self.household.patient, number, since, (), tuple(rules), (), "a test")
                await unit.care.add_plan(plan, created_at=since)
                made.append(plan)
        return (self.household.plan, *made)

    async def arrive(self, *readings: Reading) -> None:
        """Stored, then judged, as one group."""
        rows = [PatientReading(self.household.patient, "home-0001", one, NOW) for one in readings]
        await self.readings.write(rows)
        async with self.records.begin() as unit:
            await Judge(self.readings).judge(unit, rows, NOW)

    async def take_out(self, reading: Reading) -> None:
        """Out of the series, and out of what was judged."""
        await self.readings.move({reading.id: Place(NOBODY, reading.effective_time, aside=True)})
        async with self.records.begin() as unit:
            await unit.judgements.take_back({reading.id})
            row = PatientReading(self.household.patient, "home-0001", reading, NOW)
            await Judge(self.readings).rejudge(unit, [row], NOW)

    async def alerts(self, rule_id: str) -> list[Alert]:
        """Those of a rule that were not withdrawn."""
        async with self.records.read() as unit:
            found = await unit.alerts.of_patient(self.household.patient, self.household.since)
        return [one for one in found if one.rule_id == rule_id and one.state is not AlertState.WITHDRAWN]

    async def held(self, alert: Alert) -> frozenset[UUID]:
        """The readings that an alert rests on."""
        async with self.records.read() as unit:
            return (await unit.alerts.readings_of([alert.id]))[alert.id]

    async def explained(self, reading: Reading, rule_id: str) -> dict[str, Any]:
        """What the register keeps of one rule at one reading."""
        async with self.records.read() as unit:
            query = select(judged.c.explanation).where(judged.c.reading_id == reading.id)
            found = (await unit.connection.execute(query)).scalar_one()
        return next(one for one in found["evaluations"] if one["rule"] == rule_id)


_STORES: tuple[tuple[str, Engine], ...] = (
    ("embedded", "sqlite"),
    ("embedded", "postgresql"),
    ("influxdb", "sqlite"),
    ("influxdb", "postgresql"),
)


@pytest.fixture(params=_STORES, ids="-".join)
async def home(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Home]:
    kept_in, records_engine = request.param
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(temporary_records(tmp_path, records_engine))
        readings: ReadingStore
        if kept_in == "influxdb":
            readings = await stack.enter_async_context(influx_readings(records))
        else:
            readings = await EmbeddedReadings.open(tmp_path / "readings.sqlite3")
            stack.push_async_callback(readings.close)
        household = Household()
        async with records.begin() as unit:
            await seed(unit, household)
        yield Home(records, readings, household)


def weight(days_ago: float, kg: float) -> Reading:
    return pressure(
        kind="body_weight", values={"weight": value(kg, "kg")}, effective_time=NOW - timedelta(days=days_ago)
    )


def oxygen(days_ago: float, spo2: float) -> Reading:
    return pressure(
        kind="oxygen_saturation", values={"spo2": value(spo2, "%")}, effective_time=NOW - timedelta(days=days_ago)
    )


WEEK = (weight(6, 80.1), weight(5, 80.3), weight(4, 80.0), weight(3, 81), weight(2, 81.4), weight(1, 82.1))


@pytest.mark.parametrize("seed_number", range(6))
async def test_two_kilograms_in_three_days_fire_once_in_whatever_order(home: Home, seed_number: int) -> None:
    await home.plans((50, [RISING]))
    chance = random.Random(seed_number)
    arriving = [*WEEK, *chance.sample(WEEK, 3)]
    chance.shuffle(arriving)
    while arriving:
        size = chance.randint(1, 4)
        await home.arrive(*arriving[:size])
        arriving = arriving[size:]
    (alert,) = await home.alerts(RISING.id)
    assert (alert.level, alert.episode, alert.cleared) == (Level.YELLOW, WEEK[-1].id, False)


async def test_the_register_says_from_where_a_change_counts(home: Home) -> None:
    await home.plans((50, [RISING]))
    await home.arrive(*WEEK)
    told = await home.explained(WEEK[-1], RISING.id)
    (limit,) = told["limits"]
    assert (told["fired"], told["readings"]) == (True, [str(WEEK[2].id), str(WEEK[-1].id)])
    assert (limit["measure"], limit["value"], limit["reference"], limit["span_s"]) == ("change", 2.1, 80, 84 * 3600)


async def test_a_late_reading_within_every_limit_makes_a_change_or_unmakes_it(home: Home) -> None:
    await home.plans((50, [RISING]))
    await home.arrive(weight(4, 80.5), weight(1, 81.9))
    assert await home.alerts(RISING.id) == []
    late = weight(3, 79.9)
    await home.arrive(late)
    (alert,) = await home.alerts(RISING.id)
    assert alert.state is AlertState.OPEN
    await home.take_out(late)
    assert await home.alerts(RISING.id) == []


async def test_two_kinds_together_fire_whichever_comes_last(home: Home) -> None:
    await home.plans((50, [TOGETHER, OXYGEN]))
    await home.arrive(oxygen(0.5, 91))
    await home.arrive(weight(0.6, 81.6))
    assert await home.alerts(TOGETHER.id) == []
    await home.arrive(weight(1.5, 80))
    (alert,) = await home.alerts(TOGETHER.id)
    assert (alert.level, alert.kind) == (Level.RED, "oxygen_saturation"), "the reading at which it became true"
    await home.arrive(oxygen(0.1, 96), oxygen(0.1, 96))
    (cleared,) = await home.alerts(TOGETHER.id)
    assert cleared.cleared
    assert await home.alerts(OXYGEN.id) == []


async def test_a_duplicate_changes_nothing(home: Home) -> None:
    await home.plans((50, [RISING, CUSUM, TOGETHER]))
    await home.arrive(*WEEK)
    before = [await home.alerts(rule.id) for rule in (RISING, CUSUM, TOGETHER)]
    await home.arrive(*WEEK[::2])
    assert [await home.alerts(rule.id) for rule in (RISING, CUSUM, TOGETHER)] == before


async def test_a_plan_that_changes_in_the_middle_judges_each_reading_by_its_own_version(home: Home) -> None:
    looser = replace(RISING, yellow=(Change(3, "kg", timedelta(days=3)),))
    history = await home.plans((50, [RISING]), (2.5, [looser]))
    for one in WEEK:
        await home.arrive(one)
    assert await home.alerts(RISING.id) == [], "82.1 kg is judged by the looser version"
    assert (await home.explained(WEEK[-1], RISING.id))["version"] == 3
    stream = [Observation.of(one) for one in WEEK]
    assert episodes(stream, history, RISING.id) == ()
    steep = weight(2.75, 83)
    await home.arrive(steep)
    (alert,) = await home.alerts(RISING.id)
    assert alert.plan_version == 2


@pytest.mark.parametrize("seed_number", range(4))
async def test_alerts_are_the_episodes_of_every_kind_of_rule(home: Home, seed_number: int) -> None:
    """Many readings of several kinds, in any order and grouping: one alert for every episode that is still open."""
    rules = (RISING, TOGETHER, OXYGEN, CUSUM, AVERAGE, ScoreRule("score", "s", "a", red_from=6, yellow_from=4))
    history = await home.plans((50, rules))
    chance = random.Random(seed_number)
    readings: list[Reading] = []
    for number in range(24):
        days = 12 - number / 2 + chance.random() / 10
        readings.append(weight(days, round(chance.gauss(80 + number / 8, 0.7), 1)))
        readings.append(oxygen(days - 0.01, chance.choice([84, 90, 93, 95, 97])))
        at = NOW - timedelta(days=days - 0.02)
        readings.append(pressure(chance.choice([95, 120, 140, 155]), 80, effective_time=at))
    arriving = readings[:]
    chance.shuffle(arriving)
    while arriving:
        size = chance.randint(1, 20)
        await home.arrive(*arriving[:size])
        arriving = arriving[size:]
    stream = [Observation.of(one) for one in readings]
    found = 0
    for rule in rules:
        expected = [one for one in episodes(stream, history, rule.id, "Europe/Madrid") if not one.cleared]
        live = [one for one in await home.alerts(rule.id) if one.state.live and not one.cleared]
        assert len(live) == len(expected), rule.id
        for episode in expected:
            held = [one for one in live if not (await home.held(one)).isdisjoint(episode.readings)]
            assert [one.last_effective_time for one in held] == [episode.last_time], rule.id
        found += len(expected)
    assert found
