"""From a frame to a reading: everything in its place, and an identity that only the meter decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.frame import Frame, MeterClock
from hearthline_gateway.gatt.errors import TruncatedError
from hearthline_gateway.meter_models import model
from hearthline_gateway.normalize import normalize, quirks_of
from hearthline_protocol.messages import ReadingsBatch
from hearthline_protocol.readings import Reading

_MADRID = ZoneInfo("Europe/Madrid")
_RECEIVED = datetime(2026, 11, 22, 6, 4, 30, tzinfo=UTC)
_CUFF = Frame(
    sensor="F0:F1:00:00:18:10",
    characteristic="2A35",
    payload=bytes.fromhex("1e ba00 7000 8900 ea07 0b 16 07 04 00 4e00 01 0000"),
    received_time=_RECEIVED,
    model="and-ua-651ble",
)


def _one(frame: Frame) -> Reading:
    (reading,) = normalize(frame, zone=_MADRID)
    return reading


def test_a_cuff_s_reading_is_complete() -> None:
    reading = _one(_CUFF)
    assert reading.model_dump(mode="json", exclude={"id", "values"}) == {
        "kind": "blood_pressure",
        "quality": "valid",
        "flags": [],
        "device_time": "2026-11-22T07:04:00",
        "received_time": "2026-11-22T06:04:30Z",
        "effective_time": "2026-11-22T06:04:00Z",
        "clock_offset_s": 3600.0,
        "time_quality": "assumed",
        "live": True,
        "sensor": "F0:F1:00:00:18:10",
        "user_slot": 1,
        "sequence": None,
        "characteristic": "2A35",
        "model": "and-ua-651ble",
        "synthetic": False,
    }
    assert reading.values["systolic"].model_dump() == {
        "value": 186,
        "unit": "mm[Hg]",
        "comparator": None,
        "as_measured": {"number": 186, "unit": "mm[Hg]", "precision": 0},
    }


def test_a_reading_survives_the_wire() -> None:
    batch = ReadingsBatch(readings=(_one(_CUFF),))
    assert ReadingsBatch.model_validate_json(batch.model_dump_json()) == batch


def test_beyond_travels_without_a_number() -> None:
    reading = _one(replace(_CUFF, payload=bytes.fromhex("00 fe07 7800 9000")))
    assert reading.values["systolic"].model_dump() == {
        "value": None,
        "unit": "mm[Hg]",
        "comparator": ">",
        "as_measured": None,
    }


def test_the_same_record_has_one_id_however_it_was_heard() -> None:
    again = replace(
        _CUFF,
        received_time=_RECEIVED + timedelta(days=3),
        clock=MeterClock(timedelta(hours=5), _RECEIVED),
        model=None,
        first=True,
        alone=True,
    )
    assert _one(again).id == _one(_CUFF).id
    assert _one(again).effective_time != _one(_CUFF).effective_time


@pytest.mark.parametrize(
    "other",
    [
        replace(_CUFF, sensor="F0:F1:00:00:18:11"),
        replace(_CUFF, payload=_CUFF.payload.replace(b"\xba", b"\xbb")),
        replace(_CUFF, payload=_CUFF.payload[:-3] + b"\x02\x00\x00"),
        replace(_CUFF, payload=_CUFF.payload.replace(b"\x07\x04\x00", b"\x07\x05\x00")),
    ],
    ids=["sensor", "value", "user", "stamp"],
)
def test_another_record_has_another_id(other: Frame) -> None:
    assert _one(other).id != _one(_CUFF).id


def test_a_status_that_changes_on_replay_is_no_new_record() -> None:
    live = replace(_CUFF, characteristic="2A5E", payload=bytes.fromhex("03 6200 4800 ea07 0b 16 07 04 00 0001"))
    stored = replace(live, payload=bytes.fromhex("03 6200 4800 ea07 0b 16 07 04 00 0003"))
    assert _one(live).id == _one(stored).id


def test_a_byte_order_learnt_later_renames_no_record() -> None:
    bm85 = quirks_of(model("beurer-bm85"))
    frame = replace(_CUFF, payload=bytes.fromhex("1e 6a00 4700 0000 ea07 08 0b 12 1f 00 003f 00 0000"))
    (before,) = normalize(frame, zone=_MADRID)
    (after,) = normalize(frame, zone=_MADRID, quirks=bm85)
    assert after.id == before.id
    assert after.values["pulse"].value == 63


def test_without_stamp_the_receipt_tells_equal_values_apart() -> None:
    frame = replace(_CUFF, payload=bytes.fromhex("00 7800 5000 5d00"))
    later = replace(frame, received_time=_RECEIVED + timedelta(seconds=1))
    assert _one(frame).id == _one(frame).id != _one(later).id


def test_a_person_the_scale_does_not_know_has_no_slot_but_an_identity_of_its_own() -> None:
    scale = replace(_CUFF, characteristic="2A9D", payload=bytes.fromhex("06 da40 ea07 0b 16 07 04 00 ff"))
    unknown, first = _one(scale), _one(replace(scale, payload=scale.payload[:-1] + b"\x01"))
    assert (unknown.user_slot, first.user_slot) == (None, 1)
    assert unknown.id != first.id


def test_a_failed_reading_is_counted_without_values() -> None:
    reading = _one(replace(_CUFF, characteristic="2A9D", payload=bytes.fromhex("00 ffff")))
    assert (reading.quality, reading.values) == ("failed", {})


@pytest.mark.parametrize(
    ("characteristic", "payload"),
    [("2A19", "64"), ("2A08", "ea070b16070400"), ("2A2B", "ea070b16070400000000"), ("2A5F", "0062004800")],
)
def test_clocks_batteries_and_single_notifications_are_no_readings(characteristic: str, payload: str) -> None:
    frame = replace(_CUFF, characteristic=characteristic, payload=bytes.fromhex(payload))
    assert normalize(frame, zone=_MADRID) == ()


def test_a_frame_cut_short_is_a_typed_error() -> None:
    with pytest.raises(TruncatedError):
        normalize(replace(_CUFF, payload=_CUFF.payload[:10]), zone=_MADRID)
