"""What a glucose record is worth: LO and HI first, then the other qualities; units, codes, times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.ingest.plausibility import objection
from hearthline_gateway.decode import decode_line
from hearthline_gateway.finding import Finding
from hearthline_gateway.frame import Frame, MeterClock
from hearthline_gateway.gatt.glucose_measurement import GlucoseMeasurement, GlucoseStatus
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType
from hearthline_gateway.gatt.numbers import Number, Special, decode_sfloat
from hearthline_gateway.interpret import interpret
from hearthline_gateway.normalize import normalize
from hearthline_gateway.units import glucose_to_mg_per_dl
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.kinds import GLUCOSE_SAMPLES
from hearthline_protocol.readings import Reading

_BASE = DeviceTime(2026, 11, 22, 7, 4, 0)
_RECEIVED = datetime(2026, 11, 22, 6, 4, 30, tzinfo=UTC)
_MADRID = ZoneInfo("Europe/Madrid")
_METER = GlucoseMeasurement(
    42, _BASE, None, Number(120, -5), "kg/L", SampleType.CAPILLARY_WHOLE_BLOOD, SampleLocation.FINGER
)
_LOW = GlucoseStatus.RESULT_LOWER_THAN_DEVICE_CAN_PROCESS
_HIGH = GlucoseStatus.RESULT_HIGHER_THAN_DEVICE_CAN_PROCESS


def _finding(**changes: Any) -> Finding:
    return interpret(replace(_METER, **changes))


def _reading(measurement: GlucoseMeasurement = _METER, **frame: Any) -> Reading:
    heard = Frame("F0:F1:00:00:18:08", "2A18", measurement.encode(), _RECEIVED)
    (reading,) = normalize(replace(heard, **frame), zone=_MADRID)
    return reading


_NEGATIVE, _POSITIVE, _NAN, _NRES = (
    Number(0, 0, special)
    for special in (Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY, Special.NAN, Special.NRES)
)


@pytest.mark.parametrize(
    ("concentration", "status", "quality", "comparator", "value"),
    [
        (_NEGATIVE, None, "beyond_low", "<", None),
        (_POSITIVE, None, "beyond_high", ">", None),
        (_NAN, _LOW, "beyond_low", "<", None),
        (_NRES, _HIGH, "beyond_high", ">", None),
        (Number(20, -5), _LOW, "beyond_low", "<", 20),
        (Number(600, -5), _HIGH, "beyond_high", ">", 600),
        (Number(0, 0), _LOW, "beyond_low", "<", None),
        (Number(2046, 0), _HIGH, "beyond_high", ">", None),
        (Number(-5, -5), _LOW, "beyond_low", "<", None),
        (_NEGATIVE, _LOW | GlucoseStatus.SENSOR_MALFUNCTION, "beyond_low", "<", None),
        (Number(20, -5), _LOW | GlucoseStatus.SENSOR_TEMPERATURE_TOO_LOW, "beyond_low", "<", 20),
        (_POSITIVE, GlucoseStatus.GENERAL_DEVICE_FAULT, "beyond_high", ">", None),
        (_POSITIVE, _LOW, "beyond_low", "<", None),
        (_NAN, _LOW | _HIGH, "beyond_low", "<", None),
    ],
)
def test_lo_and_hi_come_first(
    concentration: Number, status: GlucoseStatus | None, quality: str, comparator: str, value: float | None
) -> None:
    finding = _finding(glucose_concentration=concentration, sensor_status_annunciation=status)
    assert finding.quality == quality
    glucose = finding.values["glucose"]
    assert (glucose.comparator, glucose.value, glucose.unit) == (comparator, value, "mg/dL")


@pytest.mark.parametrize(("status", "quality"), [(_LOW, "beyond_low"), (_HIGH, "beyond_high")])
def test_lo_and_hi_need_no_concentration_at_all(status: GlucoseStatus, quality: str) -> None:
    nothing = {"glucose_concentration": None, "sample_type": None, "sample_location": None}
    finding = _finding(**nothing, sensor_status_annunciation=status)
    assert finding.quality == quality
    assert finding.values["glucose"].value is None


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.booleans(), st.booleans())
def test_no_lo_is_ever_lost(raw: int, bits: int, moles: bool, low: bool) -> None:
    status = GlucoseStatus(bits | (_LOW if low else 0))
    meter = replace(
        _METER,
        glucose_concentration=decode_sfloat(raw),
        unit="mol/L" if moles else "kg/L",
        sensor_status_annunciation=status,
    )
    said_low = bool(status & _LOW) or meter.glucose_concentration == _NEGATIVE
    reading = _reading(meter)
    assert (reading.quality == "beyond_low") == said_low
    if said_low:
        assert objection(reading, _RECEIVED) is None


def test_valid() -> None:
    finding = _finding(sensor_status_annunciation=GlucoseStatus.DEVICE_BATTERY_LOW)
    assert (finding.kind, finding.quality, finding.flags) == ("glucose", "valid", ())
    assert finding.context["meter_battery"] == "low"


@pytest.mark.parametrize(
    ("status", "flag"),
    [
        (GlucoseStatus.SENSOR_MALFUNCTION, "sensor_fault"),
        (GlucoseStatus.GENERAL_DEVICE_FAULT, "sensor_fault"),
        (GlucoseStatus.STRIP_INSERTION_ERROR, "strip_error"),
        (GlucoseStatus.STRIP_TYPE_INCORRECT, "strip_error"),
        (GlucoseStatus.READ_INTERRUPTED_STRIP_PULLED_TOO_SOON, "strip_error"),
    ],
)
def test_failed_says_why_and_keeps_no_value(status: GlucoseStatus, flag: str) -> None:
    finding = _finding(sensor_status_annunciation=status)
    assert (finding.quality, finding.values, list(finding.flags)) == ("failed", {}, [flag])


@pytest.mark.parametrize("concentration", [None, _NAN, _NRES, Number(0, 0), Number(0, 0, Special.RESERVED)])
def test_a_record_without_a_number_is_failed(concentration: Number | None) -> None:
    absent = {} if concentration else {"sample_type": None, "sample_location": None}
    finding = _finding(glucose_concentration=concentration, **absent)
    assert (finding.quality, finding.values) == ("failed", {})


@pytest.mark.parametrize(
    ("status", "flag"),
    [
        (GlucoseStatus.SAMPLE_SIZE_INSUFFICIENT, "sample_too_small"),
        (GlucoseStatus.SENSOR_TEMPERATURE_TOO_HIGH, "temperature_out_of_range"),
        (GlucoseStatus.SENSOR_TEMPERATURE_TOO_LOW, "temperature_out_of_range"),
    ],
)
def test_questionable_says_why_and_keeps_its_value(status: GlucoseStatus, flag: str) -> None:
    finding = _finding(sensor_status_annunciation=status)
    assert (finding.quality, list(finding.flags)) == ("questionable", [flag])
    assert finding.values["glucose"].value == 120
    without = _finding(sensor_status_annunciation=status, glucose_concentration=_NAN)
    assert (without.quality, without.values) == ("failed", {})


@pytest.mark.parametrize(("sample_type", "location"), [(10, 1), (1, 4), (10, 4)])
@pytest.mark.parametrize("status", [None, _LOW, GlucoseStatus.SENSOR_MALFUNCTION])
def test_control_solution_is_nobody(sample_type: int, location: int, status: GlucoseStatus | None) -> None:
    frame = replace(_METER, sample_type=sample_type, sample_location=location, sensor_status_annunciation=status)
    (reading,) = decode_line("2A18", frame.encode().hex())["readings"]
    assert reading["quality"] == "not_patient"
    assert reading["values"]["glucose"]["value"] == 120


@pytest.mark.parametrize(
    ("unit", "concentration", "value", "number", "measured_unit", "precision"),
    [
        ("kg/L", Number(120, -5), 120, 120, "mg/dL", 0),
        ("kg/L", Number(1204, -6), 120.4, 120.4, "mg/dL", 1),
        ("kg/L", Number(12, -4), 120, 120, "mg/dL", -1),
        ("mol/L", Number(67, -4), 120.7, 6.7, "mmol/L", 1),
        ("mol/L", Number(555, -5), 100.0, 5.55, "mmol/L", 2),
        ("mol/L", Number(39, -4), 70.3, 3.9, "mmol/L", 1),
        ("mol/L", Number(38, -4), 68.5, 3.8, "mmol/L", 1),
        ("mol/L", Number(7, -3), 126.1, 7, "mmol/L", 0),
    ],
)
def test_the_unit_and_precision_people_know(
    unit: str, concentration: Number, value: float, number: float, measured_unit: str, precision: int
) -> None:
    glucose = _finding(unit=unit, glucose_concentration=concentration).values["glucose"]
    assert (glucose.value, glucose.unit) == (value, "mg/dL")
    assert (glucose.number, glucose.measured_unit, glucose.precision) == (number, measured_unit, precision)


@given(st.integers(1, 2000), st.sampled_from((-5, -6)))
def test_no_printed_number_gains_a_digit(mantissa: int, exponent: int) -> None:
    glucose = _finding(glucose_concentration=Number(mantissa, exponent)).values["glucose"]
    assert glucose.value == glucose.number == mantissa / 10 ** (-5 - exponent)
    assert len(repr(glucose.number)) <= 6


def test_a_mole_of_glucose() -> None:
    assert glucose_to_mg_per_dl(1) == 18.0
    assert glucose_to_mg_per_dl(10) == 180.2


@pytest.mark.parametrize("sample", SampleType)
def test_every_named_sample_has_its_codes(sample: SampleType) -> None:
    finding = _finding(sample_type=sample)
    codes = GLUCOSE_SAMPLES[str(finding.context["sample_type"])]
    assert (codes.loinc_mass is None) == (sample is SampleType.CONTROL_SOLUTION)


def test_codes_of_the_standard() -> None:
    assert len({codes.mdc for codes in GLUCOSE_SAMPLES.values()}) == len(GLUCOSE_SAMPLES)
    assert GLUCOSE_SAMPLES["capillary_plasma"].mdc == 160188
    assert GLUCOSE_SAMPLES["undetermined_plasma"].loinc_moles == "14749-6"


def test_the_sample_is_told_in_words() -> None:
    assert _finding().context == {"sample_type": "capillary_whole_blood", "sample_location": "finger"}
    assert _finding(sample_type=12, sample_location=7).context == {
        "sample_type": "reserved_12",
        "sample_location": "reserved_7",
    }
    assert "sample_location" not in _finding(sample_location=SampleLocation.NOT_AVAILABLE).context


def test_a_reading_is_complete() -> None:
    reading = _reading(replace(_METER, time_offset=60, sensor_status_annunciation=GlucoseStatus(0)))
    assert (reading.kind, reading.sequence, reading.characteristic) == ("glucose", 42, "2A18")
    assert str(reading.device_time) == "2026-11-22T08:04:00"
    assert reading.context == {"sample_type": "capillary_whole_blood", "sample_location": "finger"}
    assert reading.schema_needed == 2
    assert objection(reading, _RECEIVED) is None


def test_the_display_s_time_is_the_one_that_is_reconciled() -> None:
    clock = MeterClock(timedelta(hours=2), _RECEIVED)
    reading = _reading(replace(_METER, time_offset=58), clock=clock)
    assert reading.effective_time == datetime(2026, 11, 22, 6, 2, tzinfo=UTC)
    assert (reading.clock_offset_s, reading.time_quality) == (7200.0, "corrected")


@pytest.mark.parametrize(
    "changes",
    [
        {"sensor_status_annunciation": GlucoseStatus.TIME_FAULT},
        {"time_offset": 0x7FFF},
        {"time_offset": -0x8000},
        {"base_time": DeviceTime(0, 11, 22, 7, 4, 0), "time_offset": 5},
    ],
    ids=["time fault", "overrun", "underrun", "year 0"],
)
def test_a_time_that_cannot_be_trusted_is_flagged_and_not_used(changes: dict[str, Any]) -> None:
    reading = _reading(replace(_METER, **changes))
    assert reading.flags == ("clock_not_set",)
    assert (reading.quality, reading.time_quality, reading.clock_offset_s) == ("valid", "received", None)


@pytest.mark.parametrize(
    "same",
    [
        replace(_METER, time_offset=60),
        replace(_METER, sensor_status_annunciation=GlucoseStatus.DEVICE_BATTERY_LOW),
        replace(_METER, context_information_follows=True),
        replace(_METER, sample_type=SampleType.CONTROL_SOLUTION),
    ],
    ids=["display set", "status", "context", "marked as control"],
)
def test_what_a_person_changes_on_the_meter_afterwards_makes_no_new_record(same: GlucoseMeasurement) -> None:
    assert _reading(same).id == _reading().id


@pytest.mark.parametrize(
    "other",
    [
        replace(_METER, sequence_number=43),
        replace(_METER, base_time=replace(_BASE, minute=5)),
        replace(_METER, glucose_concentration=Number(121, -5)),
    ],
    ids=["sequence", "base time", "value"],
)
def test_another_record_has_another_id(other: GlucoseMeasurement) -> None:
    assert _reading(other).id != _reading().id


@pytest.mark.parametrize(
    ("record", "quality", "value", "flags"),
    [
        ("06 00 7800 1e00", "valid", 120, []),
        ("07 20 2800 1e00 40", "beyond_low", 40, []),
        ("07 20 9001 1e00 80", "beyond_high", 400, []),
        ("06 00 0208 1e00", "beyond_low", None, []),
        ("07 80 7800 1e00 08", "failed", None, ["sensor_fault"]),
        ("07 80 7800 1e00 04", "failed", None, ["sensor_fault"]),
        ("07 40 7800 1e00 10", "questionable", 120, ["temperature_out_of_range"]),
        ("07 40 7800 1e00 08", "questionable", 120, []),
        ("07 40 7800 1e00 04", "valid", 120, []),
        ("06 00 ff07 1e00", "failed", None, []),
    ],
)
def test_a_continuous_record_is_shown_but_is_no_reading(
    record: str, quality: str, value: float | None, flags: list[str]
) -> None:
    (shown,) = decode_line("2AA7", record)["readings"]
    assert (shown["quality"], shown["flags"]) == (quality, flags)
    assert shown["values"].get("glucose", {}).get("value") == value
    assert shown["context"]["time_offset"]["value"] == 30
    heard = Frame("F0:F1:00:00:18:1F", "2AA7", bytes.fromhex(record), _RECEIVED)
    assert normalize(heard, zone=_MADRID) == ()


def test_trend_and_quality_are_circumstances() -> None:
    (shown,) = decode_line("2AA7", "0b 83 7800 1e00 02 feff 5a00")["readings"]
    trend = {"number": -0.2, "unit": "mg/dL/min", "precision": 1}
    assert shown["context"]["trend"] == {"value": -0.2, "unit": "mg/dL/min", "as_measured": trend}
    assert shown["context"]["sensor_quality"]["value"] == 90
    assert shown["context"]["meter_battery"] == "low"
