"""What each characteristic's fields mean, one frame each."""

import pytest

from hearthline_gateway.gatt.blood_pressure import BloodPressureMeasurement, BloodPressureStatus
from hearthline_gateway.gatt.characteristics import MEASUREMENTS, decode
from hearthline_gateway.gatt.errors import TruncatedError, UnknownCharacteristicError
from hearthline_gateway.gatt.health_thermometer import TemperatureMeasurement, TemperatureType
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.pulse_oximeter import (
    PlxContinuousMeasurement,
    PlxDeviceAndSensorStatus,
    PlxMeasurementStatus,
    PlxSpotCheckMeasurement,
)
from hearthline_gateway.gatt.quirks import Quirks
from hearthline_gateway.gatt.text import Utf8Text
from hearthline_gateway.gatt.weight_scale import WeightMeasurement
from hearthline_gateway.gatt.words import words
from hearthline_protocol.device_time import DeviceTime


def test_blood_pressure_with_everything() -> None:
    cuff = BloodPressureMeasurement.decode(bytes.fromhex("1e ba00 7000 8900 ea07 0b 16 07 04 00 4e00 01 2500"))
    assert cuff == BloodPressureMeasurement(
        systolic=Number(186, 0),
        diastolic=Number(112, 0),
        mean_arterial_pressure=Number(137, 0),
        unit="mmHg",
        time_stamp=DeviceTime(2026, 11, 22, 7, 4, 0),
        pulse_rate=Number(78, 0),
        user_id=1,
        measurement_status=BloodPressureStatus.BODY_MOVEMENT_DETECTED
        | BloodPressureStatus.IRREGULAR_PULSE_DETECTED
        | BloodPressureStatus.IMPROPER_MEASUREMENT_POSITION,
    )


@pytest.mark.parametrize(("raw", "high", "low"), [(0, False, False), (8, True, False), (16, False, True), (24, 0, 0)])
def test_pulse_rate_range_is_a_number_of_two_bits(raw: int, high: bool, low: bool) -> None:
    status = BloodPressureStatus(raw)
    assert (status.pulse_rate_exceeds_upper_limit, status.pulse_rate_less_than_lower_limit) == (high, low)


def test_spot_check_with_everything() -> None:
    frame = bytes.fromhex("1f 6200 4800 e807 09 1d 0e 1e 2f 2003 200800 14f0")
    assert PlxSpotCheckMeasurement.decode(frame) == PlxSpotCheckMeasurement(
        spo2=Number(98, 0),
        pulse_rate=Number(72, 0),
        time_stamp=DeviceTime(2024, 9, 29, 14, 30, 47),
        measurement_status=PlxMeasurementStatus.MEASUREMENT_ONGOING
        | PlxMeasurementStatus.FULLY_QUALIFIED_DATA
        | PlxMeasurementStatus.DATA_FROM_MEASUREMENT_STORAGE,
        device_and_sensor_status=PlxDeviceAndSensorStatus.LOW_PERFUSION_DETECTED
        | PlxDeviceAndSensorStatus.SENSOR_UNCONNECTED_TO_USER,
        pulse_amplitude_index=Number(20, -1),
        device_clock_is_not_set=True,
    )


def test_continuous_with_everything() -> None:
    frame = bytes.fromhex("1f 6200 4800 6100 4900 6300 4700 4000 100000 14f0")
    assert PlxContinuousMeasurement.decode(frame) == PlxContinuousMeasurement(
        spo2=Number(98, 0),
        pulse_rate=Number(72, 0),
        spo2_fast=Number(97, 0),
        pulse_rate_fast=Number(73, 0),
        spo2_slow=Number(99, 0),
        pulse_rate_slow=Number(71, 0),
        measurement_status=PlxMeasurementStatus.EARLY_ESTIMATED_DATA,
        device_and_sensor_status=PlxDeviceAndSensorStatus.POOR_SIGNAL_DETECTED,
        pulse_amplitude_index=Number(20, -1),
    )


def test_weight_in_kilograms() -> None:
    scale = WeightMeasurement.decode(bytes.fromhex("0e da40 e807 05 14 08 1e 00 01 e600 d606"))
    assert (scale.weight, scale.weight_unit) == (Number(83_010, -3), "kg")
    assert scale.time_stamp == DeviceTime(2024, 5, 20, 8, 30, 0)
    assert (scale.user_id, scale.bmi, scale.height) == (1, Number(230, -1), Number(1750, -3))


def test_weight_in_pounds() -> None:
    scale = WeightMeasurement.decode(bytes.fromhex("09 7c47 e600 b102"))
    assert (scale.weight, scale.weight_unit) == (Number(18_300, -2), "lb")
    assert (scale.height, scale.height_unit) == (Number(689, -1), "in")


def test_unsuccessful_weighing() -> None:
    assert WeightMeasurement.decode(bytes.fromhex("00ffff")).weight is None


def test_temperature_with_everything() -> None:
    thermometer = TemperatureMeasurement.decode(bytes.fromhex("07 da0300ff e807 09 1d 0e 1e 2f 06"))
    assert thermometer == TemperatureMeasurement(
        temperature=Number(986, -1),
        unit="F",
        time_stamp=DeviceTime(2024, 9, 29, 14, 30, 47),
        temperature_type=TemperatureType.MOUTH,
    )


def test_a_clock_that_was_never_set_is_kept_as_it_came() -> None:
    cuff = decode("2A35", bytes.fromhex("02 7800 5000 5d00 0000 00 00 00 00 00"))
    assert words(cuff)["time_stamp"] == "0000-00-00T00:00:00"


def test_bytes_after_the_last_field_are_kept() -> None:
    oximeter = decode("2A5F", bytes.fromhex("00 6200 4800 aabbcc"))
    assert words(oximeter)["trailing"] == "aabbcc"


def test_an_unflagged_user_id_shows_itself_by_the_length() -> None:
    quirks = Quirks(unflagged=frozenset({"user_id"}))
    with_user = BloodPressureMeasurement.decode(bytes.fromhex("14 7800 5000 5d00 4800 02 0400"), quirks)
    without = BloodPressureMeasurement.decode(bytes.fromhex("14 7800 5000 5d00 4800 0400"), quirks)
    assert (with_user.user_id, without.user_id) == (2, None)
    assert with_user.measurement_status == without.measurement_status == BloodPressureStatus.IRREGULAR_PULSE_DETECTED


_LAYOUTS = {
    "2A35": ("1f", ["systolic", "diastolic", "mean_arterial_pressure"], [2, 2, 2]),
    "2A5E": ("0f", ["spo2", "pulse_rate", "time_stamp", "measurement_status"], [2, 2, 7, 2]),
    "2A5F": ("1f", ["spo2", "pulse_rate", "spo2_fast", "pulse_rate_fast", "spo2_slow"], [2, 2, 2, 2, 2]),
    "2A9D": ("0e", ["weight", "time_stamp", "user_id", "bmi", "height"], [2, 7, 1, 2, 2]),
    "2A1C": ("06", ["temperature", "time_stamp", "temperature_type"], [4, 7, 1]),
}


@pytest.mark.parametrize("characteristic", _LAYOUTS)
def test_a_short_frame_names_the_field_that_is_missing(characteristic: str) -> None:
    flags, names, sizes = _LAYOUTS[characteristic]
    for at, (name, size) in enumerate(zip(names, sizes, strict=True)):
        before = bytes.fromhex(flags) + bytes(sum(sizes[:at]))
        for there in range(size):
            with pytest.raises(TruncatedError) as caught:
                decode(characteristic, before + bytes(there))
            error = caught.value
            assert (error.characteristic, error.missing) == (characteristic, name)
            assert (error.needed, error.got) == (size, there)


@pytest.mark.parametrize("characteristic", MEASUREMENTS)
def test_an_empty_frame_is_missing_its_first_field(characteristic: str) -> None:
    if issubclass(MEASUREMENTS[characteristic], Utf8Text):
        pytest.skip("a text may be empty")
    with pytest.raises(TruncatedError) as caught:
        decode(characteristic, b"")
    assert caught.value.missing
    assert caught.value.got == 0


def test_an_unknown_characteristic_is_named_with_those_known() -> None:
    with pytest.raises(UnknownCharacteristicError) as caught:
        decode("2AFF", b"\x00")
    assert caught.value.characteristic == "2AFF"
    assert "2A35" in caught.value.known
