"""``hearthline replay``: what rules would have said of one patient's readings, as the command prints it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HEAD = "time,kind,field,value,unit"
RED = [
    "2026-01-01T08:00:00,blood_pressure,systolic,186,mm[Hg]",
    "2026-01-01T08:00:00,blood_pressure,diastolic,112,mm[Hg]",
]
FINE = [
    "2026-01-02T08:00:00,blood_pressure,systolic,130,mm[Hg]",
    "2026-01-02T08:00:00,blood_pressure,diastolic,80,mm[Hg]",
]


def replay(tmp_path: Path, lines: list[str], *options: str) -> tuple[int, list[dict[str, Any]], str]:
    csv = tmp_path / "readings.csv"
    csv.write_text("\n".join([HEAD, *lines]) + "\n")
    program = Path(sys.executable).parent / "hearthline"
    command = [str(program), "replay", "--csv", str(csv), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_each_turn_is_a_line_and_the_summary_is_the_last(tmp_path: Path) -> None:
    code, lines, errors = replay(tmp_path, [*FINE, *RED], "--template", "hypertension", "--patient-tz", "Europe/Oslo")
    assert (code, errors) == (0, "")
    assert [(one["type"], one.get("event"), one.get("level")) for one in lines] == [
        ("event", "opened", "red"),
        ("event", "cleared", "red"),
        ("summary", None, None),
    ]
    assert lines[0]["time"] == "2026-01-01T07:00:00+00:00"
    assert lines[0]["readings"] == ["2026-01-01T07:00:00+00:00"]
    assert "186" in lines[0]["text"]
    assert lines[-1]["readings"] == 2
    assert lines[-1]["episodes"] == {"hypertension.pressure_high": {"red": 1}}


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    options = ("--template", "hypertension", "--patient-tz", "Europe/Oslo")
    assert replay(tmp_path, [*FINE, *RED], *options) == replay(tmp_path, [*reversed([*RED, *FINE])], *options)


def test_bad_rows_are_told_by_line_and_left_out(tmp_path: Path) -> None:
    bad = ["2026-01-03T08:00:00,blood_pressure,systolic,much,mm[Hg]", "2026-01-04T08:00:00,mood,good,1,1"]
    code, lines, errors = replay(tmp_path, [*RED, *bad], "--template", "hypertension", "--patient-tz", "UTC")
    assert code == 3
    assert lines[-1]["skipped"] == 2
    assert "line 4:" in errors
    assert "line 5:" in errors


def test_a_time_without_offset_needs_the_zone(tmp_path: Path) -> None:
    code, lines, errors = replay(tmp_path, RED, "--template", "hypertension")
    assert code == 3
    assert lines[-1]["readings"] == 0
    assert "--patient-tz" in errors


def test_units_are_converted(tmp_path: Path) -> None:
    row = "2026-01-01T08:00:00Z,glucose,glucose,2.5,mmol/L"
    code, lines, _ = replay(tmp_path, [row], "--template", "diabetes_1")
    assert code == 0
    assert lines[0]["level"] == "red"


def test_an_unknown_template_is_refused_by_name(tmp_path: Path) -> None:
    code, lines, errors = replay(tmp_path, RED, "--template", "gout")
    assert (code, lines) == (2, [])
    assert "gout" in errors
    assert "hypertension" in errors


def test_what_it_reads_and_writes_is_utf_8_in_any_locale(tmp_path: Path) -> None:
    """A terminal of another language, a file from a spreadsheet through a pipe, and a text with a wide blank."""
    program = Path(sys.executable).parent / "hearthline"
    given = "\ufeff" + "\r\n".join([HEAD, "2026-01-01T08:00:00Z,glucose,glucose,2.5,mmol/L"])
    done = subprocess.run(
        [str(program), "replay", "--template", "diabetes_1", "--csv", "-"],
        input=given.encode(),
        capture_output=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    event, _ = (json.loads(line) for line in done.stdout.decode().splitlines())
    assert "mg/dL" in event["text"]


def test_the_readings_of_an_event_are_times_oldest_first(tmp_path: Path) -> None:
    """Also where several times of one rule count from different baselines."""
    rule = {
        "type": "change",
        "id": "weight_up",
        "kind": "body_weight",
        "field": "weight",
        "direction": "rises",
        "against": "baseline",
        "yellow": [
            {"amount": 1, "unit": "kg", "within": "1 d"},
            {"amount": 2, "unit": "kg", "within": "3 d"},
        ],
        "look_back": "21 d",
        "source": "a test",
        "advice": "weigh again",
    }
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"rules": [rule]}))
    # On the 17th day the short time's baseline no longer has the first days, and the long time's still has them.
    days = [f"2026-01-{day:02}T07:00:00Z,body_weight,weight,{84 if day == 18 else 80},kg" for day in range(1, 19)]
    code, lines, _ = replay(tmp_path, days, "--rules", str(rules))
    assert code == 0
    (opened, summary) = lines
    assert opened["readings"] == sorted(opened["readings"])
    assert opened["readings"][-1] == opened["time"] == "2026-01-18T07:00:00+00:00"
    assert summary["alerts_per_patient_week"] == round(1 / (17 / 7), 3)
