"""Messages between home and backend: they come back as they went, and a wrong one is named."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.messages import (
    MAX_BATCH_READINGS,
    GatewayStatus,
    MeterStatus,
    OutboxStatus,
    ReadingsBatch,
    Receipt,
    ReceiptEntry,
    ReceiptStatus,
)
from hearthline_protocol.readings import AsMeasured, Instant, Quality, Reading, TimeQuality, Value

_AT = datetime(2026, 11, 22, 6, 4, tzinfo=UTC)


def _reading(**change: Any) -> Reading:
    fields: dict[str, Any] = {
        "id": UUID("019aa9b0-0000-8000-8000-000000000001"),
        "kind": "blood_pressure",
        "quality": Quality.VALID,
        "values": {
            "systolic": Value(value=186, unit="mm[Hg]", as_measured=AsMeasured(number=186, unit="mm[Hg]", precision=0))
        },
        "device_time": DeviceTime(2026, 11, 22, 7, 4, 0),
        "received_time": _AT,
        "effective_time": _AT,
        "time_quality": TimeQuality.SYNCED,
        "sensor": "F0:F1:00:00:18:10",
        "characteristic": "2A35",
    }
    return Reading(**{**fields, **change})


_finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    number=_finite,
    quality=st.sampled_from(Quality),
    comparator=st.sampled_from([None, "<", ">"]),
    offset=st.none() | _finite,
    slot=st.none() | st.integers(0, 255),
    precision=st.integers(-128, 128),
)
def test_a_batch_comes_back_as_it_went(
    number: float, quality: Quality, comparator: Any, offset: float | None, slot: int | None, precision: int
) -> None:
    measured = AsMeasured(number=number, unit="kPa", precision=precision)
    value = Value(value=number, unit="mm[Hg]", comparator=comparator, as_measured=measured)
    reading = _reading(values={"systolic": value}, quality=quality, clock_offset_s=offset, user_slot=slot)
    batch = ReadingsBatch(readings=(reading,))
    assert ReadingsBatch.model_validate_json(batch.model_dump_json()) == batch


def test_the_schema_travels_under_its_name() -> None:
    assert ReadingsBatch(readings=(_reading(),)).model_dump(mode="json")["schema"] == 1


def test_a_receipt_and_a_status_come_back_as_they_went() -> None:
    receipt = Receipt(batch="b1", readings=(ReceiptEntry(id=_reading().id, status=ReceiptStatus.STORED),))
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt
    status = GatewayStatus(
        state="online",
        sent_time=_AT,
        outbox=OutboxStatus(pending=1, rejected=0, oldest_pending=_AT),
        meters=(MeterStatus(address="F0:F1:00:00:18:10", model="and-ua-651ble", paired=True, battery_percent=80),),
    )
    assert GatewayStatus.model_validate_json(status.model_dump_json()) == status


def test_times_are_kept_in_utc() -> None:
    reading = _reading(received_time=datetime(2026, 11, 22, 7, 4, tzinfo=timezone(timedelta(hours=1))))
    assert reading.model_dump(mode="json")["received_time"] == "2026-11-22T06:04:00Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"received_time": "2026-11-22T06:04:00"}, "received_time"),
        ({"device_time": "2026-11-22T07:04:00+01:00"}, "device_time"),
        ({"sensor": "f0:f1:00:00:18:10"}, "sensor"),
        ({"characteristic": "2a35"}, "characteristic"),
        ({"user_slot": 256}, "user_slot"),
        ({"sequence": -1}, "sequence"),
        ({"quality": "good"}, "quality"),
        ({"patient": "somebody"}, "patient"),
        ({"clock_offset_s": float("nan")}, "clock_offset_s"),
        ({"values": {"systolic": {"value": None, "unit": "mm[Hg]"}}}, "values"),
        ({"values": {"systolic": {"value": float("inf"), "unit": "mm[Hg]"}}}, "values"),
        ({"values": {"systolic": {"value": 186}}}, "values"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_reading_is_refused_by_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _reading(**change)
    assert {str(error["loc"][0]) for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("count", [0, MAX_BATCH_READINGS + 1])
def test_a_batch_has_one_to_the_most_readings(count: int) -> None:
    with pytest.raises(ValidationError):
        ReadingsBatch(readings=(_reading(),) * count)


def test_failed_and_other_people_s_readings_are_not_judged() -> None:
    assert {quality for quality in Quality if not quality.judged} == {Quality.FAILED, Quality.NOT_PATIENT}


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_over_the_edge_of_the_calendar_is_a_validation_error(text: str) -> None:
    with pytest.raises(ValidationError, match="between the years 1 and 9999"):
        TypeAdapter(Instant).validate_python(text)
