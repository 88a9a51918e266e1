"""The benchmark of queries: which rows it prints, and that its patients measured what it says."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from bench.queries import Size, main
from bench.queries_asked import Counts
from bench.queries_population import END, FIVE_YEARS, RECENT, Population
from hearthline_backend.quick_reading import quick_reading

TINY = Size(Population(4_000, 20), Counts(5, 3, 3), None, Counts(1, 1, 1))


def test_prints_every_row_of_the_embedded_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--json"], TINY) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    questions = ("patient_90d", "five_years_by_day", "ward_latest")
    times = [f"{name}_{part}_ms" for name in questions for part in ("p50", "p99")]
    cold = [f"cold_{name}_p50_ms" for name in questions]
    assert list(rows) == [*times, *cold, "bytes_per_reading", "write_cpu_us"]
    assert [rows[f"{name}_p99_ms"]["aim"] for name in questions] == [5.0, 50.0, 25.0]
    assert all(row["value"] > 0 for row in rows.values())


def test_a_short_run_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], TINY) == 0
    said = capsys.readouterr().out
    assert "A short run (--quick)" in said
    assert "InfluxDB was left out" in said


def test_a_tenth_of_the_patients_has_five_years_and_the_others_90_days() -> None:
    population = Population(20_000, 50)
    rows = [row for group in population.groups(1000) for row in group]
    assert abs(len(rows) - 20_000) < 200
    assert len({one.id for one in rows}) == len(rows)
    assert {one.patient_id for one in rows} == set(population.everybody)
    assert all(quick_reading(one.body) for one in rows)
    long = set(population.long)
    assert len(long) == 5
    of_long = [one.effective_time for one in rows if one.patient_id in long]
    others = [one.effective_time for one in rows if one.patient_id not in long]
    assert len(of_long) == pytest.approx(len(rows) * 0.4, rel=0.02)
    assert END - FIVE_YEARS <= min(of_long) < END - FIVE_YEARS + timedelta(days=3)
    assert min(others) >= END - RECENT
    assert max(*of_long, *others) < END
    kinds = Counter(one.kind for one in rows)
    assert kinds["blood_pressure"] == pytest.approx(len(rows) / 2, rel=0.05)
    assert [one.effective_time for one in rows] == sorted(one.effective_time for one in rows)
