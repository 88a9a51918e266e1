"""What comes at a time of day, or when something ends: send at t, expect between t1 and t2, on real Records."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from hearthline_backend.alerting.digest import MorningDigest
from hearthline_backend.alerting.snooze_ends import SnoozeEnds
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import AlertState
from hearthline_backend.storage.records.care import Patient, Team
from hearthline_backend.storage.records.people import Contact, Role, User
from tests.fixtures.clinic import Clinic, clinic
from tests.fixtures.records import Engine
from tests.fixtures.silent_home import MORNING_OVER, SilentHome
from tests.fixtures.timeline import Timeline, timeline

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def line(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Timeline]:
    """A Monday with one nurse by day, one by night."""
    async with timeline(tmp_path, records_engine) as made:
        await _staffed(made)
        yield made


async def _staffed(line: Timeline, **more: object) -> None:
    for initials in ("DA", "NI", "LR"):
        await line.person(initials)
    await line.rota([("daily 08:00", "DA"), ("daily 20:00", "NI")], last_resort="LR", **more)  # type: ignore[arg-type]  # as given


@pytest.mark.parametrize("day", ["2027-03-28", "2026-10-25"], ids=["clocks forward", "clocks back"])
async def test_quiet_hours_end_at_seven_on_the_wall_in_the_night_the_clocks_change(
    tmp_path: Path, records_engine: Engine, day: str
) -> None:
    async with timeline(tmp_path, records_engine, day=day) as line:
        await _staffed(line, quiet=[(None, "22:00", "07:00")])
        line.clinic.clock.now = line.moment("-1 12:00")
        line.yellow("-1 23:00")
        line.expect("NI", "07:00", "07:01", level=Level.YELLOW, occasion="raised")
        await line.run("07:59")
        (call,) = line.calls
        assert call.at == datetime(2027, 3, 28, 5, tzinfo=UTC) or call.at == datetime(2026, 10, 25, 6, tzinfo=UTC)


async def test_a_snooze_ends_at_its_time_and_whoever_is_on_call_by_then_is_called(line: Timeline) -> None:
    clinic = line.clinic
    line.jobs.append(SnoozeEnds(clinic.records, clock=clinic.clock, events=clinic.events).run_due)
    line.yellow("18:30")
    line.expect("DA", "18:30", "18:31", level=Level.YELLOW, occasion="raised")

    async def snooze() -> None:
        await clinic.actions.snooze((await clinic.alert()).id, line.people["DA"], line.moment("21:30"))

    async def nothing() -> None:
        """A tick, and no more."""

    line.at("18:40", snooze)
    for when in ("21:29", "21:30"):
        line.at(when, nothing)
    line.expect("NI", "21:30", "21:31", level=Level.YELLOW, occasion="snooze_over")
    await line.run("23:30")


async def test_a_late_red_is_a_review_until_nine_and_calls_nobody_before(line: Timeline) -> None:
    clinic = line.clinic
    line.at("21:00", lambda: clinic.arrive(clinic.measured(128, 82)))
    line.at("21:30", lambda: clinic.arrive(clinic.measured(186, 112, ago_min=14 * 60)))
    line.expect("DA", "+1 09:00", "+1 09:01", level=Level.YELLOW, occasion="comes_back")
    await line.run("+1 09:30")
    alert = await clinic.alert()
    assert (alert.review, alert.level, alert.state) == (True, Level.RED, AlertState.OPEN)


@pytest.fixture
async def home(tmp_path: Path, records_engine: Engine) -> AsyncIterator[SilentHome]:
    async with clinic(tmp_path, records_engine) as made:
        opened = SilentHome(made)
        await opened.open()
        yield opened


async def test_the_first_missed_slot_is_the_care_teams_the_second_the_technicians_too(home: SilentHome) -> None:
    await home.says()
    await home.until(MORNING_OVER - MINUTE)
    assert await home.silences() == [], "an hour after the slot, not sooner"
    await home.until(MORNING_OVER + MINUTE)
    alert = await home.silence()
    assert MORNING_OVER - MINUTE < alert.opened_at <= MORNING_OVER + MINUTE
    first = [one for one in await home.waiting() if one.notification.alert_id == alert.id]
    assert [(one.address, one.level) for one in first] == [("es@example.org", Level.YELLOW)]
    evening = MORNING_OVER + timedelta(hours=12)
    await home.until(evening - MINUTE)
    assert await home.home_alerts() == ()
    await home.until(evening + MINUTE)
    (quiet,) = await home.home_alerts()
    assert evening - MINUTE < quiet.opened_at <= evening + MINUTE
    second = {(one.address, one.notice) for one in await home.waiting()} - {("es@example.org", None)}
    assert second == {("jt@example.org", "home")}, "and the care team not again"


async def _second_team(made: Clinic, zone: str) -> str:
    """Another team of one, with a patient of whom something is wrong."""
    team, patient, nurse = uuid4(), uuid4(), uuid4()
    async with made.records.begin() as unit:
        await unit.care.add_team(Team(team, made.organisation, "Far team", zone, "911"))
        await unit.care.add_patient(
            Patient(patient, team, "Ana", "Test", 1950, zone, made.clock.now - timedelta(days=9))
        )
        user = User(nurse, "far-nurse", "!", Role.CARE, "F.N.", "Nurse", made.organisation, team)
        await unit.people.add_user(user)
        await unit.people.add_contact(Contact(uuid4(), nurse, "mail", "fn@example.org", None, 0))
        await unit.people.put_on_call(team, nurse, position=0, starts_at=made.clock.now - timedelta(days=9))
        await unit.alerts.add(replace(await made.alert(), patient_id=patient))
    return "fn@example.org"


@pytest.mark.parametrize(
    "day", [date(2026, 11, 24), date(2026, 10, 25), date(2027, 3, 14)], ids=["winter", "europe back", "new york on"]
)
async def test_each_team_has_its_morning_at_seven_on_its_own_wall_once(
    tmp_path: Path, records_engine: Engine, day: date
) -> None:
    async with clinic(tmp_path, records_engine) as made:
        made.clock.now = datetime.combine(day, time(12), tzinfo=UTC) - timedelta(days=1)
        await made.arrive(made.measured(186, 112))
        await made.actions.acknowledge((await made.alert()).id, made.people[0])
        far = await _second_team(made, "America/New_York")
        digest = MorningDigest(made.records, clock=made.clock)
        await digest.run_due()  # they are watched from now on, and told of this morning, which is over
        async with made.records.begin() as unit:
            await unit.calls.claim({"mail": 100}, made.clock.now, timedelta(days=30))
        told: dict[str, list[datetime]] = {}
        mornings = [
            datetime.combine(day, time(7), tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for zone in ("Europe/Stockholm", "America/New_York")
        ]
        for at in sorted(one + by for one in mornings for by in (-MINUTE, timedelta(seconds=30), timedelta(hours=2))):
            made.clock.now = at
            await digest.run_due()
            async with made.records.begin() as unit:
                for claim in await unit.calls.claim({"mail": 100}, at, timedelta(days=30)):
                    if claim.notice is not None and claim.notice.value == "digest":
                        told.setdefault(claim.address, []).append(at)
        seconds = timedelta(seconds=30)
        assert told == {
            "es@example.org": [mornings[0] + seconds],
            "kl@example.org": [mornings[0] + seconds],
            far: [mornings[1] + seconds],
        }
