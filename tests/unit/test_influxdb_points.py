"""Points of InfluxDB without a server: their places, their names, and the values that go to a query."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_backend.storage.influxdb import flux
from hearthline_backend.storage.influxdb.line_protocol import field, field_name, tag, untagged
from hearthline_backend.storage.influxdb.spot import LATEST_NS, point_time, slot_at
from hearthline_backend.storage.influxdb.stretches import Stretch
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.readings_tables import microseconds

_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(_names)
def test_a_name_survives_as_tag_and_as_field_and_holds_nothing_that_line_protocol_reads(name: str) -> None:
    for there, back in ((tag, untagged), (field, field_name)):
        word = there(name)
        assert back(word) == name
        assert word
        assert not set(word) & set(' ,="\\\n\r')


@given(st.lists(_names, min_size=2, max_size=2, unique=True))
def test_two_names_stay_two(names: list[str]) -> None:
    assert tag(names[0]) != tag(names[1])
    assert field(names[0]) != field(names[1])


@pytest.mark.parametrize("name", ["time", "kept", "_measurement", "_field", "_value"])
def test_no_field_has_a_name_that_is_taken(name: str) -> None:
    assert field(name) != name
    assert not field(name).startswith("_")


@given(st.integers(0, 2**128 - 1), st.integers(-(10**15), 10**16))
def test_a_point_s_time_says_the_effective_time_to_the_microsecond(number: int, time_us: int) -> None:
    at = point_time(time_us, UUID(int=number))
    assert at // 1000 == min(time_us, LATEST_NS // 1000)


def test_ids_made_to_want_the_same_slot_get_different_ones() -> None:
    same_digits = [UUID(int=number * 1000 * 4**14) for number in range(200)]
    assert {slot_at(0, one) for one in same_digits} == {0}
    assert {slot_at(1, one) for one in same_digits} == {1000}  # the first lane is everybody's
    assert len({slot_at(12, one) for one in same_digits}) == 200
    assert all(slot_at(attempt, one) < 2**31 for attempt in range(64) for one in same_digits[:5])


@given(text=st.text(), number=st.integers(-(2**63), 2**63 - 1))
def test_a_value_goes_to_a_query_as_a_literal_and_never_into_its_text(text: str, number: int) -> None:
    body = flux.request(flux.WINDOW, {"kind": text, "start": number})
    assert body["query"] == flux.WINDOW
    (option,) = body["extern"]["body"]
    kind, start = (one["value"] for one in option["assignment"]["init"]["properties"])
    assert kind == {"type": "StringLiteral", "value": text}
    said = start["argument"]["value"] if start["type"] == "UnaryExpression" else start["value"]
    assert (-1 if start["type"] == "UnaryExpression" else 1) * int(said) == number
    json.dumps(body)


def test_the_text_for_several_stretches_holds_only_the_numbers_of_their_names() -> None:
    patients = tuple(UUID(int=number) for number in (7, 8, 9))
    text, values = flux.stretches([Stretch(patients[:1], -5, 5), Stretch(patients[1:], -7, 5)])
    assert not any(str(one) in text for one in patients)
    assert values == {
        "patient0": str(patients[0]), "start0": -5, "stop0": 5, "patient1": patients[1:], "start1": -7, "stop1": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "below"),
    [
        ("2026-11-22T07:29:55.000001234Z", datetime(2026, 11, 22, 7, 29, 55, 1, UTC), 234),
        ("2026-11-22T07:29:55Z", datetime(2026, 11, 22, 7, 29, 55, 0, UTC), 0),
        ("1969-12-31T23:59:59.9Z", datetime(1969, 12, 31, 23, 59, 59, 900_000, UTC), 0),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, at: datetime, below: int) -> None:
    assert flux.nanoseconds(text) == microseconds(at) * 1000 + below


def test_an_answer_that_breaks_off_is_an_unavailable_store() -> None:
    with pytest.raises(StoreUnavailableError, match="broke off"):
        list(flux.rows(",result,table,_value\r\n,_result,0,1\r\n\r\nerror,reference\r\nout of memory,897\r\n"))
