"""Heart rate, body composition, features, user data and device information: what each field means."""

import logging
from typing import Any

import pytest

from hearthline_gateway.decode import decode_line
from hearthline_gateway.gatt.body_composition import BodyCompositionMeasurement
from hearthline_gateway.gatt.characteristics import decode
from hearthline_gateway.gatt.errors import TruncatedError
from hearthline_gateway.gatt.heart_rate import HeartRateMeasurement
from hearthline_gateway.gatt.local_time import DstOffset, LocalTimeInformation
from hearthline_gateway.gatt.measurement_interval import MeasurementInterval
from hearthline_gateway.gatt.numbers import Number
from hearthline_gateway.gatt.reference_time import ReferenceTimeInformation
from hearthline_gateway.gatt.regulatory_certification import CertificationListError
from hearthline_gateway.gatt.text import TextError
from hearthline_gateway.gatt.user_control_point import (
    UserControlOpCode,
    UserControlPoint,
    UserControlResponse,
    consent,
    register_new_user,
)
from hearthline_gateway.gatt.user_data import FirstName, UserIndex
from hearthline_protocol.device_time import DeviceTime


def _said(characteristic: str, frame: str) -> dict[str, Any]:
    said: dict[str, Any] = decode_line(characteristic, frame)["measurement"]
    return said


def _missing(characteristic: str, frame: str) -> str | None:
    with pytest.raises(TruncatedError) as caught:
        decode(characteristic, bytes.fromhex(frame))
    return caught.value.missing


def test_heart_rate_with_everything() -> None:
    assert HeartRateMeasurement.decode(bytes.fromhex("1f 2c01 8d00 0004 ff03")) == HeartRateMeasurement(
        heart_rate=300,
        heart_rate_bits=16,
        sensor_contact=True,
        energy_expended_kj=141,
        rr_intervals_1024=(1024, 1023),
    )


@pytest.mark.parametrize(
    ("flags", "contact", "reserved"),
    [("00", None, 0), ("02", None, 2), ("04", False, 0), ("06", True, 0), ("e0", None, 0xE0), ("e6", True, 0xE0)],
)
def test_heart_rate_contact_and_reserved_flags(flags: str, contact: bool | None, reserved: int) -> None:
    measured = HeartRateMeasurement.decode(bytes.fromhex(flags + "48"))
    assert (measured.sensor_contact, measured.reserved_flags) == (contact, reserved)


@pytest.mark.parametrize(
    ("frame", "missing"),
    [
        ("00", "heart_rate"),
        ("0148", "heart_rate"),
        ("084801", "energy_expended"),
        ("1048", "rr_intervals"),
        ("104800", "rr_intervals"),
        ("1048000401", "rr_intervals"),
    ],
)
def test_heart_rate_cut_short(frame: str, missing: str) -> None:
    assert _missing("2A37", frame) == missing


def test_heart_rate_without_the_rr_flag_keeps_what_follows() -> None:
    assert HeartRateMeasurement.decode(bytes.fromhex("0048 1234")).trailing == b"\x12\x34"


def test_sensor_location_and_control_point() -> None:
    assert _said("2A38", "05") == {"location": {"raw": 5, "name": "ear_lobe"}}
    assert _said("2A38", "07") == {"location": 7}
    assert _said("2A39", "01") == {"command": {"raw": 1, "name": "reset_energy_expended"}}
    assert _said("2A39", "02") == {"command": 2}


_BODY = "ff0f e700 ea070b16070400 02 1e1a 7801 900a 8c22 f820 d81d 6414 4835 d606"


def test_body_composition_in_pounds_with_everything() -> None:
    assert BodyCompositionMeasurement.decode(bytes.fromhex(_BODY)) == BodyCompositionMeasurement(
        body_fat_percentage=Number(231, -1),
        mass_unit="lb",
        time_stamp=DeviceTime(2026, 11, 22, 7, 4, 0),
        user_id=2,
        basal_metabolism_kj=6686,
        muscle_percentage=Number(376, -1),
        muscle_mass=Number(2704, -2),
        fat_free_mass=Number(8844, -2),
        soft_lean_mass=Number(8440, -2),
        body_water_mass=Number(7640, -2),
        impedance=Number(5220, -1),
        weight=Number(13640, -2),
        height=Number(1750, -1),
        height_unit="in",
    )


def test_body_composition_in_kilograms_is_exact() -> None:
    measured = BodyCompositionMeasurement.decode(bytes.fromhex("000d e700 d81d 4835 d606"))
    assert measured.body_water_mass == Number(38200, -3)
    assert measured.weight == Number(68200, -3)
    assert measured.height == Number(1750, -3)
    assert [number.value for number in (measured.body_water_mass, measured.weight, measured.height)] == [
        38.2,
        68.2,
        1.75,
    ]


def test_body_composition_unsuccessful_and_multiple_packets() -> None:
    measured = BodyCompositionMeasurement.decode(bytes.fromhex("00f0 ffff"))
    assert (measured.body_fat_percentage, measured.multiple_packets, measured.reserved_flags) == (None, True, 0xE000)


@pytest.mark.parametrize(
    ("octets", "missing"),
    [
        (1, "flags"),
        (3, "body_fat_percentage"),
        (10, "time_stamp"),
        (11, "user_id"),
        (13, "basal_metabolism"),
        (15, "muscle_percentage"),
        (17, "muscle_mass"),
        (19, "fat_free_mass"),
        (21, "soft_lean_mass"),
        (23, "body_water_mass"),
        (25, "impedance"),
        (27, "weight"),
        (29, "height"),
    ],
)
def test_body_composition_cut_short(octets: int, missing: str) -> None:
    assert _missing("2A9C", _BODY.replace(" ", "")[: 2 * octets]) == missing


def test_features_of_scales() -> None:
    assert _said("2A9B", "ff bf 01 80") == {
        "features": {
            "raw": 0x7FF,
            "flags": [
                "time_stamp",
                "multiple_users",
                "basal_metabolism",
                "muscle_percentage",
                "muscle_mass",
                "fat_free_mass",
                "soft_lean_mass",
                "body_water_mass",
                "impedance",
                "weight",
                "height",
            ],
        },
        "mass_resolution": {"raw": 7, "name": "kg_0_005_or_lb_0_01"},
        "height_resolution": {"raw": 3, "name": "m_0_001_or_inch_0_1"},
        "reserved_flags": 0x8000_0000,
    }
    assert _said("2A9E", "4a 02 00 00") == {
        "features": {"raw": 2, "flags": ["multiple_users"]},
        "weight_resolution": 9,
        "height_resolution": 4,
    }


def test_features_of_cuffs_and_oximeters() -> None:
    assert _said("2A49", "2600")["features"]["flags"] == [
        "cuff_fit_detection",
        "irregular_pulse_detection",
        "multiple_bond",
    ]
    assert _said("2A60", "4300 0080 000800") == {
        "supported_features": {
            "raw": 0x43,
            "flags": ["measurement_status", "device_and_sensor_status", "pulse_amplitude_index"],
        },
        "measurement_status_support": {"raw": 0x8000, "flags": ["invalid_measurement_detected"]},
        "device_and_sensor_status_support": {"raw": 0x800, "flags": ["sensor_unconnected_to_user"]},
    }
    assert _said("2A60", "0000")["measurement_status_support"] is None
    assert _missing("2A60", "0100ff") == "measurement_status_support"
    assert _missing("2A60", "0200ffff") == "device_and_sensor_status_support"


def test_thermometers() -> None:
    assert _said("2A1D", "09") == {"temperature_type": {"raw": 9, "name": "tympanum"}}
    assert _said("2A1D", "00") == {"temperature_type": 0}
    assert MeasurementInterval.decode(bytes.fromhex("2c01")) == MeasurementInterval(300)
    assert [MeasurementInterval(seconds).periodic for seconds in (0, 1)] == [False, True]


@pytest.mark.parametrize(
    ("frame", "minutes"),
    [
        ("04 04", 120),
        ("d0 00", -720),
        ("38 00", 840),
        ("16 02", 360),
        ("80 00", None),
        ("04 ff", None),
        ("04 01", None),
    ],
)
def test_local_time(frame: str, minutes: int | None) -> None:
    assert LocalTimeInformation.decode(bytes.fromhex(frame)).utc_offset_minutes == minutes


def test_local_time_keeps_what_is_reserved() -> None:
    assert LocalTimeInformation.decode(b"\x80\x03") == LocalTimeInformation(-128, 3)
    assert LocalTimeInformation.decode(b"\x39\x08") == LocalTimeInformation(57, DstOffset.DOUBLE_DAYLIGHT_TIME)
    assert LocalTimeInformation(57, DstOffset.STANDARD_TIME).utc_offset_minutes is None


@pytest.mark.parametrize(
    ("frame", "accuracy", "hours"),
    [("01080203", 1.0, 51), ("04fd0000", 31.625, 0), ("02fe0018", None, None), ("00ffffff", None, None)],
)
def test_reference_time(frame: str, accuracy: float | None, hours: int | None) -> None:
    reference = ReferenceTimeInformation.decode(bytes.fromhex(frame))
    assert (reference.accuracy_s, reference.hours_since) == (accuracy, hours)


def test_user_data() -> None:
    assert _said("2A80", "51") == {"age_years": 81}
    assert _said("2A85", "9107 0b 16") == {"year": 1937, "month": 11, "day": 22}
    assert _said("2A8C", "01") == {"gender": {"raw": 1, "name": "female"}}
    assert _said("2A8C", "03") == {"gender": 3}
    assert _said("2A8E", "af00") == {"height_m": 1.75}
    assert _said("2A98", "4835") == {"weight_kg": 68.2}
    assert _said("2A99", "01000080") == {"change_increment": 0x8000_0001}
    assert _said("2A9A", "ff") == {"user_index": 255}
    assert [UserIndex(index).known for index in (1, 255)] == [True, False]


@pytest.mark.parametrize("characteristic", ["2A8A", "2A90", "2A87", "2A29", "2A24", "2A25", "2A27", "2A26", "2A28"])
def test_texts(characteristic: str) -> None:
    assert _said(characteristic, "c3a574") == {"text": "åt"}
    assert _said(characteristic, "c3a574 0000") == {"text": "åt", "trailing": "0000"}
    assert _said(characteristic, "") == {"text": ""}
    error = decode_line(characteristic, "41 ff 42")["error"]
    assert (error["type"], error["missing"]) == ("TextError", None)


def test_a_name_stays_out_of_messages_and_representations(caplog: pytest.LogCaptureFixture) -> None:
    private = b"private"
    name = FirstName.decode(private)
    with pytest.raises(TextError) as caught:
        FirstName.decode(private + b"\xff")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger(__name__).info("%r %s", name, caught.value)
    assert "private" not in caplog.text
    assert caught.value.at == 7
    assert name.text == "private"
    assert caught.value.__cause__ is None
    assert "1234" not in repr(consent(1, 1234))


@pytest.mark.parametrize(
    ("point", "frame"),
    [
        (register_new_user(1234), "01 d204"),
        (consent(2, 9999), "02 02 0f27"),
        (UserControlPoint(UserControlOpCode.DELETE_USER_DATA), "03"),
        (UserControlPoint(UserControlOpCode.LIST_ALL_USERS), "04"),
        (UserControlPoint(UserControlOpCode.DELETE_USERS, 255), "05 ff"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.op_code.name,
)
def test_what_is_asked_of_a_user_control_point(point: UserControlPoint, frame: str) -> None:
    assert point.encode() == bytes.fromhex(frame)
    assert UserControlPoint.decode(bytes.fromhex(frame)) == point


@pytest.mark.parametrize(
    ("frame", "request_op_code", "value", "more"),
    [
        ("20 01 01 03", UserControlOpCode.REGISTER_NEW_USER, UserControlResponse.SUCCESS, {"user_index": 3}),
        ("20 01 04", UserControlOpCode.REGISTER_NEW_USER, UserControlResponse.OPERATION_FAILED, {}),
        ("20 02 01", UserControlOpCode.CONSENT, UserControlResponse.SUCCESS, {}),
        ("20 02 05", UserControlOpCode.CONSENT, UserControlResponse.USER_NOT_AUTHORISED, {}),
        ("20 03 02", UserControlOpCode.DELETE_USER_DATA, UserControlResponse.OP_CODE_NOT_SUPPORTED, {}),
        ("20 04 01 05", UserControlOpCode.LIST_ALL_USERS, UserControlResponse.SUCCESS, {"number_of_users": 5}),
        ("20 05 01 02", UserControlOpCode.DELETE_USERS, UserControlResponse.SUCCESS, {"user_index": 2}),
        ("20 05 01", UserControlOpCode.DELETE_USERS, UserControlResponse.SUCCESS, {}),
        ("20 05 03", UserControlOpCode.DELETE_USERS, UserControlResponse.INVALID_PARAMETER, {}),
        ("20 77 06", 0x77, 6, {}),
    ],
)
def test_what_a_user_control_point_answers(frame: str, request_op_code: int, value: int, more: dict[str, Any]) -> None:
    answer = UserControlPoint.decode(bytes.fromhex(frame))
    assert answer == UserControlPoint(
        UserControlOpCode.RESPONSE, request_op_code=request_op_code, response_value=value, **more
    )
    assert answer.succeeded == (value == 1)
    assert answer.encode() == bytes.fromhex(frame)


@pytest.mark.parametrize(
    ("frame", "missing"),
    [
        ("01 d2", "consent_code"),
        ("02", "user_index"),
        ("02 01 d2", "consent_code"),
        ("05", "user_index"),
        ("20", "request_op_code"),
        ("20 02", "response_value"),
        ("20 01 01", "user_index"),
        ("20 04 01", "number_of_users"),
    ],
)
def test_a_user_control_point_cut_short(frame: str, missing: str) -> None:
    assert _missing("2A9F", frame) == missing


@pytest.mark.parametrize("code", [-1, 10_000])
def test_no_such_consent_code(code: int) -> None:
    with pytest.raises(ValueError, match="0 to 9999"):
        register_new_user(code)


def test_device_information() -> None:
    assert _said("2A23", "0123456789 abcdef") == {
        "manufacturer_identifier": 0x8967452301,
        "organisationally_unique_identifier": 0xEFCDAB,
    }
    assert _said("2A50", "02 5e04 4000 0003") == {
        "vendor_id_source": {"raw": 2, "name": "usb_implementers_forum"},
        "vendor_id": 0x045E,
        "product_id": 0x40,
        "product_version": 0x300,
    }
    assert _said("2A50", "03 0000 0000 0000")["vendor_id_source"] == 3


def test_certifications() -> None:
    said = _said("2A2A", "0002 000e 02 01 0004 01020304 02 02 0002 8000")
    assert said == {
        "certifications": [
            {"body": {"raw": 2, "name": "continua"}, "structure": 1, "data": "01020304"},
            {"body": {"raw": 2, "name": "continua"}, "structure": 2, "data": "8000"},
        ]
    }
    assert _missing("2A2A", "fe006578706572696d656e74616c") == "data"
    with pytest.raises(CertificationListError) as caught:
        decode("2A2A", bytes.fromhex("0001 0009 fe 00 0000 0000000000"))
    assert (caught.value.said, caught.value.there) == (9, 4)
