"""Continuous glucose sensors: records, checksums, sessions and the control point."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.gatt.cgm_control_point import CgmOpCode, CgmResponse, CgmSpecificOpsControlPoint
from hearthline_gateway.gatt.cgm_feature import CgmFeature, CgmFeatures
from hearthline_gateway.gatt.cgm_measurement import CgmMeasurement
from hearthline_gateway.gatt.cgm_session import CgmSessionRunTime, CgmSessionStartTime
from hearthline_gateway.gatt.cgm_status import CgmStatus, CgmStatusOctet, CgmWarningOctet
from hearthline_gateway.gatt.characteristics import decode
from hearthline_gateway.gatt.e2e_crc import e2e_crc, protected
from hearthline_gateway.gatt.errors import CrcMismatchError, TruncatedError
from hearthline_gateway.gatt.glucose_sample import SampleLocation, SampleType
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.words import words

_RECORD = "06 00 7800 1e00"


def _sealed(frame: str) -> bytes:
    return protected(bytes.fromhex(frame))


def test_the_checksum_s_check_value() -> None:
    assert e2e_crc(b"123456789") == 0x6F91
    assert e2e_crc(b"") == 0xFFFF


@given(st.binary(min_size=1, max_size=30), st.integers(0), st.integers(1, 255))
def test_one_damaged_byte_is_always_found(content: bytes, at: int, damage: int) -> None:
    damaged = bytearray(protected(content))
    damaged[at % len(damaged)] ^= damage
    assert e2e_crc(bytes(damaged[:-2])) != int.from_bytes(damaged[-2:], "little")


@pytest.mark.parametrize(
    ("flags", "octets", "status", "cal_temp", "warning"),
    [
        ("00", "", None, None, None),
        ("80", "01", 1, None, None),
        ("40", "02", None, 2, None),
        ("20", "40", None, None, 0x40),
        ("e0", "010240", 1, 2, 0x40),
        ("a0", "0140", 1, None, 0x40),
    ],
)
def test_only_the_status_octets_that_say_something_are_sent(
    flags: str, octets: str, status: int | None, cal_temp: int | None, warning: int | None
) -> None:
    size = 6 + len(octets) // 2
    (record,) = CgmMeasurement.decode(bytes.fromhex(f"{size:02x} {flags} 7800 1e00 {octets}")).records
    assert (record.status, record.cal_temp, record.warning) == (status, cal_temp, warning)
    assert (record.glucose_concentration, record.time_offset) == (Number(120, 0), 30)


def test_records_with_and_without_a_checksum_in_one_frame() -> None:
    plain, sealed = bytes.fromhex(_RECORD), _sealed("0c 03 7700 1d00 feff 5a00")
    first, second = CgmMeasurement.decode(plain + sealed).records
    assert (first.e2e_crc, second.e2e_crc) == (False, True)
    assert (second.trend_information, second.quality) == (Number(-2, -1), Number(90, 0))


def test_one_damaged_record_spoils_its_frame() -> None:
    sealed = _sealed("08 00 7800 1e00")
    with pytest.raises(CrcMismatchError) as caught:
        decode("2AA7", bytes.fromhex(_RECORD) + sealed[:-1] + bytes([sealed[-1] ^ 1]))
    assert (caught.value.characteristic, caught.value.missing) == ("2AA7", None)
    assert caught.value.sent ^ caught.value.computed == 0x100


@pytest.mark.parametrize(
    ("frame", "missing"),
    [
        ("", "size"),
        ("00", "flags"),
        ("00 00 7800 1e00", "flags"),
        ("01 00 7800 1e00", "flags"),
        ("02 00 7800 1e00", "glucose_concentration"),
        ("05 00 7800 1e", "time_offset"),
        ("06 80 7800 1e00", "status"),
        ("06 40 7800 1e00", "cal_temp"),
        ("06 20 7800 1e00", "warning"),
        ("06 01 7800 1e00", "trend_information"),
        ("06 02 7800 1e00", "quality"),
        ("08 00 7800 1e00", "e2e_crc"),
        ("08 00 7800 1e00 ab", "e2e_crc"),
        ("06 00 7800 1e00 06", "flags"),
        ("06 00 7800 1e00 00", "flags"),
    ],
)
def test_a_size_that_cannot_be_names_what_is_missing(frame: str, missing: str) -> None:
    with pytest.raises(TruncatedError) as caught:
        decode("2AA7", bytes.fromhex(frame))
    assert caught.value.missing == missing


def test_a_surplus_that_is_no_checksum_is_kept() -> None:
    frame = bytes.fromhex("07 04 7800 1e00 aa")
    said = words(decode("2AA7", frame))["records"][0]
    assert (said["reserved_flags"], said["trailing"], said["e2e_crc"]) == (4, "aa", False)
    assert decode("2AA7", frame).encode() == frame


def test_a_feature_without_a_checksum() -> None:
    feature = CgmFeature.decode(bytes.fromhex("008101 59 ffff"))
    assert feature.features == (
        CgmFeatures.CGM_QUALITY | CgmFeatures.CGM_TREND_INFORMATION | CgmFeatures.SENSOR_RESULT_HIGH_LOW_DETECTION
    )
    assert feature.sample_type is SampleType.INTERSTITIAL_FLUID
    assert feature.sample_location is SampleLocation.SUBCUTANEOUS_TISSUE
    assert feature.e2e_crc == 0xFFFF


def test_a_feature_with_a_checksum_is_checked() -> None:
    sealed = _sealed("001000 59")
    assert CgmFeature.decode(sealed).encode() == sealed
    with pytest.raises(CrcMismatchError):
        CgmFeature.decode(bytes.fromhex("001000 59 ffff"))
    with pytest.raises(TruncatedError):
        CgmFeature.decode(bytes.fromhex("000000 59"))


@pytest.mark.parametrize(
    ("kind", "frame"),
    [
        (CgmStatus, "1e00 01 02 40"),
        (CgmSessionStartTime, "ea07 0b 16 07 04 00 04 04"),
        (CgmSessionRunTime, "5001"),
        (CgmSpecificOpsControlPoint, "1a"),
        (CgmSpecificOpsControlPoint, "09 b400"),
    ],
)
def test_two_bytes_behind_the_last_field_are_the_checksum(kind: Any, frame: str) -> None:
    bare, sealed = bytes.fromhex(frame), _sealed(frame)
    assert (kind.decode(bare).e2e_crc, kind.decode(sealed).e2e_crc) == (False, True)
    assert kind.decode(bare + b"\xaa\xbb\xcc").trailing == b"\xaa\xbb\xcc"
    with pytest.raises(TruncatedError) as half:
        kind.decode(sealed[:-1])
    assert half.value.missing == "e2e_crc"
    assert kind.decode(sealed).encode() == sealed
    with pytest.raises(CrcMismatchError):
        kind.decode(bare + bytes((sealed[-2] ^ 1, sealed[-1])))


def test_a_status_has_all_three_octets() -> None:
    status = CgmStatus.decode(bytes.fromhex("1e00 03 00 80"))
    assert status.time_offset == 30
    assert status.status == CgmStatusOctet.SESSION_STOPPED | CgmStatusOctet.DEVICE_BATTERY_LOW
    assert status.warning == CgmWarningOctet.RESULT_HIGHER_THAN_DEVICE_CAN_PROCESS


@pytest.mark.parametrize(
    ("zone", "dst", "ahead"),
    [
        ("04", "04", timedelta(hours=2)),
        ("ec", "00", timedelta(hours=-5)),
        ("04", "02", timedelta(hours=1, minutes=30)),
        ("80", "00", None),
        ("39", "00", None),
        ("04", "ff", None),
        ("04", "01", None),
    ],
)
def test_a_session_says_where_its_clock_was(zone: str, dst: str, ahead: timedelta | None) -> None:
    assert CgmSessionStartTime.decode(bytes.fromhex(f"ea07 0b 16 07 04 00 {zone} {dst}")).ahead_of_utc == ahead


def test_a_session_s_unknown_zone_has_its_name() -> None:
    said = words(decode("2AAA", bytes.fromhex("ea07 0b 16 07 04 00 80 ff")))
    assert said["time_zone"] == {"raw": -128, "name": "unknown"}
    assert said["dst_offset"] == {"raw": 255, "name": "not_known"}


def test_a_run_time_in_hours() -> None:
    assert CgmSessionRunTime.decode(bytes.fromhex("5001")).session_run_time == 336


_OPERANDS = {1: "05", 3: "ff", 4: "6400 1e00 11 9600 0000 00", 5: "ffff", 6: "6400 1e00 11 9600 0100 05", 28: "1a 01"}
_NO_OPERAND = (2, 8, 11, 14, 17, 20, 23, 25, 26, 27)


@pytest.mark.parametrize("op_code", CgmOpCode)
def test_every_op_code_has_its_operand(op_code: CgmOpCode) -> None:
    operand = bytes.fromhex(_OPERANDS.get(op_code, "" if op_code in _NO_OPERAND else "b400"))
    frame = bytes([op_code]) + operand
    point = CgmSpecificOpsControlPoint.decode(frame)
    assert (point.op_code, point.operand, point.trailing) == (op_code, b"", b"")
    assert point.encode() == frame
    for there in range(len(operand)):
        with pytest.raises(TruncatedError):
            CgmSpecificOpsControlPoint.decode(frame[: 1 + there])


def test_a_calibration_and_its_answer_in_words() -> None:
    said = words(decode("2AAC", bytes.fromhex("06 6400 1e00 a4 9600 0100 05")))
    assert said["calibration"] == {
        "glucose_concentration": 100,
        "calibration_time": 30,
        "sample_type": {"raw": 4, "name": "venous_plasma"},
        "sample_location": 10,
        "next_calibration_time": 150,
        "data_record_number": 1,
        "calibration_status": {"raw": 5, "flags": ["data_rejected", "process_pending"]},
    }
    assert words(decode("2AAC", bytes.fromhex("01 ff")))["communication_interval"] == {"raw": 255, "name": "fastest"}
    assert words(decode("2AAC", bytes.fromhex("01 05")))["communication_interval"] == 5


@pytest.mark.parametrize("response", CgmResponse)
def test_every_answer_of_the_control_point_has_its_name(response: CgmResponse) -> None:
    said = words(decode("2AAC", bytes([28, 26, response])))
    assert said["response_code"] == {"raw": int(response), "name": response.name.lower()}
    assert said["request_op_code"] == {"raw": 26, "name": "start_the_session"}


def test_a_reserved_op_code_keeps_its_operand() -> None:
    said = words(decode("2AAC", bytes.fromhex("1d aabb")))
    assert (said["op_code"], said["operand"]) == (29, "aabb")
