"""Rotas, stand-ins, holidays, trials and contacts by commands alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from hearthline_backend.cli import app
from hearthline_backend.rota_file import EXAMPLE

PEOPLE = ("anna", "nils", "nora", "wera", "sofia", "stina", "head")
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

    invoke("organisation", "add", "Test Region")
    invoke("team", "add", "Team One", "--time-zone", "Europe/Stockholm")
    for login in PEOPLE:
        care = ("--role", "care", "--title", "Doctor" if login == "head" else "Nurse", "--initials", login[:2])
        invoke("user", "add", login, *care, "--mail", f"{login}@example.org", stdin="a long password\n")
    return invoke


@pytest.fixture
def rota(run: Run, tmp_path: Path) -> Path:
    """The example, agreed."""
    path = tmp_path / "rota.toml"
    path.write_text(run("rota", "example").stdout, encoding="utf-8")
    said = run("rota", "set", str(path), "--reason", "the first one").stdout
    assert "Team One has version 1 of its rota" in said
    assert "hearthline rota try" in said
    return path


def shown(run: Run, *more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(run("rota", "show", "--json", *more).stdout)
    return found


def next_weekday(weekday: int, hour: int) -> datetime:
    now = datetime.now(ZoneInfo("Europe/Stockholm"))
    day = now.date() + timedelta(days=(weekday - now.weekday()) % 7 + 7)
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("Europe/Stockholm"))


def test_the_teams_time_to_confirm_a_report_is_shown_and_goes_with_its_line(run: Run, rota: Path) -> None:
    assert shown(run)["confirm_report_min"] == 120
    assert "Reports: to be confirmed within 120 min, quiet hours apart" in run("rota", "show").stdout
    without = [line for line in EXAMPLE.splitlines() if not line.startswith("confirm_report_min")]
    rota.write_text("\n".join(without), encoding="utf-8")
    run("rota", "set", str(rota), "--reason", "the site's will do")
    assert shown(run)["confirm_report_min"] is None
    assert "Reports:" not in run("rota", "show").stdout


def test_the_example_is_printed_as_documented(run: Run) -> None:
    assert run("rota", "example").stdout == EXAMPLE


def test_show_says_who_is_on_call_until_when_and_who_is_next(run: Run, rota: Path) -> None:
    monday = next_weekday(0, 9)
    found = shown(run, "--at", monday.isoformat())
    assert found["on_call"] == [
        {
            "place": 1,
            "who": "anna",
            "until": monday.replace(hour=20).astimezone(UTC).isoformat(),
            "quiet_until": None,
        },
        {
            "place": 2,
            "who": found["on_call"][1]["who"],  # type: ignore[index]
            "until": (monday.replace(hour=8) + timedelta(days=7)).astimezone(UTC).isoformat(),
            "quiet_until": None,
        },
    ]
    assert found["next_handover"]["at"] == monday.replace(hour=20).astimezone(UTC).isoformat()  # type: ignore[index]
    assert found["last_resort"] == [{"who": "head", "tried": None, "outcome": None}]
    assert found["nobody"] == []
    words = run("rota", "show", "--at", monday.isoformat()).stdout
    assert "1. anna, until Mon" in words
    assert "Last resort: head, not tried for 35 days" in words
    assert "Step 2: everybody with the title Doctor by apprise, then 10 min" in words


def test_a_rota_that_cannot_be_used_is_refused_in_a_sentence_and_nothing_changes(run: Run, rota: Path) -> None:
    rota.write_text(EXAMPLE.replace('"anna"', '"anne"'), encoding="utf-8")
    said = run("rota", "set", str(rota), ok=False).output
    assert "nobody in the team has the login 'anne'" in said
    assert run("rota", "set", str(rota.parent / "missing.toml"), ok=False).output.count("\n") == 1
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    rota.write_text(EXAMPLE, encoding="utf-8")
    assert "--from lies behind" in run("rota", "set", str(rota), "--from", past, ok=False).output
    assert "1. anna" in run("rota", "show", "--at", next_weekday(0, 9).isoformat()).stdout


def test_spans_without_anybody_are_told(run: Run, rota: Path) -> None:
    half = EXAMPLE.partition("[[place]]")[0] + (
        '[[place]]\nturn = [\n  { days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], at = 08:00:00, people = '
        '["anna"] },\n  { days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], at = 20:00:00, people = [] },\n]\n'
    )
    rota.write_text(half, encoding="utf-8")
    said = run("rota", "set", str(rota)).stdout
    assert said.count("reds go to the last resort then") >= 7
    assert shown(run)["nobody"]


def test_somebody_who_is_away_is_replaced_until_it_is_taken_back(run: Run, rota: Path) -> None:
    monday = next_weekday(0, 9)
    span = ("--from", monday.isoformat(), "--until", (monday + timedelta(hours=3)).isoformat())
    assert "nora stands in for anna" in run("rota", "swap", "--away", "anna", "--instead", "nora", *span).stdout
    at = ("--at", monday.isoformat())
    assert shown(run, *at)["on_call"][0]["who"] == "nora"  # type: ignore[index]
    assert "Stand-in 1 holds no longer." in run("rota", "back", "1").stdout
    assert shown(run, *at)["on_call"][0]["who"] == "anna"  # type: ignore[index]
    run("rota", "back", "1", ok=False)
    assert "the next in order moves up" in run("rota", "swap", "--away", "anna", *span).stdout
    assert [one["place"] for one in shown(run, *at)["on_call"]] == [2]  # type: ignore[attr-defined]
    for wrong in (("--away", "nobody"), ("--away", "anna", "--instead", "anna")):
        run("rota", "swap", *wrong, *span, ok=False)
    assert "offset" in run("rota", "swap", "--away", "anna", "--until", "2099-01-01", ok=False).output


def test_a_holiday_is_like_another_day_or_has_people_of_its_own(run: Run, rota: Path) -> None:
    monday = next_weekday(0, 9)
    at = ("--at", monday.isoformat())
    day = str(monday.date())
    run("rota", "holiday", day, "--like", "sunday", "--name", "Midsummer")
    assert shown(run, *at)["on_call"][0]["who"] == "wera"  # type: ignore[index]
    assert {"day": day, "name": "Midsummer"} in shown(run)["holidays"]  # type: ignore[operator]
    run("rota", "holiday", day, "--people", "stina", "--people", "nils")
    assert [one["who"] for one in shown(run, *at)["on_call"]] == ["stina", "nils"]  # type: ignore[attr-defined]
    run("rota", "holiday", day, "--remove")
    assert shown(run, *at)["on_call"][0]["who"] == "anna"  # type: ignore[index]
    for wrong in ((day,), (day, "--like", "someday"), ("yesterday", "--like", "sun"), (day, "--remove")):
        run("rota", "holiday", *wrong, ok=False)


def test_trying_the_last_resort_says_who_was_reached_and_is_on_record(run: Run, rota: Path) -> None:
    said = run("rota", "try", ok=False)
    assert "head by mail: failed" in said.output
    assert "Not everybody of the last resort was reached" in said.output
    assert shown(run)["last_resort"][0]["outcome"] == "failed"  # type: ignore[index]


def test_contacts_are_added_and_their_secrets_not_shown(run: Run) -> None:
    run("contact", "add", "head", "--channel", "apprise", "--safe", stdin="ntfy://example.org/hidden-topic\n")
    said = run("contact", "add", "head", "--channel", "webhook", stdin="https://example.org/hook\n").stdout
    assert "Secret of the webhook: " in said
    listed = run("contact", "list", "head").stdout
    assert "apprise  ntfy://...  safe" in listed
    assert "hidden-topic" not in listed
    for channel, wrong in (("apprise", "nosuch://x"), ("webhook", "example.org"), ("mail", "head"), ("mail", "")):
        refused = run("contact", "add", "head", "--channel", channel, stdin=f"{wrong}\n", ok=False)
        assert refused.output.strip()
    run("contact", "list", "nobody", ok=False)
    assert "Europe/Madrid" in run("user", "zone", "head", "Europe/Madrid").stdout
    run("user", "zone", "head", "Europe/Nowhere", ok=False)
    assert "the zone of the team" in run("user", "zone", "head", "--", "-").stdout
