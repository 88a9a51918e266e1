"""Which kind, values, quality and flags a frame becomes."""

import pytest

from hearthline_gateway.finding import Finding
from hearthline_gateway.gatt.characteristics import PersonMeasurement, decode
from hearthline_gateway.interpret import interpret
from hearthline_protocol.kinds import KINDS


def _finding(characteristic: str, payload: str) -> Finding:
    measurement = decode(characteristic, bytes.fromhex(payload))
    assert isinstance(measurement, PersonMeasurement)
    return interpret(measurement)


def _values(finding: Finding) -> dict[str, float | None]:
    return {name: measured.value for name, measured in finding.values.items()}


def test_values_carry_our_unit_and_what_the_meter_printed() -> None:
    finding = _finding("2A35", "01 a0f0 6bf0 7df0")  # 16.0, 10.7, 12.5 kPa
    assert (finding.kind, finding.quality) == ("blood_pressure", "valid")
    systolic = finding.values["systolic"]
    assert (systolic.value, systolic.unit) == (120.0, "mm[Hg]")
    assert (systolic.number, systolic.measured_unit, systolic.precision) == (16.0, "kPa", 1)
    assert _values(finding) == {"systolic": 120.0, "diastolic": 80.3, "mean": 93.8}


@pytest.mark.parametrize(
    ("characteristic", "payload", "expected"),
    [
        ("2A35", "00 7800 5000 5d00", {"systolic": 120, "diastolic": 80, "mean": 93}),
        ("2A35", "00 b0f4 20f3 5d00", {"systolic": 120.0, "diastolic": 80.0, "mean": 93}),
        ("2A9D", "01 7c47", {"weight": 83.007}),
        ("2A9D", "08 da40 e600 d606", {"weight": 83.01, "bmi": 23.0}),
        ("2A1C", "01 da0300ff", {"temperature": 37.0}),
        ("2A1C", "00 710e00fe", {"temperature": 36.97}),
        ("2A5E", "00 6200 4800", {"spo2": 98, "pulse": 72}),
    ],
)
def test_units_are_converted_once(characteristic: str, payload: str, expected: dict[str, float]) -> None:
    finding = _finding(characteristic, payload)
    assert _values(finding) == expected
    assert finding.quality == "valid"
    for name, measured in finding.values.items():
        assert measured.unit == KINDS[finding.kind].fields[name].unit


@pytest.mark.parametrize(
    ("characteristic", "payload"),
    [
        ("2A35", "00 ff07 ff07 ff07"),  # NaN
        ("2A35", "00 7800 0008 5d00"),  # one required field is NRes
        ("2A35", "00 0108 5000 5d00"),  # reserved
        ("2A35", "00 0000 0000 0000"),  # a stub
        ("2A5E", "00 ff07 ff07"),
        ("2A5E", "00 0000 0000"),  # the probe fell off
        ("2A5E", "02 6200 4800 0020"),  # measurement unavailable
        ("2A5E", "02 6200 4800 0080"),  # invalid measurement detected
        ("2A5F", "08 6200 4800 000800"),  # sensor unconnected to user
        ("2A9D", "00 ffff"),
        ("2A9D", "08 0000 0000 0000"),
        ("2A1C", "00 ffff7f00"),
        ("2A1C", "00 00008000"),
    ],
)
def test_failed_has_no_values(characteristic: str, payload: str) -> None:
    finding = _finding(characteristic, payload)
    assert finding.quality == "failed"
    assert finding.values == {}


@pytest.mark.parametrize(
    ("characteristic", "payload", "expected"),
    [
        ("2A35", "04 7800 5000 ff07 4800", {"systolic": 120, "diastolic": 80, "pulse": 72}),
        ("2A35", "04 7800 5000 5d00 ff07", {"systolic": 120, "diastolic": 80, "mean": 93}),
        ("2A35", "04 7800 5000 0000 0000", {"systolic": 120, "diastolic": 80}),
        ("2A5E", "00 6200 ff07", {"spo2": 98}),
        ("2A9D", "08 da40 0000 0000", {"weight": 83.01}),
    ],
)
def test_an_optional_field_that_was_not_measured_is_left_out(
    characteristic: str, payload: str, expected: dict[str, float]
) -> None:
    finding = _finding(characteristic, payload)
    assert finding.quality == "valid"
    assert _values(finding) == expected


@pytest.mark.parametrize(
    ("characteristic", "payload", "quality", "field", "comparator"),
    [
        ("2A35", "00 fe07 7800 9000", "beyond_high", "systolic", ">"),
        ("2A35", "00 fe07 ff07 ff07", "beyond_high", "systolic", ">"),
        ("2A5E", "00 0208 4800", "beyond_low", "spo2", "<"),
        ("2A5E", "00 6200 fe07", "beyond_high", "pulse", ">"),
        ("2A1C", "00 feff7f00", "beyond_high", "temperature", ">"),
        ("2A1C", "01 02008000", "beyond_low", "temperature", "<"),
    ],
)
def test_beyond_what_the_meter_can_process(
    characteristic: str, payload: str, quality: str, field: str, comparator: str
) -> None:
    finding = _finding(characteristic, payload)
    assert finding.quality == quality
    measured = finding.values[field]
    assert (measured.value, measured.number, measured.comparator) == (None, None, comparator)


@pytest.mark.parametrize(
    ("payload", "flags"),
    [
        ("10 7800 5000 5d00 0100", ["body_movement"]),
        ("10 7800 5000 5d00 0200", ["cuff_too_loose"]),
        ("10 7800 5000 5d00 2000", ["improper_position"]),
        ("10 7800 5000 5d00 2700", ["irregular_pulse", "body_movement", "cuff_too_loose", "improper_position"]),
    ],
)
def test_a_disturbed_cuff_is_questionable_and_keeps_its_values(payload: str, flags: list[str]) -> None:
    finding = _finding("2A35", payload)
    assert finding.quality == "questionable"
    assert list(finding.flags) == flags
    assert _values(finding)["systolic"] == 120


@pytest.mark.parametrize(
    ("status", "flags"),
    [("0400", ["irregular_pulse"]), ("0800", ["pulse_rate_high"]), ("1000", ["pulse_rate_low"]), ("1800", [])],
)
def test_a_pulse_finding_is_no_doubt(status: str, flags: list[str]) -> None:
    finding = _finding("2A35", f"10 7800 5000 5d00 {status}")
    assert (finding.quality, list(finding.flags)) == ("valid", flags)


@pytest.mark.parametrize(
    ("status", "quality", "flags"),
    [
        ("080000", "questionable", ["weak_signal"]),
        ("100000", "questionable", ["weak_signal"]),
        ("200000", "questionable", ["poor_perfusion"]),
        ("400000", "questionable", ["weak_signal"]),
        ("800000", "questionable", ["weak_signal"]),
        ("000100", "questionable", []),
        ("000200", "valid", []),
        ("002000", "questionable", ["improper_position"]),
        ("020000", "failed", ["sensor_fault"]),
        ("004000", "failed", ["sensor_fault"]),
        ("008000", "failed", ["sensor_fault"]),
        ("0000ff", "valid", []),
    ],
)
def test_device_and_sensor_status(status: str, quality: str, flags: list[str]) -> None:
    finding = _finding("2A5E", f"04 6200 4800 {status}")
    assert (finding.quality, list(finding.flags)) == (quality, flags)


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        ("2000", "valid"),  # measurement ongoing
        ("4000", "questionable"),  # early estimated data
        ("8003", "valid"),  # validated, fully qualified, from storage
        ("0004", "not_patient"),  # demonstration
        ("0008", "not_patient"),  # testing
        ("0010", "questionable"),  # calibration ongoing
        ("0040", "questionable"),
        ("00c0", "failed"),
    ],
)
def test_plx_measurement_status(status: str, quality: str) -> None:
    assert _finding("2A5E", f"02 6200 4800 {status}").quality == quality


@pytest.mark.parametrize(
    ("characteristic", "payload", "expected"),
    [
        ("2A36", "00 5a00 ff07 ff07", {"systolic": 90}),
        ("2A1E", "00 6c0100ff", {"temperature": 36.4}),
    ],
)
def test_intermediate_values_are_nobody_s_reading(
    characteristic: str, payload: str, expected: dict[str, float]
) -> None:
    finding = _finding(characteristic, payload)
    assert finding.quality == "not_patient"
    assert _values(finding) == expected


@pytest.mark.parametrize(
    ("characteristic", "payload"),
    [
        ("2A35", "02 7800 5000 5d00 0000 01 01 00 00 00"),
        ("2A35", "02 7800 5000 5d00 ea07 02 1e 00 00 00"),  # 30 February
        ("2A5E", "11 6200 4800 d007 01 01 00 00 05"),  # device clock is not set
    ],
)
def test_a_clock_that_was_not_set_is_flagged_and_its_stamp_kept(characteristic: str, payload: str) -> None:
    finding = _finding(characteristic, payload)
    assert finding.flags == ("clock_not_set",)
    assert finding.time_stamp is not None
    assert finding.usable_stamp is None
