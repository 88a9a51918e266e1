"""The uplink against a real mosquitto: only a receipt empties the outbox, and everything else goes again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.link import Link
from hearthline_gateway.uplink.schedule import Timing
from hearthline_gateway.uplink.uplink import Uplink
from hearthline_protocol import topics
from hearthline_protocol.messages import MAX_BATCH_BYTES, GatewayStatus, ReadingsBatch, Receipt, ReceiptStatus
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.cuff_frames import cuff_frame
from tests.fixtures.receipt_backend import HeardBatch, ReceiptBackend, entries, silent, stored

ZONE = ZoneInfo("Europe/Madrid")
PATIENT = Timing(resend_first=60, resend_max=600, knock_first=0.05, knock_max=0.2)
"""Never sends a second time within a test."""
QUICK = Timing(resend_first=0.3, resend_max=1.2, knock_first=0.05, knock_max=0.2)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with Outbox(tmp_path / "outbox.sqlite3") as opened:
        yield opened


async def online() -> GatewayStatus:
    return GatewayStatus(state="online")


@asynccontextmanager
async def uplink_to(
    broker: Broker, outbox: Outbox, *, name: str = "home-1", timing: Timing = QUICK, batch_readings: int = 50
) -> AsyncIterator[Uplink]:
    address = BrokerAddress("127.0.0.1", broker.port)
    uplink = Uplink(name, address, outbox, online, timing=timing, batch_readings=batch_readings)
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def keep(outbox: Outbox, uplink: Uplink | None, *numbers: int, live: bool = False) -> list[str]:
    ids = []
    for number in numbers:
        frame = cuff_frame(number)
        readings = [reading.model_copy(update={"live": live}) for reading in normalize(frame, zone=ZONE)]
        added = await outbox.keep(frame, readings)
        if uplink is not None:
            uplink.offer(added)
        ids += [str(reading.id) for reading in readings]
    return ids


async def eventually(condition: Callable[[], Awaitable[object]], *, within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - what it waits for is on a disk or in another process
            await asyncio.sleep(0.01)


async def counts_are(outbox: Outbox, **wanted: int) -> None:
    async def as_wanted() -> bool:
        return await outbox.counts() == wanted

    await eventually(as_wanted)


async def connected(uplink: Uplink) -> None:
    async with asyncio.timeout(10):
        await uplink.connected.wait()


async def test_published_receipted_stored(broker: Broker, outbox: Outbox) -> None:
    async with ReceiptBackend(broker.port) as backend, uplink_to(broker, outbox) as uplink:
        await connected(uplink)
        (reading_id,) = await keep(outbox, uplink, 0)
        await counts_are(outbox, stored=1)
        (batch,) = backend.batches
        assert (batch.gateway, batch.ids) == ("home-1", (reading_id,))
        parsed = ReadingsBatch.model_validate_json(batch.payload)
        assert [str(reading.id) for reading in parsed.readings] == [reading_id]
        assert parsed.readings[0].values["systolic"].value == 186
        assert uplink.counts.receipts == 1


async def test_a_puback_without_a_receipt_is_not_enough_and_the_resend_timer_works(
    broker: Broker, outbox: Outbox
) -> None:
    async with ReceiptBackend(broker.port, answer=silent) as backend, uplink_to(broker, outbox) as uplink:
        await keep(outbox, uplink, 0)
        await backend.until(lambda: len(backend.batches) == 3)
        assert await outbox.counts() == {"pending": 1}
        assert len({batch.batch for batch in backend.batches}) == 3, "every sending has its own batch id"
        backend.answer = stored
        await counts_are(outbox, stored=1)


async def test_nobody_subscribed_is_not_an_acceptance_and_a_backend_that_appears_gets_everything(
    broker: Broker, outbox: Outbox
) -> None:
    async with uplink_to(broker, outbox, timing=PATIENT) as uplink:
        ids = await keep(outbox, uplink, *range(120))

        async def refused_twice() -> bool:
            return uplink.counts.no_subscriber >= 2

        await eventually(refused_twice)
        assert await outbox.counts() == {"pending": 120}
        async with ReceiptBackend(broker.port) as backend:
            await counts_are(outbox, stored=120)
            assert set(backend.ids) == set(ids)


async def test_broker_killed_and_restarted_with_readings_in_between(broker: Broker, outbox: Outbox) -> None:
    async with uplink_to(broker, outbox) as uplink:
        async with ReceiptBackend(broker.port, answer=silent) as before:
            first = await keep(outbox, uplink, 0)
            await before.until(lambda: before.batches)
            await broker.kill()
        second = await keep(outbox, uplink, 1)
        began = asyncio.get_running_loop().time()
        await broker.start()
        async with ReceiptBackend(broker.port) as after:
            await counts_are(outbox, stored=2)
            assert set(after.ids) == {*first, *second}
        assert asyncio.get_running_loop().time() - began < 5
        assert uplink.counts.connections == 2


async def test_a_backend_that_died_with_the_message_gets_it_again(broker: Broker, outbox: Outbox) -> None:
    async with uplink_to(broker, outbox) as uplink:
        async with ReceiptBackend(broker.port, answer=silent) as first:
            ids = await keep(outbox, uplink, 0)
            await first.until(lambda: first.batches)
        async with ReceiptBackend(broker.port) as second:
            await counts_are(outbox, stored=1)
            assert second.ids == ids


async def test_receipts_twice_partly_unknown_and_late(broker: Broker, outbox: Outbox) -> None:
    def first_of(batch: HeardBatch) -> Sequence[Receipt]:
        return (entries(batch.batch, batch.ids[:1]),) * 2

    async with (
        ReceiptBackend(broker.port, answer=first_of) as backend,
        uplink_to(broker, outbox, timing=PATIENT) as uplink,
    ):
        await connected(uplink)
        frames = [cuff_frame(number) for number in range(3)]
        uplink.offer([row for frame in frames for row in await outbox.keep(frame, normalize(frame, zone=ZONE))])
        await counts_are(outbox, stored=1, pending=2)
        ids = backend.ids
        backend.send("home-1", entries("a batch of another life", ids[1:2], ReceiptStatus.HELD, "newer schema"))
        await counts_are(outbox, stored=1, held=1, pending=1)
        backend.send("home-1", b"not a receipt")
        backend.send("home-1", entries(backend.batches[0].batch, ids, ReceiptStatus.REJECTED, "impossible"))
        await counts_are(outbox, stored=1, rejected=2)
        assert uplink.counts.bad_receipts == 1
        assert len(backend.batches) == 1


async def test_held_and_rejected_readings_are_not_sent_again(broker: Broker, outbox: Outbox) -> None:
    def hold_one_reject_one(batch: HeardBatch) -> Sequence[Receipt]:
        return (
            entries(batch.batch, batch.ids[:1], ReceiptStatus.HELD, "unknown gateway"),
            entries(batch.batch, batch.ids[1:], ReceiptStatus.REJECTED, "unknown kind"),
        )

    await keep(outbox, None, 0, 1)
    async with (
        ReceiptBackend(broker.port, answer=hold_one_reject_one) as backend,
        uplink_to(broker, outbox, timing=PATIENT) as uplink,
    ):
        await counts_are(outbox, held=1, rejected=1)
        await keep(outbox, uplink, 0, 1)
        (marker,) = await keep(outbox, uplink, 2)
        await backend.until(lambda: marker in backend.ids)
        assert len(backend.ids) == len(set(backend.ids)) == 3


async def test_an_unparsable_batch_is_sent_one_by_one_and_only_the_one_at_fault_is_rejected(
    broker: Broker, outbox: Outbox
) -> None:
    ids = await keep(outbox, None, *range(5))

    def choke_on_the_third(batch: HeardBatch) -> Sequence[Receipt]:
        if ids[2] in batch.ids:
            return (Receipt(batch=batch.batch, status=ReceiptStatus.REJECTED, reason="not JSON"),)
        return stored(batch)

    async with ReceiptBackend(broker.port, answer=choke_on_the_third), uplink_to(broker, outbox):
        await counts_are(outbox, stored=4, rejected=1)


async def test_live_goes_first_and_a_backlog_of_5000_drains(broker: Broker, outbox: Outbox) -> None:
    base = normalize(cuff_frame(0), zone=ZONE)[0]
    backlog = await outbox.keep(
        cuff_frame(0),
        [base.model_copy(update={"id": UUID(int=number), "live": False}) for number in range(5000)],
    )
    assert len(backlog) == 5000
    live: list[str] = []
    async with ReceiptBackend(broker.port) as backend, uplink_to(broker, outbox, timing=PATIENT) as uplink:
        await backend.until(lambda: len(backend.batches) >= 10)
        live += await keep(outbox, uplink, 1, live=True)
        await backend.until(lambda: live[0] in backend.ids)
        waiting = (await outbox.counts())["pending"]
        await counts_are(outbox, stored=5001)
    assert waiting > 1000, "the live reading did not wait for the backlog"
    assert len(backend.ids) == len(set(backend.ids)) == 5001, "nothing was sent twice"
    old = [reading_id for reading_id in backend.ids if reading_id not in live]
    assert old == sorted(old), "the backlog goes oldest first"


async def test_batches_stay_below_the_brokers_packet_size(tmp_path: Path, outbox: Outbox) -> None:
    async with running_broker(tmp_path / "small", options=("allow_anonymous true", "max_packet_size 4000")) as broker:
        await keep(outbox, None, *range(40))
        async with ReceiptBackend(broker.port) as backend, uplink_to(broker, outbox):
            await counts_are(outbox, stored=40)
            assert max(len(batch.payload) for batch in backend.batches) < 4000 < MAX_BATCH_BYTES
            assert max(len(batch.ids) for batch in backend.batches) > 1


async def test_a_reading_larger_than_the_broker_takes_does_not_stop_the_others(tmp_path: Path, outbox: Outbox) -> None:
    async with running_broker(tmp_path / "small", options=("allow_anonymous true", "max_packet_size 2000")) as broker:
        frame = cuff_frame(0)
        (reading,) = normalize(frame, zone=ZONE)
        huge = reading.model_copy(update={"flags": tuple(f"flag-{number:04}" for number in range(300))})
        await outbox.keep(frame, [huge])
        await keep(outbox, None, 1, 2)
        async with ReceiptBackend(broker.port), uplink_to(broker, outbox):
            await counts_are(outbox, stored=2, pending=1)


async def test_a_restarted_gateway_sends_what_is_left(broker: Broker, outbox: Outbox) -> None:
    async with ReceiptBackend(broker.port, answer=silent) as backend:
        async with uplink_to(broker, outbox) as uplink:
            ids = await keep(outbox, uplink, 0)
            await backend.until(lambda: backend.batches)
        backend.answer = stored
        async with uplink_to(broker, outbox):
            await counts_are(outbox, stored=1)
        assert set(backend.ids) == set(ids)


async def test_two_gateways_at_one_broker_keep_to_themselves(tmp_path: Path, broker: Broker, outbox: Outbox) -> None:
    async with (
        Outbox(tmp_path / "second.sqlite3") as other,
        ReceiptBackend(broker.port) as backend,
        uplink_to(broker, outbox, name="home-1") as one,
        uplink_to(broker, other, name="home-2") as two,
    ):
        mine = await keep(outbox, one, *range(10))
        theirs = await keep(other, two, *range(10, 20))
        await counts_are(outbox, stored=10)
        await counts_are(other, stored=10)
        by_gateway = {
            name: {reading_id for batch in backend.batches if batch.gateway == name for reading_id in batch.ids}
            for name in ("home-1", "home-2")
        }
        assert by_gateway == {"home-1": set(mine), "home-2": set(theirs)}


async def test_status_is_retained_and_a_clean_end_says_offline(broker: Broker, outbox: Outbox) -> None:
    async with uplink_to(broker, outbox) as uplink:
        await connected(uplink)

        async def retained_online() -> bool:
            async with ReceiptBackend(broker.port) as late:
                return [status.state for _, status, retained in late.statuses if retained] == ["online"]

        await eventually(retained_online)
    async with ReceiptBackend(broker.port) as after:
        await after.until(lambda: after.statuses)
        assert [(name, status.state, retained) for name, status, retained in after.statuses] == [
            ("home-1", "offline", True)
        ]


async def test_the_last_will_speaks_when_the_gateway_no_longer_can(broker: Broker, outbox: Outbox) -> None:
    async with ReceiptBackend(broker.port) as backend:
        address = BrokerAddress("127.0.0.1", broker.port)
        link = await _link(address)
        link._abandon()  # the socket closes without a word, as when the process is killed
        await backend.until(lambda: backend.statuses)
        assert [(name, status.state, status.sent_time) for name, status, _ in backend.statuses] == [
            ("home-9", "offline", None)
        ]


async def _link(address: BrokerAddress) -> Link:
    return await Link.open(
        address,
        client_id="home-9",
        will_topic=topics.status("home-9"),
        will=GatewayStatus(state="offline").model_dump_json().encode(),
    )


async def test_a_batch_names_the_oldest_contract_that_can_say_it(broker: Broker, outbox: Outbox) -> None:
    await keep(outbox, None, 0, 1)
    for number in (2, 3):
        frame = cuff_frame(number)
        said = [one.model_copy(update={"context": {"meal": "fasting"}}) for one in normalize(frame, zone=ZONE)]
        await outbox.keep(frame, said)
    async with ReceiptBackend(broker.port) as backend, uplink_to(broker, outbox, timing=PATIENT):
        await counts_are(outbox, stored=4)
        batches = [ReadingsBatch.model_validate_json(batch.payload) for batch in backend.batches]
        assert sorted((batch.schema_version, len(batch.readings)) for batch in batches) == [(1, 2), (2, 2)]
