"""One home's flood fills its own quota and nobody else's: past it a hash and a count, and no promise to hold."""

from collections import Counter
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hearthline_backend.storage.quarantine_tables import quarantine
from hearthline_backend.storage.records.quarantine import QUOTA_BYTES, QUOTA_ROWS, Kept
from hearthline_protocol.messages import MAX_BATCH_BYTES, ReceiptStatus
from hearthline_protocol.readings import Reading
from tests.fixtures.ingesting import Ingesting, batch, ingesting
from tests.fixtures.readings import pressure
from tests.fixtures.records import NOW, Engine, Household, seed

HOME, OTHER = "home-0001", "home-0002"
ROOM = 5
SENT = 20


@pytest.fixture
async def parts(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Ingesting]:
    async with ingesting(tmp_path, engine=records_engine) as made:
        other = Household(
            organisation=made.household.organisation,
            team=made.household.team,
            nurse=made.household.nurse,
            gateway=OTHER,
            sensor="C0:00:00:00:00:02",
        )
        async with made.records.begin() as unit:
            await seed(unit, other)
        yield made


async def _fill(parts: Ingesting, rows: int) -> None:
    """As many different rows as a home has sent before."""
    values = {
        "gateway": HOME, "status": "rejected", "reason": "impossible_value", "message": "", "reading_id": None,
        "batch": None, "payload": b"x", "payload_bytes": 1, "count": 1, "received_at": NOW, "last_received_at": NOW,
    }  # fmt: skip
    digests = (sha256(str(number).encode()).hexdigest() for number in range(rows))
    async with parts.records.begin() as unit:
        await unit.connection.execute(quarantine.insert(), [values | {"payload_sha256": one} for one in digests])


def _answers(parts: Ingesting) -> dict[UUID, ReceiptStatus]:
    return {entry.id: entry.status for receipt in parts.uplink.receipts for entry in receipt.readings}


async def _sent_since(parts: Ingesting, gateway: str) -> list[Kept]:
    return [row for row in await parts.quarantined() if row.gateway == gateway and row.payload != b"x"]


async def test_past_the_rows_only_a_count_is_kept_and_other_homes_are_not_affected(parts: Ingesting) -> None:
    await _fill(parts, QUOTA_ROWS - ROOM)
    wrong = [pressure(400) for _ in range(SENT)]
    nobodys = [pressure(sensor="C0:00:00:00:00:99") for _ in range(SENT)]
    right = pressure()
    theirs = pressure(400, sensor="C0:00:00:00:00:02")
    for one in (*wrong, *nobodys, right):
        parts.uplink.send(HOME, batch(one))
    parts.uplink.send(OTHER, batch(theirs))
    await parts.take()
    rows = await _sent_since(parts, HOME)
    assert len(rows) == ROOM + 2, "a row for each until the quota, then one for each reason"
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.reason] += row.count
    assert counted == {"impossible_value": SENT, "unknown_sensor": SENT}
    past = [row for row in rows if row.payload is None]
    assert {(row.reason, row.status, row.count) for row in past} == {
        ("impossible_value", "rejected", SENT - ROOM),
        ("unknown_sensor", "discarded", SENT),
    }
    answers = _answers(parts)
    assert {answers.pop(one.id) for one in wrong} == {ReceiptStatus.REJECTED}
    assert answers == {right.id: ReceiptStatus.STORED, theirs.id: ReceiptStatus.REJECTED}, "nobody promises to hold"
    (kept,) = await _sent_since(parts, OTHER)
    assert kept.payload is not None


async def test_past_the_bytes_a_hash_and_a_count_stay_and_other_homes_are_not_affected(parts: Ingesting) -> None:
    stranger, another = "home-0404", "home-0405"
    size = MAX_BATCH_BYTES - 10_000
    fitting = QUOTA_BYTES // size
    batches = [_large(pressure(), size) for _ in range(fitting + 3)]
    for one in batches:
        parts.uplink.send(stranger, one)
    parts.uplink.send(stranger, batches[-1])
    parts.uplink.send(another, batches[0])
    await parts.take()
    rows = await _sent_since(parts, stranger)
    assert len(rows) == len(batches)
    assert {row.payload_sha256 for row in rows} == {sha256(one).hexdigest() for one in batches}
    whole, past = rows[:fitting], rows[fitting:]
    assert {row.status for row in whole} == {"held"}
    assert [row.payload for row in whole] == batches[:fitting]
    assert [(row.status, row.payload, row.count) for row in past] == [
        ("discarded", None, 1),
        ("discarded", None, 1),
        ("discarded", None, 2),
    ]
    assert len(parts.uplink.receipts) == fitting + 1, "what is not held is not said to be, and stays in the outbox"
    (kept,) = await _sent_since(parts, another)
    assert (kept.status, kept.payload) == ("held", batches[0])


def _large(reading: Reading, size: int) -> bytes:
    """A batch of so many bytes."""
    payload = batch(reading.model_copy(update={"id": uuid4()}))
    return payload + b" " * (size - len(payload))


async def test_room_that_is_made_is_used_again(parts: Ingesting) -> None:
    await _fill(parts, QUOTA_ROWS)
    reading = pressure(400)
    parts.uplink.send(HOME, batch(reading))
    await parts.take()
    async with parts.records.begin() as unit:
        await unit.connection.execute(quarantine.delete().where(quarantine.c.payload == b"x"))
    parts.uplink.send(HOME, batch(reading))
    await parts.take()
    rows = await parts.quarantined()
    assert sorted((row.count, row.payload is None) for row in rows) == [(1, False), (1, True)]
