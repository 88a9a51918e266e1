"""The ingest benchmark's own parts: its readings are real ones, its pages and plots are whole."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from bench.bar_plot import bars
from bench.ingest_limits import rows_of
from bench.ingest_profile import OTHER, step_of
from bench.ingest_readings import (
    GATEWAYS,
    PATIENTS,
    PATIENTS_EACH,
    RED_EVERY,
    Load,
    patient_of,
    payloads,
    reading_number,
    sensor,
)
from bench.ingest_stand import Numbers
from bench.report import write_section
from bench.rows import Row, as_table
from hearthline_backend.quick_reading import quick_reading
from hearthline_protocol.messages import MAX_BATCH_READINGS, ReadingsBatch

if TYPE_CHECKING:
    from uuid import UUID

NOW = "2026-11-23T06:00:00+00:00"


@pytest.mark.parametrize("batch", [1, 10, MAX_BATCH_READINGS])
def test_every_reading_is_valid_and_numbered_and_of_its_own_home(batch: int) -> None:
    load = Load(messages=3 * GATEWAYS // batch + 1, batch=batch, first=5000, total=20_000, last_time=NOW)
    numbers = []
    for home, payload in payloads(load):
        readings = ReadingsBatch.model_validate_json(payload).readings
        assert len(readings) == batch
        for one in readings:
            numbers.append(reading_number(str(one.id)))
            patients = range(home * PATIENTS_EACH, (home + 1) * PATIENTS_EACH)
            assert one.sensor in {sensor(patient, one.kind) for patient in patients}
            assert quick_reading(one.model_dump_json().encode()) is not None
            red = one.kind == "blood_pressure" and (one.values["systolic"].value or 0) >= 180
            assert red == (numbers[-1] % RED_EVERY == 0)
    assert numbers == list(range(5000, 5000 + load.readings))


@pytest.mark.parametrize("batch", [1, 10, 50])
def test_a_patients_readings_follow_one_another_through_every_run(batch: int) -> None:
    numbers = Numbers(400_000)
    newest: dict[UUID, datetime] = {}
    seen = 0
    for messages in (4 * GATEWAYS + 7, 2 * GATEWAYS // batch + 3):
        rows = rows_of(numbers.load(messages, batch))
        for row in sorted(rows, key=lambda one: one.id.int & 0xFFFFFFFFFFFF):
            assert row.effective_time > newest.get(row.patient_id, datetime.min.replace(tzinfo=UTC))
            newest[row.patient_id] = row.effective_time
        seen += len(rows)
    assert max(newest.values()) <= datetime.now(UTC)
    assert len(newest) == PATIENTS
    assert seen == numbers.next


def test_a_meter_tells_whose_it_is() -> None:
    of = [patient_of(sensor(number, kind)) for number in range(PATIENTS) for kind in ("blood_pressure", "body_weight")]
    assert of == [number for number in range(PATIENTS) for _ in range(2)]


def test_a_message_holds_no_more_than_the_contract_allows() -> None:
    with pytest.raises(ValueError, match="1 to 200"):
        next(payloads(Load(1, MAX_BATCH_READINGS + 1, 0, 1000, NOW)))


def test_a_section_is_written_once_and_then_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n\nText.\n", encoding="utf-8")
    write_section("one", "First.", page)
    write_section("two", "Other.", page)
    write_section("one", "Second.", page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Before\n\nText.\n\n<!-- one:")
    assert (text.count("Second."), text.count("First."), text.count("Other.")) == (1, 0, 1)


def test_a_plot_is_svg_with_a_bar_for_every_value() -> None:
    root = ElementTree.fromstring(bars("A & B", ["1", "10"], {"one": [25_000, None], "two": [1.0, 80_000]}))  # noqa: S314
    told = [one.text for one in root.iter("{http://www.w3.org/2000/svg}title")]
    assert told == ["A & B", "one: 25,000", "two: 1", "two: 80,000"]


def test_an_aim_from_below_is_met_at_it_and_above() -> None:
    rows = [Row("rate", value, "/s", 100.0, more_is_better=True) for value in (99.9, 100.0, 200.0)]
    assert [row.ok for row in rows] == [False, True, True]
    assert "aim >= 100: met" in as_table(rows[1:])


def test_a_module_belongs_to_the_step_it_works_for() -> None:
    assert step_of("hearthline_backend.storage.records.judgements") == "records"
    assert step_of("hearthline_backend.storage.embedded") == "store"
    assert step_of("hearthline_backend.ingest.worker") == "settle and receipt"
    assert step_of("asyncio.runners") == OTHER
