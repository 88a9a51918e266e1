"""Glucose Measurement, its context and feature: what each field means, every reserved value, every truncation."""

import pytest

from hearthline_gateway.gatt.characteristics import decode
from hearthline_gateway.gatt.errors import TruncatedError
from hearthline_gateway.gatt.glucose_context import (
    Carbohydrate,
    ExerciseDuration,
    GlucoseMeasurementContext,
    Health,
    Meal,
    Medication,
)
from hearthline_gateway.gatt.glucose_context import Tester as MeasuredBy
from hearthline_gateway.gatt.glucose_measurement import (
    GlucoseFeature,
    GlucoseFeatures,
    GlucoseMeasurement,
    GlucoseStatus,
    TimeOffset,
)
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.quirks import Quirks
from hearthline_gateway.gatt.words import words
from hearthline_protocol.device_time import DeviceTime

_FULL = "1b 2a00 ea07 0b 16 07 04 00 3c00 78b0 11 0108"
_FULL_CONTEXT = "df 2a00 00 02 2dd0 01 21 100e 32 01 0aa0 46f0"


def test_a_measurement_with_everything() -> None:
    assert GlucoseMeasurement.decode(bytes.fromhex(_FULL)) == GlucoseMeasurement(
        sequence_number=42,
        base_time=DeviceTime(2026, 11, 22, 7, 4, 0),
        time_offset=60,
        glucose_concentration=Number(120, -5),
        unit="kg/L",
        sample_type=SampleType.CAPILLARY_WHOLE_BLOOD,
        sample_location=SampleLocation.FINGER,
        sensor_status_annunciation=GlucoseStatus.DEVICE_BATTERY_LOW | GlucoseStatus.TIME_FAULT,
        context_information_follows=True,
    )


def test_a_measurement_in_moles() -> None:
    meter = GlucoseMeasurement.decode(bytes.fromhex("06 0100 ea07 0b 16 07 04 00 43c0 f8"))
    assert (meter.glucose_concentration, meter.unit) == (Number(67, -4), "mol/L")
    assert (meter.sample_type, meter.sample_location) == (SampleType.UNDETERMINED_PLASMA, SampleLocation.NOT_AVAILABLE)


def test_a_record_may_hold_no_concentration() -> None:
    meter = GlucoseMeasurement.decode(bytes.fromhex("08 0100 ea07 0b 16 07 04 00 4000"))
    assert (meter.glucose_concentration, meter.sample_type, meter.sample_location) == (None, None, None)
    assert meter.sensor_status_annunciation == GlucoseStatus.RESULT_LOWER_THAN_DEVICE_CAN_PROCESS


@pytest.mark.parametrize(
    ("raw", "offset", "shown"),
    [
        ("0000", 0, DeviceTime(2026, 11, 22, 7, 4, 0)),
        ("3c00", 60, DeviceTime(2026, 11, 22, 8, 4, 0)),
        ("c4ff", -60, DeviceTime(2026, 11, 22, 6, 4, 0)),
        ("a8fd", -600, DeviceTime(2026, 11, 21, 21, 4, 0)),
        ("fe7f", 32_766, DeviceTime(2026, 12, 15, 1, 10, 0)),
        ("ff7f", TimeOffset.OVERRUN, None),
        ("0080", TimeOffset.UNDERRUN, None),
    ],
)
def test_the_offset_leads_to_what_the_display_showed(raw: str, offset: int, shown: DeviceTime | None) -> None:
    meter = GlucoseMeasurement.decode(bytes.fromhex(f"01 0100 ea07 0b 16 07 04 00 {raw}"))
    assert meter.time_offset == offset
    assert meter.user_facing_time == shown


@pytest.mark.parametrize(
    ("base_time", "offset", "shown"),
    [
        (DeviceTime(0, 0, 0, 0, 0, 0), None, DeviceTime(0, 0, 0, 0, 0, 0)),
        (DeviceTime(0, 0, 0, 0, 0, 0), 5, None),
        (DeviceTime(9999, 12, 31, 23, 59, 0), 5, None),
        (DeviceTime(1, 1, 1, 0, 0, 0), -5, None),
    ],
)
def test_an_offset_from_no_moment_leads_nowhere(
    base_time: DeviceTime, offset: int | None, shown: DeviceTime | None
) -> None:
    assert GlucoseMeasurement(1, base_time, offset).user_facing_time == shown


@pytest.mark.parametrize("nibble", range(16))
def test_every_sample_is_named_or_its_plain_number(nibble: int) -> None:
    payload = bytes.fromhex("02 0100 ea07 0b 16 07 04 00 78b0") + bytes([nibble << 4 | nibble])
    meter = GlucoseMeasurement.decode(payload)
    assert (meter.sample_type, meter.sample_location) == (nibble, nibble)
    assert isinstance(meter.sample_type, SampleType) == (1 <= nibble <= 10)
    assert isinstance(meter.sample_location, SampleLocation) == (nibble in (1, 2, 3, 4, 5, 15))
    assert meter.encode() == payload


def test_a_model_may_send_the_nibbles_the_other_way_round() -> None:
    quirks = Quirks(big_endian=frozenset({"type_sample_location"}))
    payload = bytes.fromhex("02 0100 ea07 0b 16 07 04 00 78b0 a4")
    meter = GlucoseMeasurement.decode(payload, quirks)
    assert meter.sample_type is SampleType.CONTROL_SOLUTION
    assert meter.sample_location is SampleLocation.CONTROL_SOLUTION
    assert meter.encode(quirks) == payload


def test_reserved_flags_and_status_bits_are_kept() -> None:
    meter = decode("2A18", bytes.fromhex("e8 0100 ea07 0b 16 07 04 00 00f0 aabb"))
    said = words(meter)
    assert said["reserved_flags"] == 0xE0
    assert said["sensor_status_annunciation"] == {"raw": 0xF000, "flags": []}
    assert said["trailing"] == "aabb"


def test_raw_values_are_the_concentration_alone() -> None:
    meter = GlucoseMeasurement.decode(bytes.fromhex(_FULL))
    assert meter.raw_values().hex() == "78b0"
    assert GlucoseMeasurement(1, meter.base_time).raw_values() == b""


def test_a_context_with_everything() -> None:
    assert GlucoseMeasurementContext.decode(bytes.fromhex(_FULL_CONTEXT)) == GlucoseMeasurementContext(
        sequence_number=42,
        extended_flags=0,
        carbohydrate_id=Carbohydrate.LUNCH,
        carbohydrate=Number(45, -3),
        meal=Meal.PREPRANDIAL,
        tester=MeasuredBy.SELF,
        health=Health.MAJOR_HEALTH_ISSUES,
        exercise_duration=3600,
        exercise_intensity=50,
        medication_id=Medication.RAPID_ACTING_INSULIN,
        medication=Number(10, -6),
        medication_unit="kg",
        hba1c=Number(70, -1),
    )


@pytest.mark.parametrize(("flags", "unit"), [("10", "kg"), ("30", "L")])
def test_medication_is_told_by_mass_or_by_volume(flags: str, unit: str) -> None:
    context = GlucoseMeasurementContext.decode(bytes.fromhex(f"{flags} 0100 04 0aa0"))
    assert (context.medication_id, context.medication) == (Medication.LONG_ACTING_INSULIN, Number(10, -6))
    assert context.medication_unit == unit


def test_exercise_longer_than_the_field_is_an_overrun() -> None:
    context = GlucoseMeasurementContext.decode(bytes.fromhex("08 0100 ffff 64"))
    assert context.exercise_duration is ExerciseDuration.OVERRUN
    assert words(context)["exercise_duration"] == {"raw": 65_535, "name": "overrun"}


@pytest.mark.parametrize(
    ("frame", "field", "raw"),
    [
        ("01 0100 00 2dd0", "carbohydrate_id", 0),
        ("01 0100 08 2dd0", "carbohydrate_id", 8),
        ("02 0100 00", "meal", 0),
        ("02 0100 06", "meal", 6),
        ("04 0100 f4", "tester", 4),
        ("04 0100 6f", "health", 6),
        ("10 0100 06 0aa0", "medication_id", 6),
    ],
)
def test_a_reserved_value_stays_its_plain_number(frame: str, field: str, raw: int) -> None:
    context = decode("2A34", bytes.fromhex(frame))
    assert words(context)[field] == raw
    assert context.encode() == bytes.fromhex(frame)


def test_extended_flags_are_kept() -> None:
    context = GlucoseMeasurementContext.decode(bytes.fromhex("82 0100 5a 03"))
    assert (context.extended_flags, context.meal) == (0x5A, Meal.FASTING)


@pytest.mark.parametrize(
    ("characteristic", "frame", "fields"),
    [
        (
            "2A18",
            _FULL,
            [
                ("flags", 1),
                ("sequence_number", 2),
                ("base_time", 7),
                ("time_offset", 2),
                ("glucose_concentration", 2),
                ("type_sample_location", 1),
                ("sensor_status_annunciation", 2),
            ],
        ),
        (
            "2A34",
            _FULL_CONTEXT,
            [
                ("flags", 1),
                ("sequence_number", 2),
                ("extended_flags", 1),
                ("carbohydrate_id", 1),
                ("carbohydrate", 2),
                ("meal", 1),
                ("tester_health", 1),
                ("exercise_duration", 2),
                ("exercise_intensity", 1),
                ("medication_id", 1),
                ("medication", 2),
                ("hba1c", 2),
            ],
        ),
        ("2A51", "ff07", [("features", 2)]),
    ],
)
def test_a_frame_cut_anywhere_names_the_field_that_is_missing(
    characteristic: str, frame: str, fields: list[tuple[str, int]]
) -> None:
    whole = bytes.fromhex(frame)
    assert sum(size for _, size in fields) == len(whole)
    at = 0
    for name, size in fields:
        for there in range(size):
            with pytest.raises(TruncatedError) as caught:
                decode(characteristic, whole[: at + there])
            assert (caught.value.missing, caught.value.needed, caught.value.got) == (name, size, there)
        at += size


def test_a_feature_names_its_bits() -> None:
    feature = GlucoseFeature.decode(bytes.fromhex("2104"))
    assert feature.features == (
        GlucoseFeatures.LOW_BATTERY_DETECTION
        | GlucoseFeatures.SENSOR_RESULT_HIGH_LOW_DETECTION
        | GlucoseFeatures.MULTIPLE_BOND
    )
    assert words(GlucoseFeature.decode(bytes.fromhex("00f8")))["features"] == {"raw": 0xF800, "flags": []}
