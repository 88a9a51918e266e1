"""``hearthline plan`` on real stores: shown, tried without saving, changed, taken back, refused in words."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from hearthline_backend.cli import app
from hearthline_backend.domain.templates import build_plan
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.patient_reading import PatientReading
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, records_url, seed

EVA, UNPLANNED = UUID(int=0xE7A), UUID(int=0xB0)
Run = Callable[..., Result]


@pytest.fixture
def home() -> Household:
    return Household()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Household) -> Run:
    """The commands on stores with a patient of two conditions, 155 mmHg every other day of a month."""
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


async def _fill(data: Path, home: Household) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(days=70)
    readings = await EmbeddedReadings.open(data / "readings.sqlite3")
    records = SqlRecords.open(records_url(data / "records.sqlite3"))
    try:
        async with records.begin() as unit:
            await seed(unit, home)
            for one in (EVA, UNPLANNED):
                await unit.care.add_patient(Patient(one, home.team, "Eva", "Test", 1950, "Europe/Madrid", since))
            plan = build_plan(
                patient_id=EVA,
                version=1,
                valid_from=since,
                conditions=["hypertension", "heart_failure"],
                reason="as the templates",
            )
            await unit.care.add_plan(plan, created_at=since)
        times = [now - timedelta(days=30 - number) for number in range(30)]
        values = [155 if number % 2 else 118 for number in range(30)]
        rows = [
            pressure(value, 80, id=UUID(int=n + 1), effective_time=at, received_time=at)
            for n, (value, at) in enumerate(zip(values, times, strict=True))
        ]
        await readings.write([PatientReading(EVA, home.gateway, one, now) for one in rows])
    finally:
        await records.close()
        await readings.close()


@pytest.fixture
def login(home: Household) -> str:
    return f"user-{home.nurse.hex[:8]}"


def shown(run: Run, *options: str) -> Any:
    return json.loads(run("plan", "show", str(EVA), "--json", *options).stdout)


def test_a_plan_is_shown_in_words_and_as_json(run: Run) -> None:
    said = run("plan", "show", str(EVA)).stdout
    assert "Version 1, since" in said
    assert "hypertension.pressure_high" in said
    assert "Expected: blood_pressure:morning, 06:00 to 10:00" in said
    assert "to be decided" in said
    assert "None" not in said
    found = shown(run)
    assert (found["version"], found["conditions"]) == (1, ["hypertension", "heart_failure"])
    assert found["adjusted"]["conflicts"]
    assert "has no plan" in run("plan", "show", str(UNPLANNED), ok=False).output
    assert "no such patient" in run("plan", "show", str(UUID(int=5)), ok=False).output


STRICTER = (
    "--limit",
    "hypertension.pressure_high:red:systolic=150",
    "--limit",
    "hypertension.pressure_high:yellow:systolic=140",
)


def test_a_change_is_tried_before_it_is_saved(run: Run, login: str) -> None:
    change = ("plan", "change", str(EVA), "--by", login, "--reason", "after the visit", *STRICTER)
    found = json.loads(run(*change, "--dry-run", "--json").stdout)
    rows = {row["rule"]: row for row in found["rules"]}
    assert rows["hypertension.pressure_high"]["in_force"] == {"red": 0, "yellow": 0}
    assert rows["hypertension.pressure_high"]["proposed"]["red"] > 0
    assert "Nothing was saved." in run(*change, "--dry-run").stdout
    assert shown(run)["version"] == 1


def test_a_change_is_saved_with_its_author_and_taken_back(run: Run, login: str) -> None:
    change = ("plan", "change", str(EVA), "--by", login, "--reason", "after the visit")
    assert "Version 2 holds from now on" in run(*change, *STRICTER).stdout
    (high,) = [one for one in shown(run)["rules"] if one["id"] == "hypertension.pressure_high"]
    assert next(one for one in high["red"] if one["field"] == "systolic")["value"] == 150
    assert "Set by Nurse T.U.: red systolic 150 mmHg, after the visit" in run("plan", "show", str(EVA)).stdout
    said = run(*change, "--usual", "hypertension.pressure_high:red:diastolic", ok=False).output
    assert "no limit of this patient's own stands there" in said
    old = run(*change, "--usual", "hypertension.pressure_high:red:systolic", "--from-version", "1", ok=False).output
    assert "the plan is at version 2 by now" in old
    undo = run("plan", "undo", str(EVA), "--by", login, "--version", "2", "--reason", "by mistake", "--json")
    assert json.loads(undo.stdout)["version"] == 3
    history = shown(run, "--history")["versions"]
    assert [one["reason"] for one in history] == ["by mistake", "after the visit", "as the templates"]
    assert history[0]["rules"] == history[2]["rules"]


def test_conditions_conflicts_oxygen_and_times(run: Run, login: str) -> None:
    conflict = next(one for one in shown(run)["adjusted"]["conflicts"] if one["by"] == "stricter")
    rule = conflict["stakes"][1]["rule_id"]
    change = ("plan", "change", str(EVA), "--by", login, "--reason", "after the visit", "--json")
    made = json.loads(
        run(
            *change,
            *("--decide", f"{conflict['subject']}={rule}"),
            *("--oxygen", "88-92", "--oxygen-source", "the lung clinic"),
            *("--expect", "body_temperature:evening", "--not-expect", "blood_pressure:evening"),
            *("--limit", "heart_failure.weight_up:yellow:weight@3d6h=2.5"),
        ).stdout
    )
    assert made["adjusted"]["decisions"][0]["rule_id"] == rule
    assert made["adjusted"]["oxygen_target"]["low"] == 88
    times = {(one["kind"], one["name"]) for one in made["slots"]}
    assert ("body_temperature", "evening") in times
    assert ("blood_pressure", "evening") not in times
    (weight,) = [one for one in made["rules"] if one["id"] == "heart_failure.weight_up"]
    assert 2.5 in [one["amount"] for one in weight["yellow"]]
    left = json.loads(run(*change, "--remove", "heart_failure", "--add", "copd", "--no-oxygen").stdout)
    assert left["conditions"] == ["hypertension", "copd"]
    assert left["adjusted"]["decisions"] == []


REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("--limit", "hypertension.pressure_high:red:systolic=18"), "=NUMBER, 20 to 330 mmHg"),
    (("--limit", "hypertension.pressure_high:red:systolic"), "=NUMBER, 20 to 330 mmHg"),
    (("--limit", "hypertension.pressure_high:red:pulse=99"), "there are: hypertension.pressure_high:red:systolic"),
    (("--limit", "nonsense"), "expected RULE:red|yellow:FIELD"),
    (("--limit", "hypertension.pressure_high:red:systolic=150"), "lies below the red one of 150 mm[Hg]"),
    (("--add", "gout"), "there is no template 'gout'"),
    (("--remove", "copd"), "--remove copd: the plan has only hypertension, heart_failure"),
    (("--decide", "glucose"), "expected SUBJECT=RULE"),
    (("--decide", "glucose=hypertension.pulse_high"), "there is no conflict 'glucose' to decide"),
    (("--oxygen", "88"), "expected LOW-HIGH in per cent"),
    (("--oxygen", "88-92"), "--oxygen needs --oxygen-source"),
    (("--oxygen", "92-88", "--oxygen-source", "s"), "low before high"),
    (("--expect", "blood_pressure:noon"), "expected KIND:TIME"),
    (("--not-expect", "glucose:morning"), "the plan does not expect it"),
    ((), "nothing would change"),
)


def test_what_cannot_be_meant_is_refused_in_words(run: Run, login: str) -> None:
    for options, said in REFUSED:
        answer = run("plan", "change", str(EVA), "--by", login, "--reason", "after the visit", *options, ok=False)
        assert said in answer.output
        assert answer.exit_code == 1
    assert shown(run)["version"] == 1


OWN = """
[[rules]]
type = "moving_average"
id = "own.weight_drift"
kind = "body_weight"
field = "weight"
direction = "above"
yellow = [{ field = "weight", value = 81, unit = "kg" }]
span = "3 d"
look_back = "7 d"
rejoin_within = "1 d"
source = "Agreed at the visit"
advice = "Ask about swelling."
"""


def test_a_first_plan_is_made_for_who_has_none(run: Run, login: str) -> None:
    change = ("plan", "change", str(UNPLANNED), "--by", login, "--reason", "enrolled", "--json")
    assert json.loads(run(*change, "--add", "copd").stdout)["version"] == 1
    assert "Version 1, since" in run("plan", "show", str(UNPLANNED)).stdout
    said = run("plan", "undo", str(UNPLANNED), "--by", login, "--version", "1", "--reason", "r", ok=False).output
    assert "cannot be taken back" in said


def test_rules_of_the_patient_s_own_come_and_go(run: Run, login: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    change = ("plan", "change", str(EVA), "--by", login, "--reason", "after the visit")
    tried = json.loads(run(*change, "--rules", str(file), "--dry-run", "--json").stdout)
    assert {row["rule"]: row["in_force"] for row in tried["rules"]}["own.weight_drift"] is None
    run(*change, "--rules", str(file))
    run(*change, "--limit", "own.weight_drift:yellow:weight=82", "--add", "copd")
    found = shown(run)
    (own,) = [one for one in found["rules"] if one["id"] == "own.weight_drift"]
    assert (own["yellow"][0]["value"], found["adjusted"]["rules"][0]["yellow"][0]["value"]) == (82, 81)
    said = run(*change, "--drop-rule", "hypertension.pulse_low", ok=False).output
    assert "is no rule of this patient's own; there are: own.weight_drift" in said
    run(*change, "--drop-rule", "own.weight_drift")
    assert "own.weight_drift" not in {one["id"] for one in shown(run)["rules"]}
    file.write_text(OWN.replace("own.weight_drift", "hypertension.pressure_high"))
    said = run(*change, "--rules", str(file), ok=False).output
    assert "hypertension.pressure_high is a template's rule" in said


def test_only_the_team_answers_for_a_change(run: Run) -> None:
    answer = run("plan", "change", str(EVA), "--by", "nobody", "--reason", "r", *STRICTER, ok=False)
    assert "'nobody' is nobody in the care team of this patient" in answer.output
