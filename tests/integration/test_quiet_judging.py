"""The short way for readings that say nothing ends where the long one does; the memory behind it forgets in time."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_backend.alerting.standing import Standing
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.ingest.homes_memory import HomesMemory
from hearthline_backend.quick_reading import QuickReading, quick_reading
from hearthline_backend.storage.records.alerts import NearAlert
from hearthline_backend.storage.records.homes import Assignment, Sensor
from hearthline_backend.storage.records.judgements import Judgement
from hearthline_protocol.readings import Reading
from tests.fixtures.clinic import START, Clinic
from tests.fixtures.readings import pressure
from tests.fixtures.records import CUFF, NOW, Engine, Household, seed, temporary_records

_PRESSURES = st.sampled_from([(120, 80), (128, 82), (140, 88), (164, 96), (168, 97), (186, 112), (95, 60)])
_ARRIVALS = st.lists(
    st.lists(st.tuples(_PRESSURES, st.integers(0, 20 * 24 * 60)), min_size=1, max_size=4), min_size=1, max_size=5
)


def _never_quiet(*_arguments: object) -> None:
    return None


async def _outcome(directory: Path, arrivals: list[list[Reading]]) -> list[Any]:
    """Every alert and what happened to it, without the numbers and times of this run."""
    async with temporary_records(directory) as records:
        ward = Clinic(records)
        await ward.open()
        await ward.employ("E.S.", ("mail", "one@example.org"))
        for readings in arrivals:
            await ward.arrive(*readings)
            ward.clock.turn(minutes=1)
        found: list[Any] = []
        for alert in await ward.alerts():
            told = [state for *_, state in await ward.told(alert)]
            happened = await ward.happened(alert)
            found.append((alert.rule_id, alert.episode, alert.level, alert.state, alert.cleared, alert.review))
            found.append((alert.effective_time, alert.last_effective_time, alert.worst_reading, happened, told))
        return found


@given(plan=_ARRIVALS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_short_way_and_the_long_way_make_the_same_alerts(
    tmp_path_factory: pytest.TempPathFactory, plan: list[list[tuple[tuple[int, int], int]]]
) -> None:
    arrivals = [
        [
            pressure(*high_low, effective_time=START - timedelta(minutes=ago), received_time=START)
            for high_low, ago in group
        ]
        for group in plan
    ]
    short = await _outcome(tmp_path_factory.mktemp("short"), arrivals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Standing, "quiet", _never_quiet)
        long = await _outcome(tmp_path_factory.mktemp("long"), arrivals)
    assert short == long


async def test_a_quiet_reading_is_registered_as_any_other(tmp_path: Path, records_engine: Engine) -> None:
    async with temporary_records(tmp_path, records_engine) as records:
        home = Household()
        async with records.begin() as unit:
            await seed(unit, home)
        at = NOW - timedelta(seconds=5, microseconds=1)
        rows = [(uuid4(), home.patient, kind, at, f'{{"within": {n}}}') for n in (1, 2) for kind in ("glucose", "x")]
        async with records.begin() as unit:
            await unit.judgements.add_quiet(rows, NOW)
            await unit.judgements.add_quiet([(*rows[0][:4], '{"within": 9}'), *rows[1:]], NOW + timedelta(days=1))
        async with records.read() as unit:
            for reading_id, patient, kind, time, why in rows:
                found = await unit.judgements.get(reading_id)
                assert found == Judgement(reading_id, patient, kind, time, NOW, json.loads(why))
            assert await unit.judgements.known([row[0] for row in rows]) == {row[0] for row in rows}


async def test_who_has_an_alert_near_is_found(tmp_path: Path, records_engine: Engine) -> None:
    async with temporary_records(tmp_path, records_engine) as records:
        ward = Clinic(records)
        await ward.open()
        at = ward.clock.now
        day = timedelta(days=1)
        await ward.arrive(ward.measured(186, 112))
        async with records.read() as unit:
            everyone, number = [ward.patient, uuid4()], ward.patient.int
            found = await unit.alerts.near(everyone, at - day, at + day)
            assert found == {number: [NearAlert("blood_pressure", cleared=False, last_effective_time=at)]}
            assert set(await unit.alerts.near(everyone, at, at)) == {number}
            assert await unit.alerts.near(everyone, at + day, at + 2 * day) == {}
            assert await unit.alerts.near(everyone[1:], at - day, at + day) == {}


def _quick(address: str = CUFF, **other: Any) -> QuickReading:
    found = quick_reading(pressure(sensor=address, **other).model_dump_json().encode())
    assert found is not None
    return found


async def test_the_memory_of_homes_follows_every_change(tmp_path: Path, records_engine: Engine) -> None:
    async with temporary_records(tmp_path, records_engine) as records:
        home, second, memory = Household(), "C0:00:00:00:00:02", HomesMemory()
        async with records.begin() as unit:
            await seed(unit, home)

        async def owner(reading: QuickReading, gateway: str = home.gateway) -> UUID | None:
            async with records.read() as unit:
                await memory.refresh(unit, [gateway], [reading.sensor])
            found = memory.owner(gateway, reading)
            return None if found is None else found.patient_id

        assert await owner(_quick()) == home.patient
        assert await owner(_quick(effective_time=home.since - timedelta(seconds=1))) is None
        assert await owner(_quick(second)) is None
        assert await owner(_quick(), "home-unknown") is None
        async with records.begin() as unit:
            await unit.homes.add_sensor(Sensor(second, home.gateway, "Another cuff", "cuff", home.since))
        assert await owner(_quick(second)) is None
        neighbour = Household(gateway="home-0002", sensor="C0:00:00:00:00:03", organisation=home.organisation)
        async with records.begin() as unit:
            await seed(unit, neighbour, gateway=False)
            await unit.homes.assign(Assignment(uuid4(), second, neighbour.patient, home.since, user_slot=1))
        assert await owner(_quick(second)) is None
        assert await owner(_quick(second, user_slot=1)) == neighbour.patient
        async with records.begin() as unit:
            await unit.homes.assign(Assignment(uuid4(), CUFF, neighbour.patient, NOW - timedelta(hours=1)))
        assert await owner(_quick(effective_time=NOW - timedelta(hours=2))) == home.patient
        assert await owner(_quick()) == neighbour.patient


async def test_what_comes_with_every_message_makes_nobody_forget(tmp_path: Path, records_engine: Engine) -> None:
    async with temporary_records(tmp_path, records_engine) as records:
        home = Household()
        async with records.begin() as unit:
            await seed(unit, home)
            before = [await unit.revisions.number(topic) for topic in ("homes", "care")]
        async with records.begin() as unit:
            await unit.homes.heard([home.gateway], NOW)
            await unit.homes.report(home.gateway, {"state": "online"}, NOW, heard=True)
            assert [await unit.revisions.number(topic) for topic in ("homes", "care")] == before
            await unit.pauses.begin(home.patient, Pause(PauseKind.HOSPITAL, NOW, NOW + timedelta(days=1)), now=NOW)
            plan = build_plan(
                patient_id=home.patient, version=2, valid_from=NOW, conditions=["hypertension"], reason="test"
            )
            await unit.care.add_plan(plan, created_at=NOW)
            homes, care = [await unit.revisions.number(topic) for topic in ("homes", "care")]
        assert homes == before[0]
        assert care >= before[1] + 2
