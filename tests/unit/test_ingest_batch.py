"""What ingest takes, and each reason for which it does not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hearthline_backend.ingest.batch import HEAD_BYTES, payload_of, read_batch, read_reading
from hearthline_backend.ingest.refusal import HELD, Reason
from hearthline_protocol.messages import MAX_BATCH_BYTES, SCHEMA, ReadingsBatch, ReceiptStatus
from hearthline_protocol.readings import Quality, Reading
from tests.fixtures.readings import pressure, value
from tests.fixtures.records import NOW

GOOD = pressure()


def _message(*readings: Any, **envelope: Any) -> bytes:
    items = [one.model_dump(mode="json") if isinstance(one, Reading) else one for one in readings]
    return json.dumps({"schema": 1, "readings": items} | envelope).encode()


def _changed(**fields: Any) -> dict[str, Any]:
    return pressure().model_dump(mode="json") | fields


def _values(**values: Any) -> dict[str, Any]:
    return _changed(values=values)


SYSTOLIC = {"value": 128, "unit": "mm[Hg]"}
BELOW = {"value": None, "unit": "mm[Hg]", "comparator": "<"}


def test_a_right_batch_is_taken_whole() -> None:
    other = pressure()
    found = read_batch(ReadingsBatch(readings=(GOOD, other)).model_dump_json(by_alias=True).encode(), NOW)
    assert found.readings == (GOOD, other)
    assert found.refused == ()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"\xff\xfe", Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        (b"[" * 100_000, Reason.NOT_JSON),
        (b"12", Reason.WRONG_SCHEMA),
        (b"[]", Reason.WRONG_SCHEMA),
        (b"{}", Reason.WRONG_SCHEMA),
        (_message(), Reason.WRONG_SCHEMA),
        (_message(GOOD, readings={}), Reason.WRONG_SCHEMA),
        (_message(GOOD, schema=0), Reason.WRONG_SCHEMA),
        (_message(GOOD, schema=None), Reason.WRONG_SCHEMA),
        (_message(GOOD, schema="1.5"), Reason.WRONG_SCHEMA),
        (_message(GOOD, patient="somebody"), Reason.WRONG_SCHEMA),
        (_message(GOOD, schema=SCHEMA + 1), Reason.NEWER_SCHEMA),
        (_message({"of": "tomorrow"}, schema=7, more=1), Reason.NEWER_SCHEMA),
        (_message(*[{}] * 201), Reason.TOO_MANY),
        (b" " * (MAX_BATCH_BYTES + 1), Reason.OVERSIZED),
    ],
)
def test_a_message_that_is_refused_whole(payload: bytes, reason: Reason) -> None:
    found = read_batch(payload, NOW)
    assert found.readings == ()
    (refused,) = found.refused
    assert refused.whole
    assert refused.reason is reason
    assert refused.message


def test_of_an_oversized_message_hash_and_head_are_kept() -> None:
    payload = b"x" * (MAX_BATCH_BYTES + 1)
    (refused,) = read_batch(payload, NOW).refused
    assert refused.payload == payload[:HEAD_BYTES]
    assert refused.whole_bytes == len(payload)
    assert refused.whole_sha256 is not None


@pytest.mark.parametrize(
    ("item", "reason", "names"),
    [
        (_changed(kind="blood_presure"), Reason.UNKNOWN_KIND, "blood_pressure"),
        (_changed(quality="splendid"), Reason.WRONG_SCHEMA, "quality"),
        (_changed(patient="somebody"), Reason.WRONG_SCHEMA, "patient"),
        (_changed(received_time="2026-11-22T07:30:00"), Reason.WRONG_SCHEMA, "received_time"),
        (_changed(device_time="2026-11-22T07:30:00+01:00"), Reason.WRONG_SCHEMA, "device_time"),
        (_changed(sensor="00-11"), Reason.WRONG_SCHEMA, "sensor"),
        (_values(systolic=SYSTOLIC | {"value": float("nan")}, diastolic=SYSTOLIC), Reason.WRONG_SCHEMA, "systolic"),
        (_values(systolic={"value": 128}, diastolic=SYSTOLIC), Reason.WRONG_SCHEMA, "unit"),
        (_values(systolic={"value": 17.1, "unit": "kPa"}, diastolic=SYSTOLIC), Reason.UNKNOWN_UNIT, "mm[Hg]"),
        (_values(systolic=SYSTOLIC, diastolic=SYSTOLIC, mood=SYSTOLIC), Reason.UNKNOWN_UNIT, "systolic"),
        (_values(systolic={"value": 331, "unit": "mm[Hg]"}, diastolic=SYSTOLIC), Reason.IMPOSSIBLE_VALUE, "330"),
        (_values(systolic={"value": -1, "unit": "mm[Hg]"}, diastolic=SYSTOLIC), Reason.IMPOSSIBLE_VALUE, "20"),
        (_values(systolic=SYSTOLIC), Reason.MISSING_VALUE, "diastolic"),
        (_values(systolic=SYSTOLIC, diastolic=BELOW), Reason.MISSING_VALUE, "diastolic"),
        (_changed(quality="beyond_low"), Reason.MISSING_VALUE, "<"),
        (_changed(quality="beyond_high"), Reason.MISSING_VALUE, ">"),
        (_changed(effective_time=(NOW + timedelta(minutes=6)).isoformat()), Reason.IMPOSSIBLE_TIME, "effective_time"),
        (_changed(effective_time="1999-12-31T23:59:59Z"), Reason.IMPOSSIBLE_TIME, "2000"),
        (_changed(received_time=(NOW + timedelta(days=2)).isoformat()), Reason.IMPOSSIBLE_TIME, "clock"),
        (_changed(kind="body_composition", values={}), Reason.MISSING_VALUE, "at least one"),
    ],
)  # fmt: skip
def test_one_bad_reading_is_answered_by_name_and_the_others_are_taken(
    item: dict[str, Any], reason: Reason, names: str
) -> None:
    found = read_batch(_message(GOOD, item), NOW)
    assert [one.id for one in found.readings] == [GOOD.id]
    (refused,) = found.refused
    assert (refused.reason, refused.whole) == (reason, False)
    assert refused.reading_ids == (UUID(item["id"]),)
    assert names in refused.message
    assert reason.status is ReceiptStatus.REJECTED


def test_a_refusal_never_repeats_the_value() -> None:
    found = read_batch(_message(_values(systolic={"value": 98765, "unit": "x" * 9}, diastolic=SYSTOLIC)), NOW)
    wrong = read_batch(_message(_changed(sensor="Anna-4711", kind=4711)), NOW)
    for refused in (*found.refused, *wrong.refused):
        assert not any(word in refused.message for word in ("98765", "Anna", "4711", "xxx"))


@pytest.mark.parametrize("item", [None, 3, [], "text", {"id": 7}, {"id": "no uuid"}])
def test_a_reading_without_a_name_is_refused_without_a_name(item: Any) -> None:
    found = read_batch(_message(GOOD, item), NOW)
    assert [one.id for one in found.readings] == [GOOD.id]
    assert [one.reading_ids for one in found.refused] == [()]


@pytest.mark.parametrize(
    "fields",
    [
        {"quality": Quality.FAILED, "values": {}},
        {"quality": Quality.NOT_PATIENT},
        {"quality": Quality.BEYOND_LOW, "values": {"systolic": value(None, "mm[Hg]", "<")}},
        {"quality": Quality.BEYOND_HIGH, "values": {"systolic": value(299, "mm[Hg]", ">")}},
        {"quality": Quality.QUESTIONABLE},
        {"effective_time": NOW + timedelta(minutes=5)},
        {"effective_time": datetime(2000, 1, 1, tzinfo=UTC)},
        {"received_time": NOW + timedelta(hours=23)},
        {"kind": "body_composition", "values": {"fat": value(20, "%")}},
        {"synthetic": True},
    ],
)  # fmt: skip
def test_what_is_rare_but_right_is_taken(fields: dict[str, Any]) -> None:
    reading = pressure(**fields)
    found = read_batch(_message(reading), NOW)
    assert found.refused == ()
    assert found.readings == (reading,)


def test_an_id_that_comes_twice_counts_once_and_the_first_one_counts() -> None:
    again = pressure(120, 70, id=GOOD.id)
    assert read_batch(_message(GOOD, again), NOW).readings == (GOOD,)


def test_a_kept_reading_is_read_as_it_was() -> None:
    assert read_reading(payload_of(GOOD), NOW).readings == (GOOD,)
    (refused,) = read_reading(b'{"id": "nothing"}', NOW).refused
    assert refused.reason is Reason.WRONG_SCHEMA


def test_what_is_held_is_what_may_still_become_valid() -> None:
    assert {one for one in Reason if one.status is ReceiptStatus.HELD} == HELD
    assert Reason.UNKNOWN_GATEWAY in HELD
    assert Reason.NEWER_SCHEMA in HELD
