"""The benchmark of alerts: which rows it prints, and that it measures what it says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import alerts_idle, alerts_judging, alerts_replay
from bench.alerts_idle import IdleFound
from bench.alerts_judging import JudgingFound
from bench.alerts_outcome import AlertsOutcome
from bench.alerts_replay import ReplayFound
from bench.rows import missed
from hearthline_backend.domain.replaying import Replay
from hearthline_backend.replay.running import plan_of_rules

IDLE = IdleFound(patients=10_000, serving=0.004, empty=0.0035, look_us=1000.0, looks_a_day=17_280, seconds=60.0)


def outcome(*, quick: bool = False, idle: IdleFound = IDLE) -> AlertsOutcome:
    return AlertsOutcome(
        idle, JudgingFound(8.0, "a.rule", 30.0), ReplayFound(600_000, 5, 30.0), quick=quick, load=0.5, cores=2
    )


def test_prints_the_four_rows_against_their_aims() -> None:
    rows = outcome().rows()
    assert [row.name for row in rows] == [
        "idle_10k_patients_core_share",
        "judge_10_rules_us",
        "judge_1_rule_us",
        "replay_readings_per_s",
    ]
    assert [row.value for row in rows] == [pytest.approx(0.0042), 30.0, 8.0, 20_000.0]
    assert [row.aim for row in rows] == [0.01, 40.0, 10.0, pytest.approx(16_666.7, abs=0.1)]
    assert not missed(rows)
    busy = IdleFound(10_000, 0.011, 0.01, 1000.0, 17_280, 60.0)
    assert [row.name for row in missed(outcome(idle=busy).rows())] == ["idle_10k_patients_core_share"]


def test_says_what_the_idle_share_is_made_of_and_that_a_short_run_is_one() -> None:
    said = outcome(quick=True).as_text()
    assert "0.40% is the process while it waits" in said
    assert "0.020% its looks after closed slots" in said
    assert "A short run (--quick)" in said
    assert "A short run" not in outcome().as_markdown()


def test_the_ten_rules_are_of_every_kind_and_each_looks_at_every_reading() -> None:
    rules = alerts_judging.ten_rules()
    assert len({rule.id for rule in rules}) == alerts_judging.TEN
    assert {rule.type for rule in rules} == {
        "threshold", "average", "change", "moving_average", "cusum", "combination", "score",
    }  # fmt: skip
    assert all("blood_pressure" in rule.kinds for rule in rules)
    replay = Replay((plan_of_rules(rules),))
    happened = [one for reading in alerts_judging.made_readings(2000) for one in replay.see(reading)]
    assert len({one.rule_id for one in happened}) > 3
    found = alerts_judging.measure(200)
    assert 0 < found.one_us < found.ten_us


def test_a_replay_reads_the_whole_file(tmp_path: Path) -> None:
    found = alerts_replay.measure(tmp_path, 300)
    assert (found.readings, found.events > 0, found.per_s > 0) == (300, True, True)


async def test_every_patient_is_looked_at_after_a_slot(tmp_path: Path) -> None:
    assert await alerts_idle.cost_of_looks(tmp_path / "looks", 5, datetime.now(UTC)) > 0
