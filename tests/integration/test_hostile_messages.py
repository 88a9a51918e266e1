"""Whatever a gateway sends: it ends stored, held or in quarantine, it is answered, and the next message is taken."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthline_protocol.messages import ReceiptStatus
from hearthline_protocol.readings import Quality
from hearthline_protocol.topics import status as status_topic
from tests.fixtures.ingesting import Ingesting, batch, ingesting
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW

HOME = "home-0001"
_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "mm[Hg]", "kPa", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "\x00", "blood_pressure"]
    ),
    st.sampled_from([str(one) for one in Quality]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Ingesting]:
    async with ingesting(tmp_path) as made:
        yield made


def _places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON document at which something stands."""
    found = [path] if path else []
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@st.composite
def _spoilt(draw: st.DrawFn) -> bytes:
    """A right batch with up to four places changed, removed or added, and perhaps a few bytes spoilt."""
    content = json.loads(batch(*(pressure(id=uuid4()) for _ in range(draw(st.integers(1, 3))))))
    for _ in range(draw(st.integers(1, 4))):
        places = _places(content)
        if not places:
            break
        path = draw(st.sampled_from(places))
        holder = content
        for key in path[:-1]:
            holder = holder[key]
        match draw(st.sampled_from(["change", "remove", "add"])):
            case "remove":
                del holder[path[-1]]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=8))] = draw(_ODD)
            case _:
                holder[path[-1]] = draw(_ODD)
    payload = bytearray(json.dumps(content).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 2))):
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    return bytes(payload)


def _ids(payload: bytes) -> set[UUID]:
    """The ids of a message that can be told apart."""
    found: set[UUID] = set()
    try:
        content = json.loads(payload)
        items = content["readings"] if isinstance(content["readings"], list) else []
    except (ValueError, TypeError, KeyError, RecursionError):
        return found
    for item in items:
        try:
            found.add(UUID(item["id"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return found


@given(payload=st.one_of(_spoilt(), st.binary(max_size=200)), correlation=st.one_of(st.none(), st.binary(max_size=80)))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_message_ends_somewhere_and_is_answered(
    parts: Ingesting, payload: bytes, correlation: bytes | None
) -> None:
    parts.uplink.published.clear()
    parts.uplink.acknowledged.clear()
    message = parts.uplink.send(HOME, payload, correlation)
    next_one = pressure()
    parts.uplink.send(HOME, batch(next_one), b"next")
    await parts.take()
    assert message in parts.uplink.acknowledged
    receipts = parts.uplink.receipts  # one for both where both were stored
    answer = receipts[-1] if len(receipts) == 1 or parts.uplink.published[1][2] == correlation else receipts[0]
    assert correlation in [sent for _, _, sent in parts.uplink.published] or len(receipts) == 1
    everything = [(entry.id, entry.status) for receipt in receipts for entry in receipt.readings]
    assert everything.count((next_one.id, ReceiptStatus.STORED)) == 1
    answered = {entry.id: entry for entry in answer.readings if entry.id != next_one.id}
    assert answer.status is not None or answered or answer.reason
    if answer.status is None:
        assert set(answered) == _ids(payload)
    async with parts.records.read() as unit:
        kept = await unit.quarantine.listed(gateway=HOME, limit=10_000)
        judged = await unit.judgements.known(answered)
    for one, entry in answered.items():
        assert (await parts.readings.get(one) is not None) is (one in judged) is (entry.status is ReceiptStatus.STORED)
        if entry.status is not ReceiptStatus.STORED:
            assert entry.reason
            assert any(row.reading_id == one or row.reading_id is None for row in kept)
    if answer.status is not None:
        assert any(row.reason in answer.model_dump_json() or row.message == answer.reason for row in kept)


@given(payload=st.binary(max_size=100))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_status_is_survived(parts: Ingesting, payload: bytes) -> None:
    parts.uplink.put(status_topic(HOME), payload)
    reading = pressure()
    parts.uplink.send(HOME, batch(reading), at=NOW)
    await parts.take()
    assert await parts.readings.get(reading.id) is not None
