"""Corrections keep history, judge anew, and are finished whatever happens between their two steps."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.correction_errors import (
    AlreadyClaimedError,
    BeingDoneError,
    CorrectionError,
    ImpossibleTimeError,
    InErrorError,
    NoSuchReadingError,
    NotACandidateError,
    NothingToTakeBackError,
    NotWaitingError,
    ReasonMissingError,
)
from hearthline_backend.correction_finishing import CorrectionFinishing
from hearthline_backend.corrections import Corrected, ReadingCorrections
from hearthline_backend.domain.plans import Plan
from hearthline_backend.ingest.health import StoreHealth
from hearthline_backend.ingest.settlement import Settlement
from hearthline_backend.ingest.worker import Ingest
from hearthline_backend.storage.memory import MemoryReadings
from hearthline_backend.storage.patient_reading import NOBODY, Place
from hearthline_backend.storage.ports import PatientReading, StoreUnavailableError
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened
from hearthline_backend.storage.records.care import Patient, Team
from hearthline_backend.storage.records.corrections import Correction, What
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.unclear_readings import suggestion, unclear_readings
from hearthline_protocol.readings import Reading
from tests.fixtures.clinic import START, Clinic, clinic
from tests.fixtures.ingesting import batch
from tests.fixtures.records import Engine
from tests.fixtures.uplinks import FakeUplink

SHARED, CUFF = "C0:00:00:00:00:51", "C0:00:00:00:00:01"
HOME = "home-0001"
SINCE = START - timedelta(days=90)


class PowerCutError(Exception):
    """The process ends here."""


class CutStore(MemoryReadings):
    """A store after whose move the test may pull the plug."""

    def __init__(self) -> None:
        super().__init__()
        self.cut: Exception | None = None
        self.stuck = False

    async def move(self, places: Mapping[UUID, Place]) -> frozenset[UUID]:
        if self.stuck:
            raise StoreUnavailableError("readings are not available: switched off")
        moved = await super().move(places)
        if self.cut is not None:
            cut, self.cut = self.cut, None
            raise cut
        return moved


@dataclass
class House:
    """A home in which two people share a cuff, with the clinic that cares for them, and somebody of another team."""

    clinic: Clinic
    readings: CutStore
    uplink: FakeUplink = field(default_factory=FakeUplink)
    second: UUID = field(default_factory=uuid4)
    other_team: UUID = field(default_factory=uuid4)

    @property
    def first(self) -> UUID:
        return self.clinic.patient

    @property
    def nurse(self) -> User:
        return self.clinic.people[0]

    @property
    def stranger(self) -> User:
        return User(uuid4(), "stranger", "!", Role.CARE, "X.Y.", "Nurse", self.clinic.organisation, self.other_team)

    @property
    def ingest(self) -> Ingest:
        one = self.clinic
        settlement = Settlement(one.records, self.readings, Judge(self.readings), one.clock)
        return Ingest(self.uplink, one.records, settlement, one.events, StoreHealth(one.events, one.clock), one.clock)

    @property
    def finishing(self) -> CorrectionFinishing:
        one = self.clinic
        return CorrectionFinishing(one.records, self.readings, Judge(self.readings), one.events, one.clock)

    @property
    def corrections(self) -> ReadingCorrections:
        one = self.clinic
        return ReadingCorrections(one.records, self.readings, self.finishing, one.events, one.clock, self.ingest.retry)

    async def open(self) -> None:
        one = self.clinic
        async with one.records.begin() as unit:
            await unit.care.add_team(Team(self.other_team, one.organisation, "Day team", "Europe/Stockholm", "112"))
            await unit.care.add_patient(Patient(self.second, one.team, "Bo", "Test", 1949, "Europe/Stockholm", SINCE))
            plan = (await unit.care.plan_history(one.patient))[0]
            await unit.care.add_plan(_for(plan, self.second), created_at=SINCE)
            await unit.homes.add_gateway(Gateway(HOME, "0001", one.organisation, "Europe/Stockholm", SINCE))
            for address in (SHARED, CUFF):
                await unit.homes.add_sensor(Sensor(address, HOME, "generic-blood-pressure", "cuff", SINCE))
            for patient in (self.first, self.second):
                await unit.homes.assign(Assignment(uuid4(), SHARED, patient, SINCE, shared=True))
            await unit.homes.assign(Assignment(uuid4(), CUFF, self.first, START - timedelta(days=30)))

    def measured(self, systolic: float = 186, *, ago_min: float = 2, sensor: str = SHARED, **other: Any) -> Reading:
        return self.clinic.measured(systolic, ago_min=ago_min, sensor=sensor, **other)

    async def sends(self, *readings: Reading) -> None:
        """From the home, through ingest."""
        self.uplink.send(HOME, batch(*readings))
        while not self.uplink.queue.empty():
            await self.ingest.take(await self.uplink.messages(100, 0))

    async def series(self, patient: UUID) -> list[UUID]:
        rows = await self.readings.window(patient, "blood_pressure", SINCE, START + timedelta(days=9))
        return [row.id for row in rows]

    async def waiting(self) -> list[UUID]:
        async with self.clinic.records.read() as unit:
            return [one.reading_id for one in await unclear_readings(unit, self.clinic.organisation)]

    async def alerts(self, patient: UUID) -> tuple[Alert, ...]:
        async with self.clinic.records.read() as unit:
            return await unit.alerts.of_patient(patient, SINCE)

    async def history(self, reading: Reading) -> list[Correction]:
        async with self.clinic.records.read() as unit:
            return list((await unit.corrections.of_readings([reading.id])).get(reading.id, ()))

    async def judged(self, reading: Reading) -> UUID | None:
        async with self.clinic.records.read() as unit:
            found = await unit.judgements.get(reading.id)
        return None if found is None else found.patient_id


def _for(plan: Plan, patient: UUID) -> Plan:
    return replace(plan, patient_id=patient)


@pytest.fixture
async def house(tmp_path: Path, records_engine: Engine) -> AsyncIterator[House]:
    async with clinic(tmp_path, records_engine) as opened:
        store = CutStore()
        opened.readings = store
        made = House(opened, store)
        await made.open()
        yield made


# --- whose is it ---


async def test_a_claim_takes_effect_at_once_and_the_same_again_changes_nothing(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    assert await house.waiting() == [red.id]
    done = await house.corrections.claim(red.id, house.first, house.nurse)
    assert (done.changed, done.pending) == (True, False)
    assert await house.series(house.first) == [red.id]
    assert await house.waiting() == []
    (alert,) = await house.alerts(house.first)
    assert alert.state is AlertState.OPEN
    assert await house.clinic.told(alert) != [], "it has just been measured"
    again = await house.corrections.claim(red.id, house.first, house.nurse)
    assert again.changed is False
    assert len(await house.history(red)) == 1
    with pytest.raises(AlreadyClaimedError) as refused:
        await house.corrections.claim(red.id, house.second, house.nurse)
    assert refused.value.initials == "E.S."


async def test_taken_back_it_leaves_the_series_its_alert_is_withdrawn_and_it_waits_again(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    await house.corrections.claim(red.id, house.first, house.nurse)
    (alert,) = await house.alerts(house.first)
    done = await house.corrections.take_back(red.id, house.nurse)
    assert (done.changed, done.pending) == (True, False)
    assert await house.series(house.first) == []
    assert await house.waiting() == [red.id]
    assert await house.judged(red) is None
    (after,) = await house.alerts(house.first)
    assert after.state is AlertState.WITHDRAWN
    assert (await house.clinic.happened(alert))[-1] is Happened.WITHDRAWN
    assert {state for *_, state in await house.clinic.told(alert)} == {"cancelled"}
    claimed, unclaimed = await house.history(red)
    assert (claimed.what, unclaimed.what) == (What.CLAIMED, What.UNCLAIMED)
    assert unclaimed.judgement["patient_id"] == str(house.first), "what was judged stays in the history"
    assert unclaimed.initials == "E.S."
    again = await house.corrections.take_back(red.id, house.nurse)
    assert again.changed is False
    assert len(await house.history(red)) == 2


async def test_a_claim_by_another_after_that_judges_once_for_the_other(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    await house.corrections.claim(red.id, house.first, house.nurse)
    await house.corrections.take_back(red.id, house.nurse)
    await house.sends(red)
    assert await house.waiting() == [red.id], "the home sends it again: it goes on waiting"
    await house.corrections.claim(red.id, house.second, house.clinic.people[1])
    assert await house.series(house.second) == [red.id]
    assert await house.series(house.first) == []
    assert await house.judged(red) == house.second
    (alert,) = await house.alerts(house.second)
    assert (await house.clinic.happened(alert)).count(Happened.RAISED) == 1
    await house.ingest.retry_held()
    await house.sends(red)
    assert (await house.clinic.happened(alert)).count(Happened.RAISED) == 1
    assert [one.state.live for one in await house.alerts(house.first)] == [False]


async def test_a_guest_s_reading_is_kept_apart_and_can_be_taken_back(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    await house.corrections.claim(red.id, None, house.nurse)
    assert await house.waiting() == []
    await house.sends(red)
    assert await house.series(house.first) == await house.series(house.second) == []
    done = await house.corrections.take_back(red.id, house.nurse)
    assert done.pending is False
    assert await house.waiting() == [red.id]
    await house.corrections.claim(red.id, house.second, house.nurse)
    assert await house.series(house.second) == [red.id]


async def test_who_had_the_meter_before_or_lives_there_may_be_said_of_an_unassigned_reading(house: House) -> None:
    old = house.measured(ago_min=40 * 24 * 60, sensor=CUFF)
    await house.sends(old)
    async with house.clinic.records.read() as unit:
        (one,) = await unclear_readings(unit, house.clinic.organisation)
        assert (one.reason.value, set(one.candidates)) == ("not_assigned", {house.first, house.second})
        assert await unclear_readings(unit, uuid4()) == []
        assert await suggestion(house.readings, one, one.reading()) is None
    await house.corrections.claim(old.id, house.second, house.nurse)
    assert await house.series(house.second) == [old.id]
    await house.corrections.take_back(old.id, house.nurse)
    assert await house.waiting() == [old.id]


async def test_another_team_sees_nothing_and_may_say_nothing(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    for patient, error in ((house.first, NotACandidateError), (None, NotWaitingError)):
        with pytest.raises(error):
            await house.corrections.claim(red.id, patient, house.stranger)
    assert await house.waiting() == [red.id]
    await house.corrections.claim(red.id, house.first, house.nurse)
    with pytest.raises(NothingToTakeBackError):
        await house.corrections.take_back(red.id, house.stranger)
    with pytest.raises(NoSuchReadingError):
        await house.corrections.enter_in_error(red.id, house.stranger, "not mine")
    with pytest.raises(NotACandidateError):
        await house.corrections.reassign(red.id, uuid4(), house.nurse, "nobody")
    with pytest.raises(NotWaitingError):
        await house.corrections.claim(uuid4(), house.first, house.nurse)
    assert await house.series(house.first) == [red.id]


# --- entered in error, moved, dated ---


async def test_entered_in_error_it_counts_nowhere_and_restored_it_counts_again(house: House) -> None:
    red = house.measured(sensor=CUFF)
    await house.sends(red)
    await house.corrections.enter_in_error(red.id, house.nurse, "the cuff slipped")
    assert await house.series(house.first) == []
    assert await house.readings.latest([house.first]) == {}
    assert [one.state for one in await house.alerts(house.first)] == [AlertState.WITHDRAWN]
    await house.sends(red)
    assert await house.judged(red) is None, "the home sends it again: it stays in error"
    again = await house.corrections.enter_in_error(red.id, house.nurse, "the cuff slipped")
    assert again.changed is False
    with pytest.raises(InErrorError):
        await house.corrections.redate(red.id, START - timedelta(days=1), house.nurse, "yesterday")
    await house.corrections.restore(red.id, house.nurse, "it was right")
    assert await house.series(house.first) == [red.id]
    assert [one.state for one in await house.alerts(house.first)] == [AlertState.OPEN]
    assert [one.what for one in await house.history(red)] == [What.ENTERED_IN_ERROR, What.RESTORED]


async def test_moved_to_another_patient_both_are_judged_anew(house: House) -> None:
    red = house.measured(sensor=CUFF)
    await house.sends(red)
    await house.corrections.reassign(red.id, house.second, house.nurse, "Bo used it")
    assert (await house.series(house.first), await house.series(house.second)) == ([], [red.id])
    assert [one.state for one in await house.alerts(house.first)] == [AlertState.WITHDRAWN]
    assert [one.state for one in await house.alerts(house.second)] == [AlertState.OPEN]
    assert await house.judged(red) == house.second
    await house.sends(red)
    assert await house.series(house.first) == []
    await house.corrections.reassign(red.id, house.first, house.nurse, "no, Ana did")
    assert [one.state for one in await house.alerts(house.first)] == [AlertState.OPEN]


@pytest.mark.parametrize("days", [0.5, 29])
async def test_at_another_time_it_is_judged_there(house: House, days: float) -> None:
    red = house.measured(sensor=CUFF)
    await house.sends(red)
    at = START - timedelta(days=days)
    await house.corrections.redate(red.id, at, house.nurse, "its clock was wrong")
    row = await house.readings.get(red.id)
    assert row is not None
    assert (row.effective_time, row.reading.effective_time) == (at, at)
    (alert,) = await house.alerts(house.first)
    assert (alert.state.live, alert.effective_time, alert.last_effective_time) == (True, at, at)
    async with house.clinic.records.read() as unit:
        found = await unit.judgements.get(red.id)
    assert found is not None
    assert found.effective_time == at


async def test_what_makes_no_sense_is_refused_with_what_to_do(house: House) -> None:
    red = house.measured(sensor=CUFF)
    await house.sends(red)
    acts: list[tuple[Callable[[], Awaitable[Corrected]], type[CorrectionError]]] = [
        (lambda: house.corrections.enter_in_error(red.id, house.nurse, "  "), ReasonMissingError),
        (lambda: house.corrections.enter_in_error(red.id, house.nurse, "x" * 301), ReasonMissingError),
        (lambda: house.corrections.redate(red.id, START + timedelta(hours=1), house.nurse, "x"), ImpossibleTimeError),
        (
            lambda: house.corrections.redate(red.id, datetime(1999, 1, 1, tzinfo=UTC), house.nurse, "x"),
            ImpossibleTimeError,
        ),
        (lambda: house.corrections.take_back(red.id, house.nurse), NothingToTakeBackError),
        (lambda: house.corrections.restore(uuid4(), house.nurse, "x"), NoSuchReadingError),
    ]
    for act, error in acts:
        with pytest.raises(error, match=r"\w+ .*\w"):
            await act()
    assert await house.history(red) == []
    assert (await house.corrections.restore(red.id, house.nurse, "x")).changed is False


# --- whatever ends the process ---

_ACTS: dict[str, Callable[[House, Reading], Awaitable[Corrected]]] = {
    "taken back": lambda house, one: house.corrections.take_back(one.id, house.nurse),
    "in error": lambda house, one: house.corrections.enter_in_error(one.id, house.nurse, "slipped"),
    "moved": lambda house, one: house.corrections.reassign(one.id, house.second, house.nurse, "Bo's"),
    "dated": lambda house, one: house.corrections.redate(one.id, START - timedelta(days=2), house.nurse, "clock"),
}


@pytest.mark.parametrize("act", sorted(_ACTS))
@pytest.mark.parametrize("cut", ["before the move", "after the move"])
async def test_a_correction_cut_off_is_finished_by_whoever_comes_next(house: House, act: str, cut: str) -> None:
    red = house.measured()
    await house.sends(red)
    await house.corrections.claim(red.id, house.first, house.nurse)
    if cut == "after the move":
        house.readings.cut = PowerCutError()
        with pytest.raises(PowerCutError):
            await _ACTS[act](house, red)
    else:
        finish = house.finishing

        house.readings.stuck = True
        done = await _ACTS[act](house, red)
        assert done.pending is True
        with pytest.raises(StoreUnavailableError):
            await finish.finish_pending()
        house.readings.stuck = False
    (*_, noted) = await house.history(red)
    assert noted.finished_at is None
    assert [one.state.live for one in await house.alerts(house.first)] == [True], "nothing is half done in Records"
    assert await house.finishing.finish_pending() == 1
    assert await house.finishing.finish_pending() == 0
    (*_, noted) = await house.history(red)
    assert noted.finished_at is not None
    row = await house.readings.get(red.id)
    assert row is not None
    expected = {
        "taken back": (NOBODY, True, None),
        "in error": (house.first, True, None),
        "moved": (house.second, False, house.second),
        "dated": (house.first, False, house.first),
    }[act]
    assert (row.patient_id, row.aside, await house.judged(red)) == expected
    live = {
        one.patient_id
        for one in [*await house.alerts(house.first), *await house.alerts(house.second)]
        if one.state.live
    }
    assert live == ({expected[2]} if expected[2] else set())
    assert await house.waiting() == ([red.id] if act == "taken back" else [])


async def test_a_claim_made_while_the_store_is_away_is_kept_and_taken_when_it_is_back(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    house.readings.available = False
    done = await house.corrections.claim(red.id, house.first, house.nurse)
    assert done.pending is True
    house.readings.available = True
    await house.ingest.retry_held()
    assert await house.series(house.first) == [red.id]


async def test_a_claim_taken_back_before_it_was_settled_is_never_settled(house: House) -> None:
    red = house.measured()
    await house.sends(red)
    house.readings.available = False
    await house.corrections.claim(red.id, house.first, house.nurse)
    house.readings.available = True
    done = await house.corrections.take_back(red.id, house.nurse)
    assert done.pending is True, "a settlement may be under way"
    with pytest.raises(BeingDoneError):
        await house.corrections.claim(red.id, house.second, house.nurse)
    await house.readings.write([_stored(house, red)])  # the settlement that had begun before
    house.clinic.clock.turn(seconds=61)
    assert await house.finishing.finish_pending() == 1
    assert await house.series(house.first) == []
    assert await house.waiting() == [red.id]
    await house.corrections.claim(red.id, house.second, house.nurse)
    assert await house.series(house.second) == [red.id]


def _stored(house: House, reading: Reading) -> PatientReading:
    return PatientReading(house.first, HOME, reading, house.clinic.clock.now)
