"""Quarantine keeps within a quota per gateway, counts repeats, and never promises to hold what it does not hold."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.quarantine import Quarantine, Refusal, Status
from tests.fixtures.records import NOW, Engine, temporary_records

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def records(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Records]:
    async with temporary_records(tmp_path, records_engine) as opened:
        yield opened


def _refusal(payload: bytes, status: Status = "rejected", gateway: str = "home-0001", **more: object) -> Refusal:
    return Refusal(gateway, status, "not_json", "the message is not JSON", payload, NOW, **more)  # type: ignore[arg-type]  # the test's own


async def test_the_same_again_only_counts(records: Records) -> None:
    reading = uuid4()
    async with records.begin() as unit:
        for received in (NOW, LATER):
            for one in (None, reading):
                refusal = Refusal("home-0001", "rejected", "not_json", "text", b"x", received, one, "batch")
                assert await unit.quarantine.put(refusal)
        rows = await unit.quarantine.listed(payloads=True)
    assert {(row.reading_id, row.count, row.received_at, row.last_received_at) for row in rows} == {
        (None, 2, NOW, LATER),
        (reading, 2, NOW, LATER),
    }
    assert all(row.payload == b"x" for row in rows)


async def test_past_the_bytes_only_the_hash_stays_and_nothing_is_held(records: Records) -> None:
    async with records.begin() as unit:
        quarantine = Quarantine(unit.connection, quota_bytes=10)
        assert await quarantine.put(_refusal(b"12345678"))
        assert not await quarantine.put(_refusal(b"abcdef", "held"))
        assert not await quarantine.put(_refusal(b"abcdef", "held"))
        assert await quarantine.put(_refusal(b"abcdef", "held", gateway="home-0002"))
        rows = {(row.gateway, row.payload_bytes): row for row in await quarantine.listed(payloads=True)}
        assert [row.gateway for row in await quarantine.held()] == ["home-0002"]
    past = rows["home-0001", 6]
    assert (past.payload, past.status, past.count, len(past.payload_sha256)) == (None, "discarded", 2, 64)


async def test_room_that_was_made_is_used_when_it_comes_again(records: Records) -> None:
    async with records.begin() as unit:
        quarantine = Quarantine(unit.connection, quota_bytes=10)
        await quarantine.put(_refusal(b"12345678"))
        await quarantine.put(_refusal(b"abcdef", "held"))
        await quarantine.close(1, "discarded", "nobody needs it")
        assert await quarantine.put(_refusal(b"abcdef", "held"))
        (held,) = await quarantine.held()
    assert (held.payload, held.count) == (b"abcdef", 2)


async def test_past_the_rows_only_a_count_stays(records: Records) -> None:
    async with records.begin() as unit:
        quarantine = Quarantine(unit.connection, quota_rows=3)
        kept = [await quarantine.put(_refusal(b"%d" % number)) for number in range(10)]
        rows = await quarantine.listed()
    assert kept == [True] * 3 + [False] * 7
    assert len(rows) == 4
    (past,) = [row for row in rows if row.payload_sha256 == "past-quota"]
    assert (past.count, past.payload_bytes, past.reason) == (7, 0, "not_json")


async def test_held_rows_come_in_their_order_page_by_page(records: Records) -> None:
    async with records.begin() as unit:
        for number in range(5):
            await unit.quarantine.put(_refusal(b"%d" % number, "held"))
        await unit.quarantine.close(2, "released", "taken")
        first = await unit.quarantine.held(limit=2)
        rest = await unit.quarantine.held(after=first[-1].id)
    assert [row.payload for row in (*first, *rest)] == [b"0", b"2", b"3", b"4"]


async def test_a_row_can_be_put_back_only_when_it_is_whole(records: Records) -> None:
    async with records.begin() as unit:
        await unit.quarantine.put(_refusal(b"whole"))
        await unit.quarantine.put(_refusal(b"head", whole_sha256="f" * 64, whole_bytes=999))
        assert await unit.quarantine.hold(1)
        assert not await unit.quarantine.hold(2)
        assert not await unit.quarantine.hold(3)
        (held,) = await unit.quarantine.held()
        await unit.quarantine.reject(held.id)
        row = await unit.quarantine.get(held.id)
    assert row is not None
    assert (row.status, row.payload) == ("rejected", b"whole")


async def test_counts_and_lists_are_narrowed(records: Records) -> None:
    async with records.begin() as unit:
        for _ in range(2):
            await unit.quarantine.put(_refusal(b"a"))
        await unit.quarantine.put(_refusal(b"b", "held", gateway="home-0002"))
        assert await unit.quarantine.counts() == {("home-0001", "rejected"): 2, ("home-0002", "held"): 1}
        assert [row.gateway for row in await unit.quarantine.listed(status="held")] == ["home-0002"]
        assert [row.payload for row in await unit.quarantine.listed(gateway="home-0001")] == [None]
