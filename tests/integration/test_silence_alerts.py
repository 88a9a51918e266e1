"""A missing measurement as a time line: a fake clock over real stores, on each engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hearthline_backend.alerting.digest import MorningDigest, next_morning
from hearthline_backend.alerting.intake import IntakeMarks
from hearthline_backend.alerting.silence import SilenceWatch
from hearthline_backend.alerting.silence_homes import HomeWatch
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened, Outcome
from hearthline_backend.storage.records.calls import Claim
from hearthline_backend.storage.records.home_alerts import HomeAlert
from hearthline_backend.storage.records.homes import Assignment, Gateway, Sensor
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.storage.records.silence import Intake
from hearthline_backend.storage.silence_tables import intake_spans
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.records import CUFF, Engine

GATEWAY = "home-0001"
MORNING_OVER = datetime(2026, 11, 22, 10, tzinfo=UTC)
"""11:00 in Stockholm: the morning slot closed an hour ago."""


@dataclass
class Home:
    """The clinic's patient with a cuff behind a gateway, whose status a test sets."""

    clinic: Clinic

    @property
    def now(self) -> datetime:
        return self.clinic.clock.now

    async def open(self) -> None:
        made, since = self.clinic, self.now - timedelta(days=90)
        async with made.records.begin() as unit:
            await unit.homes.add_gateway(Gateway(GATEWAY, "0001", made.organisation, "Europe/Stockholm", since))
            await unit.homes.add_sensor(Sensor(CUFF, GATEWAY, "Test cuff", "cuff", since))
            await unit.homes.assign(Assignment(uuid4(), CUFF, made.patient, since))
            technician = User(uuid4(), "tech", "!", Role.TECHNICIAN, "J.T.", "Technician", made.organisation)
            await unit.people.add_user(technician)
            await unit.people.add_contact(Contact(uuid4(), technician.id, "mail", "jt@example.org", None, 0))
        await self.measured_at(self.now - timedelta(hours=8))  # in the evening slot

    async def measured_at(self, at: datetime) -> None:
        """An inconspicuous blood pressure of that time, arriving now."""
        await self.clinic.arrive(self.clinic.measured(ago_min=(self.now - at).total_seconds() / 60))

    async def says(self, meter: dict[str, Any] | None = None, **more: Any) -> None:
        """The gateway tells how it is."""
        known = {"address": CUFF, "model": "Test cuff", "paired": True, **(meter or {})}
        status = {"schema": 2, "state": "online", "sent_time": self.now.isoformat(), "meters": [known], **more}
        async with self.clinic.records.begin() as unit:
            await unit.homes.report(GATEWAY, status, self.now, heard=status["state"] == "online")

    async def until(self, at: datetime, *, online: bool = True) -> int:
        """Let time pass while data can come, the home being heard, or not; returns how many patients were looked at."""
        await self._taking_until(at)
        looked = 0
        while self.now < at:
            self.clinic.clock.now = min(self.now + timedelta(minutes=10), at)
            if online:
                async with self.clinic.records.begin() as unit:
                    await unit.homes.heard([GATEWAY], self.now)
            looked += await self.look()
        return looked

    async def _taking_until(self, at: datetime) -> None:
        """What :class:`IntakeMarks` would have marked by then."""
        async with self.clinic.records.begin() as unit:
            await unit.silence.mark_intake(self.now)
            await unit.connection.execute(
                intake_spans.update().where(intake_spans.c.until == self.now).values(until=at)
            )

    async def look(self) -> int:
        made = self.clinic
        homes = HomeWatch(made.records, clock=made.clock, events=made.events)
        await homes.run_due()
        return await SilenceWatch(made.records, made.readings, clock=made.clock, events=made.events).run_due()

    async def silences(self) -> list[Alert]:
        return [one for one in await self.clinic.alerts() if one.rule_id.startswith("missing.")]

    async def silence(self) -> Alert:
        (alert,) = await self.silences()
        return alert

    async def hops(self) -> list[str]:
        events = await self.clinic.events_of(await self.silence())
        return next(list(one.detail["hops"]) for one in reversed(events) if "hops" in one.detail)

    async def home_alerts(self) -> tuple[HomeAlert, ...]:
        async with self.clinic.records.read() as unit:
            return await unit.home_alerts.of_home(GATEWAY)

    async def waiting(self) -> list[Claim]:
        """Claim every mail that is due now."""
        async with self.clinic.records.begin() as unit:
            return await unit.calls.claim({"mail": 100}, self.now, timedelta(seconds=15))


@pytest.fixture
async def home(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Home]:
    async with clinic(tmp_path, records_engine) as made:
        opened = Home(made)
        await opened.open()
        yield opened


async def test_a_missed_slot_is_one_alert_that_grows_and_closes_when_a_reading_comes(home: Home) -> None:
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


async def test_a_late_reading_of_the_slot_closes_it_too(home: Home) -> None:
    await home.until(MORNING_OVER + timedelta(minutes=1))
    await home.measured_at(MORNING_OVER - timedelta(hours=2))
    await home.look()
    assert (await home.silence()).state is AlertState.RESOLVED


async def test_nothing_fires_on_pause_and_a_pause_ends_what_fired(home: Home) -> None:
    await home.until(MORNING_OVER + timedelta(minutes=1))
    async with home.clinic.records.begin() as unit:
        await unit.care.pause(home.clinic.patient, home.now + timedelta(days=2), "in hospital")
    await home.look()
    assert (await home.silence()).state is AlertState.RESOLVED
    await home.until(home.now + timedelta(days=1))
    assert (await home.silence()).state is AlertState.RESOLVED
    assert {one[3] for one in await home.clinic.told(await home.silence())} == {"cancelled"}


async def test_a_backend_that_was_away_for_a_day_judges_only_what_closed_after(home: Home) -> None:
    await home.until(MORNING_OVER - timedelta(hours=4))
    home.clinic.clock.turn(days=1, hours=4, minutes=30)  # both slots of the day and the next morning closed meanwhile
    back = home.now
    assert await home.look() == 0
    await home.until(back + timedelta(hours=3))
    assert await home.silences() == []
    await home.until(MORNING_OVER + timedelta(days=1, hours=12, minutes=1))
    assert (await home.silence()).opened_at > back + timedelta(hours=11)


async def test_a_silent_home_is_the_technicians_and_its_backlog_ends_it(home: Home) -> None:
    await home.says()
    await home.until(MORNING_OVER + timedelta(minutes=1), online=False)
    alert = await home.silence()
    assert await home.hops() == ["gateway", "network"]
    assert await home.clinic.told(alert) == []
    (technical,) = await home.home_alerts()
    assert (technical.about, technical.meter) == ("silent_hop", "")
    (mail,) = await home.waiting()
    assert (mail.address, mail.notice, mail.path, mail.patient_id) == ("jt@example.org", "home", "/homes/0001", None)
    await home.until(MORNING_OVER + timedelta(days=2), online=False)
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
async def test_each_hop_names_itself(home: Home, meter: dict[str, Any], more: dict[str, Any], hops: list[str]) -> None:
    async with home.clinic.records.begin() as unit:
        await unit.homes.heard([GATEWAY], home.now)
    await home.says(meter, **more)
    await home.until(MORNING_OVER + timedelta(minutes=1), online=more.get("state") != "offline")
    assert await home.hops() == hops
    technical = hops != ["not_measured"]
    assert bool(await home.clinic.told(await home.silence())) is not technical
    assert bool(await home.home_alerts()) is technical


async def test_what_somebody_resolved_stays_resolved_while_the_same_silence_lasts(home: Home) -> None:
    await home.until(MORNING_OVER + timedelta(minutes=1))
    alert = await home.silence()
    await home.clinic.actions.resolve(alert.id, home.clinic.people[0], Outcome.KNOWN, "away for a week")
    await home.until(MORNING_OVER + timedelta(days=1, minutes=1))
    assert (await home.silence()).state is AlertState.RESOLVED


async def test_the_morning_is_told_once_a_day_and_says_nothing_of_anybody(home: Home) -> None:
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


async def test_marks_that_are_close_are_one_span_and_a_short_break_does_not_hide_a_slot(home: Home) -> None:
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
