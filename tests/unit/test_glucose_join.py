"""A glucose reading and its context become one; ketone bodies never become glucose."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from hearthline_backend.ingest.plausibility import objection
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.glucose_context import GlucoseMeasurementContext
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks
from hearthline_gateway.glucose_join import NotItsContextError, complete_alone, joined
from hearthline_gateway.normalize import normalize
from hearthline_protocol.messages import ReadingsBatch
from hearthline_protocol.readings import Reading
from tests.fixtures.glucose_frames import GLUCOSE_MEASUREMENTS_OF

_RECEIVED = datetime(2026, 11, 22, 6, 4, 30, tzinfo=UTC)
_KETONE = Quirks(ketone_meal=6)
_PLAIN = "12 2a00 ea07 0b 16 07 04 00"


def _reading(value: str = "78b0 11", head: str = _PLAIN) -> Reading:
    frame = Frame("F0:F1:00:00:18:08", "2A18", bytes.fromhex(f"{head} {value}"), _RECEIVED)
    (reading,) = normalize(frame, zone=ZoneInfo("Europe/Madrid"))
    return reading


def _context(frame: str) -> GlucoseMeasurementContext:
    return GlucoseMeasurementContext.decode(bytes.fromhex(frame))


def _said(reading: Reading) -> dict[str, Any]:
    words: dict[str, Any] = reading.model_dump(mode="json")["context"]
    return {
        name: word if isinstance(word, str) else (word["comparator"], word["value"], word["unit"])
        for name, word in words.items()
        if not name.startswith("sample_")
    }


def test_everything_a_context_can_say() -> None:
    before = _reading()
    after = joined(before, _context("df 2a00 00 02 2dd0 01 21 100e 32 01 0aa0 46f0"))
    assert _said(after) == {
        "meal": "preprandial",
        "carbohydrate_type": "lunch",
        "carbohydrate": (None, 45, "g"),
        "tester": "self",
        "health": "major_health_issues",
        "exercise_duration": (None, 3600, "s"),
        "exercise_intensity": (None, 50, "%"),
        "medication_type": "rapid_acting_insulin",
        "medication": (None, 10, "mg"),
        "hba1c": (None, 7.0, "%"),
    }
    assert after.context.items() >= before.context.items()
    assert after.model_copy(update={"context": before.context}) == before


def test_medication_by_volume() -> None:
    assert _said(joined(_reading(), _context("30 2a00 05 0ac0")))["medication"] == (None, 1.0, "mL")


def test_an_overrun_is_longer_than_the_field() -> None:
    assert _said(joined(_reading(), _context("08 2a00 ffff 64")))["exercise_duration"] == (">", 65_534, "s")


def test_what_is_not_available_or_no_number_is_left_out() -> None:
    after = joined(_reading(), _context("55 2a00 07 ff07 ff 03 fe07 0008"))
    assert _said(after) == {"carbohydrate_type": "brunch", "medication_type": "intermediate_acting_insulin"}


def test_a_reserved_value_is_told_by_its_number() -> None:
    assert _said(joined(_reading(), _context("02 2a00 06"))) == {"meal": "reserved_6"}


def test_the_context_of_another_record_is_refused() -> None:
    with pytest.raises(NotItsContextError, match="record 43"):
        joined(_reading(), _context("02 2b00 01"))


@given(GLUCOSE_MEASUREMENTS_OF["2A34"])
def test_any_context_makes_a_reading_that_travels(measurement: Any) -> None:
    context = replace(measurement, sequence_number=42)
    for quirks in (NO_QUIRKS, _KETONE):
        after = joined(_reading(), context, quirks)
        assert after.id == _reading().id
        batch = ReadingsBatch(readings=(after,))
        assert ReadingsBatch.model_validate_json(batch.model_dump_json()) == batch
        assert objection(after, _RECEIVED) is None


@pytest.mark.parametrize(
    ("value", "head", "ketone"),
    [
        ("05b0 11", _PLAIN, (None, 0.5, "mmol/L")),
        ("0db0 11", _PLAIN, (None, 1.3, "mmol/L")),
        ("0208 11", _PLAIN, ("<", None, "mmol/L")),
        ("50b0 11 2000", "1a" + _PLAIN[2:], (">", 8.0, "mmol/L")),
    ],
)
def test_ketone_bodies_are_never_judged_as_glucose(value: str, head: str, ketone: tuple[Any, ...]) -> None:
    after = joined(_reading(value, head), _context("02 2a00 06"), _KETONE)
    assert not after.quality.judged
    assert after.values == {}
    assert _said(after) == {"analyte": "ketone", "ketone": ketone}


def test_ketone_bodies_in_a_unit_of_unknown_meaning_lose_their_number() -> None:
    after = joined(_reading("05d0 11", "16" + _PLAIN[2:]), _context("02 2a00 06"), _KETONE)
    assert _said(after) == {"analyte": "ketone"}


def test_glucose_of_a_meter_that_measures_both_stays_glucose() -> None:
    after = joined(_reading(), _context("02 2a00 03"), _KETONE)
    assert (after.quality, after.values["glucose"].value, _said(after)) == ("valid", 120, {"meal": "fasting"})


def test_only_a_meter_of_glucose_alone_can_do_without_its_context() -> None:
    assert complete_alone()
    assert not complete_alone(_KETONE)
