"""A clinician changes a patient's plan: a further version, written once, by the team, judged by from then on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.domain.adjusting import Override
from hearthline_backend.domain.plan_wish import PlanWish
from hearthline_backend.domain.plans import Plan
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.events import Event, EventBus
from hearthline_backend.plan_changing import CHANGED, PlanChanging
from hearthline_backend.plan_errors import (
    NothingChangedError,
    NothingToTakeBackError,
    NotTheirPatientError,
    PlanMovedOnError,
    PlanReasonError,
    PlanRefusedError,
)
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.patient_reading import PatientReading
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.people import User
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Engine, Household, add_user, seed, temporary_records

HIGH = "hypertension.pressure_high"
RED_150 = Override(HIGH, Level.RED, "systolic", 150, "mm[Hg]")
YELLOW_140 = Override(HIGH, Level.YELLOW, "systolic", 140, "mm[Hg]")


@dataclass
class Desk:
    """Where plans are changed, at a moment that a test moves."""

    records: Records
    nurse: User
    stranger: User
    patient: UUID
    readings: MemoryReadings = field(default_factory=MemoryReadings)
    events: EventBus = field(default_factory=EventBus)
    now: datetime = NOW
    judge: Judge = field(init=False)
    """One, as a worker has it: it remembers where patients stand."""

    def __post_init__(self) -> None:
        self.judge = Judge(self.readings)

    @property
    def plans(self) -> PlanChanging:
        return PlanChanging(self.records, self.readings, self.events, lambda: self.now)

    async def history(self) -> tuple[Plan, ...]:
        async with self.records.read() as unit:
            return await unit.care.plan_history(self.patient)

    async def stricter(self, *, based_on: int = 1, actor: User | None = None) -> Plan:
        plan = (await self.history())[-1]
        wish = PlanWish.of(plan).with_limit(RED_150).with_limit(YELLOW_140)
        return await self.plans.change(
            self.patient, wish, based_on=based_on, reason="  After the\nvisit. ", actor=actor or self.nurse
        )

    async def judged(self, systolic: float, at: datetime) -> list[Level]:
        """The levels of alerts that this reading opens."""
        row = PatientReading(self.patient, "home-0001", pressure(systolic, effective_time=at, received_time=at), at)
        await self.readings.write([row])
        async with self.records.begin() as unit:
            found = await self.judge.judge(unit, [row], at)
            alerts = await unit.alerts.of_patient(self.patient, NOW - timedelta(days=9))
        changed = {one.alert_id for one in found.alerts}
        return [one.level for one in alerts if one.id in changed]


@asynccontextmanager
async def desk_on(records: Records) -> AsyncIterator[Desk]:
    home, other = Household(), Household()
    patient = uuid4()
    async with records.begin() as unit:
        await seed(unit, home)
        await add_user(unit, other.nurse, home.organisation, None)
        await unit.care.add_patient(
            Patient(patient, home.team, "Eva", "Test", 1950, "Europe/Madrid", NOW - timedelta(days=30))
        )
        since = NOW - timedelta(days=30)
        plan = build_plan(
            patient_id=patient, version=1, valid_from=since, conditions=["hypertension"], reason="as the templates"
        )
        await unit.care.add_plan(plan, created_at=since)
        users = await unit.people.users({home.nurse, other.nurse})
    yield Desk(records, users[home.nurse], users[other.nurse], patient)


@pytest.fixture
async def desk(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Desk]:
    async with temporary_records(tmp_path, records_engine) as records, desk_on(records) as made:
        yield made


async def test_a_change_is_a_further_version_with_its_author_and_reason(desk: Desk) -> None:
    async with desk.records.read() as unit:
        revision = await unit.revisions.number("care")
    async with desk.events.subscribe() as told:
        made = await desk.stricter()
        event = await anext(told)
    assert event == Event("plan", NOW, desk.patient, desk.nurse.team_id)
    first, second = await desk.history()
    assert (second.version, second.valid_from, second.reason, second.author) == (
        2,
        NOW,
        "After the visit.",
        "Nurse T.U.",
    )
    assert second.rules == made.rules
    assert first.rules != second.rules
    assert {(one.author, one.reason, one.at) for one in second.adjusted.overrides} == {
        ("Nurse T.U.", "After the visit.", NOW)
    }
    async with desk.records.read() as unit:
        assert await unit.revisions.number("care") > revision
        looks = await unit.people.looks(desk.patient, 5)
    assert [(one.user_id, one.view) for one in looks] == [(desk.nurse.id, CHANGED)]


async def test_readings_are_judged_by_the_version_of_their_time(desk: Desk) -> None:
    assert await desk.judged(155, NOW - timedelta(minutes=3)) == []
    await desk.stricter()
    assert await desk.judged(155, NOW - timedelta(minutes=1)) == []
    assert await desk.judged(155, NOW + timedelta(minutes=1)) == [Level.RED]


async def test_a_version_begins_after_what_was_judged_already(desk: Desk) -> None:
    ahead = NOW + timedelta(minutes=4)
    await desk.judged(155, ahead)
    assert (await desk.stricter()).valid_from == ahead + timedelta(microseconds=1)


async def test_a_version_never_begins_before_the_one_before_it(desk: Desk) -> None:
    await desk.stricter()
    desk.now = NOW - timedelta(hours=2)
    made = await desk.plans.take_back(desk.patient, 2, reason="by mistake", actor=desk.nurse)
    assert (made.version, made.valid_from) == (3, NOW)


async def test_who_comes_second_is_told_and_changes_nothing(desk: Desk) -> None:
    await desk.stricter()
    with pytest.raises(PlanMovedOnError, match=r"version 2 by now \(Nurse T.U., .* make the change again") as caught:
        await desk.stricter(based_on=1)
    assert (caught.value.based_on, caught.value.version) == (1, 2)
    assert len(await desk.history()) == 2


async def test_of_two_at_once_one_is_written(desk: Desk) -> None:
    results = await asyncio.gather(desk.stricter(), desk.stricter(), return_exceptions=True)
    assert sum(isinstance(one, Plan) for one in results) == 1
    assert sum(isinstance(one, PlanMovedOnError) for one in results) == 1
    assert [one.version for one in await desk.history()] == [1, 2]


async def test_only_the_team_changes_a_plan(desk: Desk) -> None:
    with pytest.raises(NotTheirPatientError):
        await desk.stricter(actor=desk.stranger)
    with pytest.raises(NotTheirPatientError):
        await desk.plans.take_back(uuid4(), 1, reason="r", actor=desk.nurse)
    assert len(await desk.history()) == 1


async def test_what_means_nothing_is_refused_in_words(desk: Desk) -> None:
    wish = PlanWish.of((await desk.history())[-1])
    change = desk.plans.change
    with pytest.raises(NothingChangedError, match="stays at version 1"):
        await change(desk.patient, wish, based_on=1, reason="r", actor=desk.nurse)
    with pytest.raises(PlanReasonError, match="1 to 300 characters"):
        await change(desk.patient, wish.with_limit(RED_150), based_on=1, reason=" \n", actor=desk.nurse)
    with pytest.raises(PlanRefusedError, match="yellow systolic limit lies below the red one of 150"):
        await change(desk.patient, wish.with_limit(RED_150), based_on=1, reason="r", actor=desk.nurse)
    assert len(await desk.history()) == 1


async def test_a_first_plan_is_made_for_who_has_none(desk: Desk) -> None:
    desk.patient = uuid4()
    async with desk.records.begin() as unit:
        team = desk.nurse.team_id
        assert team is not None
        await unit.care.add_patient(Patient(desk.patient, team, "Ida", "Test", 1950, "Europe/Madrid", NOW))
    wish = PlanWish(()).with_conditions(["hypertension"])
    made = await desk.plans.change(desk.patient, wish, based_on=0, reason="enrolled", actor=desk.nurse)
    assert await desk.history() == (made,)
    assert (made.version, made.conditions) == (1, ("hypertension",))
    assert await desk.judged(186, NOW + timedelta(minutes=1)) == [Level.RED]


async def test_taking_back_writes_the_version_before_once_more(desk: Desk) -> None:
    with pytest.raises(NothingToTakeBackError):
        await desk.plans.take_back(desk.patient, 1, reason="r", actor=desk.nurse)
    await desk.stricter()
    await desk.plans.take_back(desk.patient, 2, reason="by mistake", actor=desk.nurse)
    first, second, third = await desk.history()
    assert (third.rules, third.adjusted, third.reason) == (first.rules, first.adjusted, "by mistake")
    assert third.rules != second.rules
    with pytest.raises(PlanMovedOnError):
        await desk.plans.take_back(desk.patient, 2, reason="again", actor=desk.nurse)
