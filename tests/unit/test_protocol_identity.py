"""The id of a reading: golden for every release, ordered by the meter's stamp, made of only what the meter sent."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import RFC_4122
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.frame import Frame
from hearthline_gateway.normalize import normalize
from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.identity import reading_id

_GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures" / "golden_ids.json").read_text())

_ONE: dict[str, Any] = {
    "sensor": "F0:F1:00:00:18:10",
    "characteristic": "2A35",
    "user_slot": 1,
    "device_time": DeviceTime(2026, 11, 22, 7, 4, 0),
    "sequence": None,
    "raw_values": bytes.fromhex("ba00700089004e00"),
    "received_time": datetime(2026, 11, 22, 6, 4, 30, tzinfo=UTC),
}


def _stamp(text: str | None) -> DeviceTime | None:
    return None if text is None else DeviceTime.parse(text)


@pytest.mark.parametrize("golden", _GOLDEN["ids"], ids=lambda golden: golden["case"])
def test_golden_id(golden: dict[str, Any]) -> None:
    found = reading_id(
        sensor=golden["sensor"],
        characteristic=golden["characteristic"],
        user_slot=golden["user_slot"],
        device_time=_stamp(golden["device_time"]),
        sequence=golden["sequence"],
        raw_values=bytes.fromhex(golden["raw_values"]),
        received_time=datetime.fromisoformat(golden["received_time"]),
    )
    assert str(found) == golden["id"]


@pytest.mark.parametrize("golden", _GOLDEN["frames"], ids=lambda golden: golden["hex"])
def test_golden_id_of_a_frame(golden: dict[str, Any]) -> None:
    heard = _GOLDEN["frames_heard"]
    frame = Frame(
        sensor=heard["sensor"],
        characteristic=golden["characteristic"],
        payload=bytes.fromhex(golden["hex"]),
        received_time=datetime.fromisoformat(heard["received_time"]),
    )
    (reading,) = normalize(frame, zone=ZoneInfo("Europe/Oslo"))
    assert str(reading.id) == golden["id"]


def test_it_is_a_version_8_uuid_that_begins_with_the_meter_s_stamp() -> None:
    found = reading_id(**_ONE)
    assert (found.version, found.variant) == (8, RFC_4122)
    assert found.int >> 80 == int(datetime(2026, 11, 22, 7, 4, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "change",
    [
        {"sensor": "F0:F1:00:00:18:11"},
        {"characteristic": "2A36"},
        {"user_slot": None},
        {"user_slot": 2},
        {"device_time": DeviceTime(2026, 11, 22, 7, 4, 1)},
        {"sequence": 0},
        {"raw_values": bytes.fromhex("ba00700089004f00")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_the_meter_sent_counts(change: dict[str, Any]) -> None:
    assert reading_id(**{**_ONE, **change}) != reading_id(**_ONE)


def test_fields_cannot_run_into_each_other() -> None:
    one = {**_ONE, "user_slot": 1, "sequence": 11}
    assert reading_id(**one) != reading_id(**{**one, "user_slot": 11, "sequence": 1})


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive by hypothesis' rule
def test_the_receipt_of_a_stamped_record_does_not_count(received: datetime) -> None:
    assert reading_id(**{**_ONE, "received_time": received}) == reading_id(**_ONE)


@pytest.mark.parametrize("device_time", [None, DeviceTime(0, 0, 0, 0, 0, 0)])
def test_without_stamp_and_sequence_the_receipt_counts(device_time: DeviceTime | None) -> None:
    unstamped = {**_ONE, "device_time": device_time}
    later = unstamped["received_time"] + timedelta(seconds=1)
    assert reading_id(**unstamped) != reading_id(**{**unstamped, "received_time": later})
    assert reading_id(**{**unstamped, "sequence": 3}).int & (1 << 62) - 1 == (
        reading_id(**{**unstamped, "sequence": 3, "received_time": later}).int & (1 << 62) - 1
    )


def test_the_receipt_s_zone_does_not_count() -> None:
    unstamped = {**_ONE, "device_time": None}
    oslo = unstamped["received_time"].astimezone(timezone(timedelta(hours=1)))
    assert reading_id(**unstamped) == reading_id(**{**unstamped, "received_time": oslo})


def test_an_address_is_the_same_in_either_case() -> None:
    assert reading_id(**{**_ONE, "sensor": _ONE["sensor"].lower()}) == reading_id(**_ONE)


@given(received=st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1), max_value=datetime(2080, 1, 1)))  # noqa: DTZ001 - hypothesis wants bounds without a zone
def test_a_numbered_record_without_a_stamp_is_the_same_whenever_it_is_read(received: datetime) -> None:
    for stamp in (None, DeviceTime(0, 0, 0, 0, 0, 0)):
        numbered = _ONE | {"device_time": stamp, "sequence": 7}
        assert reading_id(**numbered | {"received_time": received}) == reading_id(**numbered)
