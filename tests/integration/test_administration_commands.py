"""An organisation set up by commands alone, and quarantine looked after by commands."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from hearthline_backend.cli import app
from hearthline_backend.storage.records.engine import SqlRecords
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.quarantine import Refusal
from hearthline_backend.web.passwords import password_matches
from tests.fixtures.records import NOW, records_url

CUFF = "C0:00:00:00:00:01"
ANA = ("patient", "add", "--given-name", "Ana", "--family-name", "Test", "--birth-year", "1950")
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("HEARTHLINE_PROFILE", "demo")
    monkeypatch.setenv("HEARTHLINE_DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments: str, stdin: str | None = None, ok: bool = True) -> Result:
        result = CliRunner().invoke(app, arguments, input=stdin)
        assert (result.exit_code == 0) is ok, result.output
        assert "Traceback" not in result.output
        return result

    return invoke


def _team(run: Run) -> str:
    run("organisation", "add", "Test Region")
    return run("team", "add", "Team One", "--time-zone", "Europe/Stockholm").stdout.strip()


async def test_help_is_quick() -> None:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "importtime", "-m", "hearthline_backend.cli", "--help",
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, imported = await process.communicate()
    assert time.monotonic() - began < 10
    for heavy in (b"sqlalchemy", b"aiohttp", b"paho", b"alembic", b"pydantic_settings"):
        assert heavy not in imported


def test_an_organisation_is_set_up_by_commands(run: Run, tmp_path: Path) -> None:
    team = _team(run)
    patient = run(
        *ANA, "--condition", "hypertension",
    ).stdout.strip()  # fmt: skip
    said = run(
        "user", "add", "Nurse", "--role", "care", "--title", "Nurse", "--initials", "N.N.", "--on-call", "0",
        "--mail", "nurse@example.org", "--webhook", "https://example.org/hook", stdin="a long password\n",
    )  # fmt: skip
    assert "Secret of the webhook" in said.stdout
    run(
        "user", "add", "ana", "--role", "patient", "--title", "Patient", "--initials", "A.T.", "--patient", patient,
        stdin="another password\n",
    )  # fmt: skip
    run("gateway", "add", "home-0001", "--home", "0001", "--time-zone", "Europe/Madrid")
    run("sensor", "add", CUFF.lower(), "--gateway", "home-0001", "--device", "cuff", "--model", "Test")
    run("sensor", "assign", CUFF, "--patient", patient, "--from", "2026-11-01T00:00:00+01:00")
    assert patient in run("patient", "list").stdout

    async def look() -> None:
        records = SqlRecords.open(records_url(tmp_path / "data" / "records.sqlite3"))
        async with records.read() as unit:
            nurse = await unit.people.user_by_login("nurse")
            assert nurse is not None
            assert (nurse.role, nurse.team_id) == (Role.CARE, UUID(team))
            assert await password_matches(nurse.password_hash, "a long password")
            assert [one.channel for one in await unit.people.contacts(nurse.id)] == ["mail", "webhook"]
            (plan,) = await unit.care.plan_history(UUID(patient))
            assert plan.conditions == ("hypertension",)
            (assignment,) = await unit.homes.assignments(sensors_at=[CUFF])
            assert assignment.patient_id == UUID(patient)
        await records.close()

    asyncio.run(look())


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("organisation", "add", "Test Region"), "already"),
        (("team", "add", "Two", "--time-zone", "Mars/One"), "time zone"),
        (("team", "add", "Two", "--time-zone", "Europe/Madrid", "--organisation", "Nowhere"), "Test Region"),
        (("user", "add", "x", "--role", "care", "--title", "Nurse", "--initials", "X"), "12 characters"),
        (("gateway", "add", "Home 1", "--home", "1", "--time-zone", "Europe/Madrid"), "a-z"),
        (("sensor", "add", CUFF, "--gateway", "home-0009", "--device", "cuff", "--model", "x"), "gateway add"),
        (("sensor", "add", "C0", "--gateway", "home-0009", "--device", "cuff", "--model", "x"), "hexadecimal"),
        (("sensor", "assign", CUFF, "--patient", str(UUID(int=1))), "sensor add"),
        (("sensor", "assign", CUFF, "--patient", str(UUID(int=1)), "--from", "yesterday"), "offset"),
        ((*ANA, "--condition", "x"), "hypertension"),
        (("quarantine", "show", "7"), "quarantine list"),
        (("quarantine", "discard", "7", "--reason", "x"), "quarantine list"),
        (("quarantine", "retry", "7"), "quarantine list"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_what_would_work(run: Run, arguments: tuple[str, ...], names: str) -> None:
    _team(run)
    assert names in run(*arguments, stdin="short\n", ok=False).stderr


def test_quarantine_by_commands(run: Run, tmp_path: Path) -> None:
    run("migrate")
    rows = [
        Refusal("home-0001", "rejected", "not_json", "the message is not JSON", b"Anna 186", NOW),
        Refusal("home-0001", "held", "unknown_gateway", "no gateway of this name", b"{}", NOW),
    ]

    async def put() -> None:
        records = SqlRecords.open(records_url(tmp_path / "data" / "records.sqlite3"))
        async with records.begin() as unit:
            for row in rows:
                await unit.quarantine.put(row)
        await records.close()

    asyncio.run(put())
    listed = run("quarantine", "list").stdout
    assert [line.split()[2] for line in listed.splitlines()] == ["held", "rejected"]
    assert "Anna" not in listed + run("quarantine", "show", "1").stdout
    assert "--as LOGIN" in run("quarantine", "show", "1", "--show-values", ok=False).stderr
    assert "no care user" in run("quarantine", "show", "1", "--show-values", "--as", "nobody", ok=False).stderr
    _team(run)
    added = ("user", "add", "erik", "--role", "engineer", "--title", "Technician", "--initials", "E.E.")
    run(*added, stdin="a long password\n")
    assert "Anna" in run("quarantine", "show", "1", "--show-values", "--as", "Erik").stdout
    run("quarantine", "retry", "1")
    assert run("quarantine", "list", "--status", "held").stdout.count("\n") == 2
    run("quarantine", "discard", "1", "--reason", "a test")
    assert "discarded: a test" in run("quarantine", "list", "--status", "discarded").stdout
    run("quarantine", "retry", "1", ok=False)
