"""Record Access Control Point: requests as a collector sends them, answers as a meter gives them."""

import pytest

from hearthline_gateway.gatt.characteristics import decode
from hearthline_gateway.gatt.errors import TruncatedError
from hearthline_gateway.gatt.record_access import (
    RecordAccessControlPoint,
    RecordFilter,
    RecordOpCode,
    RecordOperator,
    RecordResponse,
)
from hearthline_gateway.gatt.words import words
from hearthline_protocol.device_time import DeviceTime

_POINT = RecordAccessControlPoint


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (_POINT.report(), "0101"),
        (_POINT.report(since=43), "0103012b00"),
        (_POINT.count(), "0401"),
        (_POINT.count(since=43), "0403012b00"),
        (_POINT.abort(), "0300"),
    ],
)
def test_what_a_collector_asks(request_: RecordAccessControlPoint, frame: str) -> None:
    assert request_.encode().hex() == frame
    assert _POINT.decode(bytes.fromhex(frame)) == request_


def test_a_range_has_two_ends() -> None:
    point = _POINT.decode(bytes.fromhex("01 04 01 0500 0900"))
    assert (point.operator, point.minimum, point.maximum) == (RecordOperator.WITHIN_RANGE_OF, 5, 9)


def test_a_range_of_times() -> None:
    point = _POINT.decode(bytes.fromhex("02 02 02 ea07 0b 16 07 04 00"))
    assert point == _POINT(
        RecordOpCode.DELETE_STORED_RECORDS,
        RecordOperator.LESS_THAN_OR_EQUAL_TO,
        RecordFilter.USER_FACING_TIME,
        maximum=DeviceTime(2026, 11, 22, 7, 4, 0),
    )


def test_a_continuous_sensor_counts_minutes_with_the_same_filter() -> None:
    assert RecordFilter["TIME_OFFSET"] is RecordFilter["SEQUENCE_NUMBER"]
    assert _POINT.decode(bytes.fromhex("01 03 01 1e00")).minimum == 30


def test_the_number_of_records() -> None:
    point = _POINT.decode(bytes.fromhex("05 00 f401"))
    assert (point.op_code, point.number_of_records) == (RecordOpCode.NUMBER_OF_STORED_RECORDS_RESPONSE, 500)


@pytest.mark.parametrize("response", RecordResponse)
def test_every_response_has_its_name(response: RecordResponse) -> None:
    point = decode("2A52", bytes([6, 0, 1, response]))
    assert words(point)["response_code"] == {"raw": int(response), "name": response.name.lower()}
    assert words(point)["request_op_code"] == {"raw": 1, "name": "report_stored_records"}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("00 00 aabb", {"op_code": 0, "operand": "aabb"}),
        ("07 01 aabb", {"op_code": 7, "operand": "aabb"}),
        ("01 07 aabb", {"operator": 7, "operand": "aabb"}),
        ("01 03 05 aabb", {"filter_type": 5, "operand": "aabb"}),
        ("06 00 09 0a", {"request_op_code": 9, "response_code": 10}),
        ("01 01 aa", {"trailing": "aa"}),
        ("03 00 aa", {"trailing": "aa"}),
    ],
)
def test_what_is_reserved_stays_as_it_came(frame: str, said: dict[str, object]) -> None:
    point = decode("2A52", bytes.fromhex(frame))
    assert said.items() <= words(point).items()
    assert point.encode() == bytes.fromhex(frame)


@pytest.mark.parametrize(
    ("frame", "missing"),
    [
        ("", "op_code"),
        ("01", "operator"),
        ("01 03", "filter_type"),
        ("01 03 01 05", "minimum"),
        ("01 02 01", "maximum"),
        ("01 04 01 0500 09", "maximum"),
        ("01 03 02 ea07 0b", "minimum"),
        ("05 00 f4", "number_of_records"),
        ("06 00", "request_op_code"),
        ("06 00 01", "response_code"),
    ],
)
def test_a_short_frame_names_what_is_missing(frame: str, missing: str) -> None:
    with pytest.raises(TruncatedError) as caught:
        decode("2A52", bytes.fromhex(frame))
    assert caught.value.missing == missing
