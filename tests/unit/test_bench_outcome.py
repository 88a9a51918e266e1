"""A run's figures: which rows there are, how they are computed, and what a person reads."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from bench.cuffs import SLOTS, bench_cuffs
from bench.journey import Journey
from bench.outcome import Cost, Outcome
from bench.usage import Usage, usage_of

START = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
STEPS_MS = (2, 10, 20, 40, 15)


def journey(scale: float = 1.0) -> Journey:
    moments = [START]
    for step in STEPS_MS:
        moments.append(moments[-1] + timedelta(milliseconds=step * scale))
    return Journey(*moments)


def outcome(*, burst: bool = False, slowest: float = 1.0) -> Outcome:
    return Outcome(
        rate=10.0,
        connected_s=5.0,
        paced=[journey() for _ in range(19)] + [journey(slowest)],
        burst=[journey(3.0) for _ in range(20)] if burst else [],
        gateway=Cost(resident_mb=57.0, cpu_ms=120.0, idle_cpu_ms_s=5.0),
        backend=Cost(resident_mb=108.0, cpu_ms=500.0, idle_cpu_ms_s=10.0),
        help_gateway_s=0.12,
        help_hearthline_s=0.16,
        load=0.5,
        cores=2,
    )


def test_has_every_row_in_its_order() -> None:
    rows = {row.name: row for row in outcome(slowest=20.0).rows()}
    assert list(rows) == [
        "indication_to_webhook_p50_s",
        "indication_to_webhook_p99_s",
        "gateway_memory_mb",
        "backend_memory_mb",
        "gateway_cpu_ms_per_reading",
        "backend_cpu_ms_per_reading",
        "help_gateway_s",
        "help_hearthline_s",
    ]
    assert rows["indication_to_webhook_p50_s"].value == pytest.approx(0.087)
    assert rows["indication_to_webhook_p99_s"].value == pytest.approx(1.74)
    assert rows["indication_to_webhook_p99_s"].aim == 1.0
    assert rows["gateway_cpu_ms_per_reading"].value == pytest.approx(6.0)
    assert rows["backend_cpu_ms_per_reading"].value == pytest.approx(25.0)
    assert {rows["help_gateway_s"].aim, rows["help_hearthline_s"].aim} == {0.4}


def test_the_hops_add_up_to_the_whole_way() -> None:
    one = journey()
    assert sum(one.hops().values()) == pytest.approx(one.seconds) == pytest.approx(0.087)


def test_the_text_states_the_pace_the_machine_and_what_was_missed() -> None:
    text = outcome(slowest=20.0).as_text()
    assert "10 measurements a second" in text
    assert "2 cores, load 0.5" in text
    assert "at once" not in text
    assert text.endswith("Aim missed: indication_to_webhook_p99_s.")


def test_a_burst_is_in_the_text_and_never_in_the_rows() -> None:
    assert "All 20 at once" in outcome(burst=True).as_text()
    assert outcome(burst=True).rows() == outcome().rows()
    assert outcome(burst=True).as_text().endswith("Every aim is met.")


def test_every_cuff_and_every_patient_is_another() -> None:
    cuffs = bench_cuffs(200)
    assert len({cuff.address for cuff in cuffs}) == len({cuff.name for cuff in cuffs}) == 200
    assert len({cuff.patient(slot) for cuff in cuffs for slot in SLOTS}) == 200 * len(SLOTS)


def test_usage_is_that_of_a_living_process() -> None:
    before = usage_of(os.getpid())
    assert before.resident_mb > 1
    assert usage_of(os.getpid()).cpu_ms_since(before) >= 0
    assert Usage(1.0, 2.5).cpu_ms_since(Usage(1.0, 2.0)) == pytest.approx(500)
