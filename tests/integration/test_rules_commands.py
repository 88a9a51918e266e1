"""``hearthline rules`` and ``hearthline why`` on real stores: what rules say, what they would have said, and why."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from hearthline_backend.alerting.judge import Judge
from hearthline_backend.cli import app
from hearthline_backend.domain.templates import TEMPLATES, build_plan
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_protocol.readings import Reading
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, records_url, seed

EVA, UNPLANNED = UUID(int=0xE7A), UUID(int=0xB0)
STRICT = """
[[rules]]
type = "threshold"
id = "hypertension.pressure_high"
kind = "blood_pressure"
direction = "above"
red = [{ field = "systolic", value = 150, unit = "mm[Hg]" }]
look_back = "7 d"
rejoin_within = "1 h"
source = "proposed"
advice = "a"

[[rules]]
type = "missing"
id = "missing.glucose"
kind = "glucose"
source = "s"
advice = "a"
"""
Run = Callable[..., Result]


@pytest.fixture
def home() -> Household:
    return Household()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Household) -> Run:
    """The commands on stores with a patient whose 30 readings of a week are judged: every third was 155, one 186."""
    data = tmp_path / "data"
    monkeypatch.setenv("HEARTHLINE_PROFILE", "demo")
    monkeypatch.setenv("HEARTHLINE_DATA_DIR", str(data))

    def invoke(*arguments: str, ok: bool = True) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code == 0) is ok, result.output
        assert "Traceback" not in result.output
        return result

    invoke("migrate")
    asyncio.run(_fill(data, home))
    return invoke


def _measured(now: datetime) -> list[Reading]:
    values = [186 if number == 20 else 155 if number % 3 == 0 else 112 for number in range(30)]
    times = [now - timedelta(days=10, hours=-6 * number) for number in range(30)]
    readings = [
        pressure(value, 82, id=UUID(int=number + 1), effective_time=at, received_time=at)
        for number, (value, at) in enumerate(zip(values, times, strict=True))
    ]
    proof = pressure(
        199, 82, id=UUID(int=99), effective_time=times[0] + timedelta(hours=1), received_time=now, synthetic=True
    )
    return [*readings, proof]


async def _fill(data: Path, home: Household) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(days=70)
    readings = await EmbeddedReadings.open(data / "readings.sqlite3")
    records = SqlRecords.open(records_url(data / "records.sqlite3"))
    rows = [PatientReading(EVA, home.gateway, one, now) for one in _measured(now)]
    try:
        async with records.begin() as unit:
            await seed(unit, home)
            for one in (EVA, UNPLANNED):
                await unit.care.add_patient(Patient(one, home.team, "Eva", "Test", 1950, "Europe/Madrid", since))
            plan = build_plan(
                patient_id=EVA, version=1, valid_from=since, conditions=["hypertension"], reason="template"
            )
            await unit.care.add_plan(plan, created_at=since)
        await readings.write(rows)
        async with records.begin() as unit:
            await Judge(readings).judge(unit, rows, now)
    finally:
        await records.close()
        await readings.close()


def test_the_templates_are_listed_and_shown_in_words(run: Run) -> None:
    listed = json.loads(run("rules", "list", "--json").stdout)
    assert listed.keys() == TEMPLATES.keys()
    shown = run("rules", "show", "hypertension").stdout
    assert "180" in shown
    assert "Source: NICE NG136" in shown
    assert "no template is named 'gout'" in run("rules", "show", "gout", ok=False).output


def test_what_is_shown_as_json_is_a_file_of_rules(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(run("rules", "show", str(EVA), "--json").stdout)
    said = run("rules", "check", str(file)).stdout
    assert f"{len(TEMPLATES['hypertension'].rules)} rules; every one can be used." in said
    assert "has no plan" in run("rules", "show", str(UNPLANNED), ok=False).output


def test_a_file_that_cannot_be_used_is_told_by_rule_and_field(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(STRICT.replace("value = 150", 'value = "150"'))
    for command in (("check", str(file)), ("backtest", str(EVA), "--rules", str(file))):
        assert (
            "rule 1 (hypertension.pressure_high), red 1 value: expected a number"
            in run("rules", *command, ok=False).output
        )


def test_a_backtest_puts_what_is_proposed_beside_what_is_in_force(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "strict.toml"
    file.write_text(STRICT)
    found = json.loads(run("rules", "backtest", str(EVA), "--rules", str(file), "--json").stdout)
    assert (found["patients"], found["readings"]) == (1, 30)
    assert found["patient_weeks"] == pytest.approx(10 / 7, abs=0.01)  # enrolled for 70 days, measured since 10
    rows = {row["rule"]: row for row in found["rules"]}
    assert rows["hypertension.pressure_high"]["in_force"] == {"red": 1, "yellow": 0}
    # Every 155 by itself, one of them right after the 186: the proposed rule does not rejoin within its hour.
    assert rows["hypertension.pressure_high"]["proposed"] == {"red": 10, "yellow": 0}
    assert rows["hypertension.pulse_low"]["in_force"] == rows["hypertension.pulse_low"]["proposed"]
    load = found["alerts_per_patient_week"]
    assert load["in_force"] == pytest.approx(0.7, abs=0.01)
    assert load["proposed"] == pytest.approx(7.0, abs=0.01)


def test_a_short_backtest_counts_what_opened_within_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "strict.toml"
    file.write_text(STRICT)
    found = json.loads(
        run("rules", "backtest", str(EVA), "--rules", str(file), "--days", "4", "--json").stdout
    )  # the last readings are older than 2 days and 18 hours
    assert found["readings"] < 10
    proposed = {row["rule"]: row["proposed"] for row in found["rules"]}["hypertension.pressure_high"]
    assert 0 < proposed["red"] < 5


def test_a_team_is_backtested_together_and_told_in_a_table(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "strict.toml"
    file.write_text(STRICT)
    said = run("rules", "backtest", "--team", "Team One", "--rules", str(file)).stdout
    assert "hypertension.pressure_high" in said
    assert "10 red, 0 yellow" in said
    assert "Not tried, since no reading fires it: missing.glucose" in said
    assert "say whose readings" in run("rules", "backtest", "--rules", str(file), ok=False).output
    nobody = run("rules", "backtest", str(UUID(int=5)), "--rules", str(file), ok=False).output
    assert "there is no such patient" in nobody


def test_why_explains_the_last_reading_that_nobody_heard_of(run: Run) -> None:
    found = json.loads(run("why", str(EVA), "--json").stdout)
    by_rule = {one["rule"]: one for one in found["evaluations"]}
    high = by_rule["hypertension.pressure_high"]
    assert high.keys() >= {"rule", "version", "readings", "fired", "reason"}
    assert (high["fired"], high["reason"], high["version"]) == (False, "within_limits", 1)
    assert high["readings"] == [str(UUID(int=30))]
    assert by_rule["hypertension.pressure_average"]["reason"] in ("protocol_incomplete", "within_limits")
    assert found["nobody"] == [{"reading": str(UUID(int=30)), "kind": "blood_pressure", "reason": "no_alert_changed"}]


def test_why_explains_what_fired_at_a_time_and_why_nobody_was_called(run: Run) -> None:
    at = datetime.now(UTC) - timedelta(days=5, minutes=-2)
    found = json.loads(run("why", str(EVA), "--at", at.isoformat(timespec="seconds"), "--json").stdout)
    high = next(one for one in found["evaluations"] if one["rule"] == "hypertension.pressure_high")
    assert (high["fired"], high["level"], high["readings"]) == (True, "red", [str(UUID(int=21))])
    assert "186" in high["text"]
    said = run("why", str(EVA), "--at", at.isoformat(timespec="seconds")).stdout
    assert "hypertension.pressure_high, version 1: fired red" in said
    assert "nobody was called" in said


def test_why_has_nothing_to_say_of_nobody(run: Run) -> None:
    assert "No reading" in run("why", str(UNPLANNED)).stdout
    assert "no such patient" in run("why", str(UUID(int=5)), ok=False).output
    assert json.loads(run("why", str(UNPLANNED), "--json").stdout)["evaluations"] == []
    assert "No reading" in run("why", str(EVA), "--at", "1999-12-31T23:59Z").stdout
    for at in ("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"):
        assert "--at is a time in the years 1900 to 2199" in run("why", str(EVA), "--at", at, ok=False).output
