"""A missing measurement as a time line: a fake clock over real stores, on each engine."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hearthline_backend.alerting.digest import MorningDigest, next_morning
from hearthline_backend.alerting.intake import IntakeMarks
from hearthline_backend.domain.pauses import Pause, PauseKind
from hearthline_backend.storage.records.alerts import AlertState, Happened, Outcome
from hearthline_backend.storage.records.indicators import IndicatorFacts
from hearthline_backend.storage.records.silence import Intake
from tests.fixtures.clinic import clinic
from tests.fixtures.records import Engine
from tests.fixtures.silent_home import GATEWAY, MORNING_OVER, SilentHome

DAY = timedelta(days=1)


@pytest.fixture
async def home(tmp_path: Path, records_engine: Engine) -> AsyncIterator[SilentHome]:
    async with clinic(tmp_path, records_engine) as made:
        opened = SilentHome(made)
        await opened.open()
        yield opened


async def test_a_missed_slot_is_one_alert_that_grows_and_closes_when_a_reading_comes(home: SilentHome) -> None:
    await home.until(MORNING_OVER - timedelta(minutes=2))
    await home.says({"last_heard": (home.now - timedelta(days=1)).isoformat()})
    assert await home.silences() == []
    await home.until(MORNING_OVER + timedelta(minutes=1))
    alert = await home.silence()
    assert await home.hops() == ["not_measured", "meter"]
    assert (await home.clinic.told(alert))[0][:3] == ("E.S.", "mail", "raised")
    assert await home.home_alerts() == ()
    await home.until(MORNING_OVER + timedelta(hours=12, minutes=1))
    grown = await home.silence()
    assert (grown.id, grown.state) == (alert.id, AlertState.OPEN)
    assert Happened.GREW in await home.clinic.happened(alert)
    assert len(await home.clinic.told(alert)) == 1
    assert [one.about for one in await home.home_alerts()] == ["quiet"]
    await home.measured_at(home.now)
    await home.look()
    closed = await home.silence()
    assert (closed.state, closed.cleared) == (AlertState.RESOLVED, True)
    assert (await home.clinic.happened(alert))[-2:] == [Happened.CLEARED, Happened.CLOSED]


async def test_a_late_reading_of_the_slot_closes_it_too(home: SilentHome) -> None:
    await home.until(MORNING_OVER + timedelta(minutes=1))
    await home.measured_at(MORNING_OVER - timedelta(hours=2))
    await home.look()
    assert (await home.silence()).state is AlertState.RESOLVED


async def test_nothing_fires_on_pause_and_a_pause_ends_what_fired(home: SilentHome) -> None:
    await home.until(MORNING_OVER + timedelta(minutes=1))
    async with home.clinic.records.begin() as unit:
        hospital = Pause(PauseKind.HOSPITAL, home.now, home.now + timedelta(days=2))
        await unit.pauses.begin(home.clinic.patient, hospital, now=home.now)
    await home.look()
    assert (await home.silence()).state is AlertState.RESOLVED
    await home.until(home.now + timedelta(days=1))
    assert (await home.silence()).state is AlertState.RESOLVED
    assert {one[3] for one in await home.clinic.told(await home.silence())} == {"cancelled"}


async def test_the_slots_of_a_pause_that_is_ended_early_were_never_missed(home: SilentHome) -> None:
    await home.until(MORNING_OVER - timedelta(hours=5))  # before the morning's slot
    hospital = Pause(PauseKind.HOSPITAL, home.now, home.now + timedelta(days=9))
    async with home.clinic.records.begin() as unit:
        await unit.pauses.begin(home.clinic.patient, hospital, now=home.now)
    await home.until(MORNING_OVER + timedelta(hours=1))
    async with home.clinic.records.begin() as unit:
        assert await unit.pauses.end(home.clinic.patient, now=home.now, by=home.clinic.people[0].id)
    await home.until(MORNING_OVER + timedelta(hours=11, minutes=30))
    assert await home.silences() == []
    await home.until(MORNING_OVER + timedelta(hours=12, minutes=1))  # the evening's slot is the first that counts
    assert (await home.clinic.events_of(await home.silence()))[0].detail["slots"] == 1


async def test_a_backend_that_was_away_for_a_day_judges_only_what_closed_after(home: SilentHome) -> None:
    await home.until(MORNING_OVER - timedelta(hours=4))
    home.clinic.clock.turn(days=1, hours=4, minutes=30)  # both slots of the day and the next morning closed meanwhile
    back = home.now
    assert await home.look() == 0
    await home.until(back + timedelta(hours=3))
    assert await home.silences() == []
    await home.until(MORNING_OVER + timedelta(days=1, hours=12, minutes=1))
    assert (await home.silence()).opened_at > back + timedelta(hours=11)


async def test_a_silent_home_is_the_technicians_and_its_backlog_ends_it(home: SilentHome) -> None:
    await home.says()
    await home.until(MORNING_OVER + timedelta(minutes=1), online=False)
    alert = await home.silence()
    assert await home.hops() == ["gateway", "network"]
    assert await home.clinic.told(alert) == []
    (technical,) = await home.home_alerts()
    assert (technical.about, technical.meter) == ("silent_hop", "")
    (mail,) = await home.waiting()
    assert (mail.address, mail.notice, mail.path, mail.patient_id) == ("jt@example.org", "home", "/homes/0001", None)
    async with home.clinic.records.read() as unit:
        counted = await IndicatorFacts(unit.connection).alerts([alert.patient_id], alert.opened_at, home.now + DAY)
    assert counted == [], "it was never the care team's"
    await home.until(MORNING_OVER + timedelta(days=2), online=False, step=timedelta(hours=4))
    assert len(await home.home_alerts()) == 1
    assert await home.clinic.told(alert) == []
    await home.says()
    for days in (0, 1):
        await home.measured_at(MORNING_OVER + timedelta(days=days, hours=-2))
    await home.measured_at(home.now)
    await home.until(home.now + timedelta(minutes=11))
    assert (await home.silence()).state is AlertState.RESOLVED
    assert [one.closed_at is not None for one in await home.home_alerts()] == [True]


@pytest.mark.parametrize(
    ("meter", "more", "hops"),
    [
        ({"paired": False, "last_heard": "2026-11-20T05:00:00Z"}, {}, ["bond"]),
        ({}, {"adapter": "powered off"}, ["adapter"]),
        ({"last_heard": "2026-11-22T08:30:00Z"}, {}, ["not_measured"]),
        ({}, {"state": "offline", "sent_time": "2026-11-22T05:00:00Z"}, ["gateway"]),
    ],
)
async def test_each_hop_names_itself(
    home: SilentHome, meter: dict[str, Any], more: dict[str, Any], hops: list[str]
) -> None:
    async with home.clinic.records.begin() as unit:
        await unit.homes.heard([GATEWAY], home.now)
    await home.says(meter, **more)
    await home.until(MORNING_OVER + timedelta(minutes=1), online=more.get("state") != "offline")
    assert await home.hops() == hops
    technical = hops != ["not_measured"]
    assert bool(await home.clinic.told(await home.silence())) is not technical
    assert bool(await home.home_alerts()) is technical


async def test_what_somebody_resolved_stays_resolved_while_the_same_silence_lasts(home: SilentHome) -> None:
    await home.until(MORNING_OVER + timedelta(minutes=1))
    alert = await home.silence()
    await home.clinic.actions.resolve(alert.id, home.clinic.people[0], Outcome.KNOWN, "away for a week")
    await home.until(MORNING_OVER + timedelta(days=1, minutes=1), step=timedelta(hours=4))
    assert (await home.silence()).state is AlertState.RESOLVED


async def test_the_morning_is_told_once_a_day_and_says_nothing_of_anybody(home: SilentHome) -> None:
    made = home.clinic
    digest = MorningDigest(made.records, clock=made.clock)
    await digest.run_due()
    made.clock.now = datetime(2026, 11, 23, 6, tzinfo=UTC)  # 07:00 in Stockholm, all green
    assert await digest.run_due() == 1
    assert await home.waiting() == []
    await made.arrive(made.measured(186, 112))
    alert = await made.alert()
    await made.actions.acknowledge(alert.id, made.people[0])
    made.clock.now = datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert await digest.run_due() == 1
    assert await digest.run_due() == 0
    told = await home.waiting()
    assert {(one.address, one.notice, one.path) for one in told} == {
        ("es@example.org", "digest", "/worklist"),
        ("kl@example.org", "digest", "/worklist"),
    }


def test_summer_time_moves_the_morning() -> None:
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert next_morning("Europe/Stockholm", spring) == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert next_morning("Europe/Stockholm", spring - timedelta(days=1)) == datetime(2026, 3, 28, 6, tzinfo=UTC)


async def test_marks_that_are_close_are_one_span_and_a_short_break_does_not_hide_a_slot(home: SilentHome) -> None:
    made, start = home.clinic, home.now
    comes = [True]
    marks = IntakeMarks(made.records, lambda: comes[0], made.clock)

    async def intake() -> Intake | None:
        async with made.records.read() as unit:
            return await unit.silence.intake(made.clock.now)

    assert await intake() is None
    await marks.mark()
    made.clock.turn(seconds=90)
    await marks.mark()
    assert await intake() == Intake(start, start)
    comes[0] = False
    made.clock.turn(minutes=10)
    await marks.mark()
    assert await intake() is None
    comes[0] = True
    await marks.mark()
    assert await intake() == Intake(made.clock.now, start)
    made.clock.turn(minutes=20)
    await marks.mark()
    assert await intake() == Intake(made.clock.now, made.clock.now)
