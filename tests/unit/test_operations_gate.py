"""The gate between uplink and ingest: it counts, it names batches in the log, and it shuts without losing sight."""

import asyncio
from datetime import datetime, timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from hearthline_backend.operations.gate import Gate
from hearthline_protocol import topics
from tests.fixtures.records import NOW
from tests.fixtures.uplinks import FakeUplink

GATEWAY = "home-0001"


class Counts:
    """What the gate told."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.settled: list[tuple[int, float]] = []
        self.answers: list[bool] = []

    def received(self, messages: int) -> None:
        self.taken.append(messages)

    def acknowledged(self, messages: int, lag_s: float) -> None:
        self.settled.append((messages, lag_s))

    def receipts(self, *, sent: int, not_sent: int) -> None:
        self.answers += [True] * sent + [False] * not_sent


def gate_at(clock: list[datetime]) -> tuple[Gate, FakeUplink, Counts]:
    uplink, counts = FakeUplink(), Counts()
    return Gate(uplink, counts, lambda: clock[0]), uplink, counts


async def test_what_is_in_hand_is_counted_until_it_is_acknowledged() -> None:
    clock = [NOW]
    gate, uplink, counts = gate_at(clock)
    for number in range(3):
        uplink.send(GATEWAY, b"{}", at=NOW + timedelta(seconds=number))
    found = await gate.messages(100, 0)
    assert (gate.in_hand, gate.oldest_in_hand) == (3, NOW)
    uplink.send(GATEWAY, b"{}", at=NOW + timedelta(seconds=9))
    more = await gate.messages(100, 0)
    clock[0] = NOW + timedelta(seconds=10)
    gate.acknowledge(found)
    assert (gate.in_hand, gate.oldest_in_hand) == (1, NOW + timedelta(seconds=9))
    gate.acknowledge(more)
    assert (gate.in_hand, gate.oldest_in_hand) == (0, None)
    assert counts.taken == [3, 1]
    assert counts.settled == [(3, 10.0), (1, 1.0)]
    assert uplink.acknowledged == [*found, *more]


async def test_only_receipts_are_counted_as_receipts() -> None:
    gate, uplink, counts = gate_at([NOW])
    assert gate.publish(topics.receipts(GATEWAY), b"{}", b"one")
    assert gate.publish(topics.commands(GATEWAY), b"{}", None)
    uplink.connected = False
    assert not gate.publish(topics.receipts(GATEWAY), b"{}", b"two")
    await asyncio.sleep(0)  # they are counted when the loop's turn is over
    assert counts.answers == [True, False]


async def test_shut_it_hands_out_no_more_and_waits_for_what_is_in_hand() -> None:
    gate, uplink, _ = gate_at([NOW])
    uplink.send(GATEWAY, b"{}")
    in_hand = await gate.messages(100, 0)
    draining = asyncio.create_task(gate.drain())
    await asyncio.sleep(0)
    uplink.send(GATEWAY, b"{}")
    gate.acknowledge(in_hand)
    await asyncio.sleep(0)
    assert not draining.done(), "whoever settled has still to answer, and then asks for more"
    asking = asyncio.create_task(gate.messages(100, 0))
    await asyncio.wait_for(draining, 10)
    assert not asking.done()
    assert uplink.queue.qsize() == 1
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_a_message_that_comes_while_it_is_shut_is_not_handed_out() -> None:
    gate, uplink, counts = gate_at([NOW])
    asking = asyncio.create_task(gate.messages(100, 0))
    await asyncio.sleep(0)
    await asyncio.wait_for(gate.drain(), 10)
    uplink.send(GATEWAY, b"{}")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asking.done()
    assert counts.taken == []
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.fixture
def _unbound() -> None:
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("_unbound")
async def test_a_batch_is_named_at_every_step_and_the_group_stands_in_every_line() -> None:
    gate, uplink, _ = gate_at([NOW])
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        uplink.send(GATEWAY, b"{}", b"first")
        gate.acknowledge(await gate.messages(100, 0))
        uplink.send(GATEWAY, b"{}", b"second")
        gate.acknowledge(await gate.messages(100, 0))
        gate.publish(topics.receipts(GATEWAY), b"{}", b"second")
    assert [(line["event"], line["batch"], line["group"], line["gateway"]) for line in lines] == [
        ("batch_received", "first", 1, GATEWAY),
        ("batch_acknowledged", "first", 1, GATEWAY),
        ("batch_received", "second", 2, GATEWAY),
        ("batch_acknowledged", "second", 2, GATEWAY),
        ("receipt_handed_over", "second", 2, GATEWAY),
    ]
