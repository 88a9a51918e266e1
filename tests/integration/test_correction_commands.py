"""Corrections and quarantine at the command line: what is printed, what is masked, how each command ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from hearthline_backend.cli import app
from hearthline_backend.ingest.batch import payload_of
from hearthline_backend.storage.embedded import EmbeddedReadings
from hearthline_backend.storage.ports import PatientReading
from hearthline_backend.storage.records.care import Patient
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.homes import Assignment
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.storage.records.unit import Unit
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Household, records_url, seed

STORED, WAITS = pressure(186, 112, id=UUID(int=1)), pressure(171, 99, id=UUID(int=2))
OTHER = uuid4()
Run = Callable[..., Result]


@pytest.fixture
def home() -> Household:
    return Household()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Household) -> Run:
    """The commands on stores with one stored reading, and one that waits since two people share the cuff."""
    data = tmp_path / "data"
    monkeypatch.setenv("HEARTHLINE_PROFILE", "demo")
    monkeypatch.setenv("HEARTHLINE_DATA_DIR", str(data))

    def invoke(*arguments: str, ok: bool = True) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code == 0) is ok, result.output
        assert result.exit_code in (0, 1), result.output
        assert "Traceback" not in result.output
        return result

    invoke("migrate")
    asyncio.run(_fill(data, home))
    return invoke


async def _fill(data: Path, home: Household) -> None:
    readings = await EmbeddedReadings.open(data / "readings.sqlite3")
    await readings.write([PatientReading(home.patient, home.gateway, STORED, NOW)])
    await readings.close()

    async def write(unit: Unit) -> None:
        await seed(unit, home)
        await unit.care.add_patient(Patient(OTHER, home.team, "Bo", "Test", 1949, "Europe/Madrid", home.since))
        await unit.homes.assign(Assignment(uuid4(), home.sensor, home.patient, home.since, shared=True))
        await unit.homes.assign(Assignment(uuid4(), home.sensor, OTHER, home.since, shared=True))
        await unit.quarantine.put(
            Refusal(home.gateway, "held", "whose", "it is not clear whose this is", payload_of(WAITS), NOW, WAITS.id)
        )

    await _records(data, write)


async def _records(data: Path, work: Callable[[Unit], Awaitable[Any]]) -> Any:
    records = SqlRecords.open(records_url(data / "records.sqlite3"))
    try:
        async with records.begin() as unit:
            return await work(unit)
    finally:
        await records.close()


async def _looks(data: Path, patient: UUID) -> list[str]:
    """What was looked at, as the patient can read it."""
    return [one.view for one in await _records(data, lambda unit: unit.people.looks(patient, 9))]


def test_a_reading_is_shown_without_its_values_unless_they_are_asked_for(
    run: Run, home: Household, tmp_path: Path
) -> None:
    shown = run("reading", "show", str(STORED.id)).stdout
    assert f"patient: {home.patient}" in shown
    assert "186" not in shown
    assert "--as LOGIN" in run("reading", "show", str(STORED.id), "--show-values", ok=False).stderr
    assert asyncio.run(_looks(tmp_path / "data", home.patient)) == []
    shown = run("reading", "show", str(STORED.id), "--show-values", "--as", f"user-{home.nurse.hex[:8]}").stdout
    assert "systolic: 186.0 mm[Hg]" in shown
    assert asyncio.run(_looks(tmp_path / "data", home.patient)) == ["reading"]
    told = json.loads(run("reading", "show", str(STORED.id), "--json").stdout)
    assert (told["kind"], told["counts"], told["history"]) == ("blood_pressure", True, [])
    assert "values" not in told


def test_in_error_and_back_with_the_history_of_both(run: Run) -> None:
    reading = str(STORED.id)
    assert "up to date" in run("reading", "error", reading, "--reason", "the cuff slipped").stdout
    assert "nothing was changed" in run("reading", "error", reading, "--reason", "again").stdout
    told = json.loads(run("reading", "show", reading, "--json").stdout)
    assert told["counts"] is False
    assert [(one["what"], one["by"], one["reason"]) for one in told["history"]] == [
        ("entered_in_error", "at the command line", "the cuff slipped")
    ]
    run("reading", "restore", reading, "--reason", "it was right")
    assert json.loads(run("reading", "show", reading, "--json").stdout)["counts"] is True


def test_another_patient_or_another_time(run: Run) -> None:
    reading = str(STORED.id)
    run("reading", "correct", reading, "--patient", str(OTHER), "--reason", "Bo used it")
    run("reading", "correct", reading, "--time", "2026-11-20T07:32+01:00", "--reason", "its clock")
    told = json.loads(run("reading", "show", reading, "--json").stdout)
    assert (told["patient"], told["measured"]) == (str(OTHER), "2026-11-20T06:32:00+00:00")
    assert [one["what"] for one in told["history"]] == ["moved", "dated"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("reading", "show", str(uuid4())), "whose list"),
        (("reading", "error", str(uuid4()), "--reason", "x"), "whose list"),
        (("reading", "error", str(STORED.id), "--reason", " "), "say why"),
        (("reading", "correct", str(STORED.id), "--reason", "x"), "--patient or --time"),
        (("reading", "correct", str(STORED.id), "--patient", str(uuid4()), "--reason", "x"), "patient list"),
        (("reading", "correct", str(STORED.id), "--time", "1999-01-01T00:00Z", "--reason", "x"), "2000"),
        (("whose", "take", "7", "--patient", str(OTHER)), "whose list"),
        (("whose", "take", "1", "--patient", str(uuid4())), "patient list"),
        (("whose", "back", str(STORED.id)), "nothing to take back"),
        (("quarantine", "show", "9"), "quarantine list"),
    ],
)
def test_what_cannot_be_corrected_says_what_would_work(run: Run, arguments: tuple[str, ...], says: str) -> None:
    assert says in run(*arguments, ok=False).stderr


def test_whose_is_said_and_taken_back(run: Run) -> None:
    (row,) = json.loads(run("whose", "list", "--json").stdout)
    assert (row["reading"], row["reason"], len(row["candidates"])) == (str(WAITS.id), "whose", 2)
    run("whose", "take", str(row["number"]), "--patient", str(OTHER))
    assert "take that back first" in run("whose", "guest", str(row["number"]), ok=False).stderr
    assert "within a minute" in run("whose", "back", str(WAITS.id)).stdout, "a backend may be settling it just now"


def test_quarantine_as_json_and_what_is_over(run: Run, tmp_path: Path, home: Household) -> None:
    (row,) = json.loads(run("quarantine", "list", "--json").stdout)
    assert (row["number"], row["status"], row["reason"], row["count"]) == (1, "held", "whose", 1)
    assert json.loads(run("quarantine", "list", "--reason", "guest", "--json").stdout) == []
    assert "Nothing is in quarantine" in run("quarantine", "list", "--reason", "guest").stdout
    told = run("quarantine", "show", "1", "--json").stdout
    assert "171" not in told
    assert json.loads(told)["kept"] == "kept whole"
    looking = ("quarantine", "show", "1", "--json", "--show-values", "--as", f"user-{home.nurse.hex[:8]}")
    assert "171" in json.loads(run(*looking).stdout)["payload"]
    for patient in (home.patient, OTHER):  # it may be of either
        assert asyncio.run(_looks(tmp_path / "data", patient)) == ["quarantine"]
    run("quarantine", "retry", "1")
    run("quarantine", "discard", "1", "--reason", " ", ok=False)
    asyncio.run(_records(tmp_path / "data", lambda unit: unit.quarantine.close(1, "released", "taken: 1 stored")))
    assert (
        json.loads(run("quarantine", "list", "--status", "released", "--json").stdout)[0]["message"]
        == "taken: 1 stored"
    )
    for command in (("retry", "1"), ("discard", "1", "--reason", "x")):
        assert "released already" in run("quarantine", *command, ok=False).stderr
