"""A meter's wall clock: kept digit for digit, never a datetime by itself."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from hearthline_protocol.device_time import DeviceTime, DeviceTimeText


class _Holder(BaseModel):
    at: DeviceTimeText


_BYTE = st.integers(0, 255)


@given(st.builds(DeviceTime, st.integers(0, 0xFFFF), _BYTE, _BYTE, _BYTE, _BYTE, _BYTE))
def test_whatever_a_meter_can_send_survives_the_wire(stamp: DeviceTime) -> None:
    assert DeviceTime.parse(str(stamp)) == stamp
    assert _Holder.model_validate_json(_Holder(at=stamp).model_dump_json()).at == stamp


@pytest.mark.parametrize(
    ("stamp", "known"),
    [
        (DeviceTime(2026, 11, 22, 7, 4, 0), True),
        (DeviceTime(2024, 2, 29, 23, 59, 59), True),
        (DeviceTime(0, 1, 1, 0, 0, 0), False),
        (DeviceTime(2026, 0, 22, 7, 4, 0), False),
        (DeviceTime(2026, 2, 29, 7, 4, 0), False),
        (DeviceTime(2026, 11, 22, 24, 0, 0), False),
        (DeviceTime(2026, 11, 22, 7, 4, 60), False),
        (DeviceTime(65535, 255, 255, 255, 255, 255), False),
    ],
    ids=str,
)
def test_known_says_whether_it_names_a_moment(stamp: DeviceTime, known: bool) -> None:
    assert stamp.known is known


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T07:04:00Z",
        "2026-11-22T07:04:00+01:00",
        "2026-11-22 07:04:00",
        "2026-11-22T07:04",
        "2026-11-22T07:04:00.5",
        "٢٠٢٦-11-22T07:04:00",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="without an offset"):
        DeviceTime.parse(text)


@pytest.mark.parametrize("value", [datetime(2026, 11, 22, 7, 4, tzinfo=UTC), 1_795_000_000, None])
def test_an_instant_is_not_a_clock_face(value: Any) -> None:
    with pytest.raises(ValidationError):
        _Holder(at=value)


def test_the_instant_at_a_measured_offset() -> None:
    stamp = DeviceTime(2026, 11, 22, 7, 4, 0)
    assert stamp.at_offset(timedelta(hours=1, seconds=30)) == datetime(2026, 11, 22, 6, 3, 30, tzinfo=UTC)


def test_the_instant_on_a_wall_and_the_first_one_where_it_shows_twice() -> None:
    madrid = ZoneInfo("Europe/Madrid")
    assert DeviceTime(2026, 7, 1, 9, 0, 0).face_in(madrid) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert DeviceTime(2026, 10, 25, 2, 30, 0).face_in(madrid) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_how_far_a_face_is_from_another() -> None:
    stamp = DeviceTime(2026, 11, 22, 7, 4, 0)
    assert stamp.minus(datetime(2026, 11, 22, 6, 4, tzinfo=UTC)) == timedelta(hours=1)
    assert stamp.minus(datetime(2026, 11, 22, 7, 4, tzinfo=timezone(timedelta(hours=1)))) == timedelta()


def test_the_face_of_a_datetime() -> None:
    face = datetime(2026, 11, 22, 7, 4, tzinfo=timezone(timedelta(hours=9)))
    assert DeviceTime.of(face) == DeviceTime(2026, 11, 22, 7, 4, 0)
    assert DeviceTime.of(face).face_ms() == int(datetime(2026, 11, 22, 7, 4, tzinfo=UTC).timestamp() * 1000)
