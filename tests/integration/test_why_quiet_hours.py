"""A yellow in quiet hours calls nobody yet: the command and the views say so, until when, in the team's own time."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.cli import app
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.people import Contact, Role, User
from hearthline_backend.storage.records.rota_content import QuietContent, RotaContent
from tests.browser.ward import Ward
from tests.browser.ward import pressure as of_ward
from tests.browser.ward_filling import open_ward
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, records_url, seed
from tests.integration.web_visitor import visitor

EVA = UUID(int=0xE7A)
HIGH, TEAM_ZONE = "hypertension.pressure_high", "Europe/Stockholm"


def quiet(begins: time, ends: time, zone: str, last: UUID) -> RotaContent:
    """Nothing agreed but quiet hours."""
    hours = (QuietContent(begins=begins, ends=ends, zone=zone),)
    return RotaContent(zone=zone, first_week=date(2026, 1, 5), places=(), last_resort=(last,), quiet=hours)


async def _yellow_in_quiet_hours(data: Path, now: datetime, ends: datetime) -> None:
    """Two yellow readings of the last minutes; it is quiet from an hour ago until ``ends``."""
    home, nurse = Household(), uuid4()
    readings = await EmbeddedReadings.open(data / "readings.sqlite3")
    records = SqlRecords.open(records_url(data / "records.sqlite3"))
    since, times = now - timedelta(days=70), (now - timedelta(minutes=20), now - timedelta(minutes=5))
    rows = [
        PatientReading(EVA, home.gateway, pressure(165, 82, id=uuid4(), effective_time=at, received_time=at), now)
        for at in times
    ]
    try:
        async with records.begin() as unit:
            await seed(unit, home)
            await unit.care.add_patient(Patient(EVA, home.team, "Eva", "Test", 1950, "Europe/Madrid", since))
            plan = build_plan(patient_id=EVA, version=1, valid_from=since, conditions=["hypertension"], reason="a")
            await unit.care.add_plan(plan, created_at=since)
            user = User(nurse, "nurse", "!", Role.CARE, "E.S.", "Nurse", home.organisation, home.team)
            await unit.people.add_user(user)
            await unit.people.add_contact(Contact(uuid4(), nurse, "mail", "es@example.org", None, 0))
            await unit.people.put_on_call(home.team, nurse, position=0, starts_at=since)
            hours = quiet((now - timedelta(hours=1)).time().replace(microsecond=0), ends.time(), "UTC", nurse)
            await unit.rotas.add_version(home.team, hours, valid_from=since, created_at=since, reason="a test")
        await readings.write(rows)
        async with records.begin() as unit:
            await Judge(readings).judge(unit, rows, now)
    finally:
        await records.close()
        await readings.close()


def test_the_command_says_until_when_it_is_quiet_and_who_is_called_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data, now = tmp_path / "data", datetime.now(UTC)
    ends = (now + timedelta(hours=3)).replace(minute=30, second=0, microsecond=0)
    monkeypatch.setenv("HEARTHLINE_PROFILE", "demo")
    monkeypatch.setenv("HEARTHLINE_DATA_DIR", str(data))
    assert CliRunner().invoke(app, ["migrate"]).exit_code == 0
    asyncio.run(_yellow_in_quiet_hours(data, now, ends))
    said = CliRunner().invoke(app, ["why", str(EVA)]).stdout
    until = f"{ends.astimezone(ZoneInfo(TEAM_ZONE)):%Y-%m-%d %H:%M} ({TEAM_ZONE})"
    assert f"  {HIGH}: nobody was called: it is yellow, and quiet hours last until {until}" in said
    assert f"{HIGH}, waits for the end of quiet hours: the first on call is called {until}, unless somebody" in said
    found = json.loads(CliRunner().invoke(app, ["why", str(EVA), "--json"]).stdout)
    (waits,) = found["waits"]
    assert (waits["rule"], waits["reason"], datetime.fromisoformat(waits["until"])) == (HIGH, "quiet_hours", ends)
    before = CliRunner().invoke(app, ["why", str(EVA), "--at", now.isoformat(timespec="seconds")]).stdout
    assert "quiet hours last until" in before
    assert "waits for" not in before, "what waits now is not of another time"


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


async def test_the_alert_and_the_patient_say_it_in_the_team_s_time(ward: Ward) -> None:
    now, nurse = ward.clock.now, ward.users["nurse"].id
    async with ward.records.begin() as unit:
        hours = quiet(time(22), time(7), "Europe/Stockholm", nurse)
        await unit.rotas.add_version(ward.team, hours, valid_from=now - timedelta(days=9), created_at=now, reason="a")
    measured = (of_ward(now - timedelta(minutes=ago), 166, 92) for ago in (20, 5))
    await ward.arrive("Maja", *measured)
    async with visitor(ward) as client:
        await client.sign_in("nurse")
        alert = await _text(await (await client.get(f"/alerts/{await ward.alert_of('Maja')}")).text())
        patient = await _text(await (await client.get(f"/patients/{ward.patient_id('Maja')}")).text())
    assert "Nobody was called: it is yellow, and quiet hours last until 07:00." in alert, "its story"
    for text in (alert, patient):
        assert "Called 07:00, when the quiet hours are over." in text
        assert "Stockholm time" in text


async def _text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))
